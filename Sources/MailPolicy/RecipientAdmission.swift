import MailConfig
package import MailSyntax

/// What RCPT is answered with.
package enum RecipientDecision: Sendable, Hashable {
    case accept(AdmittedRecipient)
    case reject(PolicyReply)
}

/// A recipient with everything its mail becomes.
package struct AdmittedRecipient: Sendable, Hashable {
    /// The address after qualification, as the client wrote it otherwise; in `Received`, `Delivered-To` and the DSN.
    package var address: EmailAddress
    package var local: [ExpandedTarget]
    package var remote: [EmailAddress]
    /// After canonical addresses and masquerading, before aliases; what copies are chosen by.
    package var canonical: EmailAddress
    /// An alias of ours leads to `remote`: the client need not be allowed to send there.
    package var isForwarded = false

    init(address: EmailAddress, local: [ExpandedTarget], remote: [EmailAddress]) {
        self.address = address
        self.local = local
        self.remote = remote
        canonical = address
    }
}

extension Policy {
    /// What a stage of a decision says: its value, a refusal that ends the decision, or questions.
    enum Stage<Value> {
        case passed(Value)
        case reject(PolicyReply)
        case asking
    }

    /// Judges a recipient, in the order of a message's way: qualification, restriction, relaying, rewriting, expansion,
    /// quota, routes.
    package static func admitRecipient(
        _ facts: RecipientFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<RecipientDecision> {
        var context = EvaluationContext(answers)
        let address: EmailAddress
        switch qualify(facts, rules, &context) {
        case .address(let qualified): address = qualified
        case .reject(let reply): return context.decided(.reject(reply))
        case .asking: return context.asking()
        }
        if let refusal = receivingForbidden(address, rules, &context) { return context.decided(.reject(refusal)) }
        switch checkRecipientRate(facts, address, rules, &context) {
        case .passed: break
        case .reject(let reply): return context.decided(.reject(reply))
        case .asking: return context.asking()
        }
        let admitted: AdmittedRecipient
        switch admitReachable(address, facts, rules, &context) {
        case .passed(let recipient): admitted = recipient
        case .reject(let reply): return context.decided(.reject(reply))
        case .asking: return context.asking()
        }
        switch judgeRoutes(of: admitted, facts, rules, &context) {
        case .passed(let recipient): return context.decided(.accept(recipient))
        case .reject(let reply): return context.decided(.reject(reply))
        case .asking: return context.asking()
        }
    }

    /// The stages between qualification and routes.
    private static func admitReachable(
        _ address: EmailAddress, _ facts: RecipientFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<AdmittedRecipient> {
        switch forwardedSender(address, facts, rules, &context) {
        case .passed(nil): break
        case .passed(let original?):
            return expand([original], of: address, size: facts.declaredSize, &context)
        case .reject(let reply): return .reject(reply)
        case .asking: return .asking
        }
        let reach: Reach
        switch Self.reach(address, facts, rules, &context) {
        case .passed(let found): reach = found
        case .reject(let reply): return .reject(reply)
        case .asking: return .asking
        }
        switch admit(address, size: facts.declaredSize, rules, &context) {
        case .passed(var admitted):
            admitted.isForwarded = reach == .hosted && !admitted.remote.isEmpty
            return .passed(admitted)
        case let other: return other
        }
    }

    /// Rewrites and expands a recipient, whoever may send to it.
    static func admit(
        _ address: EmailAddress, size: Int, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Stage<AdmittedRecipient> {
        guard rules.rewriting.changesRecipients else { return expand([address], of: address, size: size, &context) }
        switch rewriteRecipient(address, rules, &context) {
        case .passed(let rewritten):
            switch expand(rewritten.targets, of: address, size: size, &context) {
            case .passed(var admitted):
                admitted.canonical = rewritten.canonical
                return .passed(admitted)
            case let other: return other
            }
        case .reject(let reply): return .reject(reply)
        case .asking: return .asking
        }
    }

    static func refusal(
        _ code: Int, _ classDigit: Int, _ subject: Int, _ detail: Int, _ address: EmailAddress, _ text: String,
        _ rule: String, origin: String = TraceStep.builtIn, _ context: inout EvaluationContext
    ) -> PolicyReply {
        context.step(TraceStage.admission, rule, origin: origin, before: "<\(address)>", note: "refused: \(text)")
        return PolicyReply(code, EnhancedStatusCode(classDigit, subject, detail), "<\(address)>: \(text)")
    }

    /// The temporary refusal for a source that didn't answer.
    static func deferral(
        _ rule: String, _ address: EmailAddress, _ reason: String, _ context: inout EvaluationContext
    ) -> PolicyReply {
        context.step(TraceStage.admission, rule, before: "<\(address)>", note: "deferred: \(reason)")
        return .unavailable
    }
}

// MARK: - Expansion and quota

/// What the addresses of one recipient come to.
private struct Destinations {
    var local: [ExpandedTarget] = []
    var remote: [EmailAddress] = []
    var unknown: [EmailAddress] = []
    var disabled: [EmailAddress] = []
    /// Where the expansion was written; nil when all is remote.
    var origin: String?

    mutating func add(_ expansion: Expansion) {
        origin = origin ?? expansion.origin
        for target in expansion.local where !local.contains(where: { $0.account == target.account }) {
            local.append(target)
        }
        for address in expansion.remote { add(remote: address) }
    }

    mutating func add(remote address: EmailAddress) {
        if !remote.contains(where: { $0.folded == address.folded }) { remote.append(address) }
    }
}

extension Policy {
    /// Asks the directory what the addresses mean, and whether there is room.
    private static func expand(
        _ addresses: [EmailAddress], of recipient: EmailAddress, size: Int, _ context: inout EvaluationContext
    ) -> Stage<AdmittedRecipient> {
        var destinations = Destinations()
        var isComplete = true
        for address in addresses {
            switch context.ask(.recipient(address)) {
            case nil: isComplete = false
            case .recipient(.notHosted): destinations.add(remote: address)
            case .recipient(.unknown): destinations.unknown.append(address)
            case .recipient(.disabled): destinations.disabled.append(address)
            case .recipient(.targets(let expansion)):
                for step in expansion.steps {
                    context.step(
                        TraceStage.expansion, step.rule, origin: expansion.origin, before: step.before,
                        after: step.after)
                }
                destinations.add(expansion)
            case .unavailable(let reason): return .reject(deferral("recipient", address, reason, &context))
            default: return .reject(deferral("recipient", address, "wrong answer", &context))
            }
        }
        guard isComplete else { return .asking }
        if let refusal = nobody(destinations, recipient, &context) { return .reject(refusal) }
        return checkQuota(destinations, recipient, size: size, &context)
    }

    /// The refusal when no address leads anywhere; where some do, the others are noted.
    private static func nobody(
        _ destinations: Destinations, _ recipient: EmailAddress, _ context: inout EvaluationContext
    ) -> PolicyReply? {
        guard destinations.local.isEmpty, destinations.remote.isEmpty else {
            for address in destinations.unknown + destinations.disabled {
                context.step(TraceStage.expansion, "recipient-unknown", before: "<\(address)>", note: "left out")
            }
            return nil
        }
        if !destinations.disabled.isEmpty {
            return refusal(550, 5, 2, 1, recipient, "Mailbox disabled", "recipient-disabled", &context)
        }
        return refusal(550, 5, 1, 1, recipient, "User unknown", "recipient-unknown", &context)
    }

    private static func checkQuota(
        _ destinations: Destinations, _ recipient: EmailAddress, size: Int, _ context: inout EvaluationContext
    ) -> Stage<AdmittedRecipient> {
        var full: [ExpandedTarget] = []
        var isComplete = true
        for target in destinations.local {
            switch context.ask(.quota(account: target.account, size: size)) {
            case nil: isComplete = false
            case .quota(.exceeded): full.append(target)
            // Not knowing how full a mailbox is doesn't keep mail away: an overrun is allowed.
            default: break
            }
        }
        guard isComplete else { return .asking }
        // One full mailbox behind an alias doesn't keep the mail from the others.
        if !full.isEmpty, full.count == destinations.local.count, destinations.remote.isEmpty {
            return .reject(refusal(452, 4, 2, 2, recipient, "Mailbox is over quota", "quota", &context))
        }
        for target in full {
            context.step(
                TraceStage.admission, "quota", before: "\(target.address)", note: "over quota, delivered all the same")
        }
        if let origin = destinations.origin {
            let targets = destinations.local.map(\.address.description) + destinations.remote.map(\.description)
            context.step(
                TraceStage.admission, "recipient", origin: origin, before: "<\(recipient)>",
                after: targets.joined(separator: ", "))
        }
        return .passed(
            AdmittedRecipient(address: recipient, local: destinations.local, remote: destinations.remote))
    }
}
