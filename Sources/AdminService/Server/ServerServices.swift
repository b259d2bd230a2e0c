import Blobs
import CLinux
import Logging
import MailConfig
import MailIntake
import MailStore
import MailSyntax
import OutboundQueue
import SQLEngine
import ServiceLifecycle
import Telemetry
import UnixSignals

/// SIGHUP is a reload.
struct ReloadService: Service {
    let state: ServerState
    let notifier: ServiceNotifier
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            notifier.reloading()
            do {
                _ = try await state.reload()
            } catch {
                let translated = AdminError(translating: error)
                logger.error(
                    "the reload failed; the server goes on as it was",
                    metadata: [
                        LogKey.error: "\(translated.message)", LogKey.remedy: "\(translated.remedy ?? "reload again")",
                    ]
                )
            }
            notifier.ready("running")
        }
    }
}

/// What is done now and then: messages that nobody refers to and histories whose time is over are removed, self-tests that
/// never ended are cleaned up, memory that is not needed any more is given back. (Leases that ran out are the delivery
/// service's.) Each piece of work is cut into short writes behind those of deliveries, and speaks up only when it fails.
struct HousekeepingService: Service {
    let stores: Stores
    let operations: Operations
    /// How long histories are kept; nil for ever.
    let keepsTraces: @Sendable () -> Duration?
    let logger: Logger
    let clock: any WallClock

    private static let interval = Duration.seconds(20)
    private static let settling = Duration.seconds(1)
    /// Every ten minutes.
    private static let roundsBetweenBlobSweeps = 30
    /// The sweep of orphans reads every folder: at start, then once a day.
    private static let roundsBetweenOrphanSweeps = 4320
    /// Every five minutes.
    private static let roundsBetweenIndexing = 15
    /// At start, then every hour.
    private static let roundsBetweenPurges = 180

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            await attempt("self-tests could not be cleaned up") { try await operations.selfTestRecover() }
            // Starting runs through much code that is not needed again.
            try await Task.sleep(for: Self.settling)
            Self.giveBackMemory()
            for round in 0... {
                try await Task.sleep(for: Self.interval)
                await operations.selfTestSweep()
                Self.giveBackMemory()
                await maintain(round)
            }
        }
    }

    /// Free heap, and mapped code that nobody runs at the moment: two thirds of an idle server's memory, as measured. What
    /// is needed again costs some hundred page faults without a read from the disk.
    private static func giveBackMemory() {
        linux_trim_heap()
        linux_release_code()
    }

    private func maintain(_ round: Int) async {
        let now = clock.now()
        let sweep = BlobSweep(store: stores.blobs, database: stores.database)
        if round.isMultiple(of: Self.roundsBetweenBlobSweeps) {
            await attempt("messages without a reference could not be removed") {
                _ = try await sweep.removeUnreferenced(now: now)
            }
        }
        if round.isMultiple(of: Self.roundsBetweenOrphanSweeps) {
            await attempt("the text index could not forget messages that are gone") {
                try await stores.search?.sweep()
            }
            await attempt("conversations that are gone could not be forgotten") {
                _ = try await stores.mail.purgeThreadReferences()
            }
            await attempt("message files without a row could not be removed") {
                _ = try await sweep.removeOrphans(now: now)
            }
        }
        if round.isMultiple(of: Self.roundsBetweenIndexing) {
            await attempt("histories of messages could not be indexed") { _ = try await stores.intake.indexTraces() }
        }
        if round.isMultiple(of: Self.roundsBetweenPurges) {
            await attempt("expunged messages could not be removed for good") {
                _ = try await stores.mail.purge(now: now)
            }
            await attempt("old counts of sent messages could not be removed") {
                try await stores.intake.purgeSendCounts()
            }
        }
        if round.isMultiple(of: Self.roundsBetweenPurges), let keep = keepsTraces() {
            await attempt("destinations that are back could not be forgotten") {
                try await stores.queue.forgetSites(today: Int(now.seconds / 86400))
            }
            await attempt("old histories of messages could not be removed") {
                _ = try await stores.intake.purgeTraces(before: now.adding(.zero - keep))
            }
        }
    }

    private func attempt(_ failure: Logger.Message, _ work: () async throws -> Void) async {
        do {
            try await work()
        } catch is CancellationError {
            return
        } catch {
            logger.error(
                failure,
                metadata: [
                    LogKey.error: "\(error)",
                    LogKey.remedy: "it is tried again by itself; if this stays, see that the disk has room and works",
                ]
            )
        }
    }
}

/// Keeps the text index up with deliveries.
struct SearchService: Service {
    let index: SearchIndex
    let logger: Logger

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await index.run() }
        } catch is CancellationError {
            return
        } catch {
            // Searches go on by reading; mail does not depend on the index.
            logger.error("the text index stopped", metadata: [LogKey.error: "\(error)"])
            try? await gracefulShutdown()
        }
    }
}

/// The last service of the group: when it runs everything before it does.
struct ReadinessService: Service {
    let notifier: ServiceNotifier
    let sayReady: @Sendable () -> Void

    func run() async throws {
        sayReady()
        notifier.ready("running")
        try? await gracefulShutdown()
        notifier.stopping()
    }
}
