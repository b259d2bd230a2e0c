package import Logging
import MailAuth
import MailSyntax
import OutboundQueue
import SQLEngine
import ServiceLifecycle
import Telemetry

/// Writes down what was counted, and sends each day's reports once that day is over.
package struct ReportService: Service {
    private let sender: ReportSender
    private let verdicts: VerdictCounter
    private let planner: ReportPlanner
    private let logger: Logger

    private static let interval = Duration.seconds(60)
    /// Of one round, so that a night's reports don't hold up anything.
    private static let mostAtOnce = 50

    package init(sender: ReportSender, verdicts: VerdictCounter, logger: Logger) {
        self.sender = sender
        self.verdicts = verdicts
        planner = ReportPlanner(sender.environment)
        self.logger = logger
    }

    package func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval)
                await round()
            }
        }
        await write()
    }

    /// One minute's work.
    func round() async {
        await write()
        do {
            try await planner.plan()
            let now = sender.environment.clock.now()
            let due = try await sender.environment.database.read { reader in
                try ReportJobs.due(reader, now, limit: Self.mostAtOnce)
            }
            for job in due where !Task.isCancelled { try await send(job) }
        } catch is CancellationError {
            return
        } catch {
            logger.error("reports could not be sent; they are tried again", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func send(_ job: ReportJob) async throws {
        let outcome: ReportOutcome
        do {
            outcome = try await sender.send(job)
        } catch let error as CancellationError {
            throw error
        } catch {
            // One that can't be sent does not keep the others.
            outcome = try await sender.putOff(job, "\(error)")
        }
        let metadata: Logger.Metadata = [
            LogKey.destination: "\(job.domain)", LogKey.operation: "\(job.kind.rawValue) report of \(job.day)",
            LogKey.reason: "\(outcome.note)",
        ]
        switch outcome.result {
        case .sent: logger.info("a report was sent", metadata: metadata)
        case .waiting: logger.info("a report waits", metadata: metadata)
        case .dropped: logger.info("a report was not sent", metadata: metadata)
        }
    }

    private func write() async {
        do {
            try await verdicts.flush(to: sender.environment.database)
        } catch {
            logger.warning("counts of DMARC could not be written", metadata: [LogKey.error: "\(error)"])
        }
    }
}
