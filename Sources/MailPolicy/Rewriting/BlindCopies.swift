import MailConfig
package import MailSyntax

/// What a message's blind copies are chosen by, after canonical rewriting.
package struct CopyFacts: Sendable, Hashable {
    package var sender: ReversePath
    package var recipients: [EmailAddress]

    package init(sender: ReversePath, recipients: [EmailAddress]) {
        self.sender = sender
        self.recipients = recipients
    }
}

package enum CopyDecision: Sendable, Hashable {
    /// Who gets one beside the recipients: in the envelope alone, and nobody is told of a failure.
    case copies([EmailAddress])
    case unavailable(String)
}

extension Policy {
    /// Chooses who gets a copy of a message that nobody sees: always, by its sender, by its recipients.
    ///
    /// Not for bounces and reports of our own.
    package static func chooseCopies(
        _ facts: CopyFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<CopyDecision> {
        var context = EvaluationContext(answers)
        let rewriting = rules.rewriting
        guard rewriting.hasCopies else { return context.decided(.copies([])) }
        var copies: [EmailAddress] = []
        var seen = Set(facts.recipients.map(\.folded))
        var isAsking = false
        var failure: String?

        func add(_ copy: EmailAddress, _ rule: String, _ origin: String, for address: String?) {
            guard seen.insert(copy.folded).inserted else { return }
            context.step(TraceStage.rewrite, rule, origin: origin, before: address, after: "\(copy)", note: "copy")
            copies.append(copy)
        }
        func look(_ address: EmailAddress, _ purpose: TablePurpose) {
            switch context.map(address, by: purpose, rewriting) {
            case .asking: isAsking = true
            case .unavailable(let reason): failure = failure ?? reason
            case .notFound: break
            case .found(let found, let origin):
                guard let copy = found.first else { return }
                add(copy, purpose.rawValue, origin, for: "\(address)")
            }
        }
        if let always = rewriting.settings.alwaysBCC {
            add(always, "always_bcc", rules.origin("rewrite.always_bcc"), for: nil)
        }
        if let sender = facts.sender.address, rules.hasTables(.senderBCC) { look(sender, .senderBCC) }
        if rules.hasTables(.recipientBCC) {
            for recipient in facts.recipients { look(recipient, .recipientBCC) }
        }
        if isAsking { return context.asking() }
        if let failure { return context.decided(.unavailable(failure)) }
        return context.decided(.copies(copies))
    }
}
