import MailConfig
import MailSyntax
import OutboundQueue

// Under the lock: who may start, who may take what, and when.
extension DeliveryBoard.State {
    func makeSite(_ site: DeliverySite) -> DeliveryBoard.Site {
        let limit = min(bounds.concurrency, site.pace.connections ?? bounds.perSite)
        return DeliveryBoard.Site(site: site, window: ConcurrencyWindow(initial: bounds.initial, limit: limit))
    }

    /// Connections that a site may have now.
    func connections(_ site: DeliveryBoard.Site) -> Int {
        min(site.window.size, site.site.pace.connections ?? bounds.perSite)
    }

    /// Wakes idle connections that have work, and starts workers where there is more; sites take turns.
    mutating func start(_ placement: inout DeliveryBoard.Placement, now: Timestamp) {
        for site in sites.values where site.waitingCount > 0 && site.nextStart <= now {
            placement.wake += site.idle.values.prefix(site.waitingCount)
        }
        var fresh: [String: Int] = [:]
        var hasStarted = true
        while hasStarted, workers < bounds.concurrency {
            hasStarted = false
            for (name, site) in sites.sorted(by: { $0.value.workers < $1.value.workers }) {
                let waitingForNew = site.waitingCount - site.idle.count - fresh[name, default: 0]
                guard workers < bounds.concurrency, site.workers < connections(site), waitingForNew > 0,
                    site.nextStart <= now
                else { continue }
                sites[name]?.workers += 1
                workers += 1
                fresh[name, default: 0] += 1
                placement.start.append(site.site)
                hasStarted = true
            }
        }
    }

    mutating func take(_ name: String, now: Timestamp) -> SitedJob? {
        guard !isClosed, var site = sites[name], site.waitingCount > 0, site.nextStart <= now,
            !isCapped(&site, now: now)
        else { return nil }
        let lane = site.waiting[0].isEmpty ? 1 : 0
        let job = site.waiting[lane].removeFirst()
        waiting -= 1
        if let interval = site.site.pace.interval { site.nextStart = now.adding(interval) }
        sites[name] = site
        return SitedJob(job: job, site: site.site)
    }

    /// Whether the route has had its messages of today; then everything that waits for the site is put away until
    /// tomorrow.
    private mutating func isCapped(_ site: inout DeliveryBoard.Site, now: Timestamp) -> Bool {
        guard let warmUp = site.site.pace.warmUp else { return false }
        let today = RoutePace.WarmUp.day(now)
        if day != today { (day, taken) = (today, [:]) }
        let route = site.site.route
        guard let cap = warmUp.cap(on: today) else { return false }
        guard taken[route, default: 0] >= cap else {
            taken[route, default: 0] += 1
            return false
        }
        let reply = DeliveryReply(
            status: EnhancedStatusCode(4, 7, 0),
            text: "the warm-up of route \(route) allows \(cap) messages today; the rest waits until tomorrow (UTC)")
        let name = site.site.name
        suspensions[name] = DeliveryBoard.Suspension(
            until: RoutePace.WarmUp.tomorrow(now), reply: reply, failures: 0, since: now, begun: now)
        evict(name, &site, reply: reply)
        sites[name] = site
        return true
    }

    /// Puts away what waits for a site.
    mutating func evict(_ name: String, _ site: inout DeliveryBoard.Site, reply: DeliveryReply) {
        let jobs = site.waiting[0] + site.waiting[1]
        site.waiting = [[], []]
        waiting -= jobs.count
        parked.insert(name)
        evicted += jobs.map { DeliveryBoard.Parking(job: $0, site: name, reply: reply) }
    }

    /// Ends suspensions whose time is over, and those that a clock which was ahead has left.
    /// Something is parked for a site that is up and has little to do.
    func wantsRefill(_ name: String) -> Bool {
        guard parked.contains(name), suspensions[name] == nil else { return false }
        return (sites[name]?.waitingCount ?? 0) <= bounds.depth / 4
    }

    mutating func endSuspensions(now: Timestamp) {
        guard !suspensions.isEmpty else { return }
        suspensions = suspensions.filter { $0.value.until > now && $0.value.begun <= now }
    }
}

extension RoutePace {
    /// Between the starts of two messages to one site.
    var interval: Duration? {
        let even: Duration? = perMinute.map { .microseconds(60_000_000 / max(1, $0)) }
        switch (delay, even) {
        case (nil, nil): return nil
        case (let one?, nil), (nil, let one?): return one
        case (let one?, let other?): return max(one, other)
        }
    }
}

extension DeliveryJob {
    var lane: QueueLane { recipients.first?.lane ?? .interactive }
}
