import MailAuth
import MailConfig
import MailMessage
import MailPolicy
import MailSyntax

// What policy and trace, and readers of the message, are told.
extension MessageFindings {
    /// Without the checks that are off for the author's mail, and that DMARC does not need.
    func leavingOut(_ modes: Manifest.Authentication.Modes) -> MessageFindings {
        var findings = self
        if modes.reverse == .off { findings.sender.reverse = nil }
        if !modes.checksSPF { (findings.sender.helo, findings.sender.sender) = (nil, nil) }
        if !modes.checksDKIM { findings.signatures = [] }
        if modes.arc == .off { findings.chain = nil }
        if modes.dmarc == .off { findings.dmarc = nil }
        return findings
    }

    /// What readers and filters are told. // RFC 8601 §2.2
    func results(host: DomainName, client: IPAddress, modes: Manifest.Authentication.Modes) -> AuthenticationResults {
        typealias Entry = AuthenticationResults.Entry
        var entries: [Entry] = []
        if let reverse = sender.reverse { entries.append(.reverse(reverse, client: client)) }
        if let helo = otherHELO { entries.append(.spf(helo)) }
        if let spf = sender.sender { entries.append(.spf(spf)) }
        if modes.checksDKIM { entries += Entry.dkim(signatures) }
        if let chain, chain.status != .none { entries.append(.arc(chain, client: client)) }
        if let dmarc { entries.append(.dmarc(dmarc)) }
        return AuthenticationResults(authservID: host.ascii, entries: entries)
    }

    /// That of HELO, where it isn't the sender's.
    private var otherHELO: SPFResult? { sender.helo == sender.sender ? nil : sender.helo }

    func facts(client: IPAddress, clientName: DomainName?, header: HeaderBlock) -> AuthenticationFacts {
        var facts = AuthenticationFacts(client: client)
        facts.clientName = clientName
        facts.reverse = sender.reverse.map {
            CheckedIdentity(Self.word($0.keyword), of: "policy.iprev=\(client)", reason: $0.reason)
        }
        facts.spf = sender.sender.map(Self.identity)
        facts.helo = otherHELO.map(Self.identity)
        facts.dkim = signatures.map(Self.identity)
        if let dmarc { add(dmarc, to: &facts) }
        // After the author is known.
        if let chain, chain.status != .none { add(chain, to: &facts) }
        facts.isListMail = isListMail(header)
        return facts
    }

    private func add(_ dmarc: DMARCEvaluation, to facts: inout AuthenticationFacts) {
        facts.author = dmarc.author
        facts.hasUnclearAuthor = dmarc.hasUnclearAuthor
        facts.policyDomain = dmarc.policyDomain
        facts.wanted = AuthenticationFacts.Request(rawValue: dmarc.wanted.rawValue) ?? .none
        let subject = "header.from" + (dmarc.author.map { "=\($0)" } ?? "")
        var reason = dmarc.result.reason
        if dmarc.result == .pass {
            let methods = Set(dmarc.aligned.map(\.method.rawValue)).sorted().joined(separator: " and ")
            reason = "by \(methods)"
        }
        facts.dmarc = CheckedIdentity(Self.word(dmarc.result.keyword), of: subject, reason: reason)
    }

    private func add(_ chain: ARCChain, to facts: inout AuthenticationFacts) {
        let result = chain.isTemporary ? AuthenticationWord.temperror : Self.word(chain.keyword)
        let newest = chain.links.last.map { "i=\($0.instance) d=\($0.sealDomain)" } ?? ""
        facts.arc = CheckedIdentity(result, of: newest, reason: chain.reason)
        let seals = chain.links.reversed().map { link in
            let dmarc = link.results?.entry("dmarc")
            let author = dmarc?.properties.first { $0.type == "header" && $0.name == "from" }
            let isOurs = author.map { DomainName($0.value) == facts.author } ?? true
            return SealFacts(domain: link.sealDomain, sawPass: dmarc?.result == "pass" && isOurs)
        }
        if chain.status == .pass { facts.seals = seals }
        if chain.isTemporary { facts.uncheckedSeals = seals }
    }

    private static func word(_ text: String) -> AuthenticationWord { AuthenticationWord(rawValue: text) ?? .permerror }

    private static func identity(_ spf: SPFResult) -> CheckedIdentity {
        let subject = spf.propertyValue.map { "\(spf.property)=\($0)" } ?? spf.property
        return CheckedIdentity(word(spf.keyword), of: subject, reason: spf.reason)
    }

    private static func identity(_ one: VerifiedDKIMSignature) -> CheckedIdentity {
        let domain = one.signature?.domain.ascii ?? one.claim.domain ?? ""
        let selector = one.signature?.selector ?? one.claim.selector ?? ""
        return CheckedIdentity(
            word(one.result.keyword), of: "header.d=\(domain) header.s=\(selector)", reason: one.result.reason)
    }

    /// A list changes what it sends on, and breaks its authors' signatures; one that says who it is isn't taken for a
    /// forger. // RFC 2919 §3, RFC 2369 §3.4
    private func isListMail(_ header: HeaderBlock) -> Bool {
        guard header.fields.contains(where: { $0.isNamed("List-Id") || $0.isNamed("List-Post") }) else { return false }
        // Whether it does may not be known for now: no reason to refuse it for good.
        return identifiers.contains { $0.outcome != .fail }
    }
}
