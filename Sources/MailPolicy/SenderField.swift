package import MailSyntax

/// What is known of a submitted message's author and sender.
package struct SenderFieldFacts: Sendable, Hashable {
    package var login: LoginFacts
    /// The only mailbox of `From`; nil when there are several, or it can't be read as an address.
    package var author: EmailAddress?
    /// The mailbox of `Sender`; `.some(nil)` when there is a field that can't be read.
    package var sender: EmailAddress??

    package init(login: LoginFacts, author: EmailAddress?, sender: EmailAddress??) {
        self.login = login
        self.author = author
        self.sender = sender
    }
}

/// What happens to the `Sender` field of a submitted message.
package enum SenderFieldDecision: Sendable, Hashable {
    case keep
    /// It is added, or replaced, with this address.
    case write(EmailAddress)
}

extension Policy {
    /// Judges the `Sender` field: whoever writes in another's name, or in several, is named beside them.
    ///
    /// `From` is the user's to write. Where it isn't one address of the login, `Sender` says who it was; a `Sender` that
    /// isn't the login's is replaced. // RFC 6409 §8.1, RFC 5322 §3.6.2
    package static func judgeSenderField(
        _ facts: SenderFieldFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<SenderFieldDecision> {
        var context = EvaluationContext(answers)
        let isOwnAuthor = isOwn(facts.author, facts.login, rules, &context)
        let isOwnSender = isOwn(facts.sender ?? nil, facts.login, rules, &context)
        guard context.wanted.isEmpty else { return context.asking() }
        let keeps = facts.sender == nil ? isOwnAuthor : isOwnSender
        let before = facts.sender.map { "Sender: \($0?.description ?? "?")" }
        if keeps {
            context.step(TraceStage.rewrite, "sender-field", before: before, note: "kept")
            return context.decided(.keep)
        }
        let note = isOwnAuthor ? "not an address of the login" : "From is not the login alone"
        context.step(
            TraceStage.rewrite, "sender-field", before: before, after: "Sender: \(facts.login.address)", note: note)
        return context.decided(.write(facts.login.address))
    }

    private static func isOwn(
        _ address: EmailAddress?, _ login: LoginFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Bool {
        guard let address else { return false }
        if address.folded == login.address.folded { return true }
        switch ownership(of: address, login, rules, &context) {
        case .own, .granted: return true
        case .foreign, .asking, .unavailable: return false
        }
    }
}
