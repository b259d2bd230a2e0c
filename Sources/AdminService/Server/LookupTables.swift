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
            guard let logger else { return try TableSet(manifest) }
            let set = try TableSet(manifest, report: { say($0, logger) })
            for warning in set.warnings { say(.warning(warning), logger) }
            return set
        } catch {
            throw AdminError(.config, error.description)
        }
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
