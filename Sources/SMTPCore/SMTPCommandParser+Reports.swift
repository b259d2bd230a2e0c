import MailSyntax

// What a sender wants to hear: RET and ENVID of MAIL, NOTIFY and ORCPT of RCPT.
extension SMTPCommandParser {
    // RFC 3461 §4.3
    static func dsnReturn(_ value: ArraySlice<UInt8>?) throws(SMTPSyntaxError) -> String {
        let word = value.map(keyword)
        guard let word, word == "FULL" || word == "HDRS" else { throw bad("RET") }
        return word
    }

    // RFC 3461 §4.4: up to 100 characters as they are sent, and printable ones when they are decoded
    static func envelopeID(_ value: ArraySlice<UInt8>?) throws(SMTPSyntaxError) -> String {
        guard let value, value.count <= 100, let text = xtext(value), isPrintable(text) else { throw bad("ENVID") }
        return text
    }

    // RFC 3461 §4.1: NEVER stands alone
    static func notify(_ value: ArraySlice<UInt8>?) throws(SMTPSyntaxError) -> [String] {
        let words = value?.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(keyword) ?? []
        let isSome = !words.isEmpty && words.allSatisfy { ["SUCCESS", "FAILURE", "DELAY"].contains($0) }
        guard words == ["NEVER"] || isSome, Set(words).count == words.count else { throw bad("NOTIFY") }
        return words
    }

    /// "type;address", decoded.
    // RFC 3461 §4.2
    static func originalRecipient(_ value: ArraySlice<UInt8>?) throws(SMTPSyntaxError) -> String {
        guard let value, value.count <= 500, let separator = value.firstIndex(of: UInt8(ascii: ";")),
            isAtom(value[..<separator])
        else { throw bad("ORCPT") }
        let type = String(decoding: value[..<separator], as: UTF8.self)
        let encoded = value[(separator + 1)...]
        let address: String?
        if type.lowercased() == "utf-8" {
            address = internationalAddress(encoded)
        } else {
            address = xtext(encoded).flatMap { isPrintable($0) ? $0 : nil }
        }
        guard let address, !address.isEmpty else { throw bad("ORCPT") }
        return "\(type);\(address)"
    }

    private static func bad(_ name: String) -> SMTPSyntaxError { .arguments(.badArguments("Bad \(name) value")) }

    private static func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20...0x7E).contains($0) } }

    private static func isAtom(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { $0 > 32 && $0 < 127 && !"()<>@,;:\\\".[]".utf8.contains($0) }
    }

    // RFC 3461 §4: xtext is printable ASCII but "+" and "=", and "+" with two upper-case hexadecimal digits
    static func xtext(_ bytes: ArraySlice<UInt8>) -> String? {
        var decoded: [UInt8] = []
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "+"):
                guard let high = iterator.next().flatMap(hexadecimal), let low = iterator.next().flatMap(hexadecimal)
                else { return nil }
                decoded.append(high << 4 | low)
            case 33...60, 62...126:
                decoded.append(byte)
            default:
                return nil
            }
        }
        guard decoded.allSatisfy({ $0 >= 32 && $0 != 127 }) else { return nil }
        return String(validating: decoded, as: UTF8.self)
    }

    /// UTF-8 as it is, or characters as `\x{…}`; a client may have put xtext around either.
    // RFC 6533 §3
    private static func internationalAddress(_ bytes: ArraySlice<UInt8>) -> String? {
        let isUnitext = bytes.contains { $0 >= 0x80 }
        let text = isUnitext ? String(validating: bytes, as: UTF8.self) : xtext(bytes)
        guard let text else { return nil }
        var decoded = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\" else {
                decoded.append(scalar)
                continue
            }
            guard rest.starts(with: "x{".unicodeScalars), let end = rest.firstIndex(of: "}") else { return nil }
            let digits = rest[..<end].dropFirst(2)
            // `+` would pass for a sign.
            guard (2...6).contains(digits.count), digits.allSatisfy(\.properties.isASCIIHexDigit),
                let scalar = UInt32(String(digits), radix: 16).flatMap(Unicode.Scalar.init)
            else { return nil }
            decoded.append(scalar)
            rest = rest[rest.index(after: end)...]
        }
        guard decoded.allSatisfy({ $0.properties.generalCategory != .control }) else { return nil }
        return String(decoded)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        default: nil
        }
    }
}
