import MailSyntax

/// `value; name=value; …` as in Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183 §2), read tolerantly.
struct ParameterParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var index: Int
    private let end: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
        self.bytes = bytes
        index = range.lowerBound
        end = min(range.upperBound, bytes.count)
    }

    /// `type/subtype`, lower-case; nil when there is no slash between two tokens.
    mutating func mediaType() -> (type: String, subtype: String)? {
        guard let type = token() else { return nil }
        skipBlanks()
        guard index < end, bytes[index] == UInt8(ascii: "/") else { return nil }
        index += 1
        guard let subtype = token() else { return nil }
        return (type, subtype)
    }

    /// A token, lower-case.
    mutating func token() -> String? {
        skipBlanks()
        let start = index
        while index < end, isToken(bytes[index]) { index += 1 }
        return index > start ? lowerString(start..<index) : nil
    }

    /// All parameters up to the end; at most 100.
    mutating func parameters() -> [(name: String, value: String)] {
        var raw: [(name: String, value: String)] = []
        while raw.count < 100 {
            while index < end, bytes[index] != UInt8(ascii: ";") {
                if bytes[index] == UInt8(ascii: "(") {
                    skipBlanks()
                } else if raw.isEmpty, isToken(bytes[index]) {
                    let tokenEnd = endOfToken()
                    // "text/plain charset=utf-8": the semicolon was forgotten
                    if tokenEnd < end, bytes[tokenEnd] == UInt8(ascii: "=") { break }
                    // To its end at once: looking ahead from each octet would take quadratic time.
                    index = tokenEnd
                } else {
                    index += 1
                }
            }
            guard index < end else { break }
            if bytes[index] == UInt8(ascii: ";") { index += 1 }
            guard let name = token() else { continue }
            skipBlanks()
            guard index < end, bytes[index] == UInt8(ascii: "=") else { continue }
            index += 1
            skipBlanks()
            raw.append((name, value()))
        }
        return RFC2231.joinContinuations(raw)
    }

    /// Tags between commas, as in Content-Language (RFC 3282 §2); comments say nothing.
    mutating func tags(atMost limit: Int) -> [String] {
        var tags: [String] = []
        while tags.count < limit {
            skipBlanks()
            guard index < end else { break }
            let start = index
            while index < end, !Self.endsTag(bytes[index]) { index += 1 }
            if index > start {
                tags.append(plainText(Array(bytes[start..<index])))
            } else {
                index += 1
            }
        }
        return tags
    }

    private static func endsTag(_ octet: UInt8) -> Bool {
        octet == UInt8(ascii: ",") || octet == UInt8(ascii: "(") || octet <= 32
    }

    private func endOfToken() -> Int {
        var cursor = index
        while cursor < end, isToken(bytes[cursor]) { cursor += 1 }
        return cursor
    }

    private mutating func value() -> String {
        guard index < end else { return "" }
        if bytes[index] == UInt8(ascii: "\"") { return quoted() }
        // Unquoted values with blanks ("name=my file.pdf") are seen; only a comment after a blank ends one.
        var content: [UInt8] = []
        while index < end, bytes[index] != UInt8(ascii: ";") {
            let byte = bytes[index]
            if byte == UInt8(ascii: "("), let last = content.last, last == 32 || last == 9 { break }
            if byte != 10, byte != 13 { content.append(byte) }
            index += 1
        }
        while let last = content.last, last == 32 || last == 9 { content.removeLast() }
        return plainText(content)
    }

    private mutating func quoted() -> String {
        index += 1
        var content: [UInt8] = []
        while index < end, bytes[index] != UInt8(ascii: "\"") {
            if bytes[index] == UInt8(ascii: "\\"), index + 1 < end { index += 1 }
            if bytes[index] != 10, bytes[index] != 13 { content.append(bytes[index]) }
            index += 1
        }
        index = min(index + 1, end)
        return plainText(content)
    }

    private mutating func skipBlanks() {
        var depth = 0
        while index < end {
            switch bytes[index] {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")") where depth > 0: depth -= 1
            case UInt8(ascii: "\\") where depth > 0: index += 1
            case 32, 9, 10, 13: break
            default: if depth == 0 { return }
            }
            index += 1
        }
        index = min(index, end)
    }

    /// RFC 2045 §5.1 token, and 8-bit octets.
    private func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...32, 127: false
        case 0x22, 0x28, 0x29, 0x2C, 0x2F, 0x3A...0x40, 0x5B...0x5D: false
        default: true
        }
    }

    private func lowerString(_ range: Range<Int>) -> String {
        String(unsafeUninitializedCapacity: range.count) { buffer in
            var count = 0
            for byte in bytes[range] {
                buffer[count] = byte >= 65 && byte <= 90 ? byte | 0x20 : byte
                count += 1
            }
            return count
        }
    }
}

/// RFC 2231 continuations and character sets in parameters.
enum RFC2231 {
    // RFC 2231 §3, §4.1
    static func joinContinuations(_ raw: [(name: String, value: String)]) -> [(name: String, value: String)] {
        guard raw.contains(where: { $0.name.utf8.contains(0x2A) }) else { return raw }
        var out: [(name: String, value: String)] = []
        var sections: [String: [(number: Int, value: String, extended: Bool)]] = [:]
        var order: [String] = []
        for parameter in raw {
            guard let (base, number, extended) = section(parameter.name) else {
                out.append(parameter)
                continue
            }
            if sections[base] == nil { order.append(base) }
            sections[base, default: []].append((number, parameter.value, extended))
        }
        for base in order {
            let found = (sections[base] ?? []).sorted { $0.number < $1.number }
            let extended = found.contains { $0.extended }
            var value = ""
            for (expected, part) in found.enumerated() {
                guard part.number == expected else { break }
                value += extended && !part.extended ? percentEncoded(part.value) : part.value
            }
            out.append((extended ? base + "*" : base, value))
        }
        return out
    }

    /// The value of `name` or `name*`, decoded; encoded words, which some software puts there, are decoded too.
    static func value(_ name: String, in parameters: [(name: String, value: String)]) -> String? {
        if let extended = parameters.first(where: { $0.name == name + "*" }) { return decodeExtended(extended.value) }
        guard let plain = parameters.first(where: { $0.name == name }) else { return nil }
        return plain.value.utf8.contains(0x3F) ? EncodedWord.decode(plain.value) : plain.value
    }

    /// `name*0`, `name*0*` → section; nil for `name` and `name*`.
    private static func section(_ name: String) -> (base: String, number: Int, extended: Bool)? {
        let fields = name.split(separator: "*", omittingEmptySubsequences: false)
        guard fields.count == 2 || (fields.count == 3 && fields[2].isEmpty), fields[1].utf8.count <= 3 else {
            return nil
        }
        guard !fields[0].isEmpty, let number = Int(fields[1]), number >= 0 else { return nil }
        return (String(fields[0]), number, fields.count == 3)
    }

    /// `charset'language'percent-encoded`
    private static func decodeExtended(_ value: String) -> String {
        let fields = value.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        let (charset, text) = fields.count == 3 ? (fields[0], fields[2]) : ("utf-8", value[...])
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x25, index + 2 < bytes.count,
                let high = hexValue(bytes[index + 1]), let low = hexValue(bytes[index + 2])
            {
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return Charset.decode(out, label: charset)
    }

    static func percentEncoded(_ value: String) -> String {
        var out = ""
        for byte in value.utf8 {
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            if isPlain || byte == 0x2D || byte == 0x2E || byte == 0x5F {
                out.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                out += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return out
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
