import MailConfig
import MailSyntax

extension Policy {
    /// Decides what becomes of a stranger's message by what its checks have found.
    ///
    /// A refusal goes before a deferral, that before junk. Nothing that is only observed, and no temporary error, has any
    /// effect but, where the manifest says so, a deferral.
    package static func judgeAuthentication(
        _ facts: AuthenticationFacts, rules: PolicyRules
    ) -> (decision: AuthenticationDecision, trace: [TraceStep]) {
        let (modes, origin) = rules.authentication.modes(for: facts.author)
        var judge = AuthenticationJudge(facts: facts, rules: rules, modes: modes, origin: origin)
        judge.tellFindings()
        judge.judgeDMARC()
        judge.judgeSPF()
        judge.judgeReverse()
        judge.judgeDKIM()
        judge.judgeARC()
        return (judge.decision, judge.trace)
    }
}

private struct AuthenticationJudge {
    let facts: AuthenticationFacts
    let rules: PolicyRules
    let modes: Manifest.Authentication.Modes
    /// Of the exception that holds.
    let origin: String?
    var trace: [TraceStep] = []
    private var refusals: [PolicyReply] = []
    private var deferrals: [PolicyReply] = []
    private var isJunk = false
    private var override: AuthenticationDecision.Override?
    private var applied = AuthenticationFacts.Request.none

    init(facts: AuthenticationFacts, rules: PolicyRules, modes: Manifest.Authentication.Modes, origin: String?) {
        self.facts = facts
        self.rules = rules
        self.modes = modes
        self.origin = origin
    }

    var decision: AuthenticationDecision {
        var decision = outcome
        decision.applied = applied
        return decision
    }

    private var outcome: AuthenticationDecision {
        if let refusal = refusals.first {
            // RFC 7372 §4
            let several = PolicyReply(
                550, EnhancedStatusCode(5, 7, 26), "Multiple authentication checks failed: \(refusal.text)")
            return AuthenticationDecision(.refuse(refusals.count > 1 ? several : refusal), override: override)
        }
        if let deferral = deferrals.first { return AuthenticationDecision(.refuse(deferral), override: override) }
        return AuthenticationDecision(isJunk ? .junk : .accept, override: override)
    }

    /// One step a check, with what it found.
    mutating func tellFindings() {
        tell("iprev", facts.reverse)
        tell("spf-helo", facts.helo)
        tell("spf", facts.spf)
        for signature in facts.dkim { tell("dkim", signature) }
        tell("arc", facts.arc)
        tell("dmarc", facts.dmarc)
    }

    private mutating func tell(_ rule: String, _ found: CheckedIdentity?) {
        guard let found else { return }
        note(rule, before: found.subject, after: found.result.rawValue, found.reason)
    }

    private mutating func note(
        _ rule: String, before: String? = nil, after: String? = nil, _ note: String?, setting: String? = nil
    ) {
        let place = setting.map { origin ?? rules.origin("authentication.\($0)") } ?? TraceStep.builtIn
        trace.append(
            TraceStep(
                stage: TraceStage.authentication, rule: rule, origin: place, before: before, after: after, note: note))
    }

    // MARK: - DMARC

    mutating func judgeDMARC() {
        guard modes.dmarc == .enforce, let dmarc = facts.dmarc else { return }
        switch dmarc.result {
        case .fail: applyPolicy()
        case .temperror: putOff(EnhancedStatusCode(4, 7, 0), "the DMARC policy can't be found out", "dmarc")
        default: break
        }
        if facts.hasUnclearAuthor, refusals.isEmpty {
            isJunk = true
            note("dmarc-policy", after: "junk", "From has something that is no address", setting: "dmarc")
        }
    }

    private mutating func applyPolicy() {
        guard facts.wanted != .none else { return }
        let domain = facts.author?.ascii ?? ""
        if let (reason, override) = excuse() {
            self.override = override
            note("dmarc-override", before: "p=\(facts.wanted.rawValue)", after: "accept", reason)
            return
        }
        let isRejected = facts.wanted == .reject && modes.rejection == .reject && !facts.isListMail
        guard isRejected else {
            isJunk = true
            applied = .quarantine
            var reason = "the policy of \(domain)"
            if facts.wanted == .reject {
                override = facts.isListMail ? .mailingList : .localPolicy
                reason += facts.isListMail ? ", and it has been through a mailing list" : ", and dmarc_reject"
            }
            note("dmarc-policy", before: "p=\(facts.wanted.rawValue)", after: "junk", reason, setting: "dmarc")
            return
        }
        if let doubt {
            guard !putOff(EnhancedStatusCode(4, 7, 0), doubt, "dmarc") else { return }
            isJunk = true
            applied = .quarantine
            note("dmarc-policy", before: "p=reject", after: "junk", "\(doubt) for now", setting: "dmarc")
            return
        }
        applied = .reject
        // RFC 7372 §3.4
        let both = facts.spf?.result == .fail && facts.dkim.contains { $0.result == .fail }
        note("dmarc-policy", before: "p=reject", after: "reject", "the policy of \(domain)", setting: "dmarc")
        refusals.append(
            PolicyReply(550, EnhancedStatusCode(5, 7, both ? 26 : 1), "Rejected per DMARC policy of \(domain)"))
    }

