import Logging
import MailIntake
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
}
