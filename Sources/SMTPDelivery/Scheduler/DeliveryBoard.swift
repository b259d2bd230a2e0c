import MailConfig
import MailSyntax
import OutboundQueue
import Synchronization

/// Which jobs wait for which site, and who works for it. Tiny synchronous sections; nothing is called under the lock.
///
/// A site's worker takes one job after another; an idle one, whose connection lingers, is woken before a new one starts.
/// What a site has no room for, and what waits for one that is down, is parked in the queue's rows: the board knows only
/// that there is some.
final class DeliveryBoard: Sendable {
    struct Bounds: Sendable, Hashable {
        /// Workers in all.
        var concurrency: Int
        /// Workers of a site at most, and at first.
        var perSite: Int
        var initial: Int
        /// The first and the longest time that a site is left alone.
        var shortestSuspension = Duration.seconds(60)
        var longestSuspension = Duration.seconds(3600)

        init(concurrency: Int, perSite: Int, initial: Int = 5) {
            self.concurrency = max(1, concurrency)
            self.perSite = max(1, min(perSite, concurrency))
            self.initial = max(1, min(initial, self.perSite))
        }

        /// Jobs of a lane that wait for a site at most.
        var depth: Int { max(100, perSite * 10) }
    }

    struct Suspension: Sendable, Hashable {
        var until: Timestamp
        var reply: DeliveryReply
        /// Times in a row that the site was found dead; 0 for one that is well and has had enough for today.
        var failures: Int
        var since: Timestamp
        /// When this pause began: a clock that was set back ends it.
        var begun: Timestamp
    }

    /// Jobs to be parked on their site, with what it said.
    struct Parking: Sendable {
        var job: DeliveryJob
        var site: String
        var reply: DeliveryReply?
    }

    /// What ``add(_:now:)`` did with jobs.
    struct Placement {
        /// Sites that need a worker, one entry for each.
        var start: [DeliverySite] = []
        /// Idle connections that have work.
        var wake: [@Sendable () -> Void] = []
        var parked: [Parking] = []
    }

    struct Site {
        var site: DeliverySite
        /// One for each lane, interactive first.
        var waiting: [[DeliveryJob]] = [[], []]
        var workers = 0
        var idle: [Int: @Sendable () -> Void] = [:]
        var window: ConcurrencyWindow
        /// No message begins earlier, where the route has a pace.
        var nextStart = Timestamp(microseconds: .min)

        var waitingCount: Int { waiting[0].count + waiting[1].count }
        var isUnused: Bool { workers == 0 && waitingCount == 0 }
    }

    struct State {
        var sites: [String: Site] = [:]
        var suspensions: [String: Suspension] = [:]
        /// Sites that were found dead and have taken nothing since.
        var dead: [String: Suspension] = [:]
        /// Sites that rows may wait for.
        var parked: Set<String> = []
        /// Messages of today by route, for warm-up.
        var day = 0
        var taken: [String: Int] = [:]
        /// Jobs of sites that have had enough, to be parked by the scheduler.
        var evicted: [Parking] = []
        var workers = 0
        var waiting = 0
        var nextToken = 0
        /// Counts up with the settings.
        var generation = 0
        var isClosed = false
        var bounds: Bounds
    }

    let state: Mutex<State>

    /// Told that there is room again for what is parked, or not leased yet.
    private let hasRoom: @Sendable () -> Void

    init(_ bounds: Bounds, hasRoom: @escaping @Sendable () -> Void = {}) {
        state = Mutex(State(bounds: bounds))
        self.hasRoom = hasRoom
    }

