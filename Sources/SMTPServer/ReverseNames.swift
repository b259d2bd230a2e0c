package import DNSCore
package import MailSyntax
import Synchronization

/// Confirmed reverse names of clients, remembered for a while. // RFC 8601 §3 (iprev)
package final class ReverseNames: Sendable {
    private struct Entry {
        var name: String?
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
        let now = ContinuousClock.now
        return entries.withLock { entries -> String?? in
            guard let entry = entries[address], entry.expires > now else { return nil }
            return .some(entry.name)
        }
    }

    /// The name whose addresses include this one; nil when there is none or nobody answers.
    package func lookUp(_ address: IPAddress) async -> String? {
        if let known = known(address) { return known }
        let (name, lifetime) = await confirmedName(address)
        let expires = ContinuousClock.now.advanced(by: lifetime)
        entries.withLock { entries in
            if entries.count >= mostEntries { entries.removeAll() }
            entries[address] = Entry(name: name, expires: expires)
        }
        return name
    }

    private func confirmedName(_ address: IPAddress) async -> (String?, Duration) {
        switch await resolver.resolve(address.reverseName, .ptr) {
        case .failure(let failure):
            return (nil, failure.isTemporary ? .seconds(30) : .seconds(600))
        case .success(let answer):
            for candidate in answer.names.prefix(3) {
                guard let name = DomainName(candidate),
                    case .success(let forward) = await resolver.resolve(name, address.isV6 ? .aaaa : .a),
                    forward.addresses.contains(address)
                else { continue }
                return (name.ascii, .seconds(600))
            }
            return (nil, .seconds(600))
        }
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
