package import Blobs
package import MailIntake
package import MailSyntax
import OutboundQueue

extension BounceReport {
    /// The report that recipients here have a message, for a sender who asked for it; nil when nobody asked.
    package init?(filed acceptance: Acceptance, blob: BlobID, size: Int, at now: Timestamp) {
        guard case .address(let sender) = acceptance.reversePath else { return nil }
        let reply = DeliveryReply(status: EnhancedStatusCode(2, 1, 5), text: "delivered to the mailbox")
        let successes = acceptance.local.filter(\.reportsSuccess).map { delivery in
            let recipient = QueuedRecipient(
                unqueued: 0, message: acceptance.id, address: delivery.recipient,
                originalRecipient: delivery.originalRecipient, notify: .success)
            return Failure(recipient: recipient, reply: reply, outcome: .delivered, at: now)
        }
        guard !successes.isEmpty else { return nil }
        var message = QueuedMessage(
            unqueued: acceptance.id, reversePath: acceptance.reversePath, size: size, bodyType: acceptance.bodyType,
            smtpUTF8: acceptance.smtpUTF8, envelopeID: acceptance.envelopeID, dsnReturn: acceptance.dsnReturn)
        message.blob = blob
        message.createdAt = now
        message.futureRelease = acceptance.futureRelease
        self.init(message: message, sender: sender, failures: successes)
    }
}
