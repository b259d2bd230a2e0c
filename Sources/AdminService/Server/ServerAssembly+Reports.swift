import Logging
import MailIntake
import SMTPDelivery
import SQLEngine
import Telemetry

extension ServerAssembly {
    /// Reports of success for what is filed here. // RFC 3461 §5.2.3
    static func reportSuccesses(of intake: MailIntake, by bounces: IntakeBounceSink, logger: Logger) {
        intake.onSuccess { acceptance, blob, size in
            guard let report = BounceReport(filed: acceptance, blob: blob, size: size, at: SystemClock().now()) else {
                return
            }
            do {
                _ = try await bounces.bounce(report)
            } catch {
                logger.error(
                    "a report of success could not be made",
                    metadata: [LogKey.queueID: "\(acceptance.id)", LogKey.error: "\(error)"]
                )
            }
        }
    }
}
