package import MailSyntax
import Synchronization

/// Who is kept out, for every listener and protocol of a server.
///
/// Listeners ask at accept; sessions and the authenticator report. What changed waits in `takeChanges` for whoever keeps
/// it over a restart.
package final class BanTable: Sendable {
    /// What has to be written or deleted.
    package struct Changes: Sendable {
        package var changed: [Ban] = []
        package var removed: [IPNetwork] = []
        package var isEmpty: Bool { changed.isEmpty && removed.isEmpty }
    }

    private struct State {
        var ledger: BanLedger
        var changed: Set<IPNetwork> = []
        var removed: Set<IPNetwork> = []
        var observers: [@Sendable (Ban) -> Void] = []

        /// It has to be written.
        mutating func note(_ network: IPNetwork) {
            changed.insert(network)
            removed.remove(network)
        }
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> Timestamp

    /// - Parameter bans: those of the last run.
    package init(rules: BanRules, bans: [Ban] = [], now: @escaping @Sendable () -> Timestamp) {
        state = Mutex(State(ledger: BanLedger(rules: rules, bans: bans)))
        self.now = now
    }

    package func setRules(_ rules: BanRules) { state.withLock { $0.ledger.rules = rules } }

    /// Calls `body` with each ban that begins, from the task that brought it about.
    package func onBan(_ body: @escaping @Sendable (Ban) -> Void) { state.withLock { $0.observers.append(body) } }

    /// Whether an address is kept out.
    package func bans(_ address: IPAddress) -> Bool {
        state.withLock { state in
            !state.ledger.isEmpty && state.ledger.ban(of: address, at: now()) != nil
        }
    }

    package func list() -> [Ban] { state.withLock { $0.ledger.list(at: now()) } }

    package func report(_ offence: Offence, by address: IPAddress) {
        let time = now()
        announce { state in
            let bans = state.ledger.report(offence, by: address, at: time)
            for ban in bans { state.note(ban.network) }
            return bans
        }
    }

    package func loggedIn(_ address: IPAddress) {
        let time = now()
        state.withLock { $0.ledger.loggedIn(address, at: time) }
    }

    /// Keeps a network out by an operator's word.
    ///
    /// - Parameter duration: nil: until it is removed.
    @discardableResult
    package func add(_ network: IPNetwork, for duration: Duration?, reason: String) -> Ban {
        let time = now()
        let ban = Ban(
            network: network, since: time, until: duration.map { time.adding($0) }, reason: reason, count: 1,
            isManual: true)
        announce { state in
            state.ledger.add(ban)
            state.note(network)
            return [ban]
        }
        return ban
    }

    /// False when exactly this network was not banned.
    package func remove(_ network: IPNetwork) -> Bool {
        state.withLock { state in
            guard state.ledger.remove(network) else { return false }
            state.changed.remove(network)
            state.removed.insert(network)
            return true
        }
    }

    /// What changed since the last call, and what is over for good. Whoever can't write it gives it back.
    package func takeChanges() -> Changes {
        let time = now()
        return state.withLock { state in
            for network in state.ledger.sweep(at: time) {
                state.changed.remove(network)
                state.removed.insert(network)
            }
            defer { (state.changed, state.removed) = ([], []) }
            guard !state.changed.isEmpty || !state.removed.isEmpty else { return Changes() }
            let changed = state.ledger.all.filter { state.changed.contains($0.network) }
            return Changes(changed: changed, removed: Array(state.removed))
        }
    }

    package func giveBack(_ changes: Changes) {
        state.withLock { state in
            state.changed.formUnion(changes.changed.map(\.network))
            state.removed.formUnion(changes.removed)
            state.removed.subtract(state.changed)
        }
    }

    /// Changes the state, then tells the observers outside the lock.
    private func announce(_ change: (inout State) -> [Ban]) {
        let (bans, observers) = state.withLock { state in (change(&state), state.observers) }
        for ban in bans {
            for observer in observers { observer(ban) }
        }
    }
}
