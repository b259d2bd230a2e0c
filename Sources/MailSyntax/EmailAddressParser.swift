/// The grammar of RFC 5321 §4.1.2 Mailbox over octets.
enum EmailAddressParser {
    // RFC 5321 §4.5.3.1.3: a path is at most 256 octets with its angle brackets.
    static let maximumOctets = 254

    static func parse(_ bytes: [UInt8]) -> EmailAddress? {
        // A U-label domain shrinks or grows when converted; the final check is on the wire form.
        guard bytes.count >= 3, bytes.count <= 1024 else { return nil }
        let local: [UInt8]
        let at: Int
        if bytes[0] == UInt8(ascii: "\"") {
            guard let (content, end) = quotedString(bytes) else { return nil }
            (local, at) = (content, end)
        } else {
            guard let index = bytes.firstIndex(of: UInt8(ascii: "@")) else { return nil }
            guard isDotString(bytes[..<index]) else { return nil }
            (local, at) = (Array(bytes[..<index]), index)
        }
        guard at < bytes.count - 1, bytes[at] == UInt8(ascii: "@") else { return nil }
        guard let localText = String(validating: local, as: UTF8.self) else { return nil }
        guard let host = parseHost(bytes[(at + 1)...]) else { return nil }
        let address = EmailAddress(localPart: localText, host: host)
        guard address.description.utf8.count <= maximumOctets else { return nil }
        return address
    }

    /// RFC 5321 §4.1.2 Dot-string, RFC 6531 §3.3 with UTF8-non-ascii in atext.
    static func isDotString(_ bytes: some Collection<UInt8>) -> Bool {
        var afterDot = true
        for byte in bytes {
            if byte == UInt8(ascii: ".") {
                guard !afterDot else { return false }
                afterDot = true
            } else {
                guard isAtomText(byte) else { return false }
                afterDot = false
            }
        }
        return !afterDot
    }

    static func isAtomText(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 0x80...: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2F, 0x3D, 0x3F, 0x5E...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    /// RFC 5321 §4.1.2 Quoted-string: content and the index after the closing quote.
    private static func quotedString(_ bytes: [UInt8]) -> (content: [UInt8], end: Int)? {
        var content: [UInt8] = []
        var index = 1
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""):
                return content.isEmpty ? nil : (content, index + 1)
            case UInt8(ascii: "\\"):
                index += 1
                guard index < bytes.count, bytes[index] >= 32, bytes[index] <= 126 else { return nil }
                content.append(bytes[index])
            case 32...126, 0x80...:
                content.append(byte)
            default:
                return nil
            }
            index += 1
        }
        return nil
    }

    private static func parseHost(_ bytes: ArraySlice<UInt8>) -> EmailAddress.Host? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        guard bytes.first == UInt8(ascii: "[") else {
            // A trailing dot is a fully qualified name elsewhere, not in a Mailbox.
            guard bytes.last != UInt8(ascii: ".") else { return nil }
            return DomainName(text).map { .domain($0) }
        }
        guard bytes.last == UInt8(ascii: "]") else { return nil }
        return literal(text.dropFirst().dropLast()).map { .literal($0) }
    }

    /// RFC 5321 §4.1.3: IPv4, IPv6 with its tag, or a general literal `tag:dcontent`.
    private static func literal(_ content: Substring) -> String? {
        guard let colon = content.firstIndex(of: ":") else {
            guard let address = IPAddress(content), !address.isV6 else { return nil }
            return address.addressLiteral
        }
        let tag = content[..<colon]
        let value = content[content.index(after: colon)...]
        if tag.lowercased() == "ipv6" {
            guard value.contains(":"), let address = IPAddress(value) else { return nil }
            return address.isV6 ? address.addressLiteral : "[IPv6:::ffff:\(address)]"
        }
        guard isStandardizedTag(tag.utf8), !value.isEmpty else { return nil }
        guard value.utf8.allSatisfy({ ($0 >= 33 && $0 <= 90) || ($0 >= 94 && $0 <= 126) }) else { return nil }
        return "[\(content)]"
    }

    /// RFC 5321 §4.1.2 Ldh-str
    private static func isStandardizedTag(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        guard let last = bytes.last, last != UInt8(ascii: "-") else { return false }
        return bytes.allSatisfy {
            switch $0 {
            case 48...57, 65...90, 97...122, 0x2D: true
            default: false
            }
        }
    }
}
