import Blobs
import MailIntake
import MailSyntax
import OutboundQueue

extension BounceReport {
    /// The report of what a message's acceptance has done for a sender who asked to hear of it; nil when nobody asked.
    init?(noticesOf acceptance: Acceptance, at now: Timestamp) {
        guard case .address(let sender) = acceptance.reversePath, !acceptance.notices.isEmpty else { return nil }
        let successes = acceptance.notices.map { notice in
            let recipient = QueuedRecipient(
                unqueued: 0, message: acceptance.id, address: notice.recipient,
                originalRecipient: notice.originalRecipient, notify: .success)
            let (outcome, text) =
                switch notice.outcome {
                case .delivered: (Outcome.delivered, "delivered to the mailbox")
                case .expanded: (Outcome.expanded, "sent on to those whom the address stands for")
                }
            let reply = DeliveryReply(status: EnhancedStatusCode(2, 1, 5), text: text)
            return Failure(recipient: recipient, reply: reply, outcome: outcome, at: now)
        }
        var message = QueuedMessage(
            unqueued: acceptance.id, reversePath: acceptance.reversePath, size: acceptance.content.size,
            bodyType: acceptance.bodyType, smtpUTF8: acceptance.smtpUTF8, envelopeID: acceptance.envelopeID,
            dsnReturn: acceptance.dsnReturn)
        message.createdAt = now
        message.futureRelease = acceptance.futureRelease
        message.tlsDemand = acceptance.tlsDemand
        self.init(message: message, sender: sender, failures: successes)
    }
}
