package import MailSyntax

/// Who a message comes from, when it comes to signing it.
package enum MessageOrigin: Sendable, Hashable {
    case login(LoginFacts)
    /// A client of a trusted network, or a user of this host, who sends for whom it likes.
    case trusted
    /// Made here: a bounce, a report.
    case system
    /// Brought by another server, and on its way through an alias.
    case stranger
}

extension MessageOrigin {
    /// What a client's mail counts as.
    package init(_ client: ClientFacts, rules: PolicyRules) {
        if let login = client.login {
            self = .login(login)
        } else if case .granted = Policy.relayPermission(client, rules) {
            self = .trusted
        } else {
            self = .stranger
        }
    }
}

package struct SigningFacts: Sendable, Hashable {
    package var origin: MessageOrigin
    /// The (first) mailbox of the final `From`; nil when there is none that can be read.
    package var headerFrom: EmailAddress?

    package init(origin: MessageOrigin, headerFrom: EmailAddress?) {
        self.origin = origin
        self.headerFrom = headerFrom
    }
}

/// The domain a message is signed for.
package enum SigningDecision: Sendable, Hashable {
    case sign(DomainName)
    case leave
}

extension Policy {
    /// Chooses the signing domain: that of the header's `From`, when whoever sends has a right to it.
    ///
    /// A signature vouches for the `From`: a stranger's message is never signed, a login that writes a `From` it may
    /// not use gets the signature of its own domain, and whoever may send for anybody gets that of the `From`.
    package static func chooseSigning(
        _ facts: SigningFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<SigningDecision> {
        var context = EvaluationContext(answers)
        switch facts.origin {
        case .stranger:
            context.step(TraceStage.signing, "origin", note: "not signed: it came from another server")
            return context.decided(.leave)
        case .system, .trusted:
            return sign(for: facts.headerFrom?.domain, "from-domain", facts, &context)
        case .login(let login):
            guard let from = facts.headerFrom, let domain = from.domain, domain != login.address.domain else {
                return sign(for: login.address.domain, "from-domain", facts, &context)
            }
            switch ownership(of: from, login, rules, &context) {
            case .asking: return context.asking()
            case .own: return sign(for: domain, "from-domain", facts, &context)
            default: return sign(for: login.address.domain, "login-domain", facts, &context)
            }
        }
    }

    private static func sign(
        for domain: DomainName?, _ rule: String, _ facts: SigningFacts, _ context: inout EvaluationContext
    ) -> Evaluation<SigningDecision> {
        let from = facts.headerFrom.map { "From: \($0)" }
        guard let domain else {
            context.step(TraceStage.signing, rule, before: from, note: "not signed: there is no domain")
            return context.decided(.leave)
        }
        switch context.ask(.signs(domain)) {
        case nil:
            return context.asking()
        case .flag(true):
            context.step(TraceStage.signing, rule, origin: "directory", before: from, after: "d=\(domain)")
            return context.decided(.sign(domain))
        default:
            let note = "not signed: \(domain) is not a domain of this server"
            context.step(TraceStage.signing, rule, before: from, note: note)
            return context.decided(.leave)
        }
    }
}

extension TraceStep {
    /// What the keys of a domain do with a message that leaves.
    ///
    /// - Parameters:
    ///   - selectors: of the keys that sign.
    ///   - isLeftOut: the header can't be signed.
    package static func signing(_ domain: DomainName, selectors: [String], isLeftOut: Bool = false) -> TraceStep {
        var step = TraceStep(stage: TraceStage.signing, rule: "dkim", origin: "directory", before: "d=\(domain)")
        if selectors.isEmpty {
            step.note = "not signed: the domain has no active key"
        } else if isLeftOut {
            step.note = "not signed: the header has no From, or is too long"
        } else {
            step.after = selectors.map { "s=\($0)" }.joined(separator: ", ")
        }
        return step
    }
}
