import MailConfig
package import MailSyntax

/// What MAIL is answered with.
package enum SenderDecision: Sendable, Hashable {
    /// With the reverse-path that is in effect from here on.
    case accept(ReversePath)
    /// The same, where canonical addresses or masquerading have changed it: what the client may send was judged by
    /// `admitted`.
    case rewritten(ReversePath, admitted: ReversePath)
    case reject(PolicyReply)
}

extension Policy {
    /// Judges the reverse-path. Strangers may use any; a login only its own addresses, a client that sends by its network
    /// those of `relay.senders`.
    package static func admitSender(
        _ facts: SenderFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<SenderDecision> {
        var context = EvaluationContext(answers)
        let path: ReversePath
        switch admitted(facts, rules, &context) {
        case .path(let admitted): path = admitted
        case .reject(let reply): return context.decided(.reject(reply))
        case .asking: return context.asking()
        }
        if let refusal = sendingForbidden(path, facts.client, rules, &context) {
            return context.decided(.reject(refusal))
        }
        switch checkSending(facts, rules, &context) {
        case .passed: break
        case .reject(let reply): return context.decided(.reject(reply))
        case .asking: return context.asking()
        }
        guard rules.rewriting.hasCanonical, let address = path.address else { return context.decided(.accept(path)) }
        switch context.canonical(address, .envelopeSender, rules.rewriting) {
        case .asking: return context.asking()
        case .done(address): return context.decided(.accept(path))
        case .done(let next): return context.decided(.rewritten(.address(next), admitted: path))
        case .unavailable(let reason):
            context.step(TraceStage.rewrite, "canonical", before: path.angled, note: "deferred: \(reason)")
            return context.decided(.reject(.unavailable))
        }
    }

    enum Admission {
        case path(ReversePath)
        case reject(PolicyReply)
        case asking
    }

    private static func admitted(
        _ facts: SenderFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Admission {
        let client = facts.client
        if client.role == .lmtp { return judgeStranger(facts.path, &context) }
        if let login = client.login { return judge(facts.path, of: login, rules, &context) }
        if client.role == .sendmail { return judgeLocal(facts.path, client, rules, &context) }
        // A listener for senders whose logins are optional or off still takes nothing from strangers for elsewhere.
        guard client.mustBeKnown else {
            // A name alone is what programs of an own network say.
            if client.isTrusted, case (let sender?, true) = qualify(facts.path, rules, &context) {
                return .path(sender)
            }
            return judgeStranger(facts.path, &context)
        }
        guard client.isTrusted, case .granted = relayPermission(client, rules) else {
            context.step(TraceStage.admission, "login-required", before: facts.path.text, note: "refused")
            // RFC 6409 §4.3
            return .reject(PolicyReply(530, EnhancedStatusCode(5, 7, 0), "Authentication required"))
        }
        return judgeTrusted(facts.path, rules, &context)
    }

    static func judgeStranger(_ path: WrittenPath, _ context: inout EvaluationContext) -> Admission {
        switch path {
        case .null:
            context.step(TraceStage.admission, "sender", before: path.text, note: "null reverse-path")
            return .path(.null)
        case .address(let address):
            context.step(TraceStage.admission, "sender", before: path.text, note: "accepted")
            return .path(.address(address))
        case .unqualified:
            context.step(TraceStage.admission, "sender-domain", before: path.text, note: "refused: no domain")
            return .reject(
                PolicyReply(553, EnhancedStatusCode(5, 1, 7), "\(path.text): Sender address needs a domain"))
        }
    }
}

// MARK: - Logins and devices

extension Policy {
    private static func judge(
        _ path: WrittenPath, of login: LoginFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Admission {
        switch path {
        case .null:
            // A disposition notification has to be sent this way: RFC 8098 §2.1. A device sends none unless it is told.
            guard login.device == nil || owns(.null, login, rules) else {
                return refuse(path, notOwnedBy: login, rules, &context)
            }
            context.step(TraceStage.admission, "sender-login", before: path.text, note: "null reverse-path")
        case .unqualified:
            // Devices that can only be told a name, and say `MAIL FROM:<FBI>`.
            let after = "<\(login.address)>"
            context.step(TraceStage.rewrite, "sender-qualify", before: path.text, after: after, note: "has no domain")
            return bound(.address(login.address), rules, &context)
        case .address(let address):
            switch ownership(of: address, login, rules, &context) {
            case .asking: return .asking
            case .own:
                let note = "of \(login.name)"
                let origin = login.origin(rules)
                context.step(TraceStage.admission, "sender-login", origin: origin, before: path.text, note: note)
            case .granted(let rule, let origin):
                context.step(TraceStage.admission, "sender-grant", origin: origin, before: path.text, note: rule)
            case .foreign: return refuse(path, notOwnedBy: login, rules, &context)
            case .unavailable(let reason):
                context.step(TraceStage.admission, "sender-login", before: path.text, note: "deferred: \(reason)")
                return .reject(.unavailable)
            }
        }
        return bound(path.reversePath, rules, &context)
    }

    private static func refuse(
        _ path: WrittenPath, notOwnedBy login: LoginFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Admission {
        let note = "refused: not an address of \(login.name)"
        context.step(
            TraceStage.admission, "sender-login", origin: login.origin(rules), before: path.text, note: note)
        let text = "\(path.text): Sender address rejected: not owned by user \(login.name)"
        return .reject(PolicyReply(553, EnhancedStatusCode(5, 7, 1), text))
    }

    /// `relay.senders`, where it holds for logins too.
    private static func bound(
        _ path: ReversePath, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Admission {
        guard rules.manifest.relay.sendersBindLogins, let refusal = senderUnlisted(path, rules, &context) else {
            return .path(path)
        }
        return .reject(refusal)
    }
}

// MARK: - Trusted networks and programs of this host

extension Policy {
    private static func judgeTrusted(
        _ path: WrittenPath, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Admission {
        let (sender, isQualified) = qualify(path, rules, &context)
        guard let sender else { return judgeStranger(path, &context) }
        if let refusal = senderUnlisted(sender, rules, &context) { return .reject(refusal) }
        if !isQualified {
            context.step(
                TraceStage.admission, "sender-network", origin: rules.origin("relay.networks"), before: path.text,
                note: "accepted from a trusted network")
        }
        return .path(sender)
    }

    /// A name alone gets the domain of `rewrite.origin`, or the host's name.
    static func qualify(
        _ path: WrittenPath, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> (ReversePath?, isQualified: Bool) {
        guard case .unqualified(let name) = path else { return (path.reversePath, false) }
        let domain = rules.manifest.rewrite.origin?.ascii ?? rules.manifest.server.hostname
        guard let address = EmailAddress("\(name)@\(domain)") else { return (nil, false) }
        let origin = rules.origin(rules.manifest.rewrite.origin == nil ? "server.hostname" : "rewrite.origin")
        context.step(
            TraceStage.rewrite, "sender-qualify", origin: origin, before: path.text, after: "<\(address)>",
            note: "has no domain")
        return (.address(address), true)
    }

    /// The refusal of a sender that `relay.senders` doesn't have; nil where it has it, or names nobody.
    static func senderUnlisted(
        _ sender: ReversePath, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> PolicyReply? {
        guard !rules.relaySenders.isEmpty else { return nil }
        let origin = rules.origin("relay.senders")
        if rules.relaySenders.first(matching: sender) != nil {
            context.step(
                TraceStage.admission, "relay-senders", origin: origin, before: sender.angled, note: "listed")
            return nil
        }
        context.step(
            TraceStage.admission, "relay-senders", origin: origin, before: sender.angled, note: "refused: not listed")
        return PolicyReply(
            554, EnhancedStatusCode(5, 7, 1), "\(sender.angled): Sender address rejected: Access denied")
    }

    /// The refusal of `may_send: false`, for clients that want to send and aren't somebody else's server.
    private static func sendingForbidden(
        _ sender: ReversePath, _ client: ClientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> PolicyReply? {
        guard !rules.manifest.sending.accounts.isEmpty, client.role != .lmtp,
            client.login != nil || client.isTrusted || client.role.isForSenders
        else { return nil }
        let account = client.login?.account == nil ? nil : client.login?.address
        for address in [sender.address, account].compactMap({ $0 }) {
            guard let rule = rules.rule(for: address), !rule.maySend else { continue }
            context.step(
                TraceStage.admission, "may-send", origin: rule.origin, before: "<\(address)>",
                note: "refused: \(rule.pattern) may not send")
            let text = "<\(address)>: Sender address rejected: Access denied"
            return PolicyReply(554, EnhancedStatusCode(5, 7, 1), text)
        }
        return nil
    }
}

extension WrittenPath {
    /// `<>` also where there is no domain, which has to be seen to before.
    fileprivate var reversePath: ReversePath {
        if case .address(let address) = self { return .address(address) }
        return .null
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
