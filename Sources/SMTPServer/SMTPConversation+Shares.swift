import MailIntake
import MailPolicy
import MailSyntax
import SMTPCore

// LMTP: a reply for each recipient.
extension SMTPConversation {
    /// Keeps the message for each recipient by itself.
    ///
    /// - Returns: the replies, in the order of RCPT.
    // RFC 2033 §4.2
    mutating func keepForEach(_ acceptance: Acceptance, _ envelope: SMTPEnvelope) async throws -> [SMTPReply] {
        let accepted = try await context.backend.accept(acceptance, shares: envelope.shares)
        var replies: [SMTPReply] = []
        var taken: [EmailAddress] = []
        for (recipient, failure) in zip(envelope.recipients, accepted.failures) {
            let reply: SMTPReply
            if let failure {
                reply = naming(recipient.address, trouble(failure, "a recipient's message could not be stored"))
                recordRefusal(
                    reply, stage: "data", from: acceptance.reversePath.description,
                    to: recipient.address.description, id: acceptance.id)
            } else {
                taken.append(recipient.address)
                reply = naming(
                    recipient.address, SMTPReply(250, .init(2, 1, 5), "Ok: delivered as \(acceptance.id)"))
            }
            replies.append(reply)
        }
        guard !taken.isEmpty else { return replies }
        messages += 1
        var kept = acceptance
        kept.local = accepted.local
        kept.remote = accepted.remote
        recordAccepted(kept, local: accepted.local.count, remote: accepted.remote.count, recipients: taken)
        return replies
    }

    private func naming(_ address: EmailAddress, _ reply: SMTPReply) -> SMTPReply {
        SMTPReply(reply.code, reply.enhanced, "<\(address)> \(reply.text)")
    }
}
