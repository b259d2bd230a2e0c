import Synchronization

/// One caller's work, waiting for the writer.
///
/// `run` executes the body; `finish` wakes the caller with the outcome, once the commit is on disk or the unit has failed.
struct WriteUnit: Sendable {
    let priority: WritePriority
    let durability: WriteDurability
    let files: [any StagedFile]
    let run: @Sendable (any SQLWriter) throws -> Void
    let finish: @Sendable ((any Error)?) -> Void
}

/// What waits for the writer, and whether it is at work. Enqueuing says whether the writer must be started.
final class WriteBacklog: Sendable {
    private struct State {
        var foreground: [WriteUnit] = []
        var bulk: [WriteUnit] = []
        /// Batches that went before bulk work that was waiting.
        var passedOver = 0
        var isDraining = false
        var isClosed = false
    }

    enum Enqueued {
        case startWriter
        case writerIsRunning
        case closed
    }

    /// Bulk work gets a place after this many batches, so that endless deliveries don't keep it out for ever.
    private static let patience = 4

    private let state = Mutex(State())

    func enqueue(_ unit: WriteUnit) -> Enqueued {
        state.withLock { state in
            guard !state.isClosed else { return .closed }
            switch unit.priority {
            case .foreground: state.foreground.append(unit)
            case .bulk: state.bulk.append(unit)
            }
            guard !state.isDraining else { return .writerIsRunning }
            state.isDraining = true
            return .startWriter
        }
    }

    /// Everything waiting, deliveries first and bulk work one at a time, when none wait or it was passed over too often;
    /// nil ends the drain.
    func take(limit: Int) -> [WriteUnit]? {
        state.withLock { state in
            let bulkIsDue = state.foreground.isEmpty || state.passedOver >= Self.patience
            if !state.bulk.isEmpty, bulkIsDue {
                state.passedOver = 0
                return Self.takeFirst(1, from: &state.bulk)
            }
            if !state.foreground.isEmpty {
                state.passedOver = state.bulk.isEmpty ? 0 : state.passedOver + 1
                return Self.takeFirst(limit, from: &state.foreground)
            }
            state.isDraining = false
            return nil
        }
    }

    /// Units that no batch has taken yet.
    var count: Int { state.withLock { $0.foreground.count + $0.bulk.count } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Refuses what comes from now on; what waits is still written.
    func close() {
        state.withLock { $0.isClosed = true }
    }

    private static func takeFirst(_ limit: Int, from units: inout [WriteUnit]) -> [WriteUnit] {
        guard units.count > limit else {
            defer { units.removeAll(keepingCapacity: true) }
            return units
        }
        let taken = Array(units[..<limit])
        units.removeFirst(limit)
        return taken
    }
}

/// The group commit of one batch, on the writer's connection. design.md §3.
///
/// Order: every temporary, every rename, one sync, then the SQL transaction with a savepoint a unit. A unit that fails
/// leaves alone; when SQLite ends the whole transaction nothing is acknowledged and the units run again one by one. A sync
/// that fails fails the batch and is never tried again on the same descriptors. A batch in which no unit waits for the disk
/// is committed without a flush.
struct GroupCommit {
    let connection: SQLiteConnection
    let log: CommitLog
    let syncing: any FileSyncing
    let statistics: WriterStatistics

    func process(_ batch: [WriteUnit]) {
        let staged = stage(batch)
        guard !staged.isEmpty else { return }
        statistics.batch(units: staged.count)
        if let lost = commit(staged, retryAlone: staged.count > 1) {
            for unit in lost {
                if let again = commit([unit], retryAlone: false) { fail(again, DatabaseError.io("transaction lost")) }
            }
        }
    }

    private func fail(_ units: [WriteUnit], _ error: any Error) {
        for unit in units {
            for file in unit.files { file.discard() }
            unit.finish(error)
        }
    }

