package import MailConfig
package import MailPolicy
import MailSyntax
package import SQLEngine

/// Every table of a manifest, read.
package struct TableSet: Sendable {
    /// What a table is read for; the same table for several purposes is kept once.
    private struct Reading: Hashable {
        var format: TableSource.Format
        var content: TableSource.Content
        var allowsGroups: Bool
    }

    var tables: [TablePurpose: [TableNode]] = [:]
    /// What is worth saying of tables that are used all the same.
    package private(set) var warnings: [TableDiagnostic] = []
    /// Files and queries, each once.
    package private(set) var count = 0
    /// OpenDKIM's tables; nil where the manifest has none.
    package private(set) var signing: SigningTableFiles?
    private var known: [Reading: TableNode] = [:]
    private let clock: any WallClock
    private let report: @Sendable (TableEvent) -> Void

    /// No tables.
    package init() {
        clock = SystemClock()
        report = { _ in }
    }

    /// Reads every table that the manifest names.
    ///
    /// - Parameter report: told what happens to files later, from any thread.
    /// - Throws: everything that is wrong with any of them.
    package init(
        _ manifest: Manifest, clock: any WallClock = SystemClock(),
        report: @escaping @Sendable (TableEvent) -> Void = { _ in }
    ) throws(TableErrors) {
        var sources: [(TablePurpose, [TableSource])] = []
        for purpose in TablePurpose.allCases {
            let named = manifest.tables(for: purpose)
            if !named.isEmpty { sources.append((purpose, named)) }
        }
        var errors: [TableDiagnostic] = []
        do throws(TableErrors) {
            try self.init(sources, clock: clock, report: report)
        } catch {
            self.init()
            errors = error.diagnostics
        }
        do throws(TableErrors) {
            signing = try SigningTableFiles(manifest, clock: clock, report: report)
        } catch {
            errors += error.diagnostics
        }
        guard errors.isEmpty else { throw TableErrors(errors) }
    }

    package init(
        _ sources: [(TablePurpose, [TableSource])], clock: any WallClock = SystemClock(),
        report: @escaping @Sendable (TableEvent) -> Void = { _ in }
    ) throws(TableErrors) {
        self.clock = clock
        self.report = report
        var errors: [TableDiagnostic] = []
        for (purpose, named) in sources {
            for source in named {
                do throws(TableErrors) {
                    tables[purpose, default: []].append(try node(source, allowsGroups: purpose.allowsGroups))
                } catch {
                    errors += error.diagnostics.filter { !errors.contains($0) }
                }
            }
        }
        known = [:]
        guard errors.isEmpty else { throw TableErrors(errors) }
    }

    private mutating func node(_ source: TableSource, allowsGroups: Bool) throws(TableErrors) -> TableNode {
        let reading = Reading(format: source.format, content: source.content, allowsGroups: allowsGroups)
        if let node = known[reading] { return node }
        let node = try read(source, allowsGroups: allowsGroups)
        known[reading] = node
        return node
    }

    private mutating func read(_ source: TableSource, allowsGroups: Bool) throws(TableErrors) -> TableNode {
        count += 1
        switch source.content {
        case .file(let path) where source.format == .sqlite:
            return .query(try SQLiteTable(path, clock: clock, warnings: &warnings))
        case .file(let path):
            return .file(
                try FileTable(
                    path, as: source.format, allowsGroups: allowsGroups, clock: clock, warnings: &warnings,
                    report: report))
        case .members(let members):
            var nodes: [TableNode] = []
            for member in members { nodes.append(try node(member, allowsGroups: allowsGroups)) }
            return source.format == .pipemap ? .pipe(nodes) : .union(nodes)
        case .entries, .rules, .value:
            guard let reading = LookupTable.read(source, allowsGroups: allowsGroups) else { return .union([]) }
            guard reading.errors.isEmpty else { throw TableErrors(reading.errors) }
            warnings += reading.warnings
            return .fixed(reading.table)
        }
    }
}

extension TablePurpose {
    /// Whether a rule's result may hold what the pattern matched: not where a sender would choose a next hop with it.
    package var allowsGroups: Bool {
        switch self {
        case .transport, .senderRelay, .credentials, .tlsPolicy: false
        default: true
        }
    }
}
