import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

/// What becomes of a stranger's message by what its checks have found.
@Suite struct AuthenticationTests {
    private typealias Adjust = (inout Manifest.Authentication) -> Void

    private static func rules(_ adjust: Adjust = { _ in }) -> PolicyRules {
        var manifest = Manifest()
        adjust(&manifest.authentication)
        return PolicyRules(manifest, origins: ["authentication.dmarc": "martlet.yaml:7"])
    }

    private static func facts(
        _ dmarc: AuthenticationWord? = nil, wanted: AuthenticationFacts.Request = .none, author: String = "bank.example"
    ) throws -> AuthenticationFacts {
        var facts = AuthenticationFacts(client: try #require(IPAddress("192.0.2.1")))
        facts.author = DomainName(author)
        facts.dmarc = dmarc.map { CheckedIdentity($0, of: "header.from=\(author)") }
        facts.wanted = wanted
        return facts
    }

    private static func checked(_ result: AuthenticationWord) -> CheckedIdentity {
        CheckedIdentity(result, of: "smtp.mailfrom=sender.example")
    }

    /// `accept`, `junk`, or code and status of the refusal.
    private static func judge(_ facts: AuthenticationFacts, _ adjust: Adjust = { _ in }) -> String {
        switch Policy.judgeAuthentication(facts, rules: rules(adjust)).decision.disposition {
        case .accept: "accept"
        case .junk: "junk"
        case .refuse(let reply): "\(reply.code) \(reply.enhanced)"
        }
    }

    @Test func `a domain's policy is done, and only where it failed`() throws {
        #expect(Self.judge(try Self.facts(.fail, wanted: .reject)) == "550 5.7.1")
        #expect(Self.judge(try Self.facts(.fail, wanted: .quarantine)) == "junk")
        for result in [AuthenticationWord.fail, .pass, .none, .temperror, .permerror] {
            #expect(Self.judge(try Self.facts(result)) == "accept")
        }
    }

    @Test func `what is observed or off has no effect`() throws {
        var facts = try Self.facts(.fail, wanted: .reject)
        facts.spf = Self.checked(.fail)
        facts.reverse = Self.checked(.fail)
        facts.dkim = [Self.checked(.fail)]
        facts.arc = Self.checked(.fail)
        for mode in [Manifest.Authentication.Mode.off, .observe] {
            #expect(Self.judge(facts) { $0.modes.dmarc = mode } == "accept")
        }
    }

    @Test func `the reply names the domain, and the codes say how much failed`() throws {
        var facts = try Self.facts(.fail, wanted: .reject)
        facts.spf = Self.checked(.fail)
        facts.dkim = [Self.checked(.fail)]
        #expect(Self.judge(facts) == "550 5.7.26")
        let (decision, trace) = Policy.judgeAuthentication(facts, rules: Self.rules())
        guard case .refuse(let reply) = decision.disposition else {
            Issue.record("\(decision)")
            return
        }
        #expect(reply.text == "Rejected per DMARC policy of bank.example")
        #expect(
            trace.map(\.text) == [
                "authentication/spf: smtp.mailfrom=sender.example → fail [built in]",
                "authentication/dkim: smtp.mailfrom=sender.example → fail [built in]",
                "authentication/dmarc: header.from=bank.example → fail [built in]",
                "authentication/dmarc-policy: p=reject → reject (the policy of bank.example) [martlet.yaml:7]",
            ])
    }

