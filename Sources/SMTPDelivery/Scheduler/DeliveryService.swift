import Logging
import MailConfig
import MailSyntax
import OutboundQueue
import SQLEngine
import ServiceLifecycle
import Synchronization
import Telemetry

/// Delivers what is due in the queue until it is told to stop.
///
/// It takes messages that were leased as they came, leases others that are due in batches, gives them to workers, one for each connection, and sleeps until something is
/// due or the queue wakes it. Stopping gracefully lets each worker finish the message in hand; what was leased and not
/// begun is due again at once.
package final class DeliveryService: Service {
    /// Nobody sleeps longer: leases of lost nodes are looked for, and a clock that jumped is noticed.
    private static let longestSleep = Duration.seconds(60)
    /// Recipients that are leased with one write.
    private static let batch = 200

    private struct Current {
        var courier: Courier
        /// What a reload brought, until the scheduler takes it over.
        var next: DeliverySettings?
    }

    private let environment: Environment
    private let board: DeliveryBoard
    private let alarms: RouteAlarms
    private let current: Mutex<Current>
    private let outlook = Mutex(QueueOutlook())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    package init(settings: DeliverySettings, environment: Environment) {
        self.environment = environment
        let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        (self.signals, self.signal) = (signals, signal)
        board = DeliveryBoard(settings.bounds) { signal.yield() }
        alarms = RouteAlarms(clock: environment.clock, logger: environment.logger)
        current = Mutex(Current(courier: Self.makeCourier(settings, 0, environment, board, alarms)))
    }

    private var courier: Courier { current.withLock { $0.courier } }

    /// Takes over other settings: attempts that begin from now on follow them, those under way end as they began.
    package func update(_ settings: DeliverySettings) {
        current.withLock { $0.next = settings }
        signal.yield()
    }

    package func run() async throws {
        let queue = environment.queue
        try await queue.takeBackLeases()
        await remember()
        queue.onWake(takesOver: { self.takesOver }) { self.wake($0) }
        defer { queue.onWake(nil) }
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                await self.schedule(in: &group)
            }
        } onGracefulShutdown: {
            self.stop()
        }
        // What was leased and not begun belongs to nobody now.
        try? await queue.takeBackLeases()
    }

    private func wake(_ reason: OutboundQueue.Wake) {
        if reason == .demand { board.endSuspensions() }
        if outlook.withLock({ $0.hear(reason) }) { signal.yield() }
    }

    /// While little waits, a message is leased as it comes; what is in the queue has its share of the room.
    private var takesOver: Bool {
        guard !board.isClosed else { return false }
        return board.waitingJobs + outlook.withLock(\.waitingJobs) < courier.settings.mostWaiting / 2
    }

    private func stop() {
        for wake in board.close() { wake() }
        signal.finish()
    }

    private func schedule(in group: inout DiscardingTaskGroup) async {
        var alarm: Task<Void, Never>?
        var lostLeases = Timestamp(microseconds: .min)
        signal.yield()
        for await _ in signals {
            guard !board.isClosed, !Task.isCancelled else { break }
            let now = environment.clock.now()
            // A clock that was set back would not come here for as long as it was ahead.
            if lostLeases.adding(Self.longestSleep) <= now || now < lostLeases {
                lostLeases = now
                await takeBackLostLeases()
            }
            await takeOverSettings(now: now, in: &group)
            let next = await step(now: now, in: &group)
            let delay = next.map { min(max(.milliseconds(1), $0.since(now)), Self.longestSleep) } ?? Self.longestSleep
            alarm?.cancel()
            let signal = signal
            // Cancelled by the next round, or below.
            alarm = Task {
                if (try? await Task.sleep(for: delay)) != nil { signal.yield() }
            }
        }
        alarm?.cancel()
    }

    /// Jobs that wait are placed anew, and what is parked is due, since a way may lead to another host now. Only the
    /// scheduler places jobs, so that none can be placed by the old settings once this has returned.
    private func takeOverSettings(now: Timestamp, in group: inout DiscardingTaskGroup) async {
        let (settings, generation) = current.withLock { current in
            defer { current.next = nil }
            return (current.next, current.courier.generation + 1)
        }
        guard let settings else { return }
        let (jobs, wake) = board.rearrange(settings.bounds)
        let courier = Self.makeCourier(settings, generation, environment, board, alarms)
        current.withLock { $0.courier = courier }
        for wake in wake { wake() }
        await place(jobs, now: now, in: &group)
        do {
            _ = try await environment.queue.unparkAll()
            outlook.withLock { $0.forget() }
        } catch {
            environment.logger.error("the queue could not be written", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func takeBackLostLeases() async {
        outlook.withLock { $0.forget() }
        do {
            try await environment.queue.takeBackExpiredLeases()
            // Ten minutes cover what is put off for a reason of our own.
            let longest = max(courier.settings.policy.schedule.longest, .seconds(600))
            let moved = try await environment.queue.pullForward(longestWait: longest)
            if moved > 0 {
                environment.logger.notice(
                    "recipients were put off for longer than the schedule allows and are due now",
                    metadata: [LogKey.count: "\(moved)"]
                )
            }
        } catch {
            environment.logger.error("leases could not be taken back", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Leases and places what is due, and what is parked for sites that have room; returns when to look again.
    private func step(now: Timestamp, in group: inout DiscardingTaskGroup) async -> Timestamp? {
        do {
            await place(outlook.withLock { $0.takeJobs() }, now: now, in: &group)
            var next: Timestamp?
            // A worker that takes a job says so when there is room again.
            if board.waitingJobs < courier.settings.mostWaiting {
                let queue = environment.queue
                for (site, limit) in board.refills(now: now) {
                    let jobs = try await queue.leaseParked(on: site, limit: limit)
                    if jobs.lazy.map(\.recipients.count).reduce(0, +) < limit { board.emptied(site) }
                    await place(jobs, now: now, in: &group)
                }
                if outlook.withLock({ $0.mustLook(now: now) }) { try await look(now: now, in: &group) }
                next = outlook.withLock { $0.next }
            }
            // Jobs of a route that has had enough of today are to be parked.
            await place([], now: now, in: &group)
            return [next, board.nextTime(now: now)].compactMap(\.self).min()
        } catch {
            environment.logger.error("the queue could not be read", metadata: [LogKey.error: "\(error)"])
            outlook.withLock { $0.forget() }
            return now.adding(.seconds(10))
        }
    }

    /// Leases what the queue has that is due, and learns when the next is.
    private func look(now: Timestamp, in group: inout DiscardingTaskGroup) async throws {
        let queue = environment.queue
        var times = try await queue.nextTimes()
        var hasLeased = false
        if let overdue = times.overdue, overdue <= now {
            await place(try await queue.leaseOverdue(limit: Self.batch), now: now, in: &group)
            hasLeased = true
        }
        if let due = times.due, due <= now {
            await place(try await queue.lease(limit: Self.batch, perDestination: Self.batch), now: now, in: &group)
            hasLeased = true
        }
        if hasLeased { times = try await queue.nextTimes() }
        let next = [times.due, times.overdue].compactMap(\.self).min()
        outlook.withLock { $0.learn(next) }
    }

    private func place(_ jobs: [DeliveryJob], now: Timestamp, in group: inout DiscardingTaskGroup) async {
        let courier = courier
        var sited: [SitedJob] = []
        for job in jobs { sited += await courier.sited(job) }
        let placement = board.add(sited, now: now)
        for site in placement.start { start(site.name, in: &group) }
        for wake in placement.wake { wake() }
        await courier.settler.park(placement.parked)
    }

    private func start(_ name: String, in group: inout DiscardingTaskGroup) {
        group.addTask { await self.work(name) }
    }

    /// A worker: it also works for the sites that get its place, so that no task waits for a task.
    private func work(_ name: String) async {
        var names = [name]
        while let name = names.popLast() {
            while true {
                let (job, start) = board.nextOrLeave(name, now: environment.clock.now())
                names += start.map(\.name)
                guard let job else { break }
                let courier = courier
                await courier.work(first: job)
                if board.waitingJobs <= courier.settings.concurrency || board.wantsRefill(name) { signal.yield() }
                if Task.isCancelled { return }
            }
        }
        signal.yield()
    }

    /// What an earlier process knew of sites and counts.
    private func remember() async {
        do {
            let queue = environment.queue
            let now = environment.clock.now()
            let day = RoutePace.WarmUp.day(now)
            let latest = now.adding(courier.settings.bounds.longestSuspension)
            let sites = try await queue.suspendedSites().map { site in
                let suspension = DeliveryBoard.Suspension(
                    until: min(site.retryAt, latest), reply: site.reply, failures: site.failures, since: site.since,
                    begun: now)
                return (site.name, suspension)
            }
            board.restore(
                Dictionary(sites) { first, _ in first }, parked: Set(try await queue.parkedSites()),
                taken: try await queue.warmUpCounts(day: day), day: day)
        } catch {
            environment.logger.error("the queue could not be read", metadata: [LogKey.error: "\(error)"])
        }
    }
}
