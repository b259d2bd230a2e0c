/// The macro language of Postfix's parameters: `$name`, `${name}`, `$(name)`, `${name?text}`, `${name:text}`,
/// `${name?{text}:{text}}`, `${{left} == {right}?{text}:{text}}`, and `$$` for a dollar sign.
package struct ParameterText {
    package struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// Names within names; a parameter that leads back to itself ends here.
    private static let deepest = 100
    /// Octets that an expansion may have; a few lines can name each other to any length.
    private static let longest = 1 << 20

    private let lookup: (String) -> String?

    /// - Parameter lookup: the unexpanded value of a parameter; nil where nobody set it and it has no default.
    package init(lookup: @escaping (String) -> String?) {
        self.lookup = lookup
    }

    /// Expands a value, and the values that it names.
    /// - Throws: a ``Failure`` where the text is malformed, or a parameter is defined by itself. An unknown name is empty.
    package func expand(_ text: String) throws(Failure) -> String {
        try expand(Substring(text).unicodeScalars, depth: 0)
    }

    private typealias Text = Substring.UnicodeScalarView

    private func expand(_ text: Text, depth: Int) throws(Failure) -> String {
        guard depth < Self.deepest else { throw Failure(description: "a parameter is defined by itself") }
        var result = ""
        var rest = text
        while let dollar = rest.firstIndex(of: "$") {
            result.unicodeScalars.append(contentsOf: rest[..<dollar])
            rest = rest[rest.index(after: dollar)...]
            switch rest.first {
            case "$":
                result.append("$")
                rest.removeFirst()
            case "{", "(":
                let inner = try Self.takeBracketed(&rest)
                result += try conditional(inner, depth: depth)
            default:
                let name = rest.prefix(while: Self.isNamePart)
                guard !name.isEmpty else { throw Failure(description: "no name after `$`") }
                rest = rest[name.endIndex...]
                result += try value(of: String(name), depth: depth)
            }
            guard result.utf8.count <= Self.longest else { throw Failure(description: "the expansion is too long") }
        }
        result.unicodeScalars.append(contentsOf: rest)
        return result
    }

    private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || (scalar.isASCII && scalar.properties.isAlphabetic) || ("0"..."9").contains(scalar)
    }

    private func value(of name: String, depth: Int) throws(Failure) -> String {
        guard let value = lookup(name) else { return "" }
        return try expand(Substring(value).unicodeScalars, depth: depth + 1)
    }

    /// What stands within the brackets at the start of `rest`, which then is what follows them. Brackets of the same kind nest.
    private static func takeBracketed(_ rest: inout Text) throws(Failure) -> Text {
        guard let open = rest.first else { throw Failure(description: "nothing after `$`") }
        let close: Unicode.Scalar = open == "{" ? "}" : ")"
        var depth = 0
        var index = rest.startIndex
        while index < rest.endIndex {
            if rest[index] == open { depth += 1 }
            if rest[index] == close { depth -= 1 }
            if depth == 0 {
                let inner = rest[rest.index(after: rest.startIndex)..<index]
                rest = rest[rest.index(after: index)...]
                return inner
            }
            index = rest.index(after: index)
        }
        throw Failure(description: "no `\(close)` for `\(open)`")
    }

    private static func skipBlanks(_ rest: inout Text) { rest = rest.drop(while: \.isBlank) }

    /// What stands in `${…}`.
    private func conditional(_ text: Text, depth: Int) throws(Failure) -> String {
        var rest = text
        Self.skipBlanks(&rest)
        let isTrue: Bool
        if rest.first == "{" {
            isTrue = try comparison(&rest, depth: depth)
        } else {
            let name = rest.prefix(while: Self.isNamePart)
            guard !name.isEmpty else { throw Failure(description: "no name in `${\(String(text))}`") }
            rest = rest[name.endIndex...]
            Self.skipBlanks(&rest)
            if rest.isEmpty { return try value(of: String(name), depth: depth) }
            // Whether something is written there; what it comes to is not asked.
            isTrue = lookup(String(name))?.isEmpty == false
        }
        Self.skipBlanks(&rest)
        switch rest.first {
        case nil:
            // The comparison by itself.
            return isTrue ? "true" : ""
        case "?":
            rest.removeFirst()
            let yes = try Self.takeBranch(&rest)
            Self.skipBlanks(&rest)
            var no: Text?
            if rest.first == ":" {
                rest.removeFirst()
                no = try Self.takeBranch(&rest)
                Self.skipBlanks(&rest)
            }
            guard rest.isEmpty else {
                throw Failure(description: "`\(String(rest))` is too much in `${\(String(text))}`")
            }
            guard let branch = isTrue ? yes : no else { return "" }
            return try expand(branch, depth: depth + 1)
        case ":":
            rest.removeFirst()
            let no = try Self.takeBranch(&rest)
            Self.skipBlanks(&rest)
            guard rest.isEmpty else {
                throw Failure(description: "`\(String(rest))` is too much in `${\(String(text))}`")
            }
            guard !isTrue else { return "" }
            return try expand(no, depth: depth + 1)
        default:
            throw Failure(description: "`?` or `:` is missing in `${\(String(text))}`")
        }
    }

    /// `{text}`, or all that is left.
    private static func takeBranch(_ rest: inout Text) throws(Failure) -> Text {
        var braced = rest
        skipBlanks(&braced)
        guard braced.first == "{" else {
            defer { rest = rest[rest.endIndex...] }
            return rest
        }
        rest = braced
        return try takeBracketed(&rest)
    }

    /// `{left} operator {right}`.
    private func comparison(_ rest: inout Text, depth: Int) throws(Failure) -> Bool {
        let left = try expand(try Self.takeBracketed(&rest), depth: depth + 1)
        Self.skipBlanks(&rest)
        let name = rest.prefix { "<>=!levl".unicodeScalars.contains($0) }
        rest = rest[name.endIndex...]
        Self.skipBlanks(&rest)
        guard let relation = Relation(rawValue: String(name)) else {
            throw Failure(description: "`\(String(name))` compares nothing")
        }
        guard rest.first == "{" else { throw Failure(description: "`{` is missing after `\(String(name))`") }
        let right = try expand(try Self.takeBracketed(&rest), depth: depth + 1)
        return try relation.holds(left, right)
    }

    private enum Relation: String {
        case equal = "=="
        case unequal = "!="
        case less = "<"
        case atMost = "<="
        case greater = ">"
        case atLeast = ">="
        case levelEqual = "==level"
        case levelUnequal = "!=level"
        case levelLess = "<level"
        case levelAtMost = "<=level"
        case levelGreater = ">level"
        case levelAtLeast = ">=level"

        func holds(_ left: String, _ right: String) throws(Failure) -> Bool {
            if rawValue.hasSuffix("level") {
                return compare(try CompatibilityLevel(left), try CompatibilityLevel(right))
            }
            // Numbers by their value, all else by its octets.
            if let left = Int64(left), let right = Int64(right) { return compare(left, right) }
            return compare(Array(left.utf8).map(Int.init), Array(right.utf8).map(Int.init))
        }

        private func compare(_ left: [Int], _ right: [Int]) -> Bool {
            if left == right { return compare(0, 0) }
            return left.lexicographicallyPrecedes(right) ? compare(0, 1) : compare(1, 0)
        }

        private func compare<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
            switch self {
            case .equal, .levelEqual: left == right
            case .unequal, .levelUnequal: left != right
            case .less, .levelLess: left < right
            case .atMost, .levelAtMost: left <= right
            case .greater, .levelGreater: left > right
            case .atLeast, .levelAtLeast: left >= right
            }
        }
    }
}

/// `compatibility_level`: which defaults hold. `3.6`, or a whole number from before.
package struct CompatibilityLevel: Sendable, Comparable, CustomStringConvertible {
    package let major: Int
    package let minor: Int
    package let patch: Int

    package init(major: Int, minor: Int = 0, patch: Int = 0) {
        (self.major, self.minor, self.patch) = (major, minor, patch)
    }

    /// - Throws: where it is no `number`, `number.number` or `number.number.number`.
    package init(_ text: String) throws(ParameterText.Failure) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...3).contains(parts.count), parts.allSatisfy({ $0.map { (0...2047).contains($0) } ?? false }) else {
            throw ParameterText.Failure(description: "`\(text)` is no compatibility level")
        }
        self.init(
            major: parts[0] ?? 0, minor: parts.count > 1 ? parts[1] ?? 0 : 0, patch: parts.count > 2 ? parts[2] ?? 0 : 0
        )
    }

    package static func < (left: CompatibilityLevel, right: CompatibilityLevel) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }

    package var description: String { "\(major).\(minor)" + (patch > 0 ? ".\(patch)" : "") }
}
