import CSQLite
import GRDB

/// One query of an SQLite database that belongs to somebody else: opened to read only, asked with bound parameters.
package final class SQLiteQuery: Sendable {
    private let queue: DatabaseQueue
    private let statement: SQLStatement

    /// How long a question waits for a writer, in seconds.
    private static let busyTimeout = 2.0

    /// Opens the file and prepares the query.
    ///
    /// - Parameters:
    ///   - sql: one statement that only reads, with parameters `?1`, `?2` ….
    ///   - parameters: how many there are.
    /// - Throws: `DatabaseError`.
    package init(path: String, sql: String, parameters: Int) throws {
        var configuration = Configuration()
        configuration.label = "table"
        configuration.readonly = true
        configuration.busyMode = .timeout(Self.busyTimeout)
        statement = SQLStatement(foreign: sql)
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.read { database in
                let handle = try database.makeStatement(sql: sql).sqliteStatement
                guard sqlite3_stmt_readonly(handle) != 0, sqlite3_column_count(handle) > 0 else {
                    throw DatabaseError.other("the query doesn't only read")
                }
                guard sqlite3_bind_parameter_count(handle) == Int32(truncatingIfNeeded: parameters) else {
                    throw DatabaseError.other("the query has parameters (`?`) of its own")
                }
            }
        } catch let error as GRDB.DatabaseError {
            throw Self.explain(error)
        }
    }

    /// The first column of each row, without those that are NULL.
    ///
    /// - Throws: `DatabaseError`, also when there are more than `limit` rows.
    package func values(_ binds: [String], limit: Int) async throws -> [String] {
        let statement = statement
        do {
            return try await queue.read { database in
                var found: [String] = []
                try SQLiteConnection(database).forEach(statement, binds: binds) { row in
                    guard let value = row.optionalString(0) else { return }
                    guard found.count < limit else { throw DatabaseError.other("more than \(limit) rows") }
                    found.append(value)
                }
                return found
            }
        } catch let error as GRDB.DatabaseError {
            throw Self.explain(error)
        }
    }

    /// With SQLite's own words, which name the column that is missing.
    private static func explain(_ error: GRDB.DatabaseError) -> DatabaseError {
        switch error.resultCode {
        case .SQLITE_ERROR, .SQLITE_MISUSE: .other(error.message ?? "\(error.resultCode)")
        default: sqliteError(error.extendedResultCode.rawValue, nil)
        }
    }
}
