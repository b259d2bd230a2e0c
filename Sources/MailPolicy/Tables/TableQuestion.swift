package import MailConfig
import MailSyntax

extension Policy {
    /// Looks a key up in a purpose's tables with the steps that mail takes through them: those of an address for
    /// addresses, those of a domain for TLS policies, the key itself for what is neither.
    package static func find(
        _ key: String, in purpose: TablePurpose, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<TableFind> {
        var context = EvaluationContext(answers)
        let found = context.find(text: key, in: purpose, rules.rewriting)
        switch found {
        case .asking:
            return context.asking()
        case .notFound:
            context.step(TraceStage.rewrite, purpose.rawValue, before: key, note: "not found")
        case .found(let answer, _):
            context.step(
                TraceStage.rewrite, purpose.rawValue, origin: answer.origin, before: key, after: answer.value)
        case .unavailable(let reason):
            context.step(TraceStage.rewrite, purpose.rawValue, before: key, note: reason)
        }
        return context.decided(found)
    }
}

extension EvaluationContext {
    fileprivate mutating func find(text: String, in purpose: TablePurpose, _ rules: RewriteRules) -> TableFind {
        switch purpose {
        case .headerChecks, .mimeHeaderChecks, .nestedHeaderChecks, .sendingHeaderChecks:
            return find(key: text, in: purpose)
        case .tlsPolicy:
            guard let domain = DomainName(text) else { return find(key: text, in: purpose) }
            return find(domain, in: purpose)
        case .transport:
            guard let address = EmailAddress(text) else { return find(key: text, in: purpose) }
            return findTransport(address, delimiters: rules.delimiters)
        case .senderRelay, .credentials, .senderCanonical, .recipientCanonical, .canonical, .virtual, .generic,
            .senderBCC, .recipientBCC, .relayRecipients:
            guard let address = EmailAddress(text) else { return find(key: text, in: purpose) }
            // The ways out are found by whole addresses and domains.
            let isLocal = purpose != .senderRelay && purpose != .credentials && rules.isLocal(address)
            return find(address, in: purpose, delimiters: rules.delimiters, isLocalDomain: isLocal)
        }
    }
}
