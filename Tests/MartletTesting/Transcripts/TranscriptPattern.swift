/// The text of an `S:` line: `…` is anything, `{…}` a regular expression, `{NAME=…}` one whose match is kept as a word;
/// case does not matter.
package struct TranscriptPattern: Sendable {
    struct Malformed: Error, CustomStringConvertible {
        let description = "a brace is not closed"
    }

    private enum Piece: Sendable {
        case text(String)
        case expression(String)
        case capture(name: String, String)
    }

    private var pieces: [Piece] = []

    init(_ text: String) throws {
        var literal = ""
        var rest = text[...]
        while let character = rest.first {
            guard character == "…" || character == "{" else {
                literal.append(character)
                rest = rest.dropFirst()
                continue
            }
            pieces.append(.text(literal))
            literal = ""
            if character == "…" {
                pieces.append(.expression(".*"))
                rest = rest.dropFirst()
            } else {
                let end = try Self.closing(rest)
                pieces.append(Self.piece(rest[..<end].dropFirst()))
                rest = rest[end...].dropFirst()
            }
        }
        pieces.append(.text(literal))
        _ = try regex(TranscriptWords())
    }

    /// The brace that closes the first.
    private static func closing(_ text: Substring) throws -> Substring.Index {
        var depth = 0
        var isEscaped = false
        for index in text.indices {
            defer { isEscaped = text[index] == "\\" && !isEscaped }
            guard !isEscaped else { continue }
            if text[index] == "{" { depth += 1 }
            if text[index] == "}" { depth -= 1 }
            if depth == 0 { return index }
        }
        throw Malformed()
    }

    private static func piece(_ inner: Substring) -> Piece {
        guard let equals = inner.firstIndex(of: "="), equals != inner.startIndex,
            inner[..<equals].allSatisfy({ $0.isUppercase || $0.isNumber })
        else { return .expression(String(inner)) }
        return .capture(name: String(inner[..<equals]), String(inner[equals...].dropFirst()))
    }

    private func regex(_ words: TranscriptWords) throws -> Regex<AnyRegexOutput> {
        let source = pieces.map { piece in
            switch piece {
            case .text(let text): Self.escaped(words.fill(text))
            case .expression(let expression): "(?:\(expression))"
            case .capture(let name, let expression): "(?<\(name)>\(expression))"
            }
        }
        return try Regex(source.joined()).ignoresCase()
    }

    private static func escaped(_ text: String) -> String {
        text.map { $0.isASCII && !$0.isLetter && !$0.isNumber && $0 != " " ? "\\\($0)" : String($0) }.joined()
    }

    /// Whether a line of the server's, without its CRLF, is what was expected; what it captures goes into `words`.
    func matches(_ line: String, _ words: inout TranscriptWords) -> Bool {
        guard let match = try? regex(words).wholeMatch(in: line) else { return false }
        for case .capture(let name, _) in pieces {
            if let value = match[name]?.substring { words.set(name, String(value)) }
        }
        return true
    }
}
