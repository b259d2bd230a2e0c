import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

/// Who seals what goes on.
@Suite struct SealingTests {
    private static func recipient(_ text: String, remote: [String] = ["home@far.example"]) throws -> AdmittedRecipient {
        AdmittedRecipient(
            address: try #require(EmailAddress(text)), local: [], remote: remote.compactMap { EmailAddress($0) })
    }

    /// The domain, or why none; `example.org` and `other.example` are here.
    private static func choose(
        _ facts: SealingFacts, _ sealing: Manifest.Authentication.Sealing? = nil
    ) throws -> String {
        var manifest = Manifest()
        if let sealing { manifest.authentication.sealing = sealing }
        let rules = PolicyRules(manifest, origins: ["authentication.seal": "martlet.yaml:3"])
        let (decision, trace) = try Policy.run({ Policy.chooseSealing(facts, rules: rules, $0) }) { lookup in
            guard case .signingKeys(let domain) = lookup else { return .unavailable("not asked for") }
            return .selectors(["example.org", "other.example"].contains(domain.ascii) ? ["rsa1"] : nil)
        }
        #expect(trace.count == 1)
        guard case .seal(let domain) = decision else { return trace.last?.note ?? "" }
        #expect(trace.last?.after == "d=\(domain)")
        return domain.ascii
    }

    @Test func `the domain that sends it on seals, before one that keeps it and one that is elsewhere`() throws {
        let facts = SealingFacts(
            isChecked: true,
            recipients: try [
                Self.recipient("a@other.example", remote: []), Self.recipient("b@relayed.example"),
                Self.recipient("c@example.org"),
            ])
        #expect(try Self.choose(facts) == "example.org")
        let kept = SealingFacts(isChecked: true, recipients: [try Self.recipient("a@other.example", remote: [])])
        #expect(try Self.choose(kept) == "other.example")
        let elsewhere = SealingFacts(isChecked: true, recipients: [try Self.recipient("b@relayed.example")])
        #expect(try Self.choose(elsewhere) == "not sealed: none of its recipients is in a domain of this server")
    }

    @Test func `one domain may seal for all, or nobody`() throws {
        let facts = SealingFacts(isChecked: true, recipients: [try Self.recipient("b@relayed.example")])
        let own = try #require(DomainName("seals.example"))
        #expect(try Self.choose(facts, .domain(own)) == "seals.example")
        #expect(try Self.choose(facts, .off) == "not sealed: nobody is to")
    }

    @Test func `what was not checked, or not to its end, is not vouched for`() throws {
        let recipients = [try Self.recipient("c@example.org")]
        let unchecked = SealingFacts(isChecked: false, recipients: recipients)
        #expect(try Self.choose(unchecked) == "not sealed: the message was not checked")
        let late = SealingFacts(isChecked: true, chain: .temperror, recipients: recipients)
        #expect(try Self.choose(late) == "not sealed: its chain of seals can't be checked for now")
        for word in [AuthenticationWord.none, .pass, .fail] {
            let facts = SealingFacts(isChecked: true, chain: word, recipients: recipients)
            #expect(try Self.choose(facts) == "example.org")
        }
    }
}
