package import Blobs
package import DNSCore
package import Logging
package import MailAuth
import MailConfig
package import MailIntake
import MailPolicy
package import MailSyntax
package import NIOCore
package import NetTransport
package import OutboundQueue
package import SQLEngine
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Delivers what is due in the queue until it is told to stop.
///
/// It leases due recipients in batches, gives them to workers, one for each connection, and sleeps until something is
/// due or the queue wakes it. Stopping gracefully lets each worker finish the message in hand; what was leased and not
/// begun is due again at once.
package final class DeliveryService: Service {
    /// What the service needs from the rest of the house.
    package struct Environment: Sendable {
        package var queue: OutboundQueue
        package var blobs: BlobStore
        /// Files what waited here for mailboxes of ours; nil where nothing does.
        package var intake: MailIntake?
        package var resolver: any DNSResolver
        package var contexts: ClientTLSContexts
        /// The keys of a domain; nil for a domain that does not sign. A throw puts the delivery off.
        package var signer: @Sendable (DomainName) async throws -> DKIMSigner?
        package var bounces: any BounceSink
        package var events: any MailEventSink
        package var ids: IDGenerator
        package var clock: any WallClock
        package var group: any EventLoopGroup
        package var logger: Logger

        package init(
            queue: OutboundQueue,
            blobs: BlobStore,
            intake: MailIntake? = nil,
            resolver: any DNSResolver,
            contexts: ClientTLSContexts,
            signer: @escaping @Sendable (DomainName) async throws -> DKIMSigner? = { _ in nil },
            bounces: any BounceSink,
            events: any MailEventSink,
            ids: IDGenerator,
            clock: any WallClock = SystemClock(),
            group: any EventLoopGroup,
            logger: Logger
        ) {
            self.queue = queue
            self.blobs = blobs
            self.intake = intake
            self.resolver = resolver
            self.contexts = contexts
            self.signer = signer
            self.bounces = bounces
            self.events = events
            self.ids = ids
            self.clock = clock
            self.group = group
            self.logger = logger
        }
    }

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

    static func makeCourier(
        _ settings: DeliverySettings,
        _ generation: Int,
        _ environment: Environment,
        _ board: DeliveryBoard,
        _ alarms: RouteAlarms
    ) -> Courier {
        let settler = DeliverySettler(
            queue: environment.queue,
            bounces: environment.bounces,
            events: environment.events,
            delayReport: settings.delayReport,
            clock: environment.clock,
            logger: environment.logger
        )
        let rewriter = OutgoingRewriter(
            rules: settings.rules, lookup: settings.lookup, logger: environment.logger)
        return Courier(
            settings: settings,
            generation: generation,
            router: MXRouter(resolver: environment.resolver, own: settings.own),
            contexts: environment.contexts,
            content: { sited in
                let message = sited.job.message
                let signer: DKIMSigner? =
                    if let domain = message.dkimDomain { try await environment.signer(domain) } else { nil }
                if let domain = message.dkimDomain, signer == nil {
                    environment.logger.warning(
                        "a message leaves unsigned: its domain has no key any more",
                        metadata: [
                            LogKey.queueID: "\(message.id)", LogKey.remedy: "make one: martlet dkim add \(domain)",
                        ]
                    )
                }
                let reader = try environment.blobs.open(message.blob, size: message.size)
                // Mail for a program of this host keeps the addresses that are known here.
                let leaves = sited.site.plan?.kind != .lmtp
                var content = try await MessageContent.prepare(
                    message, reader: reader, signer: signer, clock: environment.clock,
                    spool: { try environment.blobs.makeSpool() }, change: leaves ? rewriter.change(of: message) : nil)
                if leaves { content.envelope = try await rewriter.envelope(of: sited.job) }
                return content
            },
            settler: settler,
            board: board,
            alarms: alarms,
            intake: environment.intake,
            ids: environment.ids,
            clock: environment.clock,
            group: environment.group,
            logger: environment.logger
        )
    }

    package func run() async throws {
        let queue = environment.queue
        try await queue.takeBackLeases()
        await remember()
        let signal = signal
        let board = board
        queue.onWake { reason in
            if reason == .demand { board.endSuspensions() }
            signal.yield()
        }
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
        } catch {
            environment.logger.error("the queue could not be written", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func takeBackLostLeases() async {
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
        let settings = courier.settings
        do {
            let queue = environment.queue
            var times: [Timestamp?] = []
            // A worker that takes a job says so when there is room again.
            if board.waitingJobs < settings.mostWaiting {
                for (site, limit) in board.refills(now: now) {
                    let jobs = try await queue.leaseParked(on: site, limit: limit)
                    if jobs.lazy.map(\.recipients.count).reduce(0, +) < limit { board.emptied(site) }
                    await place(jobs, now: now, in: &group)
                }
                if let overdue = try await queue.nextOverdue(), overdue <= now {
                    await place(try await queue.leaseOverdue(limit: Self.batch), now: now, in: &group)
                }
                if let due = try await queue.nextDue(), due <= now {
                    let jobs = try await queue.lease(limit: Self.batch, perDestination: Self.batch)
                    await place(jobs, now: now, in: &group)
                }
                times += [try await queue.nextOverdue(), try await queue.nextDue()]
            }
            await place([], now: now, in: &group)
            return (times + [board.nextTime(now: now)]).compactMap(\.self).min()
        } catch {
            environment.logger.error("the queue could not be read", metadata: [LogKey.error: "\(error)"])
            return now.adding(.seconds(10))
        }
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
