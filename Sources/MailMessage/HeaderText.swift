package import MailSyntax

/// Writes field values.
package enum HeaderText {
    /// A display name: atoms and encoded words as they are, anything else quoted (RFC 5322 §3.2.5).
    package static func phrase(_ name: [UInt8]) -> [UInt8] {
        let isPlain = name.allSatisfy { isAtomText($0) || $0 == 32 }
        return isPlain ? name : quoted(name)
    }

    /// A quoted string, without what can't stand in one (RFC 5322 §3.2.4).
    static func quoted(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [0x22]
        for byte in text where byte >= 32 && byte != 127 {
            if byte == 0x22 || byte == 0x5C { out.append(0x5C) }
            out.append(byte)
        }
        return out + [0x22]
    }

    /// `Name <address>`, the name as an encoded word when it is not ASCII.
    package static func mailbox(name: String?, _ address: EmailAddress) -> String {
        guard let name, !name.isEmpty else { return address.description }
        let isASCII = name.utf8.allSatisfy { $0 >= 32 && $0 < 127 }
        let shown = isASCII ? String(decoding: phrase(Array(name.utf8)), as: UTF8.self) : EncodedWord.encode(name)
        return "\(shown) <\(address)>"
    }

    /// `name: value` and CRLF, folded at blanks so that lines stay within 78 octets where they can
    /// (RFC 5322 §2.1.1). Line ends in the value become blanks, so that no field can be smuggled in.
    package static func field(_ name: String, _ value: String) -> [UInt8] {
        var out = Array(name.utf8) + [0x3A]
        var column = out.count
        for word in value.utf8.split(whereSeparator: { $0 == 32 || $0 == 13 || $0 == 10 }) {
            if column + 1 + word.count > 78, column > name.utf8.count + 1 || word.count <= 77 {
                out += [13, 10, 32]
                column = 1
            } else {
                out.append(32)
                column += 1
            }
            out += word
            column += word.count
        }
        return out + [13, 10]
    }

    private static func isAtomText(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 0x80...: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2F, 0x3D, 0x3F, 0x5E...0x60, 0x7B...0x7E: true
        default: false
        }
    }
}
