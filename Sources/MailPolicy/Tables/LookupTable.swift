package import MailConfig

/// A table that answers at once, from memory.
package enum LookupTable: Sendable {
    case text(TextTable)
    case networks(CIDRTable)
    case patterns(PatternTable)
    case always(TableAnswer)

    /// - Parameter isWhole: the key is a whole address; patterns and networks are only asked for those.
    /// - Throws: when a pattern exceeds its limits on this key.
    package func lookup(_ key: String, isWhole: Bool) throws(TableFailure) -> TableAnswer? {
        switch self {
        case .text(let table): return table.lookup(key)
        case .always(let answer): return answer
        case .networks(let table): return isWhole ? table.lookup(key) : nil
        case .patterns(let table): return isWhole ? try table.lookup(key) : nil
        }
    }
}

/// A table as it was read, with what is wrong with it.
package struct TableReading: Sendable {
    /// Without the lines that are wrong.
    package var table: LookupTable
    package var diagnostics: [TableDiagnostic]

    package var errors: [TableDiagnostic] { diagnostics.filter { $0.severity == .error } }
    package var warnings: [TableDiagnostic] { diagnostics.filter { $0.severity == .warning } }
}

extension LookupTable {
    /// Of each table no more than these are said.
    private static let mostDiagnostics = 50

    /// Reads a table's file.
    ///
    /// - Parameters:
    ///   - format: text, regexp, pcre or cidr.
    ///   - file: its path, in origins and messages.
    ///   - allowsGroups: results may have `$1`.
    package static func read(
        _ text: [UInt8], as format: TableSource.Format, file: String, allowsGroups: Bool = true
    ) -> TableReading {
        collect { report in
            switch format {
            case .text: .text(TextTable.read(text, file: file, report: report))
            default: rules(NumberedLine.all(text), format, file, allowsGroups, report)
            }
        }
    }

    /// Makes the table of what the manifest holds itself; nil for files, queries and tables of tables.
    package static func read(_ source: TableSource, allowsGroups: Bool = true) -> TableReading? {
        let file = source.manifestFile
        switch source.content {
        case .file, .members:
            return nil
        case .value(let value):
            let answer = TableAnswer(value: value, origin: source.origin)
            return TableReading(table: .always(answer), diagnostics: [])
        case .entries(let entries):
            return collect { report in .text(TextTable.read(entries, file: file, report: report)) }
        case .rules(let written):
            return collect { report in rules(NumberedLine.all(written), source.format, file, allowsGroups, report) }
        }
    }

    private static func rules(
        _ lines: [NumberedLine], _ format: TableSource.Format, _ file: String, _ allowsGroups: Bool,
        _ report: (TableDiagnostic) -> Void
    ) -> LookupTable {
        switch format {
        case .cidr:
            return .networks(CIDRTable.read(lines, file: file, report: report))
        case .regexp, .pcre, .text, .static, .sqlite, .unionmap, .pipemap:
            let language: PatternTable.Language = format == .regexp ? .posix : .perl
            return .patterns(
                PatternTable.read(lines, in: language, file: file, allowsGroups: allowsGroups, report: report))
        }
    }

    private static func collect(_ read: ((TableDiagnostic) -> Void) -> LookupTable) -> TableReading {
        var found: [TableDiagnostic] = []
        var unsaid = 0
        let table = read { diagnostic in
            // An error among many warnings is not the one that is left out.
            if found.count < mostDiagnostics || (diagnostic.severity == .error && found.count < 2 * mostDiagnostics) {
                found.append(diagnostic)
            } else {
                unsaid += 1
            }
        }
        if unsaid > 0, let last = found.last {
            found.append(
                TableDiagnostic(
                    .warning, file: last.file, "there are \(unsaid) more messages", remedy: "mend the first ones"))
        }
        return TableReading(table: table, diagnostics: found)
    }
}

extension TableSource {
    /// The file of `origin`, without its line.
    package var manifestFile: String {
        guard let colon = origin.lastIndex(of: ":"), !origin[origin.index(after: colon)...].isEmpty,
            origin[origin.index(after: colon)...].allSatisfy({ $0.isNumber })
        else { return origin }
        return String(origin[..<colon])
    }
}
