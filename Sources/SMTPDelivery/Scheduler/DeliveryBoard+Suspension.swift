import MailSyntax
import OutboundQueue
import Synchronization

// Sites that are down, sites that come back, and what is parked for them.
extension DeliveryBoard {
    /// A site took a message. Returns true when it had been dead, so that its row can go.
    func succeeded(_ name: String) -> Bool {
        state.withLock { state in
            state.sites[name]?.window.succeeded()
            return state.dead.removeValue(forKey: name) != nil
        }
    }

    /// A site failed as such. Returns the suspension that began, for the site's row, and what waited and is to be parked;
    /// nil when it may go on, or is suspended already.
    func failed(
        _ site: DeliverySite, _ reply: DeliveryReply, now: Timestamp
    ) -> (suspension: Suspension, parked: [Parking])? {
        state.withLock { state in
            let name = site.name
            if let suspension = state.suspensions[name], suspension.until > now { return nil }
            var entry = state.sites[name] ?? state.makeSite(site)
            let isDead = entry.window.failed()
            defer { if state.sites[name] != nil { state.sites[name] = entry } }
            guard isDead else { return nil }
            let before = state.dead[name]
            let failures = (before?.failures ?? 0) + 1
            var pause = state.bounds.shortestSuspension
            for _ in 1..<max(1, min(failures, 40)) where pause < state.bounds.longestSuspension { pause *= 2 }
            let suspension = Suspension(
                until: now.adding(min(pause, state.bounds.longestSuspension)), reply: reply, failures: failures,
                since: before?.since ?? now, begun: now)
            state.suspensions[name] = suspension
            state.dead[name] = suspension
            state.evict(name, &entry, reply: reply)
            let parked = state.evicted
            state.evicted = []
            return (suspension, parked)
        }
    }

    /// Sets what an earlier process knew.
    func restore(_ suspensions: [String: Suspension], parked: Set<String>, taken: [String: Int], day: Int) {
        state.withLock { state in
            state.suspensions.merge(suspensions) { _, old in old }
            state.dead.merge(suspensions) { _, old in old }
            state.parked.formUnion(parked)
            (state.day, state.taken) = (day, taken)
        }
    }

    /// Lets all sites be tried again. How often they failed is not forgotten.
    func endSuspensions() {
        state.withLock { $0.suspensions = [:] }
    }

    func suspension(of name: String) -> Suspension? { state.withLock { $0.suspensions[name] } }

    /// Sites that have room for what is parked, with how many recipients; one for a site that was dead, to see.
    func refills(now: Timestamp) -> [(site: String, limit: Int)] {
        state.withLock { state in
            guard !state.isClosed, !state.parked.isEmpty else { return [] }
            state.endSuspensions(now: now)
            return state.parked.compactMap { name in
                guard state.suspensions[name] == nil else { return nil }
                let site = state.sites[name]
                if state.dead[name] != nil { return site?.isUnused ?? true ? (name, 1) : nil }
                let waiting = site?.waitingCount ?? 0
                return waiting <= state.bounds.depth / 4 ? (name, state.bounds.depth - waiting) : nil
            }
        }
    }

    /// Nothing is parked for a site any more.
    func emptied(_ name: String) {
        _ = state.withLock { $0.parked.remove(name) }
    }

    /// When something that waits here or is parked may go on by itself, without anybody saying so.
    func nextTime(now: Timestamp) -> Timestamp? {
        state.withLock { state in
            state.sites = state.sites.filter { !$0.value.isUnused || $0.value.nextStart > now }
            let suspended = state.parked.compactMap { state.suspensions[$0]?.until }.min()
            let paced = state.sites.values.lazy.filter { $0.waitingCount > 0 && $0.nextStart > now }.map(\.nextStart)
            return [suspended, paced.min()].compactMap(\.self).min()
        }
    }

    /// A worker that has taken from a site which more is parked for says so when there is room again.
    func wantsRefill(_ name: String) -> Bool {
        state.withLock { $0.wantsRefill(name) }
    }
}
