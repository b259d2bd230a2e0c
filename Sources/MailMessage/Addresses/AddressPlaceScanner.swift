import MailSyntax

/// Finds where addresses stand in the value of an address field. // RFC 5322 §3.4, RFC 5322 §4.4
///
/// It reads what is well formed, and what people's programs write for it; whatever else there is (an unclosed quote,
/// two `@`, words where a domain should be) holds no address, so that nobody changes it. Each octet is looked at once
/// or twice, and no more is kept than the words of one address.
struct AddressPlaceScanner {
    /// An address in `bytes`.
    struct Found {
        /// From the first octet of the local part to the last of the domain.
        var range: Range<Int>
        /// Where a line may be broken before it.
        var itemStart: Int
        /// Without comments and blanks: `joe@example.org`, or `joe`.
        var text: [UInt8]
        var hasDomain: Bool
        /// Comments inside of `range`, each with its parentheses.
        var comments: [Range<Int>]
    }

    private enum Word {
        case plain
        case quoted
        case literal
        case at
    }

    private struct Token {
        var word: Word
        var range: Range<Int>
    }

    /// A local part of many words with dots between is no address that anybody has.
    private static let mostTokens = 64

    private let bytes: UnsafeBufferPointer<UInt8>
    private var index: Int
    private var itemStart: Int
    private var tokens: [Token] = []
    private var comments: [Range<Int>] = []
    /// The item can't be an address.
    private var isBroken = false
    private var found: [Found] = []
    private let limit: Int

