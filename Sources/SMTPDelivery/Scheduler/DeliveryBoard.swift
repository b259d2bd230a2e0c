import MailSyntax
import OutboundQueue
import Synchronization

/// Which jobs wait for which destination, and who works for it. Tiny synchronous sections; nothing is called under the
/// lock.
///
/// A route's worker takes one job after another; an idle one, whose connection lingers, is woken before a new one starts.
final class DeliveryBoard: Sendable {
    /// No route is kept away longer, whatever the clock does.
    static let longestSuspension = Duration.seconds(60)

    struct Suspension: Sendable {
        var until: Timestamp
        var reply: DeliveryReply
    }

    /// What ``add(_:now:)`` did with jobs.
    struct Placement {
        /// Routes that need a worker, one entry for each.
        var start: [String] = []
        /// Idle connections that have work.
        var wake: [@Sendable () -> Void] = []
        /// Jobs there was no place for, to be given back.
        var overflow: [RoutedJob] = []
        /// Jobs of a destination that failed a moment ago.
        var suspended: [(job: RoutedJob, Suspension)] = []
    }

    private struct Route {
        var waiting: [RoutedJob] = []
        var workers = 0
        var idle: [Int: @Sendable () -> Void] = [:]
    }

    private struct State {
        var routes: [String: Route] = [:]
        var suspensions: [String: Suspension] = [:]
        var workers = 0
        var waiting = 0
        var nextToken = 0
        var isClosed = false
        var bounds: Bounds
    }

    private struct Bounds {
        var concurrency: Int
        var perRoute: Int
        /// Jobs that wait for one route at most.
        var depth: Int

        init(concurrency: Int, perRoute: Int) {
            self.concurrency = max(1, concurrency)
            self.perRoute = max(1, min(perRoute, concurrency))
            depth = max(100, perRoute * 10)
        }
    }

    private let state: Mutex<State>

    init(concurrency: Int, perRoute: Int) {
        state = Mutex(State(bounds: Bounds(concurrency: concurrency, perRoute: perRoute)))
    }

    /// Takes other bounds, forgets suspensions, and gives back every job that waits, to be placed anew. Workers go on with
    /// what they have in hand; those above a bound leave after it.
    func rearrange(concurrency: Int, perRoute: Int) -> (jobs: [RoutedJob], wake: [@Sendable () -> Void]) {
        state.withLock { state in
            state.bounds = Bounds(concurrency: concurrency, perRoute: perRoute)
            state.suspensions = [:]
            state.waiting = 0
            let jobs = state.routes.values.flatMap(\.waiting)
            let wake = state.routes.values.flatMap(\.idle.values)
            for key in state.routes.keys { state.routes[key]?.waiting = [] }
            return (jobs, wake)
        }
    }

    var waitingJobs: Int { state.withLock { $0.waiting } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Places jobs and says what to do next. Each entry of `start` counts as a worker already.
    func add(_ jobs: [RoutedJob], now: Timestamp) -> Placement {
        state.withLock { state in
            var placement = Placement()
            let latest = now.adding(Self.longestSuspension)
            state.suspensions = state.suspensions.filter { $0.value.until > now && $0.value.until <= latest }
            for job in jobs {
                let key = job.key
                if let suspension = state.suspensions[key] {
                    placement.suspended.append((job, suspension))
                } else if state.isClosed || state.routes[key, default: Route()].waiting.count >= state.bounds.depth {
                    placement.overflow.append(job)
                } else {
                    state.routes[key, default: Route()].waiting.append(job)
                    state.waiting += 1
                }
            }
            for route in state.routes.values where !route.waiting.isEmpty {
                placement.wake += route.idle.values.prefix(route.waiting.count)
            }
            placement.start = startable(&state)
            return placement
        }
    }

    /// Routes that can have one more worker, each entry counted as started; routes take turns.
    private func startable(_ state: inout State) -> [String] {
        var started: [String] = []
        var hasStarted = true
        let bounds = state.bounds
        while hasStarted, state.workers < bounds.concurrency {
            hasStarted = false
            for (key, route) in state.routes.sorted(by: { $0.value.workers < $1.value.workers }) {
                let waitingForNew = route.waiting.count - route.idle.count - started.count(where: { $0 == key })
                guard state.workers < bounds.concurrency, route.workers < bounds.perRoute, waitingForNew > 0 else {
                    continue
                }
                state.routes[key]?.workers += 1
                state.workers += 1
                started.append(key)
                hasStarted = true
            }
        }
        return started
    }

    /// The next job for a worker that goes on in any case; nil when none waits.
    func next(_ key: String) -> RoutedJob? {
        state.withLock { Self.take(&$0, key) }
    }

    /// The next job for a worker, or nil, by which the worker has left; then other routes may have got its place.
    func nextOrLeave(_ key: String) -> (job: RoutedJob?, start: [String]) {
        state.withLock { state in
            if state.workers <= state.bounds.concurrency, let job = Self.take(&state, key) { return (job, []) }
            state.workers -= 1
            state.routes[key]?.workers -= 1
            if let route = state.routes[key], route.workers == 0, route.waiting.isEmpty { state.routes[key] = nil }
            return (nil, state.isClosed ? [] : startable(&state))
        }
    }

    private static func take(_ state: inout State, _ key: String) -> RoutedJob? {
        guard !state.isClosed, let first = state.routes[key]?.waiting.first else { return nil }
        state.routes[key]?.waiting.removeFirst()
        state.waiting -= 1
        return first
    }

    /// Registers a lingering connection; nil when it should not linger, because others need its place.
    func becomeIdle(_ key: String, wake: @escaping @Sendable () -> Void) -> Int? {
        state.withLock { state in
            guard !state.isClosed, state.waiting == 0 || state.workers < state.bounds.concurrency else { return nil }
            state.nextToken += 1
            state.routes[key]?.idle[state.nextToken] = wake
            return state.nextToken
        }
    }

    func endIdle(_ key: String, _ token: Int) {
        state.withLock { $0.routes[key]?.idle[token] = nil }
    }

    /// Keeps jobs of a route away for a while; returns those that wait for it.
    func suspend(_ key: String, _ suspension: Suspension) -> [RoutedJob] {
        state.withLock { state in
            state.suspensions[key] = suspension
            let waiting = state.routes[key]?.waiting ?? []
            state.routes[key]?.waiting = []
            state.waiting -= waiting.count
            return waiting
        }
    }

    /// Lets all routes be tried again.
    func endSuspensions() {
        state.withLock { $0.suspensions = [:] }
    }

    /// No more jobs: workers leave after what they have in hand. Returns the idle connections to wake.
    func close() -> [@Sendable () -> Void] {
        state.withLock { state in
            state.isClosed = true
            return state.routes.values.flatMap(\.idle.values)
        }
    }
}
