import MailConfig
import MailSyntax

/// Whether a client may send to addresses that are not hosted here.
enum RelayPermission: Sendable, Hashable {
    /// With the name of the rule, the setting that grants it, and whom it was granted to.
    case granted(rule: String, setting: String?, to: String)
    /// With the reason for the trace.
    case refused(String)
}

extension Policy {
    /// What `relay.permit` and `relay.networks` say of a client. Devices and programs of this host have a permission of
    /// their own.
    static func relayPermission(_ client: ClientFacts, _ rules: PolicyRules) -> RelayPermission {
        switch (client.role, client.login) {
        case (.lmtp, _): return .refused("LMTP delivers here only")
        case (.sendmail, _): return .granted(rule: "relay-sendmail", setting: nil, to: "a program of this host")
        case (_, let login?) where login.device != nil:
            return permission(ofDevice: login.name, client, rules)
        default: break
        }
        let network = "the trusted network of \(client.address)"
        switch (rules.manifest.relay.permit, client.login, client.isTrusted) {
        case (.either, let login?, _), (.login, let login?, _):
            return .granted(rule: "relay", setting: nil, to: login.name)
        case (.either, nil, true), (.network, _, true):
            return .granted(rule: "relay-network", setting: "relay.networks", to: network)
        case (.both, let login?, true):
            return .granted(rule: "relay-both", setting: "relay.permit", to: "\(login.name) in \(network)")
        case (.both, nil, true): return .refused("not logged in")
        case (.both, .some, false), (.network, _, false): return .refused("not in a trusted network")
        case (.login, nil, _): return .refused("not logged in")
        case (.either, nil, false), (.both, nil, false): return .refused("neither logged in nor in a trusted network")
        }
    }
}

// MARK: - Recipients

extension Policy {
    /// Why a client may send to an address.
    enum Reach {
        /// It is hosted here, by the directory or by a key of the virtual aliases.
        case hosted
        case relayed
    }

    /// Whether the client may send to an address: one that is hosted here, one of `relay.domains`, or any where it may
    /// relay.
    static func reach(
        _ address: EmailAddress, _ facts: RecipientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<Reach> {
        if let domain = address.domain {
            // Nearly always asked for next.
            _ = context.ask(.recipient(address))
            switch context.ask(.hosted(domain)) {
            case nil: return .asking
            case .flag(true): return .passed(.hosted)
            case .unavailable(let reason): return .reject(deferral("recipient", address, reason, &context))
            default: break
            }
            switch context.isVirtualDomain(domain, rules.rewriting) {
            case .asking: return .asking
            case .notFound: break
            case .found(let answer, _):
                context.step(TraceStage.admission, "virtual-domain", origin: answer.origin, before: "<\(address)>")
                return .passed(.hosted)
            case .unavailable(let reason): return .reject(deferral("virtual", address, reason, &context))
            }
        }
        if rules.relayDomains.first(matching: address) != nil {
            return reachRelayDomain(address, facts, rules, &context)
        }
        switch relayPermission(facts.client, rules) {
        case .refused(let reason):
            let text = "Relay access denied"
            context.step(
                TraceStage.admission, "relay", origin: rules.origin("relay.permit"), before: "<\(address)>",
                note: "refused: \(text), \(reason)")
            return .reject(PolicyReply(554, EnhancedStatusCode(5, 7, 1), "<\(address)>: \(text)"))
        case .granted(let rule, let setting, let who):
            let origin = setting.map(rules.origin) ?? TraceStep.builtIn
            let note = "accepted for \(who)"
            context.step(TraceStage.admission, rule, origin: origin, before: "<\(address)>", note: note)
        }
        // Where the door is open to strangers too, who may stand in MAIL FROM is judged once it is relayed.
        if facts.client.login == nil, facts.client.role != .sendmail, !facts.client.mustBeKnown,
            let refusal = senderUnlisted(facts.admittedSender ?? facts.sender, rules, &context)
        {
            return .reject(refusal)
        }
        return .passed(.relayed)
    }

    private static func reachRelayDomain(
        _ address: EmailAddress, _ facts: RecipientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<Reach> {
        guard facts.client.role != .lmtp else {
            return .reject(refusal(554, 5, 7, 1, address, "Relay access denied", "relay", &context))
        }
        let before = "<\(address)>"
        guard rules.hasTables(.relayRecipients) else {
            context.step(
                TraceStage.admission, "relay-domain", origin: rules.origin("relay.domains"), before: before,
                note: "relayed for everybody")
            return .passed(.relayed)
        }
        let delimiters = rules.manifest.mail.recipientDelimiter
        switch context.find(address, in: .relayRecipients, delimiters: delimiters, isLocalDomain: false) {
        case .asking: return .asking
        case .found(let answer, _):
            context.step(
                TraceStage.admission, "relay-domain", origin: answer.origin, before: before, note: "listed")
            return .passed(.relayed)
        case .notFound:
            let text = "Recipient address rejected: User unknown in relay recipient table"
            let origin = rules.origin("relay.recipients")
            return .reject(refusal(550, 5, 1, 1, address, text, "relay-recipient", origin: origin, &context))
        case .unavailable(let reason): return .reject(deferral("relay-recipient", address, reason, &context))
        }
    }

    /// The refusal of an address that `receive: false` is written for.
    static func receivingForbidden(
        _ address: EmailAddress, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> PolicyReply? {
        guard let rule = rules.rule(for: address), !rule.mayReceive else { return nil }
        let text = "Recipient address rejected: Access denied"
        return refusal(554, 5, 7, 1, address, text, "may-receive", origin: rule.origin, &context)
    }

    /// A device that is bound to networks of its own may send from there; another only from where anybody may.
    private static func permission(
        ofDevice name: String, _ client: ClientFacts, _ rules: PolicyRules
    ) -> RelayPermission {
        let needsTrust = [.both, .network].contains(rules.manifest.relay.permit)
        let isBound = rules.device(named: name)?.networks.isEmpty == false
        guard client.isTrusted || isBound || !needsTrust else { return .refused("not in a trusted network") }
        return .granted(rule: "relay-device", setting: "devices", to: "the device \(name)")
    }
}