    /// What might excuse a failure, and is not known for now: no reason to refuse a message for good.
    private var doubt: String? {
        let settings = rules.authentication.settings
        if facts.isNameUnknown, rules.authentication.hasNamedForwarders {
            return "whether the client is a known forwarder can't be found out"
        }
        guard modes.arc != .off else { return nil }
        let believed = facts.uncheckedSeals.prefix { settings.sealers.contains($0.domain) }
        return believed.first(where: \.sawPass).map { "the seal of the trusted \($0.domain) can't be checked" }
    }

    /// Why a failure of DMARC is not acted upon.
    private func excuse() -> (reason: String, AuthenticationDecision.Override)? {
        if let forwarder = rules.authentication.forwarder(facts.client, name: facts.clientName) {
            return ("\(forwarder) is a known forwarder", .trustedForwarder)
        }
        guard modes.arc != .off else { return nil }
        // Behind a seal that isn't believed anything may have been changed.
        let believed = facts.seals.prefix { rules.authentication.settings.sealers.contains($0.domain) }
        guard let seal = believed.first(where: \.sawPass) else { return nil }
        return ("it passed where the trusted \(seal.domain) sealed it", .trustedForwarder)
    }

    // MARK: - The others

    mutating func judgeSPF() {
        guard modes.spf == .enforce, let spf = facts.spf else { return }
        switch spf.result {
        case .fail:
            if facts.dmarc?.result == .pass {
                note("spf-override", before: "fail", after: "accept", "DMARC passes")
            } else if let forwarder = rules.authentication.forwarder(facts.client, name: facts.clientName) {
                note("spf-override", before: "fail", after: "accept", "\(forwarder) is a known forwarder")
            } else if let reason = facts.dmarc?.result == .temperror ? "the DMARC result can't be found out" : doubt {
                guard !putOff(EnhancedStatusCode(4, 7, 24), reason, "spf") else { return }
                note("spf-override", before: "fail", after: "accept", "\(reason) for now")
            } else {
                note("spf-policy", before: spf.subject, after: "reject", nil, setting: "spf")
                // RFC 7372 §3.2
                refusals.append(PolicyReply(550, EnhancedStatusCode(5, 7, 23), "SPF validation failed"))
            }
        case .temperror: putOff(EnhancedStatusCode(4, 7, 24), "SPF validation error", "spf")
        default: break
        }
    }

    mutating func judgeReverse() {
        guard modes.reverse == .enforce, let reverse = facts.reverse else { return }
        switch reverse.result {
        case .fail, .permerror:
            note("iprev-policy", before: reverse.subject, after: "reject", nil, setting: "iprev")
            // RFC 7372 §3.3
            refusals.append(PolicyReply(550, EnhancedStatusCode(5, 7, 25), "Reverse DNS validation failed"))
        case .temperror: putOff(EnhancedStatusCode(4, 7, 25), "the client's name can't be found out", "iprev")
        default: break
        }
    }

    /// A broken signature is no worse than none for the message; an operator may still want it out of the inbox.
    // RFC 6376 §6.1
    mutating func judgeDKIM() {
        guard modes.dkim == .enforce, facts.dkim.contains(where: { $0.result == .fail }),
            !facts.dkim.contains(where: { [.pass, .temperror].contains($0.result) })
        else { return }
        isJunk = true
        note("dkim-policy", after: "junk", "no signature is right", setting: "dkim")
    }

    mutating func judgeARC() {
        guard modes.arc == .enforce, facts.arc?.result == .fail else { return }
        isJunk = true
        note("arc-policy", after: "junk", "the chain of seals is broken", setting: "arc")
    }

    /// Puts the message off, where the manifest wants that.
    @discardableResult
    private mutating func putOff(_ status: EnhancedStatusCode, _ what: String, _ setting: String) -> Bool {
        guard rules.authentication.settings.temporaryErrors == .defer else { return false }
        note("\(setting)-policy", before: "temperror", after: "defer", nil, setting: "temporary_errors")
        deferrals.append(PolicyReply(451, status, "\(what) for now, try again later"))
        return true
    }
}