    @Test func `temporary errors are neutral unless the manifest has them deferred`() throws {
        var facts = try Self.facts(.temperror)
        facts.spf = Self.checked(.temperror)
        facts.reverse = Self.checked(.temperror)
        let all: Adjust = { ($0.modes.spf, $0.modes.reverse, $0.modes.dkim) = (.enforce, .enforce, .enforce) }
        #expect(Self.judge(facts, all) == "accept")
        #expect(Self.judge(facts) { $0.temporaryErrors = .defer } == "451 4.7.0")
        facts.dmarc = nil
        #expect(
            Self.judge(facts) {
                all(&$0)
                $0.temporaryErrors = .defer
            } == "451 4.7.24")
        #expect(Self.judge(facts) { $0.temporaryErrors = .defer } == "accept")
        facts.spf = Self.checked(.fail)
        #expect(
            Self.judge(facts) {
                all(&$0)
                $0.temporaryErrors = .defer
            } == "550 5.7.23")
    }

    @Test func `what might excuse a failure and is not known for now is no reason to refuse for good`() throws {
        let knows: Adjust = { $0.forwarders = [Manifest.Forwarder(".forwarder.example")].compactMap(\.self) }
        let trusts: Adjust = { $0.sealers = ["lists.example"].compactMap { DomainName($0) } }
        var named = try Self.facts(.fail, wanted: .reject)
        named.isNameUnknown = true
        var sealed = try Self.facts(.fail, wanted: .reject)
        sealed.uncheckedSeals = [SealFacts(domain: try #require(DomainName("lists.example")), sawPass: true)]
        for (facts, adjust) in [(named, knows), (sealed, trusts)] {
            #expect(Self.judge(facts) == "550 5.7.1")
            #expect(Self.judge(facts, adjust) == "junk")
            let deferred = Self.judge(facts) {
                adjust(&$0)
                $0.temporaryErrors = .defer
            }
            #expect(deferred == "451 4.7.0")
        }
        sealed.uncheckedSeals = [SealFacts(domain: try #require(DomainName("lists.example")), sawPass: false)]
        #expect(Self.judge(sealed, trusts) == "550 5.7.1")
    }

    @Test func `SPF refuses nothing that DMARC might vouch for later`() throws {
        var facts = try Self.facts(.temperror)
        facts.spf = Self.checked(.fail)
        #expect(Self.judge(facts) { $0.modes.spf = .enforce } == "accept")
        let deferred = Self.judge(facts) {
            ($0.modes.spf, $0.modes.dmarc, $0.temporaryErrors) = (.enforce, .observe, .defer)
        }
        #expect(deferred == "451 4.7.24")
    }

    @Test func `SPF alone refuses what DMARC does not vouch for`() throws {
        let enforce: Adjust = { $0.modes.spf = .enforce }
        var facts = try Self.facts(AuthenticationWord.none)
        facts.spf = Self.checked(.fail)
        #expect(Self.judge(facts, enforce) == "550 5.7.23")
        facts.dmarc = Self.checked(.pass)
        #expect(Self.judge(facts, enforce) == "accept")
        for result in [AuthenticationWord.softfail, .neutral, .permerror, .none] {
            facts.spf = Self.checked(result)
            facts.dmarc = nil
            #expect(Self.judge(facts, enforce) == "accept")
        }
    }

    @Test func `several enforced checks that fail are told by one code`() throws {
        var facts = try Self.facts(.fail, wanted: .reject)
        facts.reverse = Self.checked(.permerror)
        #expect(Self.judge(facts) { $0.modes.reverse = .enforce } == "550 5.7.26")
        facts.wanted = .none
        #expect(Self.judge(facts) { $0.modes.reverse = .enforce } == "550 5.7.25")
    }

    @Test func `broken signatures and chains are junk where they are enforced`() throws {
        var facts = try Self.facts()
        facts.dkim = [Self.checked(.fail), Self.checked(.permerror)]
        #expect(Self.judge(facts) { $0.modes.dkim = .enforce } == "junk")
        facts.dkim.append(Self.checked(.pass))
        #expect(Self.judge(facts) { $0.modes.dkim = .enforce } == "accept")
        facts.arc = Self.checked(.fail)
        #expect(Self.judge(facts) { $0.modes.arc = .enforce } == "junk")
    }

    @Test func `an author that can't be read is junk`() throws {
        var facts = try Self.facts(.permerror)
        facts.hasUnclearAuthor = true
        #expect(Self.judge(facts) == "junk")
        #expect(Self.judge(facts) { $0.modes.dmarc = .observe } == "accept")
    }

    @Test func `mailing lists that say who they are, and dmarc_reject, turn a refusal into junk`() throws {
        var facts = try Self.facts(.fail, wanted: .reject)
        facts.isListMail = true
        #expect(Self.judge(facts) == "junk")
        #expect(Policy.judgeAuthentication(facts, rules: Self.rules()).decision.override == .mailingList)
        facts.isListMail = false
        #expect(Self.judge(facts) { $0.modes.rejection = .junk } == "junk")
    }

    @Test func `known forwarders and trusted sealers are excused`() throws {
        var facts = try Self.facts(.fail, wanted: .reject)
        facts.spf = Self.checked(.fail)
        facts.clientName = DomainName("out.forward.example")
        func forwarder(_ text: String) -> Adjust {
            {
                $0.forwarders = [Manifest.Forwarder(text)].compactMap(\.self)
                $0.modes.spf = .enforce
            }
        }
        for text in ["192.0.2.0/24", "192.0.2.1", "out.forward.example", ".forward.example"] {
            #expect(Self.judge(facts, forwarder(text)) == "accept")
        }
        for text in ["192.0.3.0/24", "forward.example", ".out.forward.example"] {
            #expect(Self.judge(facts, forwarder(text)) == "550 5.7.26")
        }
        let sealer = try #require(DomainName("lists.example"))
        facts.seals = [SealFacts(domain: sealer, sawPass: true)]
        let trusts: Adjust = { $0.sealers = ["lists.example"].compactMap { DomainName($0) } }
        #expect(Self.judge(facts, trusts) == "accept")
        #expect(Self.judge(facts) == "550 5.7.1")
        facts.seals = [SealFacts(domain: sealer, sawPass: false)]
        #expect(Self.judge(facts, trusts) == "550 5.7.1")
        let other = SealFacts(domain: try #require(DomainName("other.example")), sawPass: true)
        facts.seals = [other, SealFacts(domain: sealer, sawPass: true)]
        #expect(Self.judge(facts, trusts) == "550 5.7.1")
    }

    @Test func `an exception for the author's domain goes before the rest`() throws {
        let facts = try Self.facts(.fail, wanted: .reject)
        func exception(_ pattern: String, _ mode: Manifest.Authentication.Mode) -> Adjust {
            {
                guard let pattern = AddressPattern(pattern) else { return }
                var rule = Manifest.Authentication.DomainRule(pattern: pattern)
                rule.dmarc = mode
                $0.domains = [rule]
            }
        }
        #expect(Self.judge(facts, exception("bank.example", .observe)) == "accept")
        #expect(Self.judge(facts, exception(".bank.example", .observe)) == "550 5.7.1")
        #expect(Self.judge(facts, exception("other.example", .off)) == "550 5.7.1")
        #expect(
            Self.judge(facts) {
                $0.modes.dmarc = .off
                exception("bank.example", .enforce)(&$0)
            } == "550 5.7.1")
    }

    @Test func `strangers are checked, and nobody else`() throws {
        let stranger = ClientFacts(address: try #require(IPAddress("192.0.2.1")), role: .mx)
        #expect(Self.rules().checks(stranger))
        var client = stranger
        client.address = try #require(IPAddress("127.0.0.1"))
        #expect(!Self.rules().checks(client))
        #expect(Self.rules { $0.exempt = [] }.checks(client))
        client = stranger
        client.isTrusted = true
        #expect(!Self.rules().checks(client))
        client = stranger
        client.login = LoginFacts(account: 1, address: try #require(EmailAddress("a@example.org")))
        #expect(!Self.rules().checks(client))
        client = stranger
        client.role = .lmtp
        #expect(!Self.rules().checks(client))
        let off: Adjust = {
            for mode in [\Manifest.Authentication.Modes.spf, \.dkim, \.arc, \.reverse, \.dmarc] {
                $0.modes[keyPath: mode] = .off
            }
        }
        #expect(!Self.rules(off).checks(stranger))
        #expect(Self.rules(off).authentication.areOff)
    }
}
