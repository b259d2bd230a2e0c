import MailConfig
package import MailSyntax

/// What the `From` field of a message says, once it is complete.
package struct HeaderAuthorFacts: Sendable, Hashable {
    package var client: ClientFacts
    /// Every mailbox of the field, those in groups too.
    package var authors: [EmailAddress]
    /// There is something in the field that is no address.
    package var isUnclear: Bool

    package init(client: ClientFacts, authors: [EmailAddress], isUnclear: Bool) {
        self.client = client
        self.authors = authors
        self.isUnclear = isUnclear
    }
}

package enum HeaderAuthorDecision: Sendable, Hashable {
    case accept
    case reject(PolicyReply)
}

extension Policy {
    /// With `relay.bind_header_from`: judges whom a client of ours names as the authors. Each of them has to be an address
    /// that its login may send as; of a client that sends by its network, one of `relay.senders`.
    package static func judgeHeaderAuthors(
        _ facts: HeaderAuthorFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<HeaderAuthorDecision> {
        var context = EvaluationContext(answers)
        let origin = rules.origin("relay.bind_header_from")
        guard rules.manifest.relay.bindsHeaderFrom else { return context.decided(.accept) }
        func refuse(_ before: String, _ text: String) -> Evaluation<HeaderAuthorDecision> {
            context.step(
                TraceStage.admission, "header-from", origin: origin, before: "From: \(before)", note: "refused: \(text)"
            )
            let reply = PolicyReply(550, EnhancedStatusCode(5, 7, 1), "\(before): \(text)")
            return context.decided(.reject(reply))
        }
        if facts.isUnclear || facts.authors.isEmpty {
            return refuse("From", "From address rejected: not a list of addresses")
        }
        for author in facts.authors {
            switch authorship(of: author, facts.client, rules, &context) {
            case .own, .asking: continue
            case .granted(let rule, let origin):
                context.step(
                    TraceStage.admission, "sender-grant", origin: origin, before: "From: \(author)", note: rule)
            case .unavailable(let reason):
                let reply = deferral("header-from", author, reason, &context)
                return context.decided(.reject(reply))
            case .foreign:
                let who = facts.client.login.map { "not owned by user \($0.name)" } ?? "Access denied"
                return refuse("<\(author)>", "From address rejected: \(who)")
            }
        }
        guard context.wanted.isEmpty else { return context.asking() }
        let text = facts.authors.map(\.description).joined(separator: ", ")
        context.step(TraceStage.admission, "header-from", origin: origin, before: "From: \(text)", note: "accepted")
        return context.decided(.accept)
    }

    private static func authorship(
        of author: EmailAddress, _ client: ClientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Ownership {
        if let login = client.login {
            if author.folded == login.address.folded, login.account != nil { return .own }
            return ownership(of: author, login, rules, &context)
        }
        if client.role == .sendmail || rules.relaySenders.isEmpty { return .own }
        return rules.relaySenders.first(matching: author) == nil ? .foreign : .own
    }
}
