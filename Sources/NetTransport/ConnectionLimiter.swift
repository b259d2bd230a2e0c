package import MailSyntax
import Synchronization

/// Counts connections in all and per peer (an IPv4 address, an IPv6 /64). Share one between listeners that share limits.
package final class ConnectionLimiter: Sendable {
    private struct State {
        var total = 0
        var isClosed = false
        var perPeer: [[UInt8]: Int] = [:]
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let total: Int
    private let perPeer: Int
    private let exempt: [IPNetwork]
    private let state = Mutex(State())

    /// - Parameters:
    ///   - total: connections at once; at the limit no more are accepted until one ends (they wait in the kernel).
    ///   - perPeer: connections at once of one peer; more are refused with a line.
    ///   - exempt: networks without a limit per peer.
    package init(total: Int, perPeer: Int, exempt: [IPNetwork] = []) {
        self.total = total
        self.perPeer = perPeer
        self.exempt = exempt
    }

    /// Sessions now.
    package var count: Int { state.withLock { $0.total } }

    /// Counts one more for the peer, or returns false when it has its share. Each true needs one ``release(_:)``.
    package func admit(_ peer: IPAddress) -> Bool {
        let unlimited = exempt.contains { $0.contains(peer) }
        let key = Self.key(peer)
        return state.withLock { state in
            let current = state.perPeer[key] ?? 0
            guard unlimited || current < perPeer else { return false }
            state.perPeer[key] = current + 1
            return true
        }
    }

    package func release(_ peer: IPAddress) {
        let key = Self.key(peer)
        state.withLock { state in
            let left = (state.perPeer[key] ?? 1) - 1
            state.perPeer[key] = left > 0 ? left : nil
        }
    }

    /// Takes a place in the total; at the limit, when a session has ended, at cancellation, or when the server stops.
    func begin() async {
        while !state.withLock({ Self.take(&$0, total: Task.isCancelled ? .max : total) }) {
            await waitForRoom()
        }
    }

    /// Gives the place back.
    func end() {
        let waiters = state.withLock { state in
            state.total -= 1
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func take(_ state: inout State, total: Int) -> Bool {
        guard state.total < total || state.isClosed else { return false }
        state.total += 1
        return true
    }

    private func waitForRoom() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard state.total >= total, !state.isClosed, !Task.isCancelled else { return false }
                    state.waiters.append(continuation)
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            let waiters = state.withLock { state in
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume() }
        }
    }

    /// The server is stopping: what was accepted already no longer waits, so that it can be told.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func key(_ peer: IPAddress) -> [UInt8] {
        peer.isV6 ? Array(peer.bytes.prefix(8)) : peer.bytes
    }
}
