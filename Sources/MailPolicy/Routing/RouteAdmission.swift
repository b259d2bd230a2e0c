import MailConfig
import MailSyntax

extension Policy {
    /// What the routes of remote recipients say already now: where all of them fail, the recipient is refused, which
    /// spares its sender a bounce. The others are taken, and the route is looked for again when they are delivered.
    static func judgeRoutes(
        of recipient: AdmittedRecipient, _ facts: RecipientFacts, _ rules: PolicyRules,
        _ context: inout EvaluationContext
    ) -> Stage<AdmittedRecipient> {
        var refusal: PolicyReply?
        var isTaken = !recipient.local.isEmpty
        var isComplete = true
        for address in recipient.remote {
            let way = RouteFacts(
                sender: facts.sender, recipient: address, login: facts.client.login?.name, size: facts.declaredSize)
            var finder = RouteFinder(facts: way, table: rules.routing, context: context)
            let decision = finder.decide()
            context = finder.context
            switch decision {
            case nil: isComplete = false
            case .fail(let reply, _): refusal = refusal ?? reply
            case .local, .deliver, .hold, .discard: isTaken = true
            }
        }
        guard isComplete else { return .asking }
        if let refusal, !isTaken { return .reject(refusal) }
        return .passed(recipient)
    }
}
