import Dispatch
import MartletTesting
import SQLEngine
import Synchronization

/// A table to write into.
enum Notes {
    static let migration = Migration(
        "notes-1",
        [
            .createTable(
                Table(
                    "note", columns: [.identity("id"), .text("body").checking("body <> 'forbidden'")],
                    unique: [["body"]]))
        ])
    static let insert = SQLStatement(text: "INSERT INTO note (body) VALUES ($1) RETURNING id")
    static let count = SQLStatement(text: "SELECT COUNT(*) FROM note")
    static let bodies = SQLStatement(text: "SELECT body FROM note ORDER BY body")

    static func open(_ folder: TemporaryFolder, syncing: any FileSyncing = NoFileSyncing()) throws -> SQLiteDatabase {
        try SQLiteDatabase(path: folder.file("notes.db"), migrations: [migration], syncing: syncing)
    }
}

extension SQLiteDatabase {
    func add(_ body: String) async throws {
        try await write { writer in
            try writer.execute(Notes.insert, body)
        }
    }

    func bodies() async throws -> [String] {
        try await read { try $0.query(Notes.bodies) { $0.string(0) } }
    }
}

/// A file that only remembers what was asked of it.
final class RecordedFile: StagedFile {
    enum Failure: Error {
        case write
        case publish
        case sync
    }

    let log: CallLog
    let name: String
    let failure: Failure?

    init(_ name: String, _ log: CallLog, failing failure: Failure? = nil) {
        self.name = name
        self.log = log
        self.failure = failure
    }

    func writeTemporary() throws {
        log.add("write \(name)")
        if failure == .write { throw Failure.write }
    }

    func publish() throws {
        log.add("publish \(name)")
        if failure == .publish { throw Failure.publish }
    }

    func discard() { log.add("discard \(name)") }
}

final class CallLog: FileSyncing {
    private let state = Mutex<(calls: [String], failsSync: Bool)>(([], false))

    var calls: [String] { state.withLock { $0.calls } }
    func add(_ call: String) { state.withLock { $0.calls.append(call) } }
    func failSync() { state.withLock { $0.failsSync = true } }

    func syncAll(_ files: [any StagedFile]) throws {
        add("sync \(files.count)")
        if state.withLock({ $0.failsSync }) { throw RecordedFile.Failure.sync }
    }
}

/// Holds the writer in a unit until it is let go, so that what comes meanwhile gathers into one batch.
struct Gate: Sendable {
    private let entered = DispatchSemaphore(value: 0)
    private let released = DispatchSemaphore(value: 0)

    /// Runs inside the unit.
    func hold() {
        entered.signal()
        released.wait()
    }

    func waitUntilHeld() async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                entered.wait()
                continuation.resume()
            }
        }
    }

    func open() { released.signal() }
}
