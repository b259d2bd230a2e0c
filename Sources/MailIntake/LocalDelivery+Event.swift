import MailMessage
import MailSyntax
package import Telemetry

extension MailEvent.Attempt {
    /// The event of a message that an account has received; to be recorded after the commit.
    package static func local(_ delivery: LocalDelivery, of acceptance: Acceptance) -> MailEvent.Attempt {
        MailEvent.Attempt(
            id: acceptance.id.description,
            from: acceptance.reversePath.description,
            to: delivery.recipient.description,
            via: "local",
            destination: acceptance.isJunk ? "Junk" : "INBOX",
            size: acceptance.index.size
        )
    }
}
