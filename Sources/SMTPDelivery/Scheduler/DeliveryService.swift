package import Blobs
package import DNSCore
package import Logging
package import MailAuth
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
        package var resolver: any DNSResolver
        package var contexts: ClientTLSContexts
        /// The keys of a domain; nil for a domain that does not sign. A throw puts the delivery off.
        package var signer: @Sendable (DomainName) async throws -> DKIMSigner?
        package var bounces: any BounceSink
        package var events: any MailEventSink
        /// Takes each attempt for the message's history; must not wait.
        package var attempts: @Sendable (DeliveryAttempt) -> Void
        package var ids: IDGenerator
        package var clock: any WallClock
        package var group: any EventLoopGroup
        package var logger: Logger

        package init(
            queue: OutboundQueue,
            blobs: BlobStore,
            resolver: any DNSResolver,
            contexts: ClientTLSContexts,
            signer: @escaping @Sendable (DomainName) async throws -> DKIMSigner? = { _ in nil },
            bounces: any BounceSink,
            events: any MailEventSink,
            attempts: @escaping @Sendable (DeliveryAttempt) -> Void = { _ in },
            ids: IDGenerator,
            clock: any WallClock = SystemClock(),
            group: any EventLoopGroup,
            logger: Logger
        ) {
            self.queue = queue
            self.blobs = blobs
            self.resolver = resolver
            self.contexts = contexts
            self.signer = signer
            self.bounces = bounces
            self.events = events
            self.attempts = attempts
            self.ids = ids
            self.clock = clock
            self.group = group
            self.logger = logger
        }
    }

    /// Nobody sleeps longer: leases of lost nodes are looked for, and a clock that jumped is noticed.
    private static let longestSleep = Duration.seconds(60)

    private struct Current {
        var courier: Courier
        /// What a reload brought, until the scheduler takes it over.
        var next: DeliverySettings?
    }

    private let environment: Environment
    private let board: DeliveryBoard
    private let current: Mutex<Current>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    package init(settings: DeliverySettings, environment: Environment) {
        self.environment = environment
        board = DeliveryBoard(concurrency: settings.concurrency, perRoute: settings.perDestination)
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        current = Mutex(Current(courier: Self.makeCourier(settings, 0, environment, board)))
    }

    private var courier: Courier { current.withLock { $0.courier } }

    /// Takes over other settings: attempts that begin from now on follow them, those under way end as they began.
    package func update(_ settings: DeliverySettings) {
        current.withLock { $0.next = settings }
        signal.yield()
    }

    private static func makeCourier(
        _ settings: DeliverySettings,
        _ generation: Int,
        _ environment: Environment,
        _ board: DeliveryBoard
    ) -> Courier {
        let settler = DeliverySettler(
            queue: environment.queue,
            bounces: environment.bounces,
            events: environment.events,
            attempts: environment.attempts,
            via: settings.smarthost == nil ? "mx" : "smarthost",
            delayReport: settings.delayReport,
            clock: environment.clock,
            logger: environment.logger
        )
        let router = MXRouter(
            resolver: environment.resolver,
            port: settings.port,
            ownNames: settings.ownNames,
            ownAddresses: settings.ownAddresses
        )
        return Courier(
            settings: settings,
            generation: generation,
            router: router,
            contexts: environment.contexts,
            content: { message in
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
                return try await MessageContent.prepare(
                    message, reader: reader, signer: signer, clock: environment.clock,
                    spool: { try environment.blobs.makeSpool() })
            },
            settler: settler,
            board: board,
            ids: environment.ids,
            clock: environment.clock,
            group: environment.group,
            logger: environment.logger
        )
    }

    package func run() async throws {
        let queue = environment.queue
        try await queue.takeBackLeases()
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

    /// Jobs that wait are placed anew, since a route may mean another host now. Only the scheduler places jobs, so that
    /// none can be placed by the old settings once this has returned.
    private func takeOverSettings(now: Timestamp, in group: inout DiscardingTaskGroup) async {
        let (settings, generation) = current.withLock { current in
            defer { current.next = nil }
            return (current.next, current.courier.generation + 1)
        }
        guard let settings else { return }
        let (jobs, wake) = board.rearrange(concurrency: settings.concurrency, perRoute: settings.perDestination)
        let courier = Self.makeCourier(settings, generation, environment, board)
        current.withLock { $0.courier = courier }
        for wake in wake { wake() }
        await place(jobs.map(\.job), now: now, in: &group)
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

    /// Leases and places what is due; returns when to look again at the latest.
    private func step(now: Timestamp, in group: inout DiscardingTaskGroup) async -> Timestamp? {
        let settings = courier.settings
        do {
            guard let due = try await environment.queue.nextDue() else { return nil }
            guard due <= now else { return due }
            let room = settings.concurrency * 4 - board.waitingJobs
            // A worker that takes a job says so when there is room again.
            guard room > 0 else { return nil }
            let perDestination = max(50, settings.perDestination * 5)
            let jobs = try await environment.queue.lease(limit: room, perDestination: perDestination)
            await place(jobs, now: now, in: &group)
            return try await environment.queue.nextDue()
        } catch {
            environment.logger.error("the queue could not be read", metadata: [LogKey.error: "\(error)"])
            return now.adding(.seconds(10))
        }
    }

    private func place(_ jobs: [DeliveryJob], now: Timestamp, in group: inout DiscardingTaskGroup) async {
        let courier = courier
        let placement = board.add(jobs.map { RoutedJob(job: $0, key: courier.route(of: $0)) }, now: now)
        for key in placement.start { start(key, in: &group) }
        for wake in placement.wake { wake() }
        await courier.settler.postpone(
            placement.suspended.map { job, suspension in (job.job, suspension.until, suspension.reply) }
                + placement.overflow.map { ($0.job, now.adding(.seconds(30)), nil) }
        )
    }

    private func start(_ key: String, in group: inout DiscardingTaskGroup) {
        group.addTask { await self.work(key) }
    }

    /// A worker: it also works for the routes that get its place, so that no task waits for a task.
    private func work(_ key: String) async {
        var keys = [key]
        while let key = keys.popLast() {
            while true {
                let (job, start) = board.nextOrLeave(key)
                keys += start
                guard let job else { break }
                let courier = courier
                await courier.work(route: key, first: job)
                if board.waitingJobs <= courier.settings.concurrency { signal.yield() }
                if Task.isCancelled { return }
            }
        }
        signal.yield()
    }
}
