package import Blobs
package import SQLEngine

/// A database and its message files in a folder of the test's own.
package final class StoreFixture: Sendable {
    package let folder: TemporaryFolder
    package let clock: ManualClock
    package let ids: IDGenerator
    package let fileSystem: FaultyFileSystem
    package let blobs: BlobStore
    package let database: SQLiteDatabase
    private let migrations: [Migration]

    /// - Parameter migrations: after those of the blobs.
    package init(migrations: [Migration] = [], clock: ManualClock = ManualClock()) throws {
        folder = try TemporaryFolder()
        self.clock = clock
        ids = IDGenerator(clock: clock)
        fileSystem = FaultyFileSystem()
        self.migrations = BlobSchema.migrations + migrations
        blobs = try BlobStore(root: folder.file("blobs"), ids: ids, fileSystem: fileSystem)
        database = try SQLiteDatabase(path: folder.file("martlet.db"), migrations: self.migrations, syncing: blobs)
    }

    /// The message files that are there, as paths below the store.
    package var blobFiles: [String] { TemporaryFolder.files(below: folder.file("blobs")) }

    /// One number that a query gives.
    package func number(_ sql: String, _ binds: any SQLBindable...) async throws -> Int64 {
        let values = binds.map(\.sqlValue)
        return try await database.read { reader in
            var found: Int64 = 0
            try reader.forEach(SQLStatement(text: sql), binds: values) { found = $0.int64(0) }
            return found
        }
    }

    /// The rows of a query, their columns as texts joined by blanks.
    package func rows(_ sql: String, columns: Int) async throws -> [String] {
        try await database.read { reader in
            try reader.query(SQLStatement(text: sql)) { row in
                var texts: [String] = []
                for column in 0..<columns { texts.append(row.isNull(column) ? "-" : row.string(column)) }
                return texts.joined(separator: " ")
            }
        }
    }
}
