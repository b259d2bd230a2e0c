import Logging
import MailIntake
import MailMessage
import MailPolicy
import MailSyntax
import OutboundQueue
import Telemetry

/// Rewrites what leaves: generic addresses in envelope and header, then header checks of sending. Not for mail that is
/// handed to a local program (LMTP).
struct OutgoingRewriter: Sendable {
    let rules: PolicyRules
    let lookup: @Sendable (Lookup) async -> Answer
    let logger: Logger

    /// What is to be done with the header; nil where there is nothing.
    func change(of message: QueuedMessage) -> MessageContent.HeaderChange? {
        guard rules.rewriting.hasGeneric || rules.rewriting.hasSendingHeaderChecks else { return nil }
        return { header in
            let policy = HeaderPolicy(rules, answer: lookup)
            var trace: [TraceStep] = []
            var header = header
            if rules.rewriting.hasGeneric { header = try await policy.outgoing(header, &trace) }
            if rules.rewriting.hasSendingHeaderChecks {
                let checked = try await policy.check(header, at: .sending, &trace)
                // Nothing is refused any more; what comes here is a table that doesn't answer.
                if let refusal = checked.decision.refusal { throw RewriteUnavailable(reason: refusal.text) }
                header = checked.header
            }
            for step in trace {
                logger.info(
                    "a header was rewritten on its way out",
                    metadata: [LogKey.queueID: "\(message.id)", LogKey.reason: "\(step.text)"])
            }
            return header
        }
    }

    /// The addresses that the next host hears; nil where they are those of the queue.
    /// - Throws: `RewriteUnavailable`.
    func envelope(of job: DeliveryJob) async throws -> OutgoingEnvelope? {
        guard rules.rewriting.hasGeneric else { return nil }
        var sender = job.message.reversePath
        if let address = sender.address, let other = try await outgoing(address) { sender = .address(other) }
        var recipients: [RecipientID: EmailAddress] = [:]
        for recipient in job.recipients {
            recipients[recipient.id] = try await outgoing(recipient.address)
        }
        guard sender != job.message.reversePath || !recipients.isEmpty else { return nil }
        return OutgoingEnvelope(sender: sender, recipients: recipients)
    }

    private func outgoing(_ address: EmailAddress) async throws -> EmailAddress? {
        let decision = try await Policy.run(
            { Policy.rewriteOutgoing(address, rules: rules, $0) }, answer: lookup
        ).decision
        switch decision {
        case .keep: return nil
        case .replace(let other): return other
        case .unavailable(let reason): throw RewriteUnavailable(reason: reason)
        }
    }
}
