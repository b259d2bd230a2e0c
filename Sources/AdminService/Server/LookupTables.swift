import Logging
import MailConfig
import MailPolicy
import MailTables
import Telemetry

/// Reads the tables of a manifest, and says what becomes of them.
enum LookupTables {
    /// - Parameter logger: told what happens to the files later; nil in commands, which don't last.
    /// - Throws: `AdminError` with everything that is wrong.
    static func load(_ manifest: Manifest, logger: Logger? = nil) throws -> TableSet {
        do throws(TableErrors) {
            try requireActions(manifest)
            guard let logger else { return try TableSet(manifest) }
            let set = try TableSet(manifest, report: { say($0, logger) })
            for warning in set.warnings { say(.warning(warning), logger) }
            return set
        } catch {
            throw AdminError(.config, error.description)
        }
    }

    /// Header checks say what is done about a field: a slip there is found before mail comes.
    private static func requireActions(_ manifest: Manifest) throws(TableErrors) {
        let checks: [(HeaderCheckTime, [TableSource])] = [
            (.receipt, manifest.rewrite.headerChecks), (.receipt, manifest.rewrite.mimeHeaderChecks ?? []),
            (.receipt, manifest.rewrite.nestedHeaderChecks ?? []), (.sending, manifest.rewrite.sendingHeaderChecks),
        ]
        var faults: [TableDiagnostic] = []
        for (time, sources) in checks {
            for source in sources {
                guard case .file(let path) = source.content else {
                    faults += HeaderCheckAction.faults(in: source, at: time)
                    continue
                }
                // A file that can't be read is reported where it is.
                let text = (try? FileBytes.read(path, limit: 16 * 1024 * 1024)) ?? []
                faults += HeaderCheckAction.faults(in: text, as: source.format, file: path, at: time)
            }
        }
        if !faults.isEmpty { throw TableErrors(faults) }
    }

    private static func say(_ event: TableEvent, _ logger: Logger) {
        switch event {
        case .failed(let problem):
            logger.error(
                "a table went bad; the last good one stays in force",
                metadata: [
                    LogKey.path: "\(problem.place)", LogKey.error: "\(problem.message)",
                    LogKey.remedy: "\(problem.remedy)",
                ])
        case .warning(let problem):
            logger.warning(
                "a table has a line that needs attention",
                metadata: [
                    LogKey.path: "\(problem.place)", LogKey.reason: "\(problem.message)",
                    LogKey.remedy: "\(problem.remedy)",
                ])
        case .readAgain(let path):
            logger.notice("a table was read again", metadata: [LogKey.path: "\(path)"])
        }
    }
}
