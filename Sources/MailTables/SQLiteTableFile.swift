import MailPolicy
import MailSyntax

/// The file that describes an `sqlite:` table: `name = value`, in Postfix's words.
struct SQLiteTableFile: Sendable {
    var databasePath: String
    var query: QueryTemplate
    var resultFormat: ExpansionTemplate
    /// Keys have to be addresses in one of these; empty: any key will do.
    var domains: Set<String> = []
    /// nil: as many as there are.
    var expansionLimit: Int?
    /// The line of the query, where its answers are said to come from.
    var line: Int

    private static let names = [
        "dbpath", "query", "result_format", "domain", "expansion_limit", "select_field", "table", "where_field",
        "additional_conditions",
    ]

    /// - Throws: everything that is wrong; what is not used goes to `warnings`.
    init(_ text: [UInt8], path: String, warnings: inout [TableDiagnostic]) throws(TableErrors) {
        var reader = ParameterFile(text, path: path)
        for (name, value) in reader.values where !Self.names.contains(name) {
            warnings.append(
                TableDiagnostic(
                    .warning, file: path, line: value.line, "`\(name)` means nothing for SQLite", remedy: "remove it"))
        }
        databasePath = reader.required("dbpath", "write `dbpath = /PATH/OF/THE/DATABASE`")
        (query, line) = Self.query(&reader)
        resultFormat = .wholeValue
        if let format = reader.values["result_format"] {
            if let template = ExpansionTemplate(format.text) {
                resultFormat = template
            } else {
                reader.report(format.line, "`result_format` has a `%` that means nothing", remedy: "write `%%` for `%`")
            }
        }
        if let list = reader.values["domain"] { domains = Self.domains(list, &reader) }
        if let limit = reader.values["expansion_limit"] {
            if let number = Int(limit.text), number >= 0 {
                expansionLimit = number == 0 ? nil : number
            } else {
                reader.report(limit.line, "`expansion_limit` is no number", remedy: "write a whole number")
            }
        }
        guard reader.problems.isEmpty else { throw TableErrors(reader.problems) }
    }

    private static func domains(_ list: ParameterFile.Value, _ reader: inout ParameterFile) -> Set<String> {
        let items = list.text.split { $0 == "," || $0.isWhitespace }
        if let other = items.first(where: { $0.contains("/") || $0.contains(":") }) {
            reader.report(list.line, "`domain` names `\(other)`", remedy: "write the domains themselves")
        }
        return Set(items.map { DomainName($0)?.ascii ?? EmailAddress.fold(String($0)) })
    }

    private static func query(_ reader: inout ParameterFile) -> (QueryTemplate, line: Int) {
        let query = reader.values["query"] ?? reader.legacyQuery()
        do throws(QueryTemplate.Problem) {
            return (try QueryTemplate(query?.text ?? ""), query?.line ?? 0)
        } catch {
            switch error {
            case .unquoted:
                reader.report(
                    query?.line, "`query` has a `%` outside of single quotes, where a key could be SQL",
                    remedy: "write it as a text, such as `WHERE address = '%s'`")
            case .badExpansion:
                reader.report(query?.line, "`query` has a `%` that means nothing", remedy: "write `%%` for `%`")
            case .unended:
                reader.report(query?.line, "`query` has a quote that doesn't end", remedy: "write the other quote")
            }
            return (QueryTemplate(), query?.line ?? 0)
        }
    }
}

/// `name = value` lines; an indented line goes on with the one before it.
struct ParameterFile {
    struct Value {
        var text: String
        var line: Int
    }

    private(set) var values: [String: Value] = [:]
    private(set) var problems: [TableDiagnostic] = []
    private let path: String

    init(_ text: [UInt8], path: String) {
        self.path = path
        for line in TableLines.all(text) {
            guard let content = line.text else {
                report(line.number, "is not UTF-8 text", remedy: "save the file as UTF-8")
                continue
            }
            guard let equals = content.firstIndex(of: "="), !line.isIndented else {
                report(line.number, "is not `name = value`", remedy: "write `name = value`")
                continue
            }
            let name = Self.trimmed(content[..<equals])
            values[name] = Value(text: Self.trimmed(content[content.index(after: equals)...]), line: line.number)
        }
    }

    mutating func report(_ line: Int?, _ message: String, remedy: String) {
        problems.append(TableDiagnostic(file: path, line: line, message, remedy: remedy))
    }

    mutating func required(_ name: String, _ remedy: String) -> String {
        if let value = values[name], !value.text.isEmpty { return value.text }
        report(nil, "has no `\(name)`", remedy: remedy)
        return ""
    }

    /// The query that was written before there was `query`.
    mutating func legacyQuery() -> Value? {
        guard let select = values["select_field"], let table = values["table"], let key = values["where_field"] else {
            report(nil, "has no `query`", remedy: "write `query = SELECT … WHERE address = '%s'`")
            return nil
        }
        let conditions = values["additional_conditions"]?.text ?? ""
        let text = "SELECT \(select.text) FROM \(table.text) WHERE \(key.text) = '%s' \(conditions)"
        return Value(text: text, line: select.line)
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let first = text.first, first.isWhitespace { text = text.dropFirst() }
        while let last = text.last, last.isWhitespace { text = text.dropLast() }
        return String(text)
    }
}
