package import MailSyntax

/// What MAIL is answered with.
package enum SenderDecision: Sendable, Hashable {
    /// With the reverse-path that is in effect from here on.
    case accept(ReversePath)
    case reject(PolicyReply)
}

extension Policy {
    /// Judges the reverse-path. Strangers may use any; a login only its own addresses.
    package static func admitSender(_ facts: SenderFacts, _ answers: Answers) -> Evaluation<SenderDecision> {
        var context = EvaluationContext(answers)
        if let login = facts.client.login { return judge(facts.path, of: login, &context) }
        // A device without a login is known by its network: nobody lists any yet.
        if facts.client.requiresLogin || facts.client.role == .device {
            context.step(TraceStage.admission, "login-required", before: facts.path.text, note: "refused")
            // RFC 6409 §4.3
            return context.decided(.reject(PolicyReply(530, EnhancedStatusCode(5, 7, 0), "Authentication required")))
        }
        return judgeStranger(facts.path, &context)
    }

    private static func judgeStranger(
        _ path: WrittenPath, _ context: inout EvaluationContext
    ) -> Evaluation<SenderDecision> {
        switch path {
        case .null:
            context.step(TraceStage.admission, "sender", before: path.text, note: "null reverse-path")
            return context.decided(.accept(.null))
        case .address(let address):
            context.step(TraceStage.admission, "sender", before: path.text, note: "accepted")
            return context.decided(.accept(.address(address)))
        case .unqualified:
            context.step(TraceStage.admission, "sender-domain", before: path.text, note: "refused: no domain")
            let reply = PolicyReply(553, EnhancedStatusCode(5, 1, 7), "\(path.text): Sender address needs a domain")
            return context.decided(.reject(reply))
        }
    }

    private static func judge(
        _ path: WrittenPath, of login: LoginFacts, _ context: inout EvaluationContext
    ) -> Evaluation<SenderDecision> {
        switch path {
        case .null:
            // A disposition notification has to be sent this way: RFC 8098 §2.1.
            context.step(TraceStage.admission, "sender-login", before: path.text, note: "null reverse-path")
            return context.decided(.accept(.null))
        case .unqualified:
            // Devices that can only be told a name, and say `MAIL FROM:<FBI>`.
            let after = "<\(login.address)>"
            context.step(TraceStage.rewrite, "sender-qualify", before: path.text, after: after, note: "has no domain")
            return context.decided(.accept(.address(login.address)))
        case .address(let address):
            switch context.ask(.mayUse(address, login: login.account)) {
            case nil:
                return context.asking()
            case .flag(true):
                context.step(TraceStage.admission, "sender-login", before: path.text, note: "of \(login.address)")
                return context.decided(.accept(.address(address)))
            case .unavailable(let reason):
                context.step(TraceStage.admission, "sender-login", before: path.text, note: "deferred: \(reason)")
                return context.decided(.reject(.unavailable))
            default:
                let note = "refused: not an address of \(login.address)"
                context.step(TraceStage.admission, "sender-login", before: path.text, note: note)
                let text = "\(path.text): Sender address rejected: not owned by user \(login.address)"
                return context.decided(.reject(PolicyReply(553, EnhancedStatusCode(5, 7, 1), text)))
            }
        }
    }
}

// MARK: - The header's From

/// What happens to the `From` field of a submitted message.
package enum HeaderFromDecision: Sendable, Hashable {
    case keep
    /// There is none: add one with this address.
    case add(EmailAddress)
    /// The mailboxes without a domain get one; the display names stay.
    case qualify([Replacement])

    package struct Replacement: Sendable, Hashable {
        /// The addr-spec as it was written: `FBI`.
        package var before: String
        package var after: EmailAddress

        package init(before: String, after: EmailAddress) {
            self.before = before
            self.after = after
        }
    }
}

extension Policy {
    /// Judges the `From` field of a submitted message.
    ///
    /// - Parameter mailboxes: the addr-specs of the field as written, without display names; nil when there is no field.
    package static func qualifyHeaderFrom(
        _ mailboxes: [String]?, login: LoginFacts, _ answers: Answers = Answers()
    ) -> Evaluation<HeaderFromDecision> {
        var context = EvaluationContext(answers)
        guard let mailboxes, !mailboxes.isEmpty else {
            // RFC 6409 §8.2
            context.step(TraceStage.rewrite, "from-add", after: "\(login.address)", note: "the message has no From")
            return context.decided(.add(login.address))
        }
        var replacements: [HeaderFromDecision.Replacement] = []
        for written in mailboxes where !written.contains("@") {
            let after = qualified(written, by: login)
            replacements.append(.init(before: written, after: after))
            context.step(TraceStage.rewrite, "from-qualify", before: written, after: "\(after)", note: "has no domain")
        }
        return context.decided(replacements.isEmpty ? .keep : .qualify(replacements))
    }

    /// The name with the login's domain, or the login's address where that makes no address.
    private static func qualified(_ name: String, by login: LoginFacts) -> EmailAddress {
        guard let domain = login.address.domain else { return login.address }
        return EmailAddress("\(name)@\(domain)") ?? login.address
    }
}
