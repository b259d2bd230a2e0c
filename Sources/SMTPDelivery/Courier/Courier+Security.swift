import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import NetTransport

// What a host must prove before it gets mail: the rules are MailPolicy's, the facts are asked for here.
extension Courier {
    /// - Throws: ``SessionError/forbidden(_:_:)`` where the host may not have the mail now.
    func security(
        of target: RouteTarget, _ hop: PlannedHost, _ demand: TLSDemand = .none
    ) async throws(SessionError) -> (security: SessionSecurity, decision: HostSecurity?) {
        let asks = hop.tls.asksDANE || hop.tls.discovery.contains(.mtaSTS)
        // Most routes of operators say it all: nothing is asked.
        guard asks || demand != .none, target.address != nil else {
            let security = SessionSecurity(
                hop.tls, isImplicit: hop.isTLSImplicit, host: target.host, nextHop: hop.place.name)
            return (security, nil)
        }
        var found = await decide(target, hop, demand)
        found.isReported = asks && found.decision.basis != .sender
        let wanted: TLSRequirement
        switch found.decision.outcome {
        case .refuse(let reason):
            count(found, refusedAt: target, reason)
            throw .forbidden(reason, found.decision.step)
        case .proceed(let requirement): wanted = requirement
        }
        var security = SessionSecurity(
            wanted, isImplicit: hop.isTLSImplicit, host: target.host, nextHop: hop.place.name)
        if let records = found.records, found.decision.usesDANE {
            security = security.published(
                records, nextHops: [hop.place.name, target.proof.nextHopAlias].compactMap { $0 })
        }
        // For a report, or because the sender asks for a certificate that is verified where nobody else does.
        if found.decision.isWatched || demand == .required { security.examines = true }
        return (security, found)
    }

    private func decide(_ target: RouteTarget, _ hop: PlannedHost, _ demand: TLSDemand) async -> HostSecurity {
        let domain: String? = if case .domain(let name) = hop.place { name } else { nil }
        var facts = TransportFacts(
            requirement: hop.tls, host: target.host, domain: domain, caFile: settings.rules.manifest.outbound.caFile)
        facts.demand = demand
        facts.isNameProven = !target.proof.isMisdirectable
        var records: DANERecords?
        var policy: MTASTSPolicy?
        var failure: TLSReportFailure?
        while true {
            switch Policy.transport(facts) {
            case .decided(let decision):
                return HostSecurity(
                    decision: decision, domain: domain ?? target.host, records: records, policy: policy,
                    failure: failure)
            case .needDANE:
                let finding = await dane.find(target.daneHost)
                if case .records(let found) = finding { records = found }
                failure = TLSReportFailure(finding, isRequired: hop.tls.level == .daneOnly)
                facts.dane = DANEEvidence(finding)
            case .needMTASTS:
                switch await settings.mtaSTS(domain ?? target.host) {
                case .none(let reason, let why):
                    failure = why
                    facts.mtaSTS = MTASTSEvidence.none(reason)
                case .policy(let found, let id):
                    policy = found
                    let listsHost = found.lists(target.host)
                    if !listsHost, found.mode != .none { failure = .validationFailure }
                    facts.mtaSTS = .policy(.init(found.mode), id: id, listsHost: listsHost)
                }
            }
        }
    }
}

extension TLSReportFailure {
    /// What is told of a finding that proves no host; nil where it does, and where there need be none.
    ///
    /// - Parameter isRequired: the operator sends to hosts with TLSA records only.
    // RFC 8460 §4.3.2.1
    fileprivate init?(_ finding: DANEFinding, isRequired: Bool) {
        switch finding {
        case .failed: self = .dnssecInvalid
        case .unusable: self = .tlsaInvalid
        case .none where isRequired: self = .daneRequired
        case .none, .records: return nil
        }
    }
}

extension DANEEvidence {
    init(_ finding: DANEFinding) {
        switch finding {
        case .none(let reason): self = .none(reason)
        case .records(let records): self = .records(owner: records.owner)
        case .unusable(let owner): self = .unusable(owner: owner)
        case .failed(let reason): self = .failed(reason)
        }
    }
}

extension MTASTSEvidence.Mode {
    init(_ mode: MTASTSPolicy.Mode) {
        switch mode {
        case .enforce: self = .enforce
        case .testing: self = .testing
        case .none: self = .none
        }
    }
}
