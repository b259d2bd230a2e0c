import Glibc
import Synchronization

/// How much of the write-ahead log is on disk, and how the next commit is to treat it. Used on the writer's queue only.
///
/// Frames of the log are read back in their order, up to the first that is not whole. A commit without a flush is safe
/// for what comes later, then, as long as every flush succeeds; when one fails that covers such commits, nobody knows
/// what of them is on disk, and what is written behind them could be lost though it was flushed. From then on every
/// write fails; opening the database anew finds the last whole frame.
final class CommitLog: Sendable {
    private struct State {
        /// As the connection is set; nil where that is not known.
        var mode: WriteDurability?
        /// Commits wait for a flush.
        var isBehind = false
        /// Somebody will flush.
        var isFlushRequested = false
        /// The log is open for flushing.
        var descriptor: Int32?
        var failure: DatabaseError?
    }

    private let path: String
    private let isDurable: Bool
    private let state: Mutex<State>

    /// - Parameter isDurable: false where no commit is ever flushed.
    init(path: String, isDurable: Bool) {
        self.path = path
        self.isDurable = isDurable
        state = Mutex(State(mode: .flushed))
    }

    deinit {
        if let descriptor = state.withLock({ $0.descriptor }) { close(descriptor) }
    }

    /// Makes the next commit wait for the disk, or not.
    func prepare(_ connection: SQLiteConnection, _ durability: WriteDurability) throws {
        guard isDurable else { return }
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            guard state.mode != durability else { return }
            state.mode = nil
            // In WAL, NORMAL is FULL without the sync after each commit; checkpoints are synced in both.
            try connection.run("PRAGMA synchronous = \(durability == .flushed ? "FULL" : "NORMAL")")
            state.mode = durability
        }
    }

    func committed(_ durability: WriteDurability) {
        guard isDurable else { return }
        state.withLock { $0.isBehind = durability == .ordered }
    }

    /// A commit failed, perhaps in its flush.
    func commitFailed(_ error: any Error) {
        guard case .io(let text)? = error as? DatabaseError else { return }
        state.withLock { state in
            if state.isBehind { state.failure = Self.lost(text) }
        }
    }

    /// True where commits wait for a flush and nobody has been asked to see to it.
    func takeFlushRequest() -> Bool {
        state.withLock { state in
            guard state.isBehind, !state.isFlushRequested else { return false }
            state.isFlushRequested = true
            return true
        }
    }

    /// Flushes what waits for it.
    func flush() {
        state.withLock { state in
            state.isFlushRequested = false
            guard state.isBehind, state.failure == nil else { return }
            // Kept open: SQLite keeps the log, and its locks are on other files.
            let descriptor = state.descriptor ?? open(path, O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else {
                state.failure = Self.lost("open \(path): \(String(cString: strerror(errno)))")
                return
            }
            state.descriptor = descriptor
            if fdatasync(descriptor) == 0 {
                state.isBehind = false
            } else {
                state.failure = Self.lost(String(cString: strerror(errno)))
            }
        }
    }

    private static func lost(_ text: String) -> DatabaseError {
        .io("the log could not be flushed and takes no more until the server is started again: \(text)")
    }
}
