import Synchronization

/// One caller's work, waiting for the writer.
///
/// `run` executes the body; `finish` wakes the caller with the outcome, once the commit is on disk or the unit has failed.
struct WriteUnit: Sendable {
    let priority: WritePriority
    let files: [any StagedFile]
    let run: @Sendable (any SQLWriter) throws -> Void
    let finish: @Sendable ((any Error)?) -> Void
}

/// What waits for the writer, and whether it is at work. Enqueuing says whether the writer must be started.
final class WriteBacklog: Sendable {
    private struct State {
        var foreground: [WriteUnit] = []
        var bulk: [WriteUnit] = []
        var isDraining = false
        var isClosed = false
    }

    enum Enqueued {
        case startWriter
        case writerIsRunning
        case closed
    }

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

    /// Everything waiting, deliveries first and bulk work only when none wait; nil ends the drain.
    func take(limit: Int) -> [WriteUnit]? {
        state.withLock { state in
            if !state.foreground.isEmpty { return Self.takeFirst(limit, from: &state.foreground) }
            if !state.bulk.isEmpty { return Self.takeFirst(1, from: &state.bulk) }
            state.isDraining = false
            return nil
        }
    }

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
/// that fails fails the batch and is never tried again on the same descriptors.
struct GroupCommit {
    let connection: SQLiteConnection
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
        do {
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
                if done.isEmpty { try connection.run("ROLLBACK") } else { try connection.run("COMMIT") }
            } catch {
                if !connection.isOutsideTransaction { try? connection.run("ROLLBACK") }  // SQLite keeps it open on BUSY
                lost = error
            }
        }
        if let lost {
            guard !retryAlone else { return done + remaining }
            fail(done + remaining, lost)
            return nil
        }
        for unit in done { unit.finish(nil) }
        return nil
    }

    private func runInSavepoint(_ unit: WriteUnit) throws {
        try connection.run("SAVEPOINT unit")
        do {
            try unit.run(connection)
        } catch {
            if !connection.isOutsideTransaction {
                try connection.run("ROLLBACK TO unit")
                try connection.run("RELEASE unit")
            }
            throw error
        }
        try connection.run("RELEASE unit")
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
