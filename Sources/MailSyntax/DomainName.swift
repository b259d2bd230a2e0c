import CIDN2

/// A domain name in lower-case A-label form, without a trailing dot.
package struct DomainName: Hashable, Comparable, Sendable, CustomStringConvertible, Codable {
    package let ascii: String

    /// Reads A-labels, U-labels or a mix (IDNA2008); nil when a label is empty, too long or not letters, digits,
    /// hyphens and underscores, or the whole is over 253 octets.
    package init?(_ text: some StringProtocol) {
        var text = String(text)
        guard let plain = Self.classify(&text) else { return nil }
        guard !plain else {
            ascii = text
            return
        }
        guard let converted = Self.lookupForm(text), Self.isPlain(converted.utf8) else { return nil }
        ascii = converted
    }

    init(uncheckedASCII ascii: String) { self.ascii = ascii }

    /// U-labels where they exist; the ASCII form when the conversion fails.
    package var unicode: String {
        guard ascii.utf8.count >= 4, hasACELabel else { return ascii }
        var output: UnsafeMutablePointer<CChar>?
        let code = ascii.withCString { idn2_to_unicode_8z8z($0, &output, 0) }
        defer { idn2_free(output) }
        guard code == IDN2_OK.rawValue, let output else { return ascii }
        return String(cString: output)
    }

    package var description: String { ascii }

    package var labels: [Substring] { ascii.split(separator: ".") }

    /// True when this name lies strictly below `parent`.
    package func isSubdomain(of parent: DomainName) -> Bool {
        let own = ascii.utf8
        let other = parent.ascii.utf8
        guard own.count > other.count + 1 else { return false }
        let tail = own.suffix(other.count + 1)
        return tail.first == UInt8(ascii: ".") && tail.dropFirst().elementsEqual(other)
    }

    /// The name without its first label; nil for a single label.
    package var parent: DomainName? {
        guard let dot = ascii.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        return DomainName(uncheckedASCII: String(ascii[ascii.utf8.index(after: dot)...]))
    }

    package static func < (a: DomainName, b: DomainName) -> Bool { a.ascii < b.ascii }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let name = DomainName(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a domain name")
        }
        self = name
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(ascii)
    }
}

extension DomainName {
    private var hasACELabel: Bool {
        labels.contains { $0.utf8.starts(with: "xn--".utf8) }
    }

    /// Drops a trailing dot and lower-cases ASCII. True when that is all there is to do, false when libidn2 must look
    /// at it, nil when it can't be a name.
    private static func classify(_ text: inout String) -> Bool? {
        var bytes = Array(text.utf8)
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        guard !bytes.isEmpty, bytes.count <= 1024 else { return nil }
        var plain = true
        var labelStart = 0
        for index in bytes.indices {
            let byte = bytes[index]
            switch byte {
            case 65...90: bytes[index] = byte + 32
            case 0x80...: plain = false
            case 0x2E: labelStart = index + 1
            default: break
            }
            // "xn--" has to be checked by libidn2: it may not be punycode at all.
            if index == labelStart + 3, bytes[labelStart...index].elementsEqual("xn--".utf8) { plain = false }
        }
        if plain, !isPlain(bytes) { return nil }
        text = String(decoding: bytes, as: UTF8.self)
        return plain
    }

    /// RFC 1035 §2.3.4: labels of 1 to 63 octets, 253 in all; RFC 5890 §2.3.1: LDH, no hyphen at either end. The
    /// underscore is for service names such as `_dmarc`.
    private static func isPlain(_ bytes: some Collection<UInt8>) -> Bool {
        guard bytes.count <= 253 else { return false }
        var length = 0
        var last: UInt8 = 0x2E
        for byte in bytes {
            switch byte {
            case 0x2E:
                guard length > 0, last != 0x2D else { return false }
                length = 0
            case 97...122, 48...57, 0x5F, 0x2D:
                guard byte != 0x2D || length > 0 else { return false }
                length += 1
                guard length <= 63 else { return false }
            default: return false
            }
            last = byte
        }
        return length > 0 && last != 0x2D
    }

    // RFC 5891 §5, RFC 6531 §3.2
    private static func lookupForm(_ text: String) -> String? {
        guard !text.utf8.contains(0) else { return nil }
        var output: UnsafeMutablePointer<CChar>?
        let flags = Int32(bitPattern: UInt32(IDN2_NFC_INPUT.rawValue) | UInt32(IDN2_NONTRANSITIONAL.rawValue))
        let code = text.withCString { idn2_to_ascii_8z($0, &output, flags) }
        defer { idn2_free(output) }
        guard code == IDN2_OK.rawValue, let output else { return nil }
        return String(cString: output)
    }
}
