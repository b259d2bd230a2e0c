import CSQLite
import GRDB
package import MailSyntax

private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension SQLRow {
    package func int64(_ column: Int) -> Int64 {
        sqlite3_column_int64(statement, Int32(truncatingIfNeeded: column))
    }
    package func int(_ column: Int) -> Int { Int(int64(column)) }
    package func uint32(_ column: Int) -> UInt32 { UInt32(clamping: int64(column)) }
    package func bool(_ column: Int) -> Bool { int64(column) != 0 }
    package func timestamp(_ column: Int) -> Timestamp { Timestamp(microseconds: int64(column)) }

    package func isNull(_ column: Int) -> Bool {
        sqlite3_column_type(statement, Int32(truncatingIfNeeded: column)) == SQLITE_NULL
    }

    package func string(_ column: Int) -> String {
        let index = Int32(truncatingIfNeeded: column)
        guard let text = sqlite3_column_text(statement, index) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, index))
        return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }

    package func bytes(_ column: Int) -> [UInt8] {
        let index = Int32(truncatingIfNeeded: column)
        guard let blob = sqlite3_column_blob(statement, index) else { return [] }
        let count = Int(sqlite3_column_bytes(statement, index))
        return [UInt8](UnsafeRawBufferPointer(start: blob, count: count))
    }

    /// Lends the octets of a column for the length of `body`; none where it is NULL.
    package func withBytes<T>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        let index = Int32(truncatingIfNeeded: column)
        guard let blob = sqlite3_column_blob(statement, index) else {
            return try body(UnsafeRawBufferPointer(start: nil, count: 0))
        }
        return try body(UnsafeRawBufferPointer(start: blob, count: Int(sqlite3_column_bytes(statement, index))))
    }

    /// The octets where they lie: valid until the closure that was handed the row returns. Empty for NULL.
    package func octets(_ column: Int) -> UnsafeRawBufferPointer {
        let index = Int32(truncatingIfNeeded: column)
        guard let blob = sqlite3_column_blob(statement, index) else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(start: blob, count: Int(sqlite3_column_bytes(statement, index)))
    }

    package func optionalInt64(_ column: Int) -> Int64? { isNull(column) ? nil : int64(column) }
    package func optionalString(_ column: Int) -> String? { isNull(column) ? nil : string(column) }
    package func optionalBytes(_ column: Int) -> [UInt8]? { isNull(column) ? nil : bytes(column) }
    package func optionalTimestamp(_ column: Int) -> Timestamp? { isNull(column) ? nil : timestamp(column) }
}

/// Turns SQLite's last error on a connection into ours.
func sqliteError(_ code: Int32, _ connection: OpaquePointer?) -> DatabaseError {
    let text = connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
    return switch code & 0xFF {
    case SQLITE_CONSTRAINT: .constraint(text)
    case SQLITE_FULL: .full(text)
    case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM, SQLITE_NOMEM: .io(text)
    case SQLITE_BUSY, SQLITE_LOCKED: .busy(text)
    case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt(text)
    default: .other(text)
    }
}

/// One SQLite connection for the length of one closure; used only on the connection's own queue.
///
/// GRDB keeps the prepared statements and gives them back when the connection closes; binding and stepping go straight to
/// SQLite.
struct SQLiteConnection: SQLWriter {
    private let database: GRDB.Database
    private let handle: OpaquePointer

    init(_ database: GRDB.Database) throws {
        guard let handle = database.sqliteConnection else { throw DatabaseError.closed }
        self.database = database
        self.handle = handle
    }

    /// Whether no transaction is open: after an error, that SQLite ended the whole transaction.
    var isOutsideTransaction: Bool { sqlite3_get_autocommit(handle) != 0 }

    /// Runs plain text without parameters: BEGIN, SAVEPOINT, PRAGMA, DDL.
    func run(_ sql: String) throws {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw sqliteError(code, handle) }
    }

    /// The first column of the last row that `sql` gives.
    func pragma(_ sql: String) throws -> String {
        var value = ""
        try forEach(SQLStatement(text: sql), binds: []) { value = $0.string(0) }
        return value
    }

    @discardableResult
    func execute(_ statement: SQLStatement, binds: [any SQLBindable]) throws -> Int {
        try forEach(statement, binds: binds) { _ in }
        return Int(sqlite3_changes(handle))
    }

    func part<T>(_ body: () throws -> T) throws -> T {
        try run("SAVEPOINT part")
        do {
            let value = try body()
            try run("RELEASE part")
            return value
        } catch {
            // Where SQLite has ended the transaction, or this can't be undone, the unit as a whole fails.
            if !isOutsideTransaction {
                try run("ROLLBACK TO part")
                try run("RELEASE part")
            }
            throw error
        }
    }

    func forEach(
        _ statement: SQLStatement,
        binds: [any SQLBindable],
        _ body: (borrowing SQLRow) throws -> Void
    ) throws {
        var step = try compile(statement, cached: true)
        // A statement that is being stepped (a nested use of the same text) gets a second, short-lived copy.
        if sqlite3_stmt_busy(step.sqliteStatement) != 0 { step = try compile(statement, cached: false) }
        let handle = step.sqliteStatement
        defer {
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        try stepThrough(handle, binds: binds, body)
        withExtendedLifetime(step) {}
    }

    private func stepThrough(
        _ step: OpaquePointer,
        binds: [any SQLBindable],
        _ body: (borrowing SQLRow) throws -> Void
    ) throws {
        for (offset, bind) in binds.enumerated() {
            try check(Self.bind(bind.sqlValue, to: step, at: Int32(truncatingIfNeeded: offset + 1)))
        }
        while true {
            switch sqlite3_step(step) {
            case SQLITE_ROW: try body(SQLRow(statement: step))
            case SQLITE_DONE: return
            case let code: throw sqliteError(code, handle)
            }
        }
    }

    private func compile(_ statement: SQLStatement, cached: Bool) throws -> Statement {
        do {
            return cached
                ? try database.cachedStatement(sql: statement.sqliteText)
                : try database.makeStatement(sql: statement.sqliteText)
        } catch let error as GRDB.DatabaseError {
            throw sqliteError(error.extendedResultCode.rawValue, handle)
        }
    }

    private func check(_ code: Int32) throws {
        guard code == SQLITE_OK else { throw sqliteError(code, handle) }
    }

    private static func bind(_ value: SQLValue, to statement: OpaquePointer, at index: Int32) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let number): return sqlite3_bind_int64(statement, index, number)
        case .text(var text):
            return text.withUTF8 { bytes in
                guard let start = bytes.baseAddress, !bytes.isEmpty else {
                    return sqlite3_bind_text(statement, index, "", 0, transient)
                }
                return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                    sqlite3_bind_text64(statement, index, $0, UInt64(bytes.count), transient, UInt8(SQLITE_UTF8))
                }
            }
        case .blob(let bytes):
            return bytes.withUnsafeBytes {
                $0.baseAddress.map { start in
                    sqlite3_bind_blob64(statement, index, start, UInt64(bytes.count), transient)
                } ?? sqlite3_bind_zeroblob(statement, index, 0)
            }
        }
    }
}
