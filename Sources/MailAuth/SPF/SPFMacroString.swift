import MailSyntax

/// Text with macros, read. // RFC 7208 §7.1
package struct SPFMacroString: Sendable, Hashable {
    /// RFC 7208 §7.2
    enum Letter: UInt8, Sendable, Hashable {
        case sender = 0x73  // s
        case localPart = 0x6C  // l
        case senderDomain = 0x6F  // o
        case domain = 0x64  // d
        case address = 0x69  // i
        case validatedName = 0x70  // p
        case addressKind = 0x76  // v
        case helo = 0x68  // h
        case readableAddress = 0x63  // c
        case receiver = 0x72  // r
        case time = 0x74  // t

        var isForExplanationsOnly: Bool { self == .readableAddress || self == .receiver || self == .time }

        var holdsLocalPart: Bool { self == .sender || self == .localPart }
    }

    struct Expansion: Sendable, Hashable {
        var letter: Letter
        /// Right-hand parts that are kept, 1 or more; nil for all.
        var parts: Int?
        var isReversed = false
        /// Octets that part the value; empty for the dot.
        var delimiters: [UInt8] = []
        /// Written in upper case.
        var isEscaped = false

        var isPlain: Bool { parts == nil && !isReversed && delimiters.isEmpty }
    }

    enum Token: Sendable, Hashable {
        case literal([UInt8])
        /// `%%`, `%_` and `%-`: what they stand for.
        case fixed([UInt8])
        case expansion(Expansion)
    }

    enum Place: Sendable {
        /// In a term of a record.
        case record
        /// In the text of an explanation, where blanks and three more letters are allowed.
        case explanation
    }

    private(set) var tokens: [Token] = []

    /// - Throws: with offsets that are `bytes`' indices.
    init(parsing bytes: ArraySlice<UInt8>, in place: Place) throws(SPFSyntaxError) {
        var index = bytes.startIndex
        var literal: [UInt8] = []
        while index < bytes.endIndex {
            let octet = bytes[index]
            guard octet == UInt8(ascii: "%") else {
                guard (0x21...0x7E).contains(octet) || (place == .explanation && octet == 0x20) else {
                    throw SPFSyntaxError(.invalidDomain, at: index, in: bytes)
                }
                literal.append(octet)
                index += 1
                continue
            }
            if !literal.isEmpty { tokens.append(.literal(literal)) }
            literal = []
            tokens.append(try Self.macro(bytes, at: &index, in: place))
        }
        if !literal.isEmpty { tokens.append(.literal(literal)) }
    }

    func holds(_ predicate: (Letter) -> Bool) -> Bool {
        tokens.contains { token in
            if case .expansion(let expansion) = token { return predicate(expansion.letter) }
            return false
        }
    }

    private static func macro(
        _ bytes: ArraySlice<UInt8>, at index: inout Int, in place: Place
    ) throws(SPFSyntaxError) -> Token {
        let start = index
        // A per cent sign that is followed by nothing else is an error. // RFC 7208 §7.3
        switch bytes[(index + 1)...].first {
        case UInt8(ascii: "%"):
            index += 2
            return .fixed([UInt8(ascii: "%")])
        case UInt8(ascii: "_"):
            index += 2
            return .fixed([0x20])
        case UInt8(ascii: "-"):
            index += 2
            return .fixed(Array("%20".utf8))
        case UInt8(ascii: "{"):
            let rest = bytes[(index + 2)...]
            guard let end = rest.firstIndex(of: UInt8(ascii: "}")),
                let expansion = expansion(rest[..<end], in: place)
            else { throw SPFSyntaxError(.invalidMacro, at: start, in: bytes) }
            index = end + 1
            return .expansion(expansion)
        default: throw SPFSyntaxError(.invalidMacro, at: start, in: bytes)
        }
    }

    /// What stands in the braces.
    private static func expansion(_ bytes: ArraySlice<UInt8>, in place: Place) -> Expansion? {
        var rest = bytes
        guard let first = rest.popFirst(), let letter = Letter(rawValue: SPFText.lower(first)),
            place == .explanation || !letter.isForExplanationsOnly  // RFC 7208 §7.2
        else { return nil }
        var expansion = Expansion(letter: letter)
        expansion.isEscaped = first < 0x61
        let digits = rest.prefix(while: SPFText.isDigit)
        if !digits.isEmpty {
            // More than a name can have parts is as good as all. // RFC 7208 §7.3
            let parts = digits.reduce(0) { min($0 * 10 + Int($1 - 0x30), 100_000) }
            guard parts > 0 else { return nil }
            expansion.parts = parts
            rest = rest.dropFirst(digits.count)
        }
        if let next = rest.first, SPFText.lower(next) == UInt8(ascii: "r") {
            expansion.isReversed = true
            rest = rest.dropFirst()
        }
        guard rest.allSatisfy(delimiters.contains) else { return nil }
        expansion.delimiters = Array(Set(rest)).sorted()
        return expansion
    }

    private static let delimiters = Set(".-+,/_=".utf8)
}

