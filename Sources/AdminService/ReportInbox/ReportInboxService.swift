import Logging
import MailAuth
import MailSyntax
import ReportInbox
import SQLEngine
import ServiceLifecycle
import Telemetry

/// Takes the reports of others out of delivered mail, and removes those whose time is over.
struct ReportInboxService: Service {
    let receiver: ReportReceiver
    let store: ReportStore
    /// How long reports are kept; nil for ever.
    let keeps: @Sendable () -> Duration?
    let logger: Logger
    let clock: any WallClock

    private static let betweenPurges = Duration.seconds(3600)
    /// How long it is remembered which messages were looked at.
    private static let remembers = Duration.seconds(30 * 86400)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await receiver.run() }
                group.addTask {
                    while !Task.isCancelled {
                        await purge()
                        try? await Task.sleep(for: Self.betweenPurges)
                    }
                }
            }
        }
    }

    private func purge() async {
        let now = clock.now()
        do {
            let removed = try await store.purge(before: keeps().map { now.adding(.zero - $0) })
            try await store.forgetMail(before: now.adding(.zero - Self.remembers))
            if removed > 0 { logger.info("old reports of others were removed", metadata: [LogKey.count: "\(removed)"]) }
        } catch is CancellationError {
            return
        } catch {
            logger.warning("old reports of others could not be removed", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// One line for each report that came.
    static func log(_ event: ReportEvent, _ logger: Logger) {
        switch event {
        case .filed(let report, let sender, let trust):
            var metadata: Logger.Metadata = [
                LogKey.reportKind: "\(report.kind.rawValue)", LogKey.reportID: "\(report.reportID)",
                LogKey.reportOrganization: "\(report.organization)", LogKey.reportDomain: "\(report.domain)",
                LogKey.reportTrust: "\(trust.word)", LogKey.reportSender: "\(sender)",
            ]
            guard !report.isKnown else {
                logger.info("a report came again", metadata: metadata)
                return
            }
            metadata[LogKey.count] = "\(report.rows)"
            logger.info("a report was read", metadata: metadata)
        case .refused(let sender, let error):
            logger.notice(
                "a report was not taken; its mail stays where it is",
                metadata: [
                    LogKey.reportSender: "\(sender)", LogKey.reason: "\(error)", LogKey.error: "\(error.code.rawValue)",
                ])
        case .failed(let error):
            logger.warning(
                "reports in mail could not be looked at",
                metadata: [LogKey.error: "\(error)", LogKey.remedy: "it is tried again by itself"])
        }
    }
}
