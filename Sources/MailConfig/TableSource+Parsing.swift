extension TableSource {
    /// Types of Postfix that are read from the text file they are made of.
    private static let textTypes: Set = ["text", "texthash", "hash", "btree", "lmdb", "cdb", "dbm", "sdbm"]

    /// Types that are known and not there, with the way round.
    private static let absentTypes: [String: String] = [
        "mysql": "export it to a text file (`hash:PATH`) or to an SQLite database (`sqlite:PATH`)",
        "pgsql": "export it to a text file (`hash:PATH`) or to an SQLite database (`sqlite:PATH`)",
        "mongodb": "export it to a text file (`hash:PATH`) or to an SQLite database (`sqlite:PATH`)",
        "ldap": "export it to a text file (`hash:PATH`), such as by a timer that runs `ldapsearch`",
        "memcache": "name the table behind the cache itself",
        "tcp": "export it to a text file (`hash:PATH`), or write the rules as `pcre:PATH`",
        "socketmap": "export it to a text file (`hash:PATH`), or write the rules as `pcre:PATH`",
        "nis": "export it to a text file: `ypcat -k MAP > PATH`, and name `hash:PATH`",
        "nisplus": "export it to a text file, and name `hash:PATH`",
        "netinfo": "export it to a text file, and name `hash:PATH`",
        "unix": "make accounts of the system's users; `martlet account add` does it",
        "environ": "write the entries as `inline:{ KEY=VALUE }`",
        "internal": "write the entries as `inline:{ KEY=VALUE }`",
        "randmap": "write a route with several hosts and `choose: weight`",
        "fail": "remove it; a table that can't be read defers mail by itself",
        "debug": "remove the prefix; `martlet table query` shows what a table answers",
    ]

    private static let readTypes =
        ["hash", "texthash", "btree", "lmdb", "cdb", "regexp", "pcre", "cidr", "static", "inline", "sqlite"]
        + ["unionmap", "pipemap", "proxy"]

    /// Reads `type:name` as Postfix writes it: `hash:/etc/postfix/virtual`, `inline:{ a=b, {c = d e} }`,
    /// `pcre:{ {/^x/ y}, {/^z/ w} }`, `static:OK`, `unionmap:{ hash:a, sqlite:b.cf }`; `proxy:` in front says nothing.
    /// A path without a type is of format `text`.
    ///
    /// - Parameters:
    ///   - folder: where relative paths start; empty: the current folder.
    ///   - origin: `martlet.yaml:12`.
    ///   - line: of the text in the manifest, for entries and rules.
    /// - Throws: what is wrong and what to do, without the name of the setting.
    package static func parse(
        _ text: String, relativeTo folder: String, origin: String = "", line: Int? = nil
    ) throws(ValueProblem) -> TableSource {
        try parse(text[...], relativeTo: folder, origin: origin, line: line, depth: 0)
    }

    private static func parse(
        _ text: Substring, relativeTo folder: String, origin: String, line: Int?, depth: Int
    ) throws(ValueProblem) -> TableSource {
        var text = text.trimmingBlanks
        while text.lowercased().hasPrefix("proxy:") { text = text.dropFirst("proxy:".count).trimmingBlanks }
        let pathStart = text.first == "/" || text.hasPrefix("./") || text.hasPrefix("../")
        guard !pathStart, let colon = text.firstIndex(of: ":") else {
            return TableSource(format: .text, content: try file(text, in: folder), origin: origin)
        }
        let type = text[..<colon].lowercased()
        let name = text[text.index(after: colon)...].trimmingBlanks
        let content: Content
        var format = Format(rawValue: type) ?? .text
        switch type {
        case "regexp", "pcre", "cidr":
            content = name.first == "{" ? .rules(try rules(name, line)) : try file(name, in: folder)
        case "static":
            content = .value(String(name.first == "{" ? try braced(name) : name))
        case "inline":
            content = .entries(try entries(name, line))
            format = .text
        case "sqlite":
            content = try file(name, in: folder)
        case "unionmap", "pipemap":
            guard depth < 8 else { throw ValueProblem(message: "nests tables too deep", remedy: "name fewer tables") }
            var members: [TableSource] = []
            for item in try items(name) {
                members.append(try parse(item, relativeTo: folder, origin: origin, line: line, depth: depth + 1))
            }
            content = .members(members)
        case _ where textTypes.contains(type):
            content = try file(name, in: folder)
        default:
            throw unknown(type)
        }
        return TableSource(format: format, content: content, origin: origin)
    }

    private static func unknown(_ type: String) -> ValueProblem {
        if let remedy = absentTypes[type] {
            return ValueProblem(message: "names a table of type `\(type)`, which can't be read", remedy: remedy)
        }
        let near = Suggestion.nearest(to: type, among: readTypes).map { "did you mean `\($0):`?" }
        let all = readTypes.map { "`\($0):`" }.joined(separator: ", ")
        return ValueProblem(
            message: "names a table of the unknown type `\(type)`", remedy: near ?? "write one of \(all), or a path"
        )
    }

    private static func file(_ name: Substring, in folder: String) throws(ValueProblem) -> Content {
        guard !name.isEmpty, !name.utf8.contains(0) else {
            throw ValueProblem(message: "names no file", remedy: "write `TYPE:PATH`, such as `hash:virtual`")
        }
        guard name.first != "{" else {
            throw ValueProblem(
                message: "has entries where a path belongs", remedy: "write `inline:{ KEY=VALUE }` for entries")
        }
        if name.first == "/" || folder.isEmpty { return .file(String(name)) }
        let tail = name.hasPrefix("./") ? name.dropFirst(2) : name
        return .file(folder == "/" ? "/\(tail)" : "\(folder)/\(tail)")
    }
}

