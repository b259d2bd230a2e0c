@_spi(_Unicode) import Swift

/// A mailbox as SMTP writes it: local part and domain or address literal.
package struct EmailAddress: Hashable, Sendable, CustomStringConvertible, Codable {
    package enum Host: Hashable, Sendable {
        case domain(DomainName)
        /// `[192.0.2.1]`, `[IPv6:…]` or `[tag:…]`, brackets included.
        case literal(String)
    }

    /// Unquoted content, case kept.
    package let localPart: String
    package let host: Host

    package init(localPart: String, domain: DomainName) {
        self.localPart = localPart
        self.host = .domain(domain)
    }

    init(localPart: String, host: Host) {
        self.localPart = localPart
        self.host = host
    }

    /// Reads a Mailbox (RFC 5321 §4.1.2, RFC 6531 §3.3) that fills the whole text; nil when it doesn't.
    package init?(_ text: some StringProtocol) {
        guard let parsed = EmailAddressParser.parse(Array(text.utf8)) else { return nil }
        self = parsed
    }

    /// Reads a Mailbox from octets, which must be UTF-8.
    package init?(bytes: some Collection<UInt8>) {
        guard let parsed = EmailAddressParser.parse(Array(bytes)) else { return nil }
        self = parsed
    }

    /// nil for an address literal.
    package var domain: DomainName? {
        if case .domain(let name) = host { return name }
        return nil
    }

    /// The wire form; the local part is quoted only where it must be.
    package var description: String {
        "\(Self.wireForm(localPart: localPart))@\(hostText)"
    }

    /// A local part as SMTP writes it: quoted only where it must be.
    package static func wireForm(localPart: String) -> String {
        if EmailAddressParser.isDotString(localPart.utf8) { return localPart }
        var out = "\""
        for scalar in localPart.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { out.unicodeScalars.append("\\") }
            out.unicodeScalars.append(scalar)
        }
        return out + "\""
    }

    /// The domain's A-label form or the literal.
    package var hostText: String {
        switch host {
        case .domain(let name): name.ascii
        case .literal(let text): text
        }
    }

    /// The lookup key: local part lower-cased and in NFC, `@`, domain.
    package var folded: String { "\(Self.fold(localPart))@\(hostText.lowercased())" }

    /// True when the local part has characters outside ASCII, so that RFC 6531 is needed to send it.
    package var needsSMTPUTF8: Bool { !localPart.utf8.allSatisfy { $0 < 0x80 } }

    /// RFC 5321 §4.5.3.1.1: true for a local part over 64 octets. Such addresses are read (bounce addresses of large
    /// senders exceed it), but ours should not be made so.
    package var exceedsLocalPartLimit: Bool { localPart.utf8.count > 64 }

    /// Splits `user+tag` at the first delimiter that is not the first character.
    package func splittingTag(_ delimiters: String = "+") -> (base: EmailAddress, tag: String?) {
        guard let index = localPart.indices.dropFirst().first(where: { delimiters.contains(localPart[$0]) }) else {
            return (self, nil)
        }
        let base = EmailAddress(localPart: String(localPart[..<index]), host: host)
        return (base, String(localPart[localPart.index(after: index)...]))
    }

    /// Lower-cased and in NFC.
    package static func fold(_ text: String) -> String {
        var text = text
        if let folded = text.withUTF8(foldASCII) { return folded }
        var out = String.UnicodeScalarView()
        for scalar in text.lowercased()._nfc { out.append(scalar) }
        return String(out)
    }

    /// The common case in two passes without branches; nil when there is anything but ASCII.
    private static func foldASCII(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        var all: UInt8 = 0
        for byte in bytes { all |= byte }
        guard all < 0x80 else { return nil }
        return String(unsafeUninitializedCapacity: bytes.count) { out in
            for index in bytes.indices {
                let byte = bytes[index]
                out[index] = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
            }
            return bytes.count
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let address = EmailAddress(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an address")
        }
        self = address
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
