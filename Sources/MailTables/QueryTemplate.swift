/// The parts of an address that a query or a result asks for.
struct KeyParts {
    var whole: Substring
    /// Before the last `@`; all of a key without one.
    var user: Substring
    /// nil for a key without a domain.
    var domain: Substring?

    init(_ key: String) {
        whole = key[...]
        guard let at = key.lastIndex(of: "@") else {
            user = whole
            return
        }
        user = key[..<at]
        let rest = key[key.index(after: at)...]
        domain = rest.isEmpty ? nil : rest
    }

    /// The label of the domain with this number from the right, from 1.
    func label(_ number: Int) -> Substring? {
        guard let labels = domain?.split(separator: "."), (1...labels.count).contains(number) else { return nil }
        return labels[labels.count - number]
    }
}

/// Text with `%s`, `%u`, `%d`, `%S`, `%U`, `%D`, `%1` … `%9` and `%%`.
struct ExpansionTemplate: Sendable {
    enum Part: Sendable, Hashable {
        case text(String)
        case whole
        case user
        case domain
        /// Of the key, also in results.
        case keyWhole
        case keyUser
        case keyDomain
        case keyLabel(Int)
    }

    var parts: [Part] = []

    /// `%s`
    static let wholeValue = ExpansionTemplate(parts: [.whole])

    private init(parts: [Part]) {
        self.parts = parts
    }

    /// nil when there is a `%` that means nothing.
    init?(_ text: some StringProtocol) {
        var literal = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "%" else {
                literal.append(character)
                continue
            }
            guard let next = rest.popFirst() else { return nil }
            if next == "%" {
                literal.append("%")
                continue
            }
            guard let part = Self.part(next) else { return nil }
            if !literal.isEmpty { parts.append(.text(literal)) }
            literal = ""
            parts.append(part)
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
    }

    private static func part(_ letter: Character) -> Part? {
        switch letter {
        case "s": .whole
        case "u": .user
        case "d": .domain
        case "S": .keyWhole
        case "U": .keyUser
        case "D": .keyDomain
        case "1", "2", "3", "4", "5", "6", "7", "8", "9": letter.wholeNumberValue.map(Part.keyLabel)
        default: nil
        }
    }

    /// Its text, where it asks for nothing.
    var constant: String? {
        switch parts.first {
        case nil: ""
        case .text(let text) where parts.count == 1: text
        default: nil
        }
    }

    /// nil when something that it asks for is missing: the query is not made, or the result left out.
    func expanded(_ value: KeyParts, key: KeyParts) -> String? {
        var out = ""
        for part in parts {
            guard let text = Self.text(of: part, value, key) else { return nil }
            out += text
        }
        return out
    }

    private static func text(of part: Part, _ value: KeyParts, _ key: KeyParts) -> Substring? {
        switch part {
        case .text(let text): text[...]
        case .whole: value.whole
        case .user: value.user.isEmpty ? nil : value.user
        case .domain: value.domain
        case .keyWhole: key.whole
        case .keyUser: key.user.isEmpty ? nil : key.user
        case .keyDomain: key.domain
        case .keyLabel(let number): key.label(number)
        }
    }
}

/// An SQL query whose quoted texts have expansions: each of them becomes a bound parameter, so that no key can be SQL.
struct QueryTemplate: Sendable {
    /// With `?1`, `?2` ….
    private(set) var sql = ""
    private(set) var binds: [ExpansionTemplate] = []

    enum Problem: Error {
        case unquoted
        case badExpansion
        case unended
    }

    /// No query.
    init() {}

    init(_ query: String) throws(Problem) {
        var rest = query[...]
        while let character = rest.popFirst() {
            switch character {
            case "'":
                try takeText(&rest)
            case "\"", "`":
                let end = rest.firstIndex(of: character) ?? rest.endIndex
                let name = rest[..<end]
                guard end < rest.endIndex else { throw .unended }
                guard !name.contains("%") else { throw .unquoted }
                sql += "\(character)\(name)\(character)"
                rest = rest[rest.index(after: end)...]
            case "%":
                // `%%` is the remainder of a division, or nothing.
                guard rest.popFirst() == "%" else { throw .unquoted }
                sql += "%"
            default:
                sql.append(character)
            }
        }
    }

    private mutating func takeText(_ rest: inout Substring) throws(Problem) {
        var text = ""
        while let character = rest.popFirst() {
            if character == "'" {
                guard rest.first == "'" else {
                    try append(text)
                    return
                }
                rest = rest.dropFirst()
            }
            text.append(character)
        }
        throw .unended
    }

    private mutating func append(_ text: String) throws(Problem) {
        guard let template = ExpansionTemplate(text) else { throw .badExpansion }
        if let constant = template.constant {
            sql += "'\(constant.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
            return
        }
        binds.append(template)
        sql += "?\(binds.count)"
    }
}
