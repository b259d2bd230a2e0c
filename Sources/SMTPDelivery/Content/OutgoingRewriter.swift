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
            return (header, trace)
        }
    }

    /// Gives content the addresses that the next host hears, where they are others than the queue's.
    /// - Throws: `RewriteUnavailable`.
    func address(_ content: inout MessageContent, of job: DeliveryJob) async throws {
        guard rules.rewriting.hasGeneric else { return }
        var sender = job.message.reversePath
        if let address = sender.address, let other = try await outgoing(address) {
            sender = .address(other.address)
            content.steps = other.steps + content.steps
        }
        var recipients: [RecipientID: EmailAddress] = [:]
        var steps: [RecipientID: [TraceStep]] = [:]
        for recipient in job.recipients {
            guard let other = try await outgoing(recipient.address) else { continue }
            recipients[recipient.id] = other.address
            steps[recipient.id] = other.steps
        }
        guard sender != job.message.reversePath || !recipients.isEmpty else { return }
        content.envelope = OutgoingEnvelope(sender: sender, recipients: recipients, steps: steps)
    }

    private func outgoing(_ address: EmailAddress) async throws -> (address: EmailAddress, steps: [TraceStep])? {
        let (decision, trace) = try await Policy.run(
            { Policy.rewriteOutgoing(address, rules: rules, $0) }, answer: lookup)
        switch decision {
        case .keep: return nil
        case .replace(let other): return (other, trace)
        case .unavailable(let reason): throw RewriteUnavailable(reason: reason)
        }
    }
}
