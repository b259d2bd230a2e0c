/// One row of a result; valid only inside the closure that received it.
///
/// Columns count from 0. A NULL reads as 0, "" or no bytes where the plain accessor is used.
package struct SQLRow: ~Copyable {
    let statement: OpaquePointer
}

/// What a read closure is handed.
package protocol SQLReader {
    /// Runs a statement and hands over each row, in order. The binds fill `$1`, `$2` ….
    func forEach(
        _ statement: SQLStatement,
        binds: [any SQLBindable],
        _ body: (borrowing SQLRow) throws -> Void
    ) throws
}

/// What a write closure is handed.
package protocol SQLWriter: SQLReader {
    /// Runs a statement and returns how many rows it changed.
    @discardableResult
    func execute(_ statement: SQLStatement, binds: [any SQLBindable]) throws -> Int

    /// Runs a part of the unit whose changes are undone when it throws, so that the rest can go on. Parts don't nest.
    func part<T>(_ body: () throws -> T) throws -> T
}

extension SQLReader {
    /// Every row, mapped.
    package func query<T>(
        _ statement: SQLStatement,
        _ binds: any SQLBindable...,
        map: (borrowing SQLRow) throws -> T
    ) throws -> [T] {
        var result: [T] = []
        try forEach(statement, binds: binds) { result.append(try map($0)) }
        return result
    }

    /// The first row, mapped, or nil where there is none.
    package func first<T>(
        _ statement: SQLStatement,
        _ binds: any SQLBindable...,
        map: (borrowing SQLRow) throws -> T
    ) throws -> T? {
        var result: T?
        try forEach(statement, binds: binds) { row in
            if result == nil { result = try map(row) }
        }
        return result
    }
}

extension SQLWriter {
    /// Runs a statement and returns how many rows it changed.
    @discardableResult
    package func execute(_ statement: SQLStatement, _ binds: any SQLBindable...) throws -> Int {
        try execute(statement, binds: binds)
    }
}

/// Which waiting work the writer takes first.
package enum WritePriority: Sendable {
    /// Deliveries and what a person waits for.
    case foreground
    /// Imports, sweeps and other work in bulk.
    case bulk
}

/// When a write is on disk.
package enum WriteDurability: Sendable {
    /// Before the call returns.
    case flushed
    /// With the next write that is flushed, or about a second later. Others see it at once and a crash of the process
    /// leaves it; a loss of power may take it back together with everything that was written after it.
    case ordered
}

/// The one way to SQL.
package protocol Database: Sendable {
    /// Runs `body` on a consistent snapshot. The closure holds SQL and pure code only.
    func read<T: Sendable>(_ body: @Sendable @escaping (any SQLReader) throws -> T) async throws -> T

    /// As ``read(_:)``, for a few rows: where the caller runs, without changing threads, while a connection is free.
    ///
    /// Not for what runs on an event loop: it may wait for the disk.
    func readBriefly<T: Sendable>(_ body: @Sendable @escaping (any SQLReader) throws -> T) async throws -> T

    /// Runs `body` as a unit of its own in the next group commit and returns when that commit is as durable as asked.
    ///
    /// `files` are written, renamed and synced before the commit; where that fails the body does not run.
    /// A body may run twice (alone, after its batch was lost), so it holds SQL and pure code only. Cancelling the caller
    /// cancels nothing. Throws what the body threw, or `DatabaseError`.
    @discardableResult
    func write<T: Sendable>(
        _ priority: WritePriority,
        _ durability: WriteDurability,
        files: [any StagedFile],
        _ body: @Sendable @escaping (any SQLWriter) throws -> T
    ) async throws -> T
}

extension Database {
    @discardableResult
    package func write<T: Sendable>(
        _ priority: WritePriority = .foreground,
        _ durability: WriteDurability = .flushed,
        _ body: @Sendable @escaping (any SQLWriter) throws -> T
    ) async throws -> T {
        try await write(priority, durability, files: [], body)
    }

    @discardableResult
    package func write<T: Sendable>(
        files: [any StagedFile],
        _ body: @Sendable @escaping (any SQLWriter) throws -> T
    ) async throws -> T {
        try await write(.foreground, .flushed, files: files, body)
    }
}

/// A file that must be on disk before the commit that names it.
package protocol StagedFile: Sendable {
    /// Writes the bytes under a temporary name.
    func writeTemporary() throws
    /// Gives the file its final name.
    func publish() throws
    /// Removes whatever of it is there; called when its unit failed.
    func discard()
}

/// Makes a batch of published files and their folders durable.
package protocol FileSyncing: Sendable {
    /// One flush for all; throws where anything may not be on disk. Never retried on the same descriptor.
    func syncAll(_ files: [any StagedFile]) throws
}
