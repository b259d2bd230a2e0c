package import MailConfig
package import MailSyntax

/// What is known of a host when it is about to be spoken to.
package struct TransportFacts: Sendable, Hashable {
    /// What the operator asks for, and what may ask for more.
    package var requirement: TLSRequirement
    /// As found by MX, or as the route has it.
    package var host: String
    /// The domain whose MTA-STS policy holds; nil where the host was named by the operator.
    package var domain: String?
    /// nil: not asked for yet.
    package var dane: DANEEvidence?
    /// nil: not asked for yet.
    package var mtaSTS: MTASTSEvidence?
    /// PEM file of authorities for hosts of MTA-STS policies; nil for the system's.
    package var caFile: String?
    /// What the sender of the message asks for.
    package var demand = TLSDemand.none
    /// The host's name is not DNS's word alone: the domain's own name, or from the operator or signed MX records.
    package var isNameProven = true

    package init(requirement: TLSRequirement, host: String, domain: String? = nil, caFile: String? = nil) {
        self.requirement = requirement
        self.host = host
        self.domain = domain
        self.caFile = caFile
    }
}

extension TransportFacts {
    /// Without what the destination publishes; what the operator wrote for it stays, `dane-only` too.
    // RFC 8689 §4.2.2
    fileprivate var eased: TransportFacts {
        var facts = self
        facts.requirement.discovery = []
        if requirement.level == .dane { facts.requirement.level = .may }
        return facts
    }
}

/// What TLSA records say, as far as the decision needs it.
package enum DANEEvidence: Sendable, Hashable {
    /// No record is proven to exist; why, in words.
    case none(String)
    /// Records that can be used stand at the owner's name.
    case records(owner: String)
    /// There are records, none of which can be used.
    case unusable(owner: String)
    /// They can't be asked for now.
    case failed(String)
}

/// What a domain's MTA-STS policy says of the host.
package enum MTASTSEvidence: Sendable, Hashable {
    package enum Mode: String, Sendable, Hashable {
        case enforce
        case testing
        case none
    }

    /// The domain has no policy, or none could be had; why, in words.
    case none(String)
    case policy(Mode, id: String, listsHost: Bool)
}

/// What a session must have, and by whose word.
package struct TransportDecision: Sendable, Equatable {
    /// By whose word.
    package enum Basis: String, Sendable, Hashable {
        /// The operator's, for this destination.
        case policy
        case dane
        case mtaSTS = "mta-sts"
        /// The sender's, who wants the mail to go whatever the destination publishes.
        case sender = "tls-required"
        /// The operator's, for all destinations.
        case outbound
    }

    package enum Outcome: Sendable, Hashable {
        case proceed(TLSRequirement)
        /// The host may not have the mail now: the next one, or later.
        case refuse(String)
    }

    package var basis: Basis
    package var outcome: Outcome
    /// The certificate is judged by TLSA records.
    package var usesDANE = false
    /// The certificate is looked at as if the policy were enforced, and nothing follows but a report. // RFC 8461 §5
    package var isWatched = false
    /// The sender asks for a host that is proven to be the right one, and this is it.
    package var isFitForDemand = true
    /// For the history of the message.
    package var step: TraceStep
}

/// The decision, or what has to be found out for it.
package enum TransportEvaluation: Sendable, Equatable {
    case needDANE
    case needMTASTS
    case decided(TransportDecision)
}

extension Policy {
    /// What holds towards a host: the operator's word for the destination, then DANE, then MTA-STS, then what is standard.
    package static func transport(_ facts: TransportFacts) -> TransportEvaluation {
        let asked = facts.demand == .optional ? facts.eased : facts
        guard case .decided(let decision) = published(asked) else { return published(asked) }
        return switch facts.demand {
        case .none: .decided(decision)
        case .optional: .decided(asked == facts ? decision : undemanding(decision))
        case .required: .decided(demanding(decision, facts))
        }
    }

    private static func undemanding(_ decision: TransportDecision) -> TransportDecision {
        var decision = decision
        decision.basis = .sender
        decision.step.rule = TransportDecision.Basis.sender.rawValue
        decision.step.note = "the sender's `TLS-Required: No`: TLSA records and MTA-STS are not asked for"
        return decision
    }

    /// The certificate must be verified, and the host the right one. // RFC 8689 §4.2.1
    private static func demanding(_ decision: TransportDecision, _ facts: TransportFacts) -> TransportDecision {
        guard case .proceed(var wanted) = decision.outcome else { return decision }
        var decision = decision
        let isEnforced = decision.basis == .mtaSTS && !decision.isWatched
        // With `secure` and `fingerprint` the certificate does not depend on what DNS says.
        decision.isFitForDemand = facts.isNameProven || isEnforced || wanted.level >= .secure
        wanted.caFile = wanted.caFile ?? facts.caFile
        decision.outcome = .proceed(wanted)
        let word =
            decision.isFitForDemand
            ? "REQUIRETLS: with a verified certificate only"
            : "REQUIRETLS: neither signed MX records nor an enforced MTA-STS policy name the host"
        decision.step.note = [decision.step.note, word].compactMap { $0 }.joined(separator: "; ")
        return decision
    }

