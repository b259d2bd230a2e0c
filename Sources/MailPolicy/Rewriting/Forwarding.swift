import MailConfig
package import MailSyntax

/// What the sender of forwarded mail becomes.
package enum ForwardingDecision: Sendable, Hashable {
    case keep
    /// In the envelope of what leaves; what is kept here keeps the sender's own.
    case replace(EmailAddress)
    case unavailable(String)
}

// The Sender Rewriting Scheme: what an alias sends on leaves from an address of ours, so that the next server finds us
// allowed to send it, and bounces come back here.
extension Policy {
    /// Finds the reverse-path for mail that an alias sends on.
    package static func forwardingSender(
        _ sender: ReversePath, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<ForwardingDecision> {
        var context = EvaluationContext(answers)
        guard let srs = rules.rewriting.settings.srs, let address = sender.address else {
            return context.decided(.keep)
        }
        if let domain = address.domain {
            switch context.ask(.hosted(domain)) {
            case nil: return context.asking()
            case .flag(true): return context.decided(.keep)
            case .unavailable(let reason): return context.decided(.unavailable(reason))
            default: break
            }
            if domain == srs.domain { return context.decided(.keep) }
        }
        switch context.ask(.srs(.forward(address))) {
        case nil: return context.asking()
        case .srs(.address(let next)):
            context.step(
                TraceStage.rewrite, "srs", origin: rules.origin("rewrite.srs"), before: "<\(address)>",
                after: "<\(next)>", note: "sent on by an alias")
            return context.decided(.replace(next))
        case .unavailable(let reason): return context.decided(.unavailable(reason))
        default: return context.decided(.keep)
        }
    }

    /// Whom a bounce for mail that an alias of ours sent on goes to; nil for any other recipient.
    static func forwardedSender(
        _ address: EmailAddress, _ facts: RecipientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<EmailAddress?> {
        guard let srs = rules.rewriting.settings.srs, address.domain == srs.domain, isSRS(address) else {
            return .passed(nil)
        }
        let origin = rules.origin("rewrite.srs")
        switch context.ask(.srs(.reverse(address))) {
        case nil: return .asking
        case .srs(.address(let original)):
            // Nobody else has reason to write there: it would make us a relay to whoever was ever forwarded.
            guard facts.sender == .null else {
                return .reject(refusal(550, 5, 7, 1, address, "Bounces only", "srs", origin: origin, &context))
            }
            context.step(
                TraceStage.rewrite, "srs", origin: origin, before: "<\(address)>", after: "<\(original)>",
                note: "a bounce")
            return .passed(original)
        case .srs(.forged):
            let text = "The address was not made here"
            return .reject(refusal(550, 5, 7, 1, address, text, "srs", origin: origin, &context))
        case .srs(.expired):
            let text = "The address is no longer valid"
            return .reject(refusal(550, 5, 7, 1, address, text, "srs", origin: origin, &context))
        case .unavailable(let reason): return .reject(deferral("srs", address, reason, &context))
        default: return .passed(nil)
        }
    }

    /// Whether a local part begins as the scheme's do.
    private static func isSRS(_ address: EmailAddress) -> Bool {
        let start = EmailAddress.fold(String(address.localPart.prefix(5)))
        return start.count == 5 && (start.hasPrefix("srs0") || start.hasPrefix("srs1"))
            && start.last.map { "=+-".contains($0) } == true
    }
}
