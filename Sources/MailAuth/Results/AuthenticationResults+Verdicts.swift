package import MailSyntax

extension AuthenticationResults.Entry {
    private typealias Property = AuthenticationResults.Property

    /// What to report of a domain's SPF. // RFC 8601 §2.7.2
    package static func spf(_ result: SPFResult) -> AuthenticationResults.Entry {
        let properties = result.propertyValue.map { [Property("smtp", result.identity.rawValue, $0)] } ?? []
        let reason = result.verdict == .pass ? nil : result.reason
        return AuthenticationResults.Entry("spf", result.keyword, reason: reason, properties: properties)
    }

    /// What to report of a client's name. // RFC 8601 §2.7.3, RFC 8601 §3
    package static func reverse(_ result: ReverseResult, client: IPAddress) -> AuthenticationResults.Entry {
        AuthenticationResults.Entry(
            "iprev", result.keyword, comment: result.name?.ascii, reason: result.reason,
            properties: [Property("policy", "iprev", client.description)])
    }

    /// What to report of DMARC: `policy.dmarc` is what is left of the policy after `sp`, `np` and `t`.
    // RFC 9989 §9.1, RFC 9989 §9.2
    package static func dmarc(_ evaluation: DMARCEvaluation) -> AuthenticationResults.Entry {
        var notes: [String] = []
        if let policy = evaluation.policy { notes.append("\(evaluation.policyTag)=\(policy.rawValue)") }
        if evaluation.record?.isTesting == true { notes.append("t=y") }
        if let domain = evaluation.policyDomain, domain != evaluation.author { notes.append("of \(domain)") }
        var properties: [Property] = []
        if let author = evaluation.author { properties.append(Property("header", "from", author.ascii)) }
        if let policy = evaluation.effectivePolicy {
            properties.append(Property("policy", "dmarc", policy.rawValue))
        }
        return AuthenticationResults.Entry(
            "dmarc", evaluation.result.keyword, comment: notes.isEmpty ? nil : notes.joined(separator: " "),
            reason: evaluation.result.reason, properties: properties)
    }
}
