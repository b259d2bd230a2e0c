import MailConfig
import MailPolicy
import MailSyntax
import Testing

@Suite("What holds towards a host")
struct TransportSecurityTests {
    static func facts(
        _ level: TLSLevel = .may, _ discovery: TLSDiscovery = [.dane, .mtaSTS], dane: DANEEvidence? = nil,
        mtaSTS: MTASTSEvidence? = nil, domain: String? = "one.example"
    ) -> TransportFacts {
        var requirement = TLSRequirement(level: level)
        requirement.discovery = discovery
        var facts = TransportFacts(requirement: requirement, host: "mx.one.example", domain: domain, caFile: "/ca.pem")
        facts.dane = dane
        facts.mtaSTS = mtaSTS
        return facts
    }

    static func decide(_ facts: TransportFacts) throws -> TransportDecision {
        guard case .decided(let decision) = Policy.transport(facts) else {
            throw Undecided()
        }
        return decision
    }

    struct Undecided: Error {}

    static let enforced = MTASTSEvidence.policy(.enforce, id: "1", listsHost: true)
    static let none = DANEEvidence.none("no records")

    @Test("Only what matters is asked for, DANE first")
    func questions() {
        #expect(Policy.transport(Self.facts()) == .needDANE)
        #expect(Policy.transport(Self.facts(dane: Self.none)) == .needMTASTS)
        #expect(Policy.transport(Self.facts(.may, [.mtaSTS])) == .needMTASTS)
        #expect(Policy.transport(Self.facts(.dane, [])) == .needDANE)
        for level in [TLSLevel.none, .may, .encrypt, .verify, .secure, .fingerprint] {
            #expect(throws: Never.self) { try Self.decide(Self.facts(level, [])) }
        }
    }

    @Test("The operator's word for a destination goes before everything")
    func operatorsWord() throws {
        let decision = try Self.decide(Self.facts(.verify, [], dane: .failed("x"), mtaSTS: Self.enforced))
        #expect(decision.basis == .policy && decision.outcome == .proceed(TLSRequirement(level: .verify)))
    }

    @Test("DANE goes before MTA-STS, also where it fails")
    func order() throws {
        let owner = "_25._tcp.mx.one.example"
        let proven = try Self.decide(Self.facts(dane: .records(owner: owner), mtaSTS: Self.enforced))
        #expect(proven.basis == .dane && proven.usesDANE)
        guard case .proceed(let requirement) = proven.outcome else {
            Issue.record("\(proven)")
            return
        }
        #expect(requirement.level == .daneOnly)
        let failed = try Self.decide(Self.facts(dane: .failed("bogus"), mtaSTS: Self.enforced))
        #expect(failed.basis == .dane && failed.outcome == .refuse("bogus"))
        let unusable = try Self.decide(Self.facts(dane: .unusable(owner: owner), mtaSTS: Self.enforced))
        guard case .proceed(let bare) = unusable.outcome else {
            Issue.record("\(unusable)")
            return
        }
        #expect(bare.level == .encrypt && !unusable.usesDANE)
    }

    @Test("An enforced policy asks for a name from a trusted authority, on a host that it lists")
    func enforce() throws {
        let decision = try Self.decide(Self.facts(dane: Self.none, mtaSTS: Self.enforced))
        guard case .proceed(let requirement) = decision.outcome else {
            Issue.record("\(decision)")
            return
        }
        #expect(requirement.level == .verify && requirement.caFile == "/ca.pem" && decision.basis == .mtaSTS)
        let other = try Self.decide(
            Self.facts(dane: Self.none, mtaSTS: .policy(.enforce, id: "1", listsHost: false)))
        guard case .refuse(let reason) = other.outcome else {
            Issue.record("\(other)")
            return
        }
        #expect(reason == "mx.one.example is not a host of the policy 1 of one.example, mode enforce")
    }

    @Test("A policy that is tried out changes nothing and is watched")
    func testing() throws {
        let decision = try Self.decide(
            Self.facts(dane: Self.none, mtaSTS: .policy(.testing, id: "1", listsHost: false)))
        #expect(decision.isWatched && decision.basis == .mtaSTS)
        guard case .proceed(let requirement) = decision.outcome else {
            Issue.record("\(decision)")
            return
        }
        #expect(requirement.level == .may)
    }

