package import MailSyntax
import Synchronization

/// Counts connections in all and per peer (an IPv4 address, an IPv6 /64). Share one between listeners that share limits.
package final class ConnectionLimiter: Sendable {
    private struct State {
        var total = 0
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

    /// Connections now.
    package var count: Int { state.withLock { $0.total } }

    /// Counts one more for the peer, or returns false when it has its share. Each true needs one ``release(_:)``.
    package func admit(_ peer: IPAddress) -> Bool {
        let unlimited = exempt.contains { $0.contains(peer) }
        let key = Self.key(peer)
        return state.withLock { state in
            let current = state.perPeer[key] ?? 0
            guard unlimited || current < perPeer else { return false }
            state.perPeer[key] = current + 1
            state.total += 1
            return true
        }
    }

    package func release(_ peer: IPAddress) {
        let key = Self.key(peer)
        let waiters = state.withLock { state in
            state.total -= 1
            let left = (state.perPeer[key] ?? 1) - 1
            state.perPeer[key] = left > 0 ? left : nil
            guard state.total < total else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns at once below the total, else when a connection ended, at cancellation, or by ``wakeAll()``.
    func waitForRoom() async {
        guard state.withLock({ $0.total >= total }) else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard state.total >= total, !Task.isCancelled else { return false }
                    state.waiters.append(continuation)
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            wakeAll()
        }
    }

    /// Lets every waiter look again.
    func wakeAll() {
        let waiters = state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func key(_ peer: IPAddress) -> [UInt8] {
        peer.isV6 ? Array(peer.bytes.prefix(8)) : peer.bytes
    }
}
