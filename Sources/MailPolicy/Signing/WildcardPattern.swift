import MailSyntax

/// A text in which `*` stands for any number of characters, and nothing else is special.
struct WildcardPattern: Sendable, Hashable {
    private let pieces: [[UInt8]]
    /// What it is where there is no `*`.
    var literal: String? { pieces.count == 1 ? pieces.first.map { String(decoding: $0, as: UTF8.self) } : nil }
    /// `example.org` of `*@example.org`.
    let anyoneIn: String?

    init(_ text: String) {
        let folded = Self.withASCIIDomain(EmailAddress.fold(text))
        pieces = folded.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
        let rest = folded.dropFirst(2)
        anyoneIn = folded.hasPrefix("*@") && !rest.contains("*") && !rest.contains("@") ? String(rest) : nil
    }

    /// Senders come with the A-labels of their domain.
    static func withASCIIDomain(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ $0 < 0x80 }), let at = text.lastIndex(of: "@"),
            let domain = DomainName(text[text.index(after: at)...])
        else { return text }
        return "\(text[...at])\(domain.ascii)"
    }

    /// - Parameter text: folded.
    func matches(_ text: [UInt8]) -> Bool {
        guard let first = pieces.first, let last = pieces.last, pieces.count > 1 else {
            return pieces.first.map { $0 == text } ?? text.isEmpty
        }
        guard text.count >= first.count + last.count, text.starts(with: first), text.suffix(last.count) == last[...]
        else { return false }
        var rest = text[first.count..<(text.count - last.count)]
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let end = Self.end(of: piece, in: rest) else { return false }
            rest = rest[end...]
        }
        return true
    }

    /// Which of the texts that end in something a pattern fits.
    enum Reach {
        case none
        case some
        case all
    }

    /// Whether it fits addresses that end in `tail`, which begins with `@`: some of them, or whatever stands before it.
    func reach(before tail: [UInt8]) -> Reach {
        let star: UInt8? = nil
        let tokens: [UInt8?] = Array(pieces.map { $0.map(UInt8?.some) }.joined(separator: [star]))
        /// How many tokens may be left for what stands before; a star may be left or passed over.
        var left = Self.passingStars([tokens.count], tokens)
        for octet in tail.reversed() {
            var next: Set<Int> = []
            for count in left where count > 0 {
                if tokens[count - 1] == star { next.insert(count) }
                if tokens[count - 1] == octet { next.insert(count - 1) }
            }
            left = Self.passingStars(next, tokens)
        }
        // A user's name is never empty, and holds an `@` only in quotes.
        let rests = left.filter { $0 > 0 }.map { tokens[..<$0] }
        if rests.contains(where: { $0.allSatisfy { $0 == star } }) { return .all }
        return rests.contains { !$0.contains(UInt8(ascii: "@")) } ? .some : .none
    }

    private static func passingStars(_ counts: Set<Int>, _ tokens: [UInt8?]) -> Set<Int> {
        var all = counts
        for var count in counts {
            while count > 0, tokens[count - 1] == nil {
                count -= 1
                all.insert(count)
            }
        }
        return all
    }

    private static func end(of piece: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
        var start = text.startIndex
        while text.endIndex - start >= piece.count {
            if text[start...].starts(with: piece) { return start + piece.count }
            start += 1
        }
        return nil
    }
}