    /// Takes other bounds, forgets suspensions, and gives back every job that waits, to be placed anew. Workers go on with
    /// what they have in hand; those above a bound leave after it.
    func rearrange(_ bounds: Bounds) -> (jobs: [DeliveryJob], wake: [@Sendable () -> Void]) {
        state.withLock { state in
            state.bounds = bounds
            state.generation += 1
            state.suspensions = [:]
            state.parked = []
            state.waiting = 0
            let jobs = state.sites.values.flatMap { $0.waiting[0] + $0.waiting[1] } + state.evicted.map(\.job)
            state.evicted = []
            let wake = state.sites.values.flatMap(\.idle.values)
            for key in state.sites.keys { state.sites[key]?.waiting = [[], []] }
            state.sites = state.sites.filter { !$0.value.isUnused }
            return (jobs, wake)
        }
    }

    var waitingJobs: Int { state.withLock { $0.waiting } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Places jobs and says what to do next. Each entry of `start` counts as a worker already.
    func add(_ jobs: [SitedJob], now: Timestamp) -> Placement {
        state.withLock { state in
            var placement = Placement()
            state.endSuspensions(now: now)
            for entry in jobs {
                let name = entry.site.name
                let lane = entry.job.lane.rawValue
                if let suspension = state.suspensions[name] {
                    placement.parked.append(Parking(job: entry.job, site: name, reply: suspension.reply))
                    state.parked.insert(name)
                    continue
                }
                var site = state.sites[name] ?? state.makeSite(entry.site)
                site.site = entry.site
                if state.isClosed || site.waiting[lane].count >= state.bounds.depth {
                    placement.parked.append(Parking(job: entry.job, site: name))
                    state.parked.insert(name)
                } else {
                    site.waiting[lane].append(entry.job)
                    state.waiting += 1
                }
                state.sites[name] = site
            }
            placement.parked += state.evicted
            state.evicted = []
            state.start(&placement, now: now)
            return placement
        }
    }

    /// The next job for a worker that goes on in any case; nil when none waits, it is too early for one, or settings have
    /// changed since the worker's own.
    func next(_ name: String, generation: Int, now: Timestamp) -> SitedJob? {
        let (job, isHungry) = state.withLock { state -> (SitedJob?, Bool) in
            guard state.generation == generation else { return (nil, false) }
            let job = state.take(name, now: now)
            // A worker that keeps its connection would not come back to the scheduler for as long as it lingers.
            return (job, state.wantsRefill(name) || (job != nil && state.waiting == state.bounds.concurrency))
        }
        if isHungry { hasRoom() }
        return job
    }

    /// The next job for a worker, or nil, by which the worker has left; then other sites may have got its place.
    func nextOrLeave(_ name: String, now: Timestamp) -> (job: SitedJob?, start: [DeliverySite]) {
        state.withLock { state in
            if state.workers <= state.bounds.concurrency, let site = state.sites[name],
                site.workers <= state.connections(site), let job = state.take(name, now: now)
            {
                return (job, [])
            }
            state.workers -= 1
            state.sites[name]?.workers -= 1
            // What a site is known to bear is kept only as long as it is used, or its next message has to wait.
            if let site = state.sites[name], site.isUnused, site.nextStart <= now { state.sites[name] = nil }
            var placement = Placement()
            if !state.isClosed { state.start(&placement, now: now) }
            return (nil, placement.start)
        }
    }

    /// Registers a lingering connection; nil when it should not linger, because others need its place.
    func becomeIdle(_ name: String, wake: @escaping @Sendable () -> Void) -> Int? {
        state.withLock { state in
            guard !state.isClosed, state.waiting == 0 || state.workers < state.bounds.concurrency else { return nil }
            state.nextToken += 1
            state.sites[name]?.idle[state.nextToken] = wake
            return state.nextToken
        }
    }

    func endIdle(_ name: String, _ token: Int) {
        state.withLock { $0.sites[name]?.idle[token] = nil }
    }

    /// No more jobs: workers leave after what they have in hand. Returns the idle connections to wake.
    func close() -> [@Sendable () -> Void] {
        state.withLock { state in
            state.isClosed = true
            return state.sites.values.flatMap(\.idle.values)
        }
    }
}
