import MailSyntax

/// `tag=value; tag=value`, as records of MTA-STS and TLS-RPT have it.
struct TagList: Sendable {
    /// In order; names in lower case.
    private(set) var tags: [(name: String, value: String)] = []
    /// What is no tag, if anything.
    private(set) var malformed: String?

    init(_ text: String) {
        for piece in text.split(separator: ";") {
            let piece = Self.trim(piece)
            if piece.isEmpty { continue }
            guard let equals = piece.firstIndex(of: "="), equals != piece.startIndex else {
                if malformed == nil { malformed = String(piece) }
                continue
            }
            let name = Self.trim(piece[..<equals]).lowercased()
            tags.append((name, String(Self.trim(piece[piece.index(after: equals)...]))))
        }
    }

    subscript(name: String) -> String? { tags.first { $0.name == name }?.value }

    static func trim(_ text: some StringProtocol) -> Substring {
        var text = Substring(text)
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
