import MailConfig
import MailSyntax

// Users of this host, who send by the `sendmail` command.
extension Policy {
    static func judgeLocal(
        _ path: WrittenPath, _ client: ClientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Admission {
        let (sender, _) = qualify(path, rules, &context)
        guard let sender else { return judgeStranger(path, &context) }
        let user = client.localUserText
        guard let address = sender.address, !isTrustedUser(client, rules),
            address.folded != ownAddress(client, rules)?.folded
        else {
            let note = "accepted from \(user)"
            context.step(TraceStage.admission, "sender-local", before: sender.angled, note: note)
            return .path(sender)
        }
        // Who may run programs here may write any sender but those that belong to others.
        switch context.ask(.recipient(address)) {
        case nil: return .asking
        case .unavailable(let reason):
            context.step(TraceStage.admission, "sender-local", before: sender.angled, note: "deferred: \(reason)")
            return .reject(.unavailable)
        case .recipient(.targets), .recipient(.disabled):
            context.step(
                TraceStage.admission, "sender-local", origin: rules.origin("sendmail.trusted_users"),
                before: sender.angled, note: "refused: not an address of \(user)")
            let text = "\(sender.angled): Sender address rejected: not owned by \(user)"
            return .reject(PolicyReply(553, EnhancedStatusCode(5, 7, 1), text))
        default:
            let note = "accepted from \(user)"
            context.step(TraceStage.admission, "sender-local", before: sender.angled, note: note)
            return .path(sender)
        }
    }

    private static func isTrustedUser(_ client: ClientFacts, _ rules: PolicyRules) -> Bool {
        guard let id = client.localUser else { return false }
        return id == 0 || client.localUserName.map(rules.manifest.sendmail.trustedUsers.contains) ?? false
    }

    /// The address of a user of this host: its name and the origin.
    private static func ownAddress(_ client: ClientFacts, _ rules: PolicyRules) -> EmailAddress? {
        let domain = rules.manifest.rewrite.origin?.ascii ?? rules.manifest.server.hostname
        return client.localUserName.flatMap { EmailAddress("\($0)@\(domain)") }
    }
}

extension ClientFacts {
    /// `uid=1000 (name)`
    var localUserText: String {
        guard let localUser else { return "a program of this host" }
        return "uid=\(localUser)\(localUserName.map { " (\($0))" } ?? "")"
    }
}
