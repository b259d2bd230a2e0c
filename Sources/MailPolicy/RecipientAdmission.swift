package import MailSyntax

/// What RCPT is answered with.
package enum RecipientDecision: Sendable, Hashable {
    case accept(AdmittedRecipient)
    case reject(PolicyReply)
}

/// A recipient with everything its mail becomes.
package struct AdmittedRecipient: Sendable, Hashable {
    /// The address after qualification and rewriting; in `Received`, `Delivered-To` and the DSN.
    package var address: EmailAddress
    package var local: [ExpandedTarget]
    package var remote: [EmailAddress]
}

extension Policy {
    /// Judges a recipient, in the order of a message's way: qualification, relaying, rewriting, expansion, quota, routes.
    package static func admitRecipient(
        _ facts: RecipientFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<RecipientDecision> {
        var context = EvaluationContext(answers)
        let address: EmailAddress
        switch qualify(facts, &context) {
        case .address(let qualified): address = qualified
        case .reject(let reply): return context.decided(.reject(reply))
        case .asking: return context.asking()
        }
        // Recipient rewriting (canonical, virtual) belongs here, before the directory is asked: one address in, one or
        // more out.
        switch context.ask(.recipient(address)) {
        case nil:
            return context.asking()
        case .recipient(.notHosted):
            return relay(to: address, facts, rules, &context)
        case .recipient(.unknown):
            return refuse(550, 5, 1, 1, address, "User unknown", "recipient-unknown", &context)
        case .recipient(.disabled):
            return refuse(550, 5, 2, 1, address, "Mailbox disabled", "recipient-disabled", &context)
        case .recipient(.targets(let expansion)):
            return admit(address, expansion, size: facts.declaredSize, &context)
        case .unavailable(let reason):
            let note = "deferred: \(reason)"
            context.step(TraceStage.admission, "recipient", before: "<\(address)>", note: note)
            return context.decided(.reject(.unavailable))
        default:
            context.step(TraceStage.admission, "recipient", before: "<\(address)>", note: "deferred: wrong answer")
            return context.decided(.reject(.unavailable))
        }
    }

    private static func relay(
        to address: EmailAddress, _ facts: RecipientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Evaluation<RecipientDecision> {
        switch relayPermission(facts.client, rules) {
        case .refused:
            return refuse(554, 5, 7, 1, address, "Relay access denied", "relay", &context)
        case .granted(let rule, let setting, let who):
            let origin = setting.map(rules.origin) ?? TraceStep.builtIn
            let note = "accepted for \(who)"
            context.step(TraceStage.admission, rule, origin: origin, before: "<\(address)>", note: note)
        }
        // Where the door is open to strangers too, who may stand in MAIL FROM is judged once it is relayed.
        if facts.client.login == nil, facts.client.role != .sendmail, !facts.client.mustBeKnown,
            let refusal = senderUnlisted(facts.sender, rules, &context)
        {
            return context.decided(.reject(refusal))
        }
        // The route of a remote recipient belongs here: one that fails refuses it, one that holds or discards is noted.
        return context.decided(.accept(AdmittedRecipient(address: address, local: [], remote: [address])))
    }

    private static func admit(
        _ address: EmailAddress, _ expansion: Expansion, size: Int, _ context: inout EvaluationContext
    ) -> Evaluation<RecipientDecision> {
        for step in expansion.steps {
            context.step(
                TraceStage.expansion, step.rule, origin: expansion.origin, before: step.before, after: step.after
            )
        }
        var full: [ExpandedTarget] = []
        var isComplete = true
        for target in expansion.local {
            switch context.ask(.quota(account: target.account, size: size)) {
            case nil: isComplete = false
            case .quota(.exceeded): full.append(target)
            // Not knowing how full a mailbox is doesn't keep mail away: an overrun is allowed.
            default: break
            }
        }
        guard isComplete else { return context.asking() }
        // One full mailbox behind an alias doesn't keep the mail from the others.
        if !full.isEmpty, full.count == expansion.local.count, expansion.remote.isEmpty {
            return refuse(452, 4, 2, 2, address, "Mailbox is over quota", "quota", &context)
        }
        for target in full {
            context.step(
                TraceStage.admission, "quota", before: "\(target.address)", note: "over quota, delivered all the same")
        }
        let targets = expansion.local.map(\.address.description) + expansion.remote.map(\.description)
        context.step(
            TraceStage.admission, "recipient", origin: expansion.origin, before: "<\(address)>",
            after: targets.joined(separator: ", ")
        )
        let admitted = AdmittedRecipient(address: address, local: expansion.local, remote: expansion.remote)
        return context.decided(.accept(admitted))
    }

    private static func refuse(
        _ code: Int, _ classDigit: Int, _ subject: Int, _ detail: Int, _ address: EmailAddress, _ text: String,
        _ rule: String, _ context: inout EvaluationContext
    ) -> Evaluation<RecipientDecision> {
        context.step(TraceStage.admission, rule, before: "<\(address)>", note: "refused: \(text)")
        let enhanced = EnhancedStatusCode(classDigit, subject, detail)
        return context.decided(.reject(PolicyReply(code, enhanced, "<\(address)>: \(text)")))
    }
}

// MARK: - Addresses without a domain

extension Policy {
    private enum Qualification {
        case address(EmailAddress)
        case reject(PolicyReply)
        case asking
    }

    private static func qualify(_ facts: RecipientFacts, _ context: inout EvaluationContext) -> Qualification {
        switch facts.path {
        case .address(let address):
            return qualifyHostAddress(address, facts, &context)
        case .null:
            context.step(TraceStage.admission, "recipient", before: facts.path.text, note: "refused: empty")
            return .reject(PolicyReply(501, EnhancedStatusCode(5, 1, 3), "Recipient address is empty"))
        case .unqualified(let name):
            // RFC 5321 §4.5.1, RFC 5321 §2.3.5
            if name.lowercased() == "postmaster" { return qualifyPostmaster(facts, &context) }
            if let domain = facts.client.login?.address.domain, let address = EmailAddress("\(name)@\(domain)") {
                let before = facts.path.text
                context.step(TraceStage.rewrite, "recipient-qualify", before: before, after: "<\(address)>")
                return .address(address)
            }
            context.step(TraceStage.admission, "recipient-domain", before: facts.path.text, note: "refused: no domain")
            let text = "\(facts.path.text): Recipient address needs a domain"
            return .reject(PolicyReply(550, EnhancedStatusCode(5, 1, 3), text))
        }
    }

    /// Names under which people write to a host itself, in answer to its bounces for one.
    private static let hostNames: Set<String> = ["postmaster", "abuse", "mailer-daemon"]

    /// `postmaster@` the host's own name or address is the postmaster, also where only its domain is hosted.
    // RFC 5321 §4.5.1, RFC 2142 §4, RFC 1123 §5.2.17
    private static func qualifyHostAddress(
        _ address: EmailAddress, _ facts: RecipientFacts, _ context: inout EvaluationContext
    ) -> Qualification {
        guard hostNames.contains(EmailAddress.fold(address.localPart)) else { return .address(address) }
        switch address.host {
        case .literal(let literal):
            guard literal == facts.server?.addressLiteral else { return .address(address) }
            return qualifyPostmaster(facts, &context)
        case .domain(let domain):
            guard domain == facts.hostname else { return .address(address) }
            guard let answer = context.ask(.hosted(domain)) else { return .asking }
            return answer == .flag(false) ? qualifyPostmaster(facts, &context) : .address(address)
        }
    }

    /// The postmaster of the host's own name when that is hosted, of its domain, or of the first domain there is.
    private static func qualifyPostmaster(_ facts: RecipientFacts, _ context: inout EvaluationContext) -> Qualification
    {
        let own = facts.hostname.map { [$0] } ?? []
        let parents = own.compactMap { DomainName($0.labels.dropFirst().joined(separator: ".")) }
        var domain: DomainName?
        var isComplete = true
        for candidate in own + parents where domain == nil {
            switch context.ask(.hosted(candidate)) {
            case nil: isComplete = false
            case .flag(true): domain = candidate
            default: break
            }
        }
        if domain == nil {
            switch context.ask(.firstHostedDomain) {
            case nil: isComplete = false
            case .domain(let first): domain = first
            default: break
            }
        }
        guard isComplete else { return .asking }
        guard let domain else {
            context.step(
                TraceStage.admission, "postmaster", before: facts.path.text, note: "deferred: no domain is hosted")
            return .reject(
                PolicyReply(451, EnhancedStatusCode(4, 3, 0), "\(facts.path.text): No domain is configured yet"))
        }
        let address = EmailAddress(localPart: "postmaster", domain: domain)
        context.step(TraceStage.rewrite, "postmaster", before: facts.path.text, after: "<\(address)>")
        return .address(address)
    }
}
