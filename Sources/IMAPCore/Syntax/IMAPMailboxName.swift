/// The decoded path of a mailbox, components separated by `/`; INBOX is in upper case.
package struct IMAPMailboxName: Hashable, Sendable, CustomStringConvertible {
    package let path: String

    package static let inbox = IMAPMailboxName(path: "INBOX")

    /// - Parameter path: decoded; `inbox` and `inbox/…` become `INBOX` and `INBOX/…`.
    package init(path: String) {
        self.path = Self.foldingInbox(path)
    }

    /// Decodes a name as it came from a client. Nil when it is not a well-formed name.
    ///
    /// - Parameter encoding: `.utf8` once the client has enabled UTF8=ACCEPT.
    package init?(wire octets: some Collection<UInt8>, encoding: IMAPNameEncoding = .modifiedUTF7) {
        guard let text = encoding.decode(octets) else { return nil }
        // RFC 9755 §3: no control characters, nor ends of lines and paragraphs
        guard
            text.unicodeScalars.allSatisfy({
                $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && !(0x2028...0x2029).contains($0.value)
            })
        else {
            return nil
        }
        self.init(path: text)
    }

    /// The octets to send, not yet quoted.
    package func wire(_ encoding: IMAPNameEncoding = .modifiedUTF7) -> [UInt8] { encoding.encode(path) }

    package var isInbox: Bool { path == "INBOX" }

    /// Nil for a name that does not end with the separator, or is nothing but it.
    package var withoutTrailingSeparator: IMAPMailboxName? {
        path.utf8.count > 1 && path.hasSuffix("/") ? IMAPMailboxName(path: String(path.dropLast())) : nil
    }

    package var description: String { path }

    // RFC 3501 §5.1
    private static func foldingInbox(_ path: String) -> String {
        let first = path.prefix(5)
        guard first.lowercased() == "inbox", first.utf8.count == 5 else { return path }
        let rest = path.dropFirst(5)
        return rest.isEmpty || rest.hasPrefix("/") ? "INBOX" + rest : path
    }
}

/// How mailbox names stand on the wire.
package enum IMAPNameEncoding: Hashable, Sendable {
    // RFC 3501 §5.1.3
    case modifiedUTF7
    // RFC 9755 §3
    case utf8

    /// Nil when the octets are not in this encoding; only the one canonical form is taken.
    package func decode(_ octets: some Collection<UInt8>) -> String? {
        switch self {
        case .utf8: String(validating: Array(octets), as: UTF8.self)
        case .modifiedUTF7: ModifiedUTF7.decode(Array(octets))
        }
    }

    package func encode(_ text: String) -> [UInt8] {
        switch self {
        case .utf8: Array(text.utf8)
        case .modifiedUTF7: ModifiedUTF7.encode(text)
        }
    }
}

// RFC 3501 §5.1.3
/// The encoding of mailbox names: ASCII, and UTF-16 in base64 between `&` and `-`.
enum ModifiedUTF7 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

    static func encode(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count)
        var shifted: [UInt16] = []
        for scalar in text.unicodeScalars {
            guard (0x20...0x7E).contains(scalar.value) else {
                shifted.append(contentsOf: String(scalar).utf16)
                continue
            }
            flush(&shifted, into: &output)
            output.append(UInt8(truncatingIfNeeded: scalar.value))
            if scalar == "&" { output.append(UInt8(ascii: "-")) }
        }
        flush(&shifted, into: &output)
        return output
    }

    private static func flush(_ units: inout [UInt16], into output: inout [UInt8]) {
        guard !units.isEmpty else { return }
        output.append(UInt8(ascii: "&"))
        var bits: UInt32 = 0
        var count = 0
        for unit in units {
            bits = bits << 16 | UInt32(unit)
            count += 16
            while count >= 6 {
                count -= 6
                output.append(alphabet[Int(bits >> UInt32(count) & 0x3F)])
            }
            bits &= (1 << UInt32(count)) - 1
        }
        if count > 0 { output.append(alphabet[Int(bits << UInt32(6 - count) & 0x3F)]) }
        output.append(UInt8(ascii: "-"))
        units.removeAll(keepingCapacity: true)
    }

    static func decode(_ octets: [UInt8]) -> String? {
        var text = ""
        var index = octets.startIndex
        while index < octets.endIndex {
            let octet = octets[index]
            index += 1
            guard octet == UInt8(ascii: "&") else {
                guard octet < 0x80 else { return nil }
                text.unicodeScalars.append(Unicode.Scalar(octet))
                continue
            }
            guard let end = octets[index...].firstIndex(of: UInt8(ascii: "-")) else { return nil }
            if end == index {
                text.append("&")
            } else {
                guard let units = units(octets[index..<end]), let part = String(validating: units, as: UTF16.self)
                else { return nil }
                text.append(part)
            }
            index = end + 1
        }
        // One name, one form: otherwise two spellings could name two mailboxes that show as one.
        return encode(text) == octets || octets.contains(where: { $0 < 0x20 || $0 == 0x7F }) ? text : nil
    }

    private static func units(_ digits: ArraySlice<UInt8>) -> [UInt16]? {
        var units: [UInt16] = []
        var bits: UInt32 = 0
        var count = 0
        for digit in digits {
            guard let value = value(of: digit) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 16 {
                count -= 16
                units.append(UInt16(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= (1 << UInt32(count)) - 1
            }
        }
        guard count < 6, bits == 0 else { return nil }
        return units
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: ","): 63
        default: nil
        }
    }
}
