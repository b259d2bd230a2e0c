import MailSyntax

// Recipients without a domain, and the names that every host has.
extension Policy {
    enum Qualification {
        case address(EmailAddress)
        case reject(PolicyReply)
        case asking
    }

    static func qualify(
        _ facts: RecipientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Qualification {
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
            if facts.client.isTrusted || facts.client.role == .sendmail,
                let address = rules.rewriting.qualified(name)
            {
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
