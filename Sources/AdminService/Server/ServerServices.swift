import Blobs
import CLinux
import Logging
import MailConfig
import MailStore
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
                logger.error("the reload failed", metadata: [LogKey.error: "\(translated)"])
            }
            notifier.ready("running")
        }
    }
}

/// What is done now and then: blobs that nobody refers to, self-tests that never ended, memory that is not needed any more.
struct HousekeepingService: Service {
    let stores: Stores
    let operations: Operations
    let logger: Logger
    let clock: any WallClock

    /// How often.
    private static let interval = Duration.seconds(20)
    /// The sweep of orphans reads every folder: at start, then twice a day.
    private static let roundsBetweenOrphanSweeps = 2160
    private static let roundsBetweenBlobSweeps = 15

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            try await operations.selfTestRecover()
            for round in 0... {
                try await Task.sleep(for: Self.interval)
                await operations.selfTestSweep()
                linux_trim_heap()
                if round % Self.roundsBetweenBlobSweeps == 0 { await sweep(round) }
            }
        }
    }

    private func sweep(_ round: Int) async {
        let sweep = BlobSweep(store: stores.blobs, database: stores.database)
        do {
            let now = clock.now()
            var removed = try await sweep.removeUnreferenced(now: now)
            if round % Self.roundsBetweenOrphanSweeps == 0 { removed += try await sweep.removeOrphans(now: now) }
            if removed > 0 { logger.debug("messages removed from the disk", metadata: [LogKey.count: "\(removed)"]) }
        } catch is CancellationError {
            return
        } catch {
            logger.error("unused messages could not be removed", metadata: [LogKey.error: "\(error)"])
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

    func run() async throws {
        notifier.ready("running")
        try? await gracefulShutdown()
        notifier.stopping()
    }
}