    private init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, limit: Int) {
        self.bytes = bytes
        self.limit = limit
        index = start
        itemStart = start
    }

    /// - Parameters:
    ///   - range: the value, folded as it stands.
    ///   - limit: addresses after which reading stops.
    static func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, limit: Int) -> [Found] {
        var scanner = AddressPlaceScanner(
            UnsafeBufferPointer(rebasing: bytes[..<range.upperBound]), from: range.lowerBound, limit: limit)
        scanner.run()
        return scanner.found
    }

    private mutating func run() {
        while index < bytes.count, found.count < limit {
            switch bytes[index] {
            case UInt8(ascii: ","), UInt8(ascii: ";"):
                finishItem()
                index += 1
                itemStart = index
            case UInt8(ascii: ":"):
                index += 1
                reset()
                itemStart = index
            case UInt8(ascii: "<"):
                // What stood before is a display name.
                reset()
                index += 1
                readAngled()
            case UInt8(ascii: ">"), UInt8(ascii: ")"), UInt8(ascii: "]"):
                isBroken = true
                index += 1
            default: readToken()
            }
        }
        if found.count < limit { finishItem() }
    }

    private mutating func reset() {
        tokens.removeAll(keepingCapacity: true)
        comments.removeAll(keepingCapacity: true)
        isBroken = false
    }

    /// `<`, a route maybe, an address, `>`.
    private mutating func readAngled() {
        skipRoute()
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: ">"):
                finishItem()
                index += 1
                return
            case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "<"), UInt8(ascii: ":"):
                // It was never closed.
                reset()
                return
            default: readToken()
            }
        }
        reset()
    }

    /// RFC 5322 §4.4 obs-route; it stays, and the address after it counts.
    private mutating func skipRoute() {
        var cursor = index
        while cursor < bytes.count, isBlank(bytes[cursor]) { cursor += 1 }
        guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: "@") else { return }
        // A search to the end at each "<@" would take quadratic time.
        let end = min(bytes.count, cursor + 1024)
        // Each hop begins with an `@`; what else stands behind a comma may be an address.
        var isBetweenHops = true
        while cursor < end {
            switch bytes[cursor] {
            case UInt8(ascii: ":"):
                index = cursor + 1
                return
            case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: "("), UInt8(ascii: ";"): return
            case UInt8(ascii: ","): isBetweenHops = true
            case UInt8(ascii: "@") where isBetweenHops: isBetweenHops = false
            default:
                if isBetweenHops, !isBlank(bytes[cursor]) { return }
            }
            cursor += 1
        }
    }

    private mutating func readToken() {
        let start = index
        switch bytes[index] {
        case 32, 9, 10, 13: index += 1
        case UInt8(ascii: "("):
            let isClosed = skipComment()
            if !isClosed { isBroken = true }
            if comments.count < Self.mostTokens { comments.append(start..<index) } else { isBroken = true }
        case UInt8(ascii: "\""): append(.quoted, start, isClosed: skipQuoted())
        case UInt8(ascii: "["): append(.literal, start, isClosed: skipLiteral())
        case UInt8(ascii: "@"):
            index += 1
            append(.at, start, isClosed: true)
        case UInt8(ascii: ">"), UInt8(ascii: ")"), UInt8(ascii: "]"):
            index += 1
            isBroken = true
        default:
            if skipEncodedWord() {
                isBroken = true
            } else {
                while index < bytes.count, isText(bytes[index]) { index += 1 }
                if index == start { index += 1 }
                append(.plain, start, isClosed: true)
            }
        }
    }

    private mutating func append(_ word: Word, _ start: Int, isClosed: Bool) {
        guard isClosed, tokens.count < Self.mostTokens else {
            isBroken = true
            return
        }
        tokens.append(Token(word: word, range: start..<index))
    }

    private mutating func skipComment() -> Bool {
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: "\\"): index += 1
            default: break
            }
            index = min(index + 1, bytes.count)
            if depth == 0 { return true }
        }
        return false
    }

    private mutating func skipQuoted() -> Bool {
        index += 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return true
            case UInt8(ascii: "\\"): index = min(index + 2, bytes.count)
            default: index += 1
            }
        }
        return false
    }

    private mutating func skipLiteral() -> Bool {
        index += 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "]"):
                index += 1
                return true
            // It is no literal, but part of a name.
            case 10, 13, UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "<"), UInt8(ascii: ">"): return false
            default: index += 1
            }
        }
        return false
    }

    /// `=?charset?q?text?=`, whose text may hold what would end a word: many programs write a comma or `@` there.
    private mutating func skipEncodedWord() -> Bool {
        guard bytes[index] == UInt8(ascii: "="), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "?") else {
            return false
        }
        var marks = 0
        var cursor = index + 1
        // RFC 2047 §2: at most 75 octets; longer ones are seen.
        let end = min(bytes.count, index + 256)
        while cursor < end, !isBlank(bytes[cursor]) {
            if bytes[cursor] == UInt8(ascii: "?") {
                marks += 1
                if marks >= 4, cursor + 1 < end, bytes[cursor + 1] == UInt8(ascii: "=") {
                    index = cursor + 2
                    return true
                }
            }
            cursor += 1
        }
        return false
    }

    private func isText(_ byte: UInt8) -> Bool {
        switch byte {
        case 32, 9, 10, 13, 0x22, 0x28, 0x29, 0x2C, 0x3A, 0x3B, 0x3C, 0x3E, 0x40, 0x5B, 0x5D: false
        default: true
        }
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }

    /// Notes the address that the words make, if they make one.
    private mutating func finishItem() {
        defer { reset() }
        guard !isBroken, let first = tokens.first, let last = tokens.last else { return }
        let at = tokens.firstIndex { $0.word == .at } ?? tokens.endIndex
        let hasDomain = at < tokens.endIndex
        guard let local = join(tokens[..<at]) else { return }
        // `"Joe"` alone is a name.
        guard hasDomain || tokens.allSatisfy({ $0.word == .plain }) else { return }
        var text = local
        if hasDomain {
            let host = tokens[(at + 1)...]
            guard host.allSatisfy({ $0.word == .plain }) || host.count == 1 && host.first?.word == .literal,
                let domain = join(host)
            else { return }
            text.append(UInt8(ascii: "@"))
            text += domain
        }
        let range = first.range.lowerBound..<last.range.upperBound
        let inner = comments.filter { range.contains($0.lowerBound) }
        found.append(
            Found(range: range, itemStart: itemStart, text: text, hasDomain: hasDomain, comments: inner))
    }

    /// Words with dots between them as one; nil when two stand side by side, or there is none.
    private func join(_ words: ArraySlice<Token>) -> [UInt8]? {
        var text: [UInt8] = []
        for token in words {
            guard token.word != .at else { return nil }
            let part = bytes[token.range]
            if let last = text.last, last != UInt8(ascii: "."), part.first != UInt8(ascii: ".") { return nil }
            text += part
        }
        return text.isEmpty ? nil : text
    }
}