    @Test("Without a word of others the standard holds, and says why")
    func standard() throws {
        let decision = try Self.decide(
            Self.facts(dane: Self.none, mtaSTS: .policy(.none, id: "1", listsHost: false)))
        #expect(decision.basis == .outbound && !decision.isWatched)
        #expect(
            decision.step.text
                == "tls/outbound: mx.one.example → may (DANE: no records; MTA-STS: policy 1 is of mode none) [built in]"
        )
    }

    @Test("dane falls back to may, dane-only to nothing")
    func levels() throws {
        let open = try Self.decide(Self.facts(.dane, [], dane: Self.none))
        #expect(open.outcome == .proceed(TLSRequirement(level: .may)) && open.basis == .policy)
        for evidence in [Self.none, .unusable(owner: "o"), .failed("x")] {
            let decision = try Self.decide(Self.facts(.daneOnly, [], dane: evidence))
            guard case .refuse = decision.outcome else {
                Issue.record("\(decision)")
                return
            }
        }
    }

    // RFC 8689 §4.2.2
    @Test("TLS-Required: No lifts what the destination publishes, and nothing of what the operator wrote")
    func optional() throws {
        for facts in [Self.facts(), Self.facts(.encrypt), Self.facts(.dane, [])] {
            var facts = facts
            facts.demand = .optional
            let decision = try Self.decide(facts)
            let level = facts.requirement.level == .encrypt ? TLSLevel.encrypt : .may
            #expect(decision.basis == .sender && decision.outcome == .proceed(TLSRequirement(level: level)))
            #expect(decision.step.text.hasPrefix("tls/tls-required: mx.one.example → \(level.rawValue) (the sender's"))
        }
        for level in [TLSLevel.none, .encrypt, .verify, .secure, .fingerprint] {
            var facts = Self.facts(level, [])
            facts.demand = .optional
            let decision = try Self.decide(facts)
            #expect(decision.basis == .policy && decision.outcome == .proceed(TLSRequirement(level: level)))
        }
        var strict = Self.facts(.daneOnly, [.mtaSTS])
        strict.demand = .optional
        #expect(Policy.transport(strict) == .needDANE)
    }

    // RFC 8689 §4.2.1
    @Test("REQUIRETLS asks for a host that somebody proves to be the right one")
    func required() throws {
        func fits(_ facts: TransportFacts, _ isNameProven: Bool) throws -> Bool {
            var facts = facts
            facts.demand = .required
            facts.isNameProven = isNameProven
            let decision = try Self.decide(facts)
            #expect(decision.step.note?.contains("REQUIRETLS: ") == true)
            guard case .proceed(let requirement) = decision.outcome else { throw Undecided() }
            #expect(requirement.caFile == "/ca.pem")
            return decision.isFitForDemand
        }
        let plain = Self.facts(dane: Self.none, mtaSTS: MTASTSEvidence.none("none"))
        #expect(try fits(plain, true))
        #expect(try !fits(plain, false))
        #expect(try fits(Self.facts(dane: Self.none, mtaSTS: Self.enforced), false))
        let tried = MTASTSEvidence.policy(.testing, id: "1", listsHost: true)
        #expect(try !fits(Self.facts(dane: Self.none, mtaSTS: tried), false))
        #expect(try !fits(Self.facts(.verify, []), false))
        #expect(try fits(Self.facts(.secure, []), false) && fits(Self.facts(.fingerprint, []), false))
        var asked = Self.facts()
        asked.demand = .required
        #expect(Policy.transport(asked) == .needDANE)
        asked.dane = .failed("bogus")
        #expect(try Self.decide(asked).outcome == .refuse("bogus"))
    }

    @Test("A login makes dane ask for encryption where nothing is published")
    func login() {
        let raised = TLSRequirement(level: .dane).encrypted()
        #expect(raised.level == .encrypt && raised.asksDANE)
        #expect(TLSRequirement(level: .daneOnly).encrypted().level == .daneOnly)
    }
}
