import MailAuth
import MailPolicy
import OutboundQueue

// Mail of strangers that goes on: what was found of it is sealed as it leaves.
extension SMTPConversation {
    /// What the seal of a message says; nil for one that nobody seals, or that stays here.
    // RFC 8617 §5.1
    func seal(
        _ results: SealableResults?, _ envelope: SMTPEnvelope, _ trace: inout [TraceStep]
    ) async throws -> QueuedSeal? {
        guard !envelope.remote.isEmpty, !isOwnClient else { return nil }
        let facts = SealingFacts(
            isChecked: results != nil, chain: results?.word, recipients: envelope.recipients)
        let (decision, steps) = try await Policy.run(
            { [rules = context.settings.rules] in Policy.chooseSealing(facts, rules: rules, $0) },
            answer: context.backend.answer)
        trace += steps
        guard case .seal(let domain) = decision, let results else { return nil }
        return QueuedSeal(domain: domain, chain: results.chain?.keyword, results: results.payload)
    }
}
