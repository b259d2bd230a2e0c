import CSQLite
import GRDB
import Synchronization

/// SQLite behind `Database`: one writer with group commit, several readers on snapshots.
///
/// WAL with `synchronous=FULL` on the writer, read back at opening: GRDB sets NORMAL for WAL after a configuration's own
/// statements, which would lose acknowledged mail on power loss.
package final class SQLiteDatabase: Database {
    package struct Options: Sendable {
        /// Connections that read at the same time.
        package var readers = 3
        /// How long a statement waits for another process's lock, in seconds.
        package var busyTimeout: Double = 5
        /// The page cache of each connection, in KiB.
        package var cacheKiB = 2000
        /// Whether a commit waits for the disk. Only a file that can be rebuilt may say no.
        package var isDurable = true

        package init() {}
    }

    /// Units in one transaction at the most; bounds how long a batch holds the writer.
    private static let batchLimit = 256

    private let pool: DatabasePool
    private let brief: BriefReader
    private let backlog = WriteBacklog()
    private let syncing: any FileSyncing
    private let log: CommitLog
    private let readers: Int
    /// Reads under way, and those that wait for a connection.
    private let reading = Atomic(0)
    package let statistics = WriterStatistics()

    /// Opens or makes the file and brings its schema up to date.
    ///
    /// - Throws: `DatabaseError`, `.newerSchema` where the file knows migrations this program doesn't.
    package init(
        path: String,
        migrations: [Migration],
        syncing: any FileSyncing = NoFileSyncing(),
        options: Options = Options()
    ) throws {
        self.syncing = syncing
        readers = options.readers
        log = CommitLog(path: "\(path)-wal", isDurable: options.isDurable)
        var configuration = Configuration()
        configuration.label = "martlet.db"
        configuration.maximumReaderCount = options.readers
        configuration.busyMode = .timeout(options.busyTimeout)
        configuration.foreignKeysEnabled = true
        // A ROLLBACK that fails must fail its units, not the process; the next batch tries it again.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { database in
            let connection = try SQLiteConnection(database)
            try connection.run("PRAGMA cache_size = -\(options.cacheKiB)")
            try connection.run("PRAGMA temp_store = MEMORY")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { database in
                let connection = try SQLiteConnection(database)
                try Self.setDurability(connection, options: options)
                try Migrator(migrations).migrate(connection)
            }
            brief = try BriefReader(path: path, configuration: configuration)
        } catch let error as GRDB.DatabaseError {
            throw sqliteError(error.extendedResultCode.rawValue, nil)
        }
    }

    private static func setDurability(_ connection: SQLiteConnection, options: Options) throws {
        try connection.run("PRAGMA synchronous = \(options.isDurable ? "FULL" : "OFF")")
        let mode = try connection.pragma("PRAGMA synchronous")
        let journal = try connection.pragma("PRAGMA journal_mode")
        guard journal == "wal", mode == (options.isDurable ? "2" : "0") else {
            throw DatabaseError.other("the database is not durable (journal_mode=\(journal), synchronous=\(mode))")
        }
        // A checkpoint costs two flushes; 16 MiB of log between two keeps it rare under load.
        try connection.run("PRAGMA wal_autocheckpoint = 4000")
        try connection.run("PRAGMA journal_size_limit = 67108864")
    }

    /// Units that wait for the writer.
    package var waitingUnits: Int { backlog.count }

    package func read<T: Sendable>(_ body: @Sendable @escaping (any SQLReader) throws -> T) async throws -> T {
        guard !backlog.isClosed else { throw DatabaseError.closed }
        reading.add(1, ordering: .relaxed)
        defer { reading.subtract(1, ordering: .relaxed) }
        do {
            return try await pool.read { try body(try SQLiteConnection($0)) }
        } catch let error as GRDB.DatabaseError {
            throw sqliteError(error.extendedResultCode.rawValue, nil)
        }
    }

    package func readBriefly<T: Sendable>(
        _ body: @Sendable @escaping (any SQLReader) throws -> T
    ) async throws -> T {
        // With all connections taken, waiting here would take a thread from those who could go on.
        guard reading.load(ordering: .relaxed) < readers else { return try await read(body) }
        return try readHere(body)
    }

    /// Not asynchronous, so that GRDB runs it on the caller's thread.
    private func readHere<T>(_ body: (any SQLReader) throws -> T) throws -> T {
        guard !backlog.isClosed else { throw DatabaseError.closed }
        reading.add(1, ordering: .relaxed)
        defer { reading.subtract(1, ordering: .relaxed) }
        do {
            if let value = try brief.readIfFree(body) { return value }
            return try pool.read { try body(try SQLiteConnection($0)) }
        } catch let error as GRDB.DatabaseError {
            throw sqliteError(error.extendedResultCode.rawValue, nil)
        }
    }

    package func write<T: Sendable>(
        _ priority: WritePriority,
        _ durability: WriteDurability,
        files: [any StagedFile],
        _ body: @Sendable @escaping (any SQLWriter) throws -> T
    ) async throws -> T {
        let result = ResultBox<T>()
        return try await withCheckedThrowingContinuation { continuation in
            let unit = WriteUnit(
                priority: priority,
                durability: files.isEmpty ? durability : .flushed,
                files: files,
                run: { result.set(try body($0)) },
                finish: { error in
                    if let error {
                        continuation.resume(throwing: error)
                    } else if let value = result.take() {
                        continuation.resume(returning: value)
                    } else {
                        continuation.resume(throwing: DatabaseError.other("a write finished without a result"))
                    }
                })
            switch backlog.enqueue(unit) {
            case .writerIsRunning: break
            case .startWriter: startWriter()
            case .closed:
                for file in files { file.discard() }
                continuation.resume(throwing: DatabaseError.closed)
            }
        }
    }

    private func startWriter() {
        pool.asyncWriteWithoutTransaction { [backlog, syncing, statistics, log] database in
            do {
                let connection = try SQLiteConnection(database)
                let commit = GroupCommit(
                    connection: connection, log: log, syncing: syncing, statistics: statistics)
                while let batch = backlog.take(limit: Self.batchLimit) { commit.process(batch) }
            } catch {
                while let batch = backlog.take(limit: Self.batchLimit) {
                    for unit in batch {
                        for file in unit.files { file.discard() }
                        unit.finish(error)
                    }
                }
            }
            if log.takeFlushRequest() { self.flushLater() }
        }
    }

    /// Flushes what no flushed write has taken along by then.
    private func flushLater() {
        Task { [weak self] in
            try? await Task.sleep(for: .seconds(1))
            await self?.flush()
        }
    }

    /// Returns when every write that has returned is on disk, or can't be.
    package func flush() async {
        await withCheckedContinuation { continuation in
            pool.asyncWriteWithoutTransaction { [log] _ in
                log.flush()
                continuation.resume()
            }
        }
    }

    /// Writes what waits, folds the log into the file, and closes. Later calls throw `.closed`.
    package func close() throws {
        backlog.close()
        try brief.close()
        // The writer's queue is serial: this runs after the drain that is under way.
        try pool.writeWithoutTransaction { database in
            _ = try SQLiteConnection(database).pragma("PRAGMA wal_checkpoint(TRUNCATE)")
        }
        try pool.close()
    }
}

/// For databases that name no files.
package struct NoFileSyncing: FileSyncing {
    package init() {}
    package func syncAll(_ files: [any StagedFile]) throws {}
}
