package import DNSCore
package import MailAuth
package import MailSyntax
import Synchronization

/// Confirmed reverse names of clients, remembered for a while. // RFC 8601 §3 (iprev)
package final class ReverseNames: Sendable {
    private struct Entry {
        var result: ReverseResult
        var expires: ContinuousClock.Instant
    }

    private let resolver: any DNSResolver
    private let entries = Mutex<[IPAddress: Entry]>([:])
    private let mostEntries = 4096

    package init(resolver: any DNSResolver) {
        self.resolver = resolver
    }

    /// `.some(nil)`: known to have none.
    package func known(_ address: IPAddress) -> String?? {
        knownResult(address).map { $0.name?.ascii }
    }

    private func knownResult(_ address: IPAddress) -> ReverseResult? {
        let now = ContinuousClock.now
        return entries.withLock { entries in
            guard let entry = entries[address], entry.expires > now else { return nil }
            return entry.result
        }
    }

    /// The name whose addresses include this one; nil when there is none or nobody answers.
    package func lookUp(_ address: IPAddress) async -> String? { await result(address).name?.ascii }

    /// The same with what stands in its way.
    package func result(_ address: IPAddress) async -> ReverseResult {
        if let known = knownResult(address) { return known }
        let result = await ReverseCheck.check(address, resolver: resolver)
        // Who gave up waiting has found out nothing.
        guard !Task.isCancelled else { return result }
        let isTemporary = if case .temporaryError = result { true } else { false }
        let expires = ContinuousClock.now.advanced(by: isTemporary ? .seconds(30) : .seconds(600))
        entries.withLock { entries in
            if entries.count >= mostEntries { entries.removeAll() }
            entries[address] = Entry(result: result, expires: expires)
        }
        return result
    }
}

/// One answer that several may wait for.
final class PendingName: Sendable {
    private struct State {
        var answer: String??
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Sets the answer, once.
    func resolve(_ name: String?) {
        let waiters = state.withLock { state in
            if state.answer == nil { state.answer = .some(name) }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until there is an answer.
    var value: String? {
        get async {
            await withCheckedContinuation { continuation in
                let isKnown = state.withLock { state in
                    if state.answer == nil { state.waiters.append(continuation) }
                    return state.answer != nil
                }
                if isKnown { continuation.resume() }
            }
            return state.withLock { $0.answer ?? nil }
        }
    }
}
