import MailPolicy

/// A `main.cf`: the parameters that it sets, as they are written.
///
/// Reading never fails as a whole: what Postfix would not start with is told in ``problems``.
package struct MainCF: Sendable, Equatable {
    /// A parameter that the file sets.
    package struct Entry: Sendable, Equatable {
        package var name: String
        /// Before `$name` is expanded.
        package var value: String
        /// Of its first line, from 1.
        package var line: Int
    }

    package struct Problem: Sendable, Equatable {
        package enum Kind: Sendable {
            /// A line that is no assignment; Postfix refuses to start.
            case malformed
            /// A parameter is set again; the last one holds, as in Postfix, which warns.
            case overridden
        }

        package var kind: Kind
        package var line: Int
        package var message: String
    }

    /// What the file is called where something is said of it.
    package var file: String
    /// In the order of the file, each parameter once: where it was set last.
    package private(set) var entries: [Entry] = []
    package private(set) var problems: [Problem] = []
    private var places: [String: Int] = [:]

    package init(_ text: [UInt8], file: String = "main.cf") {
        self.file = file
        for line in TableLines.all(text) { read(line) }
    }

    package subscript(name: String) -> Entry? { places[name].map { entries[$0] } }

    /// Sets a parameter, in place of what the file says: an override of a service, a line of another file.
    package mutating func set(_ name: String, _ value: String, line: Int) {
        if let place = places[name] {
            entries[place] = Entry(name: name, value: value, line: line)
        } else {
            places[name] = entries.count
            entries.append(Entry(name: name, value: value, line: line))
        }
    }

    private mutating func read(_ line: TableLines.Line) {
        do {
            let (name, value) = try Self.assignment(try line.assigning())
            if let before = self[name] {
                problems.append(
                    Problem(
                        kind: .overridden, line: line.number,
                        message: "`\(name)` was set in line \(before.line) already; this one holds"))
            }
            set(name, value, line: line.number)
        } catch {
            problems.append(Problem(kind: .malformed, line: line.number, message: error.message))
        }
    }

    struct Malformed: Error {
        let message: String
    }

    /// `name = value`, blanks around each left out; the name has no blanks.
    static func assignment(_ text: String) throws(Malformed) -> (name: String, value: String) {
        let scalars = text.unicodeScalars
        guard let equals = scalars.firstIndex(of: "=") else {
            throw Malformed(message: "no `=` after `\(text.trimmed.prefix(60))`")
        }
        let name = String(scalars[..<equals]).trimmed
        guard !name.isEmpty else { throw Malformed(message: "no parameter name before `=`") }
        guard !name.unicodeScalars.contains(where: \.isBlank) else {
            throw Malformed(message: "no `=` after `\(String(name.unicodeScalars.prefix { !$0.isBlank }))`")
        }
        return (name, String(scalars[scalars.index(after: equals)...]).trimmed)
    }
}

extension TableLines.Line {
    /// The text of a line that stands by itself.
    func assigning() throws(MainCF.Malformed) -> String {
        guard !isIndented else { throw MainCF.Malformed(message: "the first line begins with a blank") }
        guard let text else { throw MainCF.Malformed(message: "the line is not UTF-8, or holds a NUL") }
        return text
    }
}
