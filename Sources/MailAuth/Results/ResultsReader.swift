/// Walks over a structured field: blanks, comments, tokens, quoted strings.
struct ResultsReader {
    /// Comments deeper than this are not read.
    private static let maximumDepth = 32

    private(set) var rest: ArraySlice<UInt8>

    init(_ value: ArraySlice<UInt8>) { rest = value }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ octet: UInt8) -> Bool {
        guard rest.first == octet else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Passes over CFWS; false when a comment has no end. // RFC 5322 §3.2.2
    mutating func skipBlanks() -> Bool {
        while let octet = rest.first {
            if Octet.isFolding(octet) {
                rest = rest.dropFirst()
            } else if octet == 0x28 {
                guard skipComment() else { return false }
            } else {
                break
            }
        }
        return true
    }

    private mutating func skipComment() -> Bool {
        var depth = 0
        while let octet = rest.popFirst() {
            switch octet {
            case 0x28:
                depth += 1
                guard depth <= Self.maximumDepth else { return false }
            case 0x29:
                depth -= 1
                if depth == 0 { return true }
            case 0x5C:
                guard rest.popFirst() != nil else { return false }
            default: break
            }
        }
        return false
    }

    mutating func takeDigits() -> ArraySlice<UInt8> {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest[digits.endIndex...]
        return digits
    }

    /// Letters, digits, hyphens and underscores, in lower case; nil when there are none.
    mutating func keyword() -> String? {
        let word = rest.prefix {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x2D || $0 == 0x5F
        }
        guard !word.isEmpty else { return nil }
        rest = rest[word.endIndex...]
        return String(decoding: word.map(Octet.lowercased), as: UTF8.self)
    }

    /// A token or a quoted string; nil when there is neither.
    mutating func value() -> String? {
        if rest.first == 0x22 { return quoted() }
        let word = rest.prefix(while: Self.isToken)
        guard !word.isEmpty else { return nil }
        rest = rest[word.endIndex...]
        return String(decoding: word, as: UTF8.self)
    }

    /// A property's value: also an address, whose local part may be quoted. // RFC 8601 §2.2 (pvalue)
    mutating func propertyValue() -> String? {
        var text = ""
        if rest.first == 0x22 {
            guard let local = quoted() else { return nil }
            text = local
            guard rest.first == 0x40 else { return text }
        }
        // What writers put there in practice: slashes, colons and equals signs too.
        let word = rest.prefix { $0 > 0x20 && $0 != 0x7F && $0 != 0x3B && $0 != 0x28 && $0 != 0x29 && $0 != 0x22 }
        rest = rest[word.endIndex...]
        text += String(decoding: word, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    private mutating func quoted() -> String? {
        var reader = rest.dropFirst()
        var text: [UInt8] = []
        while let octet = reader.popFirst() {
            switch octet {
            case 0x22:
                rest = reader
                return String(decoding: text, as: UTF8.self)
            case 0x5C:
                guard let escaped = reader.popFirst() else { return nil }
                text.append(escaped)
            case Octet.carriageReturn, Octet.lineFeed: break
            default: text.append(octet)
            }
        }
        return nil
    }

    /// RFC 2045 §5.1, with UTF-8 as RFC 6532 §3.2 allows it.
    static func isToken(_ octet: UInt8) -> Bool {
        switch octet {
        case 0...0x20, 0x7F: false
        case 0x28, 0x29, 0x3C, 0x3E, 0x40, 0x2C, 0x3B, 0x3A, 0x5C, 0x22, 0x2F, 0x5B, 0x5D, 0x3F, 0x3D: false
        default: true
        }
    }
}