// MARK: Expanding

/// What the letters stand for in one evaluation and one domain.
struct SPFMacroValues {
    var context: SPFContext
    /// The domain whose record is evaluated.
    var domain: [UInt8]
    /// A name of the client that was proven; asked for only where the letter stands.
    var validatedName: [UInt8] = Array("unknown".utf8)

    func value(of letter: SPFMacroString.Letter) -> [UInt8] {
        switch letter {
        case .sender: context.localPart + [UInt8(ascii: "@")] + context.senderDomain
        case .localPart: context.localPart
        case .senderDomain: context.senderDomain
        case .domain: domain
        case .address: context.dottedAddress
        case .validatedName: validatedName
        case .addressKind: Array((context.client.isV6 ? "ip6" : "in-addr").utf8)
        case .helo: context.helo
        case .readableAddress: Array(context.client.description.utf8)
        case .receiver: Array(context.receiver.utf8)
        case .time: Array(String(context.now.seconds).utf8)
        }
    }
}

extension SPFMacroString {
    /// The end of what the text stands for: `limit` octets or a little more, so that long ones cost nothing.
    func suffix(_ values: SPFMacroValues, limit: Int) -> [UInt8] {
        var pieces: [[UInt8]] = []
        var count = 0
        for token in tokens.reversed() where count < limit {
            let piece = Self.text(token, values)
            count += piece.count
            pieces.append(piece)
        }
        return Array(pieces.reversed().joined())
    }

    /// The beginning of what the text stands for.
    func prefix(_ values: SPFMacroValues, limit: Int) -> [UInt8] {
        var text: [UInt8] = []
        for token in tokens where text.count < limit { text += Self.text(token, values) }
        return Array(text.prefix(limit))
    }

    private static func text(_ token: Token, _ values: SPFMacroValues) -> [UInt8] {
        switch token {
        case .literal(let bytes), .fixed(let bytes): return bytes
        case .expansion(let expansion):
            let value = expansion.transformed(values.value(of: expansion.letter))
            return expansion.isEscaped ? escaped(value) : value
        }
    }

    // RFC 7208 §7.3, RFC 3986 §2.3
    private static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for octet in bytes {
            if SPFText.isLetter(octet) || SPFText.isDigit(octet) || "-._~".utf8.contains(octet) {
                out.append(octet)
            } else {
                out += [UInt8(ascii: "%"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
            }
        }
        return out
    }
}

extension SPFMacroString.Expansion {
    // Parts are joined by dots whatever they were split at. // RFC 7208 §7.3
    fileprivate func transformed(_ value: [UInt8]) -> [UInt8] {
        guard !isPlain else { return value }
        let dots = delimiters.isEmpty ? [UInt8(ascii: ".")] : delimiters
        var split = value.split(omittingEmptySubsequences: false) { dots.contains($0) }
        if isReversed { split.reverse() }
        if let parts { split = split.suffix(parts) }
        return Array(split.joined(separator: [UInt8(ascii: ".")]))
    }
}
