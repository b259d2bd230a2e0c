import MailConfig
package import MailSyntax

// What a recipient becomes before the directory is asked.
extension Policy {
    /// A recipient after rewriting.
    struct RewrittenRecipient {
        /// After canonical addresses and masquerading.
        var canonical: EmailAddress
        /// What virtual aliases make of it; at least one.
        var targets: [EmailAddress]
    }

    /// Canonical addresses, masquerading, then virtual aliases: one address in, one or more out.
    static func rewriteRecipient(
        _ address: EmailAddress, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<RewrittenRecipient> {
        let rewriting = rules.rewriting
        let canonical: EmailAddress
        switch context.canonical(address, .envelopeRecipient, rewriting) {
        case .asking: return .asking
        case .unavailable(let reason): return .reject(deferral("canonical", address, reason, &context))
        case .done(let next): canonical = next
        }
        switch context.expandVirtual(canonical, rewriting) {
        case .asking: return .asking
        case .unavailable(let reason): return .reject(deferral("virtual", canonical, reason, &context))
        case .notFound:
            return existing([canonical], canonical, rules, &context)
        case .found(let found):
            return existing(found, canonical, rules, &context)
        case .endless(let note):
            context.step(TraceStage.expansion, "virtual", before: "<\(canonical)>", note: "deferred: \(note)")
            let reply = PolicyReply(451, EnhancedStatusCode(4, 6, 0), "<\(address)>: Alias expansion error")
            return .reject(reply)
        }
    }

    /// Leaves out addresses of domains that only the tables host: they had their say, and left them as they are.
    private static func existing(
        _ targets: [EmailAddress], _ canonical: EmailAddress, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<RewrittenRecipient> {
        guard rules.rewriting.hasVirtual else { return .passed(.init(canonical: canonical, targets: targets)) }
        var kept: [EmailAddress] = []
        var lost: [EmailAddress] = []
        for target in targets {
            guard let domain = target.domain else {
                kept.append(target)
                continue
            }
            switch (context.ask(.hosted(domain)), context.isVirtualDomain(domain, rules.rewriting)) {
            case (nil, _), (_, .asking): break
            case (.unavailable(let reason)?, _), (.flag(false)?, .unavailable(let reason)):
                return .reject(deferral("virtual", target, reason, &context))
            case (.flag(false)?, .found): lost.append(target)
            default: kept.append(target)
            }
        }
        guard context.wanted.isEmpty else { return .asking }
        guard !kept.isEmpty else {
            return .reject(refusal(550, 5, 1, 1, canonical, "User unknown", "recipient-unknown", &context))
        }
        for target in lost {
            context.step(TraceStage.expansion, "recipient-unknown", before: "<\(target)>", note: "left out")
        }
        return .passed(.init(canonical: canonical, targets: kept))
    }

    /// Judges who gets a copy, or all of a redirected message: rewritten and expanded like any recipient, but for what
    /// the client may.
    package static func admitExtra(
        _ address: EmailAddress, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<RecipientDecision> {
        var context = EvaluationContext(answers)
        switch admit(address, size: 0, rules, &context) {
        case .passed(let admitted): return context.decided(.accept(admitted))
        case .reject(let reply): return context.decided(.reject(reply))
        case .asking: return context.asking()
        }
    }
}
