import MailConfig
package import MailSyntax

/// What is known of a message of a stranger that leaves again.
package struct SealingFacts: Sendable, Hashable {
    /// What was found of the chain of seals; nil where nobody looked.
    package var chain: AuthenticationWord?
    /// Something was checked: there is something to tell.
    package var isChecked: Bool
    /// The domains it was for, those first that send it on.
    package var domains: [DomainName] = []

    package init(isChecked: Bool, chain: AuthenticationWord? = nil, recipients: [AdmittedRecipient]) {
        self.isChecked = isChecked
        self.chain = chain
        let onward = recipients.filter { !$0.remote.isEmpty } + recipients.filter(\.remote.isEmpty)
        for domain in onward.lazy.compactMap(\.address.domain) where !domains.contains(domain) {
            domains.append(domain)
        }
    }
}

/// Who vouches for what was found of a message.
package enum SealingDecision: Sendable, Hashable {
    case seal(DomainName)
    case leave
}

extension Policy {
    /// Chooses the domain that seals a stranger's message on its way on. // RFC 8617 §5.1
    package static func chooseSealing(
        _ facts: SealingFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<SealingDecision> {
        var context = EvaluationContext(answers)
        let setting = rules.authentication.settings.sealing
        let origin = rules.origin("authentication.seal")
        func leave(_ reason: String, origin: String = TraceStep.builtIn) -> Evaluation<SealingDecision> {
            context.step(TraceStage.sealing, "domain", origin: origin, note: "not sealed: \(reason)")
            return context.decided(.leave)
        }
        guard setting != .off else { return leave("nobody is to", origin: origin) }
        guard facts.isChecked else { return leave("the message was not checked") }
        // A chain that is sealed as failed is lost for good, whatever its signatures are worth tomorrow.
        guard facts.chain != .temperror else { return leave("its chain of seals can't be checked for now") }
        if case .domain(let domain) = setting {
            context.step(TraceStage.sealing, "domain", origin: origin, after: "d=\(domain)")
            return context.decided(.seal(domain))
        }
        for domain in facts.domains {
            switch context.ask(.signingKeys(domain)) {
            case nil: return context.asking()
            case .selectors(.some):
                context.step(
                    TraceStage.sealing, "domain", origin: "directory", before: "to \(domain)", after: "d=\(domain)")
                return context.decided(.seal(domain))
            default: continue
            }
        }
        return leave("none of its recipients is in a domain of this server")
    }
}

extension TraceStep {
    /// What became of sealing as a message left.
    package enum Seal: Sendable, Hashable {
        /// - Parameter status: what is said of the chain before.
        case made(selector: String, instance: Int, status: String)
        case omitted(String)
    }

    /// What the key of a domain does with a message that is sent on.
    package static func sealing(_ domain: DomainName, _ seal: Seal) -> TraceStep {
        var step = TraceStep(stage: TraceStage.sealing, rule: "arc", origin: "directory", before: "d=\(domain)")
        switch seal {
        case .made(let selector, let instance, let status): step.after = "s=\(selector), i=\(instance), cv=\(status)"
        case .omitted(let reason): step.note = "not sealed: \(reason)"
        }
        return step
    }

    /// What there is to seal with.
    /// - Parameter selector: of the key; nil: there is none.
    package static func sealing(_ domain: DomainName, selector: String?) -> TraceStep {
        guard let selector else { return .sealing(domain, .omitted("the domain has no active RSA key")) }
        var step = TraceStep.sealing(domain, .omitted(""))
        (step.after, step.note) = ("s=\(selector)", nil)
        return step
    }
}
