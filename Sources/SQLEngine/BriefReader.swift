import GRDB
import Synchronization

/// One more connection that reads, for questions of a few rows, asked on the caller's thread.
///
/// To choose a connection of GRDB's pool and to begin a read of it takes longer than such a question itself: some 40 µs.
final class BriefReader: Sendable {
    private let queue: DatabaseQueue
    private let isTaken = Atomic(false)

    /// - Parameter configuration: of the pool's readers. The file is there, in WAL mode, and has its schema.
    /// - Throws: GRDB's errors.
    init(path: String, configuration: Configuration) throws {
        var configuration = configuration
        configuration.readonly = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// What `body` makes of a consistent snapshot; nil where somebody else is reading.
    func readIfFree<T>(_ body: (any SQLReader) throws -> T) throws -> T? {
        guard isTaken.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            return nil
        }
        defer { isTaken.store(false, ordering: .releasing) }
        return try queue.unsafeRead { database in
            let connection = try SQLiteConnection(database)
            try connection.run("BEGIN")
            do {
                let value = try body(connection)
                try connection.run("COMMIT")
                return value
            } catch {
                if !connection.isOutsideTransaction { try? connection.run("ROLLBACK") }
                throw error
            }
        }
    }

    func close() throws {
        try queue.close()
    }
}