// MARK: - Braces

extension TableSource {
    private static func entries(_ text: Substring, _ line: Int?) throws(ValueProblem) -> [Entry] {
        var found: [Entry] = []
        for item in try items(text) {
            let pair = item.first == "{" ? try braced(item) : item
            guard let equals = pair.firstIndex(of: "=") else {
                throw ValueProblem(message: "has an entry without `=`: `\(pair)`", remedy: "write `KEY=VALUE`")
            }
            let key = pair[..<equals].trimmingBlanks
            let value = pair[pair.index(after: equals)...].trimmingBlanks
            guard !key.isEmpty, !value.isEmpty else {
                throw ValueProblem(message: "has an entry without a key or a value", remedy: "write `KEY=VALUE`")
            }
            found.append(Entry(key: String(key), value: String(value), line: line))
        }
        return found
    }

    private static func rules(_ text: Substring, _ line: Int?) throws(ValueProblem) -> [Rule] {
        var found: [Rule] = []
        for item in try items(text) {
            guard item.first == "{" else {
                throw ValueProblem(
                    message: "has a rule without braces: `\(item)`", remedy: "write `{ {RULE}, {RULE} }`")
            }
            found.append(Rule(text: String(try braced(item)), line: line))
        }
        return found
    }

    /// What stands between the braces that enclose all of the text, trimmed.
    private static func braced(_ text: Substring) throws(ValueProblem) -> Substring {
        guard text.first == "{", text.last == "}", text.count >= 2 else {
            throw ValueProblem(message: "has a `{` without its `}`", remedy: "close every brace")
        }
        return text.dropFirst().dropLast().trimmingBlanks
    }

    /// The items of `{ a, b {c d}, e }`: separated by commas or blanks, braces kept together.
    private static func items(_ text: Substring) throws(ValueProblem) -> [Substring] {
        let inside = try braced(text)
        var found: [Substring] = []
        var start: Substring.Index?
        var depth = 0
        for index in inside.indices {
            let character = inside[index]
            let separates = depth == 0 && (character == "," || character.isBlank)
            if separates {
                if let begun = start { found.append(inside[begun..<index]) }
                start = nil
                continue
            }
            if start == nil { start = index }
            if character == "{" { depth += 1 }
            if character == "}" { depth -= 1 }
            if depth < 0 { break }
        }
        guard depth == 0 else {
            throw ValueProblem(message: "has braces that don't match", remedy: "close every brace")
        }
        if let begun = start { found.append(inside[begun...]) }
        guard !found.isEmpty else {
            throw ValueProblem(message: "has nothing between its braces", remedy: "write `{ ITEM, ITEM }`")
        }
        return found
    }
}

extension TableSource: CustomStringConvertible {
    /// As `parse` reads it: `text:/etc/martlet/virtual`.
    package var description: String {
        switch content {
        case .file(let path): "\(format.rawValue):\(path)"
        case .value(let value):
            "static:\(value.first == "{" || value.contains { $0.isBlank } ? "{\(value)}" : value)"
        case .entries(let entries): "inline:{ \(entries.map { "{\($0.key) = \($0.value)}" }.joined(separator: ", ")) }"
        case .rules(let rules): "\(format.rawValue):{ \(rules.map { "{\($0.text)}" }.joined(separator: ", ")) }"
        case .members(let members): "\(format.rawValue):{ \(members.map(\.description).joined(separator: ", ")) }"
        }
    }
}

extension Character {
    fileprivate var isBlank: Bool { self == " " || self == "\t" || self == "\n" || self == "\r" || self == "\r\n" }
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        var text = self
        while let first = text.first, first.isBlank { text = text.dropFirst() }
        while let last = text.last, last.isBlank { text = text.dropLast() }
        return text
    }
}
