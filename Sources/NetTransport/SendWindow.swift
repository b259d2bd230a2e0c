import NIOCore
import Synchronization

/// How much of what a session sent has not reached its socket, and a place to wait until less is outstanding.
///
/// NIO's own back-pressure begins when the socket accepts no more. A session that reads a file outruns a loop that
/// encrypts, and until that moment everything between the two would pile up: a whole message, or a whole mailbox.
/// Only large pieces count, so that short replies cost nothing.
final class SendWindow: Sendable {
    /// Octets of a piece from which it counts.
    static let bulk = 16 * 1024
    /// Octets that may be outstanding before the sender waits.
    static let limit = 256 * 1024

    private struct State {
        var outstanding = 0
        var isClosed = false
        var watchesClose = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Octets that are on their way to the socket.
    var outstanding: Int { state.withLock(\.outstanding) }

    /// So many octets are about to be sent.
    func left(_ octets: Int) {
        state.withLock { $0.outstanding += octets }
    }

    /// So many octets are in the socket, or were dropped.
    func landed(_ octets: Int) {
        resume { state in
            state.outstanding -= octets
            return state.outstanding <= Self.limit
        }
    }

    /// Nothing will land any more; waits end.
    func close() {
        resume { state in
            state.isClosed = true
            return true
        }
    }

    /// Returns once no more than the limit is outstanding, the connection is closed, or the task is cancelled.
    func wait(for channel: any Channel) async {
        guard state.withLock({ $0.outstanding > Self.limit && !$0.isClosed }) else { return }
        if startsWatching() { channel.closeFuture.whenComplete { _ in self.close() } }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state in
                    guard state.outstanding > Self.limit, !state.isClosed else { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isFree { continuation.resume() }
            }
        } onCancel: {
            close()
        }
    }

    /// True for the first caller.
    private func startsWatching() -> Bool {
        state.withLock { state in
            defer { state.watchesClose = true }
            return !state.watchesClose
        }
    }

    private func resume(when condition: (inout State) -> Bool) {
        let ready = state.withLock { state in
            guard condition(&state) else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in ready { waiter.resume() }
    }
}
