import MailConfig
import MailSyntax

/// OpenDKIM's KeyTable: `NAME DOMAIN:SELECTOR:KEY` a line.
struct KeyTable: Sendable {
    enum KeyText: Sendable {
        /// A path; `%` in it stands for the sender's domain.
        case file(String)
        /// Base64.
        case text(String)
    }

    struct Row: Sendable {
        var line: Int
        var name: String
        /// nil: the sender's.
        var domain: DomainName?
        var selector: String
        var key: KeyText
    }

    let file: String
    private(set) var rows: [Row] = []
    private var names: [String: Int] = [:]
    private var patterns: [(pattern: WildcardPattern, row: Int)] = []

    init(reading text: [UInt8], _ source: Manifest.DKIM.Table, report: (TableDiagnostic) -> Void) {
        file = source.path
        for line in OpenDKIMLine.all(text, file: file, report: report) {
            do throws(RuleProblem) {
                try add(try Self.row(line, in: file.folder), hasPatterns: source.hasPatterns)
            } catch {
                report(TableDiagnostic(file: file, line: line.number, error.message, remedy: error.remedy))
            }
        }
    }

    private mutating func add(_ row: Row, hasPatterns: Bool) throws(RuleProblem) {
        let pattern = hasPatterns ? WildcardPattern(row.name) : nil
        if let pattern, pattern.literal == nil {
            patterns.append((pattern, rows.count))
        } else {
            guard names[row.name.lowercased()] == nil else {
                throw RuleProblem(
                    message: "has the name `\(row.name)` once more", remedy: "give each key a name of its own")
            }
            names[row.name.lowercased()] = rows.count
        }
        rows.append(row)
    }

    private static func row(_ line: OpenDKIMLine, in folder: String) throws(RuleProblem) -> Row {
        let parts = line.value.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts.contains("") else {
            throw RuleProblem(
                message: "has the key `\(line.key)` without a domain, selector and key file",
                remedy: "write `\(line.key) example.org:selector:/path/of/the.private`")
        }
        let domain = parts[0] == "%" ? nil : DomainName(parts[0])
        guard parts[0] == "%" || domain != nil else {
            throw RuleProblem(
                message: "has `\(parts[0])`, which is no domain", remedy: "write a domain, or `%` for the sender's")
        }
        let selector = parts[1]
        guard selector.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x25 }), DomainName("\(selector)._domainkey.example") != nil
        else {
            throw RuleProblem(
                message: "has `\(selector)`, which is no selector",
                remedy: "write the name under which the key is published: letters, digits, hyphens and dots")
        }
        return Row(
            line: line.number, name: line.key, domain: domain, selector: selector, key: try key(parts[2], in: folder))
    }

    private static func key(_ text: String, in folder: String) throws(RuleProblem) -> KeyText {
        if text.hasPrefix("/") { return .file(text) }
        if text.hasPrefix("./") || text.hasPrefix("../") { return .file("\(folder)/\(text)") }
        guard Base64.decode(text).map({ $0.count >= 32 }) ?? false else {
            throw RuleProblem(
                message: "has a key that is neither a path nor base64",
                remedy: "write the path of a key file, which begins with `/`, `./` or `../`")
        }
        return .text(text)
    }

    func has(_ name: String) -> Bool { row(named: name) != nil }

    func key(named name: String, for sender: DomainName) -> SigningTables.Key? {
        row(named: name).flatMap { key($0, named: name, for: sender) }
    }

    func key(_ row: Row, named name: String, for sender: DomainName) -> SigningTables.Key? {
        var place = SigningTables.KeyPlace.line(row.line)
        var isForAnyDomain = false
        if case .file(let path) = row.key {
            isForAnyDomain = path.contains("%")
            place = .file(isForAnyDomain ? path.replacing("%", with: sender.ascii) : path)
        }
        return SigningTables.Key(
            name: name, domain: row.domain ?? sender, selector: row.selector, place: place,
            table: file, line: row.line, isForAnyDomain: isForAnyDomain)
    }

    /// The line that a name stands for.
    func row(named name: String) -> Row? {
        let folded = name.lowercased()
        let named = names[folded]
        // Patterns count in the order of the file, fixed names among them.
        let octets = Array(folded.utf8)
        let fitting = patterns.first { (named ?? .max) > $0.row && $0.pattern.matches(octets) }?.row
        return (fitting ?? named).map { rows[$0] }
    }
}

extension String {
    /// The part before the last `/`.
    fileprivate var folder: String {
        lastIndex(of: "/").map { String(self[..<$0]) } ?? "."
    }
}
