import Logging
import MailIntake
import MailMessage
import MailPolicy
import MailSyntax
import SMTPCore
import Telemetry

// Rewriting of a message that has come in: header checks, addresses of the header, copies, forwarding.
// Each costs nothing where the manifest has no rule for it.
extension SMTPConversation {
    var headerPolicy: HeaderPolicy {
        HeaderPolicy(context.settings.rules) { [backend = context.backend] in await backend.answer($0) }
    }

    /// Checks the header as it came, with our Received on top; people check for that too.
    func checkHeader(
        _ message: inout CollectedMessage, _ received: inout [UInt8], _ trace: inout [TraceStep]
    ) async throws -> (HeaderCheckDecision, refusal: SMTPReply?) {
        guard context.settings.rules.rewriting.hasHeaderChecks else { return (HeaderCheckDecision(), nil) }
        let own = HeaderBlock(parsing: received)
        let block = HeaderBlock(parsing: received + message.index.headerBlock)
        var (checked, decision) = try await headerPolicy.check(block, at: .receipt, &trace)
        if let refusal = decision.refusal { return (decision, SMTPReply(refusal)) }
        guard !decision.edits.isEmpty else { return (decision, nil) }
        // The fields of ours stay above the message's: what is put before them too.
        let ownEdits = decision.edits.filter { own.fields.indices.contains($0.key) }
        if ownEdits.isEmpty {
            checked = HeaderBlock(parsing: Array(checked.bytes.dropFirst(received.count)))
        } else {
            received = []
        }
        message.index = message.index.replacingHeader(checked.bytes)
        return (decision, nil)
    }

    /// Rewrites the addresses of the header, where the client is one whose header is ours to write.
    func rewriteHeader(_ message: inout CollectedMessage, _ trace: inout [TraceStep]) async throws {
        guard context.settings.rules.rewriting.rewritesHeader(ofOwnClient: isOwnClient) else { return }
        let block = HeaderBlock(parsing: message.index.headerBlock)
        let rewritten = try await headerPolicy.canonical(block, &trace)
        guard rewritten.bytes != block.bytes else { return }
        message.index = message.index.replacingHeader(rewritten.bytes)
    }

    /// Adds who gets a copy, and does what header checks want done with the recipients.
    func addCopies(
        _ envelope: inout SMTPEnvelope, _ checks: HeaderCheckDecision, _ trace: inout [TraceStep]
    ) async throws {
        let rules = context.settings.rules
        var copies = checks.copies
        if rules.rewriting.hasCopies {
            let facts = CopyFacts(sender: envelope.reversePath, recipients: envelope.recipients.map(\.canonical))
            let (decision, steps) = try await Policy.run(
                { Policy.chooseCopies(facts, rules: rules, $0) }, answer: context.backend.answer)
            trace += steps
            switch decision {
            case .copies(let chosen): copies += chosen
            case .unavailable(let reason): throw RewriteUnavailable(reason: reason)
            }
        }
        if checks.discards || checks.redirect != nil { envelope.dropRecipients() }
        if checks.discards { return }
        for address in (checks.redirect.map { [$0] } ?? []) + copies {
            try await addCopy(address, &envelope, &trace)
        }
    }

    func addCopy(
        _ address: EmailAddress, _ envelope: inout SMTPEnvelope, _ trace: inout [TraceStep]
    ) async throws {
        let rules = context.settings.rules
        let (decision, steps) = try await Policy.run(
            { Policy.admitExtra(address, rules: rules, $0) }, answer: context.backend.answer)
        trace += steps
        switch decision {
        case .accept(let admitted): envelope.addCopy(admitted)
        // What the sender can't know of must not keep the mail from its recipients, but for a while.
        case .reject(let reply) where reply.code < 500: throw RewriteUnavailable(reason: reply.text)
        case .reject(let reply):
            logger.warning(
                "a copy has nobody to go to", metadata: [LogKey.mailTo: "\(address)", LogKey.reason: "\(reply.text)"])
        }
    }

    /// The sender that mail goes on from where an alias sends it on.
    func forwardingSender(_ envelope: SMTPEnvelope, _ trace: inout [TraceStep]) async throws -> EmailAddress? {
        let rules = context.settings.rules
        guard rules.rewriting.hasSRS, envelope.hasForwards else { return nil }
        let (decision, steps) = try await Policy.run(
            { [path = envelope.reversePath] in Policy.forwardingSender(path, rules: rules, $0) },
            answer: context.backend.answer)
        trace += steps
        switch decision {
        case .keep: return nil
        case .replace(let address): return address
        case .unavailable(let reason): throw RewriteUnavailable(reason: reason)
        }
    }
}