    /// Makes the files of the batch durable; returns the units that may go on.
    private func stage(_ batch: [WriteUnit]) -> [WriteUnit] {
        var written: [WriteUnit] = []
        for unit in batch {
            do {
                for file in unit.files { try file.writeTemporary() }
                written.append(unit)
            } catch {
                fail([unit], error)
            }
        }
        var published: [WriteUnit] = []
        for unit in written {
            do {
                for file in unit.files { try file.publish() }
                published.append(unit)
            } catch {
                fail([unit], error)
            }
        }
        let files = published.flatMap(\.files)
        guard !files.isEmpty else { return published }
        do {
            try syncing.syncAll(files)
            return published
        } catch {
            fail(published, error)
            return []
        }
    }

    /// Runs the units in one transaction. Returns those to run again alone when the transaction was lost, else nil.
    private func commit(_ units: [WriteUnit], retryAlone: Bool) -> [WriteUnit]? {
        let durability = units.allSatisfy { $0.durability == .ordered } ? WriteDurability.ordered : .flushed
        do {
            // Only where an earlier ROLLBACK failed.
            if !connection.isOutsideTransaction { try connection.run("ROLLBACK") }
            try log.prepare(connection, durability)
            try connection.run("BEGIN IMMEDIATE")
        } catch {
            fail(units, error)
            return nil
        }
        var done: [WriteUnit] = []
        var remaining: [WriteUnit] = []
        var lost: (any Error)?
        for unit in units {
            guard lost == nil else {
                remaining.append(unit)
                continue
            }
            do {
                try runInSavepoint(unit)
                done.append(unit)
            } catch {
                if connection.isOutsideTransaction {
                    lost = error
                    remaining.append(unit)
                } else {
                    fail([unit], error)
                }
            }
        }
        if lost == nil {
            do {
                if done.isEmpty {
                    try connection.run("ROLLBACK")
                } else {
                    try connection.run("COMMIT")
                    log.committed(durability)
                }
            } catch {
                log.commitFailed(error)
                if !connection.isOutsideTransaction { try? connection.run("ROLLBACK") }  // SQLite keeps it open on BUSY
                lost = error
            }
        }
        if let lost {
            guard !retryAlone else { return done + remaining }
            // A commit that failed may still be found in the log after a crash. Its files stay then, for the sweep.
            for unit in done { unit.finish(lost) }
            fail(remaining, lost)
            return nil
        }
        for unit in done { unit.finish(nil) }
        return nil
    }

    private func runInSavepoint(_ unit: WriteUnit) throws {
        try connection.run("SAVEPOINT unit")
        do {
            try unit.run(UnitWriter(connection: connection))
            try connection.run("RELEASE unit")
        } catch {
            guard !connection.isOutsideTransaction else { throw error }
            do {
                try connection.run("ROLLBACK TO unit")
                try connection.run("RELEASE unit")
            } catch {
                // What can't be undone alone must not be committed with the others.
                try? connection.run("ROLLBACK")
            }
            throw error
        }
    }
}

/// What a unit writes through: refuses once SQLite has ended the transaction, where a statement would commit by itself.
private struct UnitWriter: SQLWriter {
    let connection: SQLiteConnection

    func execute(_ statement: SQLStatement, binds: [any SQLBindable]) throws -> Int {
        try requireTransaction()
        return try connection.execute(statement, binds: binds)
    }

    func part<T>(_ body: () throws -> T) throws -> T {
        try requireTransaction()
        return try connection.part(body)
    }

    func forEach(
        _ statement: SQLStatement,
        binds: [any SQLBindable],
        _ body: (borrowing SQLRow) throws -> Void
    ) throws {
        try requireTransaction()
        try connection.forEach(statement, binds: binds, body)
    }

    private func requireTransaction() throws {
        if connection.isOutsideTransaction { throw DatabaseError.io("the transaction was ended by an earlier error") }
    }
}

/// How many batches and units the writer has committed; what `scripts/bench` and tests read.
package final class WriterStatistics: Sendable {
    private let counts = Mutex<(batches: Int, units: Int)>((0, 0))

    func batch(units: Int) {
        counts.withLock {
            $0.batches &+= 1
            $0.units &+= units
        }
    }

    package var batches: Int { counts.withLock { $0.batches } }
    package var units: Int { counts.withLock { $0.units } }
}
