package import MailSyntax

/// Who is kept out and who is close to it, as a value: offences and logins in, bans out. Time is an argument.
package struct BanLedger: Sendable {
    private struct Count: Sendable {
        /// Times of the latest offences, at most as many as ban.
        var times: [Timestamp] = []
        var latest: Timestamp { times.last ?? Timestamp(microseconds: 0) }
    }

    package var rules: BanRules
    /// Those that hold, and those that are over but make the next one longer.
    private var bans: [IPNetwork: Ban] = [:]
    private var counts: [IPNetwork: Count] = [:]
    /// Until when a client that has logged in rightly is not banned.
    private var known: [IPNetwork: Timestamp] = [:]
    /// Bans of networks of other lengths than clients and neighbourhoods have: an operator's.
    private var others: Set<IPNetwork> = []

    package init(rules: BanRules, bans: [Ban] = []) {
        self.rules = rules
        for ban in bans { insert(ban) }
    }

    // MARK: asking

    package var isEmpty: Bool { bans.isEmpty }

    /// The ban that keeps an address out now.
    package func ban(of address: IPAddress, at now: Timestamp) -> Ban? {
        guard !bans.isEmpty else { return nil }
        let networks =
            [BanRules.client(address), BanRules.neighbourhood(address)] + others.filter { $0.contains(address) }
        return networks.lazy.compactMap { bans[$0] }.first {
            $0.holds(at: now) && ($0.isManual || rules.isEnabled && !rules.exempts(address))
        }
    }

    /// Those that hold, the newest first.
    package func list(at now: Timestamp) -> [Ban] {
        bans.values.filter { $0.holds(at: now) }.sorted {
            ($1.since, $0.network.description) < ($0.since, $1.network.description)
        }
    }

    /// Everything that is to be kept over a restart.
    package var all: [Ban] { Array(bans.values) }

    // MARK: offences

    /// Counts an offence. Returns the bans that come of it: of the client, and perhaps of its neighbourhood.
    package mutating func report(_ offence: Offence, by address: IPAddress, at now: Timestamp) -> [Ban] {
        guard rules.isEnabled, !rules.exempts(address) else { return [] }
        let client = BanRules.client(address)
        guard known[client].map({ $0 <= now }) ?? true, bans[client]?.holds(at: now) != true else { return [] }
        known[client] = nil
        if counts[client] == nil { makeRoom(now) }
        var count = counts[client] ?? Count()
        let start = now.adding(.zero - rules.window)
        count.times.removeAll { $0 <= start }
        count.times.append(now)
        guard count.times.count >= max(rules.failures, 1) else {
            counts[client] = count
            return []
        }
        counts[client] = nil
        let ban = renew(client, offence.rawValue, now)
        return [ban] + neighbours(of: address, now)
    }

    /// A client has logged in rightly: what it did before is forgiven, and for a while it is not banned.
    package mutating func loggedIn(_ address: IPAddress, at now: Timestamp) {
        guard rules.isEnabled, !rules.exempts(address) else { return }
        let client = BanRules.client(address)
        counts[client] = nil
        if known[client] == nil, known.count >= rules.memory { known = known.filter { $0.value > now } }
        guard known[client] != nil || known.count < rules.memory else { return }
        known[client] = now.adding(rules.window)
    }

    private mutating func neighbours(of address: IPAddress, _ now: Timestamp) -> [Ban] {
        let network = BanRules.neighbourhood(address)
        guard let limit = rules.networkAfter, bans[network]?.holds(at: now) != true else { return [] }
        let banned = bans.values.count {
            !$0.isManual && $0.network != network && $0.holds(at: now) && network.contains($0.network.base)
        }
        guard banned >= limit else { return [] }
        return [renew(network, "\(banned) banned addresses", now)]
    }

    /// Twice as long as the last one, which is forgotten when it has been over for the longest time.
    private mutating func renew(_ network: IPNetwork, _ reason: String, _ now: Timestamp) -> Ban {
        let before = bans[network].map(\.count) ?? 0
        var length = rules.duration
        for _ in 0..<min(before, 40) where length < rules.longest { length = length * 2 }
        let ban = Ban(
            network: network, since: now, until: now.adding(min(length, max(rules.longest, rules.duration))),
            reason: reason, count: before + 1, isManual: false)
        insert(ban)
        return ban
    }

    // MARK: operators

    package mutating func add(_ ban: Ban) { insert(ban) }

    /// Takes the ban of exactly this network away, and what is counted of the clients in it. False when there is none.
    package mutating func remove(_ network: IPNetwork) -> Bool {
        counts = counts.filter { !network.contains($0.key.base) }
        others.remove(network)
        return bans.removeValue(forKey: network) != nil
    }

    /// Forgets what has no effect any more; returns the networks whose rows can go.
    package mutating func sweep(at now: Timestamp) -> [IPNetwork] {
        let horizon = now.adding(.zero - rules.longest)
        let gone = bans.values.filter { ban in ban.until.map { $0 <= horizon } ?? false }.map(\.network)
        for network in gone {
            bans[network] = nil
            others.remove(network)
        }
        let start = now.adding(.zero - rules.window)
        counts = counts.filter { $0.value.latest > start }
        known = known.filter { $0.value > now }
        return gone
    }

    private mutating func insert(_ ban: Ban) {
        bans[ban.network] = ban
        let base = ban.network.base
        guard ban.network != BanRules.client(base), ban.network != BanRules.neighbourhood(base) else { return }
        others.insert(ban.network)
    }

    /// A tenth of the oldest counts goes at a time, so that a flood of addresses does not sort them for each.
    private mutating func makeRoom(_ now: Timestamp) {
        guard counts.count >= max(rules.memory, 10) else { return }
        let start = now.adding(.zero - rules.window)
        counts = counts.filter { $0.value.latest > start }
        guard counts.count >= max(rules.memory, 10) else { return }
        let times = counts.values.map(\.latest).sorted()
        let threshold = times[min(times.count / 10, times.count - 1)]
        counts = counts.filter { $0.value.latest > threshold }
    }
}