    private static func published(_ facts: TransportFacts) -> TransportEvaluation {
        let wanted = facts.requirement
        if wanted.asksDANE {
            guard let dane = facts.dane else { return .needDANE }
            // RFC 8461 §2: what DANE says holds, whatever an MTA-STS policy says.
            if let decision = decide(facts, dane) { return .decided(decision) }
        }
        if wanted.discovery.contains(.mtaSTS), facts.domain != nil {
            guard let mtaSTS = facts.mtaSTS else { return .needMTASTS }
            if let decision = decide(facts, mtaSTS) { return .decided(decision) }
        }
        let isStandard = !wanted.discovery.isEmpty && wanted.level <= .encrypt && wanted.level != .dane
        var standing = wanted
        if standing.level == .dane { standing.level = .may }
        return .decided(
            decision(facts, isStandard ? .outbound : .policy, standing, note: remark(facts)))
    }

    /// nil: DANE has nothing to say.
    private static func decide(_ facts: TransportFacts, _ dane: DANEEvidence) -> TransportDecision? {
        var wanted = facts.requirement
        switch dane {
        case .records(let owner):
            wanted.level = .daneOnly
            var decided = decision(facts, .dane, wanted, note: "TLSA records of \(owner)")
            decided.usesDANE = true
            return decided
        case .unusable(let owner) where wanted.level != .daneOnly:
            // RFC 7672 §2.2: encryption is required, authentication is not possible.
            wanted = wanted.encrypted()
            return decision(facts, .dane, wanted, note: "no TLSA record of \(owner) can be used")
        case .failed(let reason):
            // RFC 7672 §2.1.2: the host counts as unreachable.
            return refusal(facts, .dane, reason)
        case .unusable(let owner):
            return refusal(facts, .dane, "`dane-only` is asked for, and no TLSA record of \(owner) can be used")
        case .none(let reason) where wanted.level == .daneOnly:
            return refusal(facts, .dane, "`dane-only` is asked for, and DANE proves nothing: \(reason)")
        case .none: return nil
        }
    }

    /// nil: the policy has nothing to say.
    private static func decide(_ facts: TransportFacts, _ mtaSTS: MTASTSEvidence) -> TransportDecision? {
        guard case .policy(let mode, let id, let listsHost) = mtaSTS, mode != .none else { return nil }
        let domain = facts.domain ?? facts.host
        let name = "policy \(id) of \(domain), mode \(mode.rawValue)"
        guard mode == .enforce else {
            let unlisted = listsHost ? "" : "; \(facts.host) is not in it"
            var watched = facts.requirement
            watched.caFile = facts.caFile
            var decided = decision(facts, .mtaSTS, watched, note: name + unlisted)
            decided.isWatched = true
            return decided
        }
        // RFC 8461 §4.1
        guard listsHost else { return refusal(facts, .mtaSTS, "\(facts.host) is not a host of the \(name)") }
        var wanted = facts.requirement
        // RFC 8461 §4.2: a chain to a trusted authority, and the host's name.
        wanted.level = .verify
        wanted.match = []
        wanted.caFile = facts.caFile
        return decision(facts, .mtaSTS, wanted, note: name)
    }

    private static func remark(_ facts: TransportFacts) -> String? {
        var words: [String] = []
        if case .none(let reason)? = facts.dane { words.append("DANE: \(reason)") }
        switch facts.mtaSTS {
        case .none(let reason)?: words.append("MTA-STS: \(reason)")
        case .policy(.none, let id, _)?: words.append("MTA-STS: policy \(id) is of mode none")
        default: break
        }
        return words.isEmpty ? nil : words.joined(separator: "; ")
    }

    private static func decision(
        _ facts: TransportFacts, _ basis: TransportDecision.Basis, _ wanted: TLSRequirement, note: String?
    ) -> TransportDecision {
        TransportDecision(
            basis: basis, outcome: .proceed(wanted),
            step: TraceStep(
                stage: TraceStage.tls, rule: basis.rawValue, before: facts.host, after: wanted.level.rawValue,
                note: note))
    }

    private static func refusal(
        _ facts: TransportFacts, _ basis: TransportDecision.Basis, _ reason: String
    ) -> TransportDecision {
        TransportDecision(
            basis: basis, outcome: .refuse(reason),
            step: TraceStep(
                stage: TraceStage.tls, rule: basis.rawValue, before: facts.host, after: "not now", note: reason))
    }
}

extension Policy {
    /// What the history of a message says of its sender's demand; nil where there is none.
    package static func step(of demand: TLSDemand) -> TraceStep? {
        switch demand {
        case .none: nil
        case .required:
            TraceStep(
                stage: TraceStage.tls, rule: "requiretls", before: "REQUIRETLS",
                note: "it goes on over verified TLS to hosts that offer REQUIRETLS, or comes back")
        case .optional:
            TraceStep(
                stage: TraceStage.tls, rule: TransportDecision.Basis.sender.rawValue, before: "TLS-Required: No",
                note: "it goes on whatever the recipient's domain publishes about TLS")
        }
    }
}
