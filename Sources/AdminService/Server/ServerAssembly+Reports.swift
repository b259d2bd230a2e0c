import Logging
import MailIntake
import MailReports
import MailSyntax
import SMTPDelivery
import SQLEngine
import Telemetry

extension ServerAssembly {
    /// Reports of success for what is filed or expanded here. // RFC 3461 §5.2.3, RFC 3461 §5.2.7.3
    static func reportSuccesses(of intake: MailIntake, by bounces: IntakeBounceSink, logger: Logger) {
        intake.onSuccess { acceptance in
            try await bounces.part(reporting: acceptance)?.optional { error in
                logger.error(
                    "a report of success could not be made",
                    metadata: [LogKey.queueID: "\(acceptance.id)", LogKey.error: "\(error)"]
                )
            }
        }
    }

    /// Counts what DMARC finds, and sends the reports of the day before.
    func reportService(_ hostname: DomainName) -> ReportService {
        let environment = ServerSettings.reports(
            stores, hostname: hostname, resolver: resolver,
            poster: HTTPSReportPoster(group: group, resolver: resolver), manifest: live.follow { $0 },
            rules: { [live] in live.rules })
        return ReportService(
            sender: ReportSender(environment), verdicts: verdicts, logger: backend.logger("reports"))
    }
}
