import Logging
import MTASTSClient
import MailConfig
import MailSyntax
import OutboundQueue
import SQLEngine
import ServiceLifecycle
import Telemetry

/// Keeps the MTA-STS policies of others fresh, and writes down how sessions fared with respect to TLS.
struct TransportPolicyService: Service {
    let policies: PolicyKeeper
    let results: TLSResultCounter
    let database: any Database
    let isAsking: @Sendable () -> Bool
    let logger: Logger
    let clock: any WallClock

    private static let interval = Duration.seconds(60)
    /// Every ten minutes.
    private static let roundsBetweenRefreshes = 10
    /// At start, then every hour.
    private static let roundsBetweenPurges = 60
    /// Days of results that are kept: reports are for the day before, and an operator looks back a month.
    private static let keptDays = 35

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            for round in 0... {
                try await Task.sleep(for: Self.interval)
                await write()
                if round.isMultiple(of: Self.roundsBetweenRefreshes), isAsking() { await policies.refresh() }
                if round.isMultiple(of: Self.roundsBetweenPurges) { await purge() }
            }
        }
        await write()
    }

    private func write() async {
        do {
            try await results.flush(to: database)
        } catch {
            logger.warning("counts of TLS sessions could not be written", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func purge() async {
        let oldest = Int(clock.now().seconds / 86400) - Self.keptDays
        do {
            try await database.write { try TLSResults.purge($0, before: oldest) }
        } catch {
            logger.warning("old counts of TLS sessions could not be removed", metadata: [LogKey.error: "\(error)"])
        }
    }
}
