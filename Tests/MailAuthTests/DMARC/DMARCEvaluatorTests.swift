import DNSCore
import MailMessage
import MailSyntax
import MartletTesting
import Testing

@testable import MailAuth

/// Policy discovery, organizations, alignment, and what the DNS does to them.
@Suite struct DMARCEvaluatorTests {
    private static func name(_ text: String) -> DomainName {
        guard let name = DomainName(text) else { preconditionFailure("\(text) is no name") }
        return name
    }

    private static func resolver(_ records: [String: String]) -> ScriptedResolver {
        let resolver = ScriptedResolver()
        for (domain, text) in records { resolver.text("_dmarc.\(domain)", text) }
        return resolver
    }

    private static func evaluate(
        _ from: String, _ identifiers: [DMARCIdentifier] = [], _ resolver: ScriptedResolver
    ) async -> DMARCEvaluation {
        await DMARCEvaluator.evaluate(DMARCAuthors([name(from)]), identifiers, resolver: resolver)
    }

    private static func passing(_ domain: String, _ method: DMARCIdentifier.Method = .dkim) -> DMARCIdentifier {
        DMARCIdentifier(method, name(domain), .pass)
    }

    // MARK: - The walk

    @Test func `a long name is shortened to seven labels, and eight questions are asked`() {
        let targets = DMARCTreeWalk.targets(of: Self.name("a.b.c.d.e.f.g.h.i.j.mail.example.com"))
        #expect(
            targets.map(\.ascii) == [
                "a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com",
                "i.j.mail.example.com", "j.mail.example.com", "mail.example.com", "example.com", "com",
            ])
        #expect(
            DMARCTreeWalk.targets(of: Self.name("a.b.c.d.e.f.g.com")).map(\.labels.count) == [8, 7, 6, 5, 4, 3, 2, 1])
        #expect(DMARCTreeWalk.targets(of: Self.name("mail.example.com")).map(\.labels.count) == [3, 2, 1])
        #expect(DMARCTreeWalk.targets(of: Self.name("com")).map(\.ascii) == ["com"])
    }

    @Test(
        arguments: [
            // Examples of the revised DMARC's section on identifier alignment.
            (["mail.example.com": "", "example.com": ""], "example.com"),
            (["mail.example.com": "psd=n", "example.com": ""], "mail.example.com"),
            (["com": "psd=y"], "example.com"),
            ([:], "a.mail.example.com"),
            (["a.mail.example.com": ""], "a.mail.example.com"),
            (["a.mail.example.com": "psd=y", "example.com": ""], "a.mail.example.com"),
            (["example.com": "psd=y"], "mail.example.com"),
            (["com": ""], "com"),
        ] as [([String: String], String)])
    func `the organizational domain is found`(records: [String: String], expected: String) async throws {
        let resolver = Self.resolver(records.mapValues { "v=DMARC1; p=none; \($0)" })
        var lookup = DMARCLookup(resolver)
        let walk = try await lookup.walk(from: Self.name("a.mail.example.com"))
        #expect(walk.organizationalDomain.ascii == expected)
    }

    @Test func `the policy is the author's, then its organization's, then its suffix's`() async {
        let own = await Self.evaluate(
            "a.example.com", Self.resolver(["a.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"]))
        #expect(own.policyDomain?.ascii == "a.example.com" && own.policy == DMARCPolicy.none)
        let parent = await Self.evaluate(
            "a.b.example.com",
            Self.resolver(["b.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"]))
        #expect(parent.policyDomain?.ascii == "example.com" && parent.policy == .reject)
        let suffix = await Self.evaluate("a.example.com", Self.resolver(["com": "v=DMARC1; p=reject; psd=y"]))
        #expect(suffix.policyDomain?.ascii == "com" && suffix.policy == .reject)
        #expect(suffix.organizationalDomain?.ascii == "example.com")
    }

    private static func evaluate(_ from: String, _ resolver: ScriptedResolver) async -> DMARCEvaluation {
        await evaluate(from, [], resolver)
    }

    @Test func `several records are as good as none`() async {
        let resolver = ScriptedResolver()
        let text = Array("v=DMARC1; p=reject".utf8)
        resolver.answer("_dmarc.example.com", .txt, [.text(text), .text(text)])
        #expect(await Self.evaluate("example.com", resolver).result.keyword == "none")
        resolver.answer("_dmarc.example.com", .txt, [.text(text), .text(Array("v=spf1 -all".utf8))])
        #expect(await Self.evaluate("example.com", resolver).wanted == .reject)
    }

    @Test func `sp is for domains below that exist, np for those that don't`() async {
        let records = ["example.com": "v=DMARC1; p=none; sp=quarantine; np=reject"]
        let resolver = Self.resolver(records)
        resolver.addresses("there.example.com", "192.0.2.1")
        let there = await Self.evaluate("there.example.com", resolver)
        #expect(there.policy == .quarantine && there.policyTag == "sp")
        let missing = await Self.evaluate("missing.example.com", resolver)
        #expect(missing.policy == .reject && missing.policyTag == "np")
        resolver.fail("mail.example.com", .a, .noData(secure: false))
        #expect(await Self.evaluate("mail.example.com", resolver).policyTag == "sp")
        #expect(await Self.evaluate("example.com", resolver).policy == DMARCPolicy.none)
        resolver.fail("later.example.com", .a, .timeout)
        #expect(await Self.evaluate("later.example.com", resolver).result.keyword == "temperror")
        let onlyP = Self.resolver(["example.com": "v=DMARC1; p=reject"])
        #expect(await Self.evaluate("missing.example.com", onlyP).policy == .reject)
        #expect(!onlyP.questions.contains("missing.example.com A"))
    }

    @Test func `a record without a valid policy counts as none where it asks for reports`() async {
        let with = Self.resolver(["example.com": "v=DMARC1; p=deny; rua=mailto:a@example.com"])
        let one = await Self.evaluate("example.com", with)
        #expect(one.result.keyword == "fail" && one.wanted == .none)
        let without = await Self.evaluate("example.com", Self.resolver(["example.com": "v=DMARC1; p=deny"]))
        #expect(without.result.keyword == "permerror" && without.wanted == .none)
    }

    @Test func `testing lowers what is wanted, not the policy`() async {
        let one = await Self.evaluate("example.com", Self.resolver(["example.com": "v=DMARC1; p=reject; t=y"]))
        #expect(one.policy == .reject && one.wanted == .quarantine)
    }

    // MARK: - Alignment

    @Test func `relaxed alignment is by organization, strict by name`() async {
        let relaxed = Self.resolver(["example.com": "v=DMARC1; p=reject"])
        for domain in ["example.com", "mail.example.com", "a.b.example.com"] {
            #expect(await Self.evaluate("news.example.com", [Self.passing(domain)], relaxed).result == .pass)
        }
        let foreign = await Self.evaluate("news.example.com", [Self.passing("example.net")], relaxed)
        #expect(foreign.result.keyword == "fail" && foreign.wanted == .reject)
        #expect(await Self.evaluate("example.com", [Self.passing("notexample.com")], relaxed).result.keyword == "fail")
        let strict = Self.resolver(["example.com": "v=DMARC1; p=reject; adkim=s"])
        #expect(await Self.evaluate("example.com", [Self.passing("mail.example.com")], strict).wanted == .reject)
        #expect(await Self.evaluate("example.com", [Self.passing("mail.example.com", .spf)], strict).result == .pass)
        #expect(await Self.evaluate("example.com", [Self.passing("example.com")], strict).result == .pass)
    }

    @Test func `customers of a public suffix are strangers to each other`() async {
        let resolver = Self.resolver([
            "suffix.example": "v=DMARC1; p=none; psd=y", "bank.suffix.example": "v=DMARC1; p=reject",
        ])
        let forged = await Self.evaluate("bank.suffix.example", [Self.passing("evil.suffix.example")], resolver)
        #expect(forged.wanted == .reject)
        let own = await Self.evaluate("bank.suffix.example", [Self.passing("mail.bank.suffix.example")], resolver)
        #expect(own.result == .pass)
    }

    @Test func `a part that declared itself an organization is none of its parent's`() async {
        let resolver = Self.resolver([
            "example.com": "v=DMARC1; p=reject", "dept.example.com": "v=DMARC1; p=reject; psd=n",
        ])
        #expect(await Self.evaluate("example.com", [Self.passing("x.dept.example.com")], resolver).wanted == .reject)
        #expect(await Self.evaluate("dept.example.com", [Self.passing("example.com")], resolver).wanted == .reject)
    }

    @Test func `only what passes aligns`() async {
        let resolver = Self.resolver(["example.com": "v=DMARC1; p=reject"])
        let failed = [DMARCIdentifier(.spf, Self.name("example.com"), .fail)]
        #expect(await Self.evaluate("example.com", failed, resolver).wanted == .reject)
        let both = failed + [Self.passing("example.com")]
        let one = await Self.evaluate("example.com", both, resolver)
        #expect(one.result == .pass && one.isAligned(.dkim) && !one.isAligned(.spf))
    }

    @Test func `the author's own domain passes with one question`() async {
        let resolver = Self.resolver(["mail.example.com": "v=DMARC1; p=reject"])
        #expect(await Self.evaluate("mail.example.com", [Self.passing("mail.example.com")], resolver).result == .pass)
        #expect(resolver.questions == ["_dmarc.mail.example.com TXT"])
    }

    // MARK: - Trouble

    @Test func `mail that passes needs not to know whether its author's name exists`() async {
        let resolver = Self.resolver(["example.com": "v=DMARC1; p=reject; np=reject; sp=none"])
        resolver.fail("sub.example.com", .a, .serverFailure(rcode: 2))
        #expect(await Self.evaluate("sub.example.com", [Self.passing("example.com")], resolver).result == .pass)
        #expect(!resolver.questions.contains("sub.example.com A"))
        #expect(await Self.evaluate("sub.example.com", resolver).result.keyword == "temperror")
        // It makes no difference: nobody asks.
        let same = Self.resolver(["example.com": "v=DMARC1; p=reject; np=reject"])
        same.fail("sub.example.com", .a, .timeout)
        #expect(await Self.evaluate("sub.example.com", same).wanted == .reject)
    }

    @Test func `the field for readers has the policy that is left after testing`() async {
        for result in ["fail", "pass"] {
            let resolver = Self.resolver(["example.com": "v=DMARC1; p=reject; t=y"])
            let passed = result == "pass" ? [Self.passing("example.com")] : []
            let entry = AuthenticationResults.Entry.dmarc(await Self.evaluate("example.com", passed, resolver))
            #expect(entry.result == result && entry.comment == "p=reject t=y")
            #expect(entry.properties.last == AuthenticationResults.Property("policy", "dmarc", "quarantine"))
        }
    }

    @Test func `trouble with the DNS is never a verdict`() async {
        let resolver = Self.resolver(["example.com": "v=DMARC1; p=reject"])
        let unknown = [DMARCIdentifier(.dkim, Self.name("mail.example.com"), .temporaryError)]
        let one = await Self.evaluate("example.com", unknown, resolver)
        #expect(one.result.keyword == "temperror" && one.wanted == .none)
        // Whose result it is makes no difference where it wouldn't be the author's.
        let foreign = [DMARCIdentifier(.spf, Self.name("evil.example"), .temporaryError)]
        #expect(await Self.evaluate("example.com", foreign, resolver).wanted == .reject)
        #expect(await Self.evaluate("example.com", unknown + [Self.passing("example.com")], resolver).result == .pass)
        resolver.fail("_dmarc.sub.example.com", .txt, .serverFailure(rcode: 2))
        #expect(await Self.evaluate("sub.example.com", resolver).result.keyword == "temperror")
        let hanging = await Self.evaluate("example.com", [Self.passing("sub.example.com")], resolver)
        #expect(hanging.result.keyword == "temperror")
        resolver.fail("_dmarc.example.com", .txt, .bogus("no signature"))
        #expect(await Self.evaluate("example.com", resolver).result.keyword == "temperror")
    }

    // MARK: - From

    private static func authors(_ header: String) -> DMARCAuthors {
        DMARCAuthors(HeaderBlock(parsing: Array(header.replacing("\n", with: "\r\n").utf8)))
    }

    @Test(
        arguments: [
            ("From: a@example.org\n", ["example.org"], false),
            ("From: \"Bank\" <a@EXAMPLE.org>\n", ["example.org"], false),
            ("From: a@one.example, b@two.example, c@one.example\n", ["one.example", "two.example"], false),
            ("From: a@one.example\nFrom: b@two.example\n", ["one.example", "two.example"], false),
            ("From: friends: a@one.example;\n", ["one.example"], false), ("From: undisclosed:;\n", [], false),
            ("From: root\n", [], false), ("From: a@[192.0.2.1]\n", [], false), ("Subject: x\n", [], false),
            ("From: <a@>\n", [], false), ("From: a@-bad-.example\n", [], true), ("From: Bank <>\n", [], true),
            ("From: ceo@bank.example <a@evil.example>\n", ["evil.example"], false),
            ("From: a@evil.example ceo@bank.example\n", [], true),
            ("From: <a@evil.example> ceo@bank.example\n", [], true),
            ("From: \"ceo@bank.example\" (or cfo@bank.example) a@one.example\n", ["one.example"], false),
            (
                "From: A <@route.example:a@one.example>, \"x\\\"@y\" <b@two.example>\n",
                ["one.example", "two.example"], false
            ),
            ("From: a@b.example@c.example\n", [], true),
            ("From: a@münchen.example\n", ["xn--mnchen-3ya.example"], false),
            ("From: a@\"bank.example\"\n", [], true), ("From: <a@\"bank.example\">\n", [], true),
            ("From: a@evil.example, ceo@\"bank.example\"\n", [], true), ("From: \"ceo@bank.example\n", [], true),
            ("From: (ceo@bank.example\n", [], true), ("From: \"ceo@bank.example\"\n", [], true),
            ("From: =?utf-8?b?Y2VvQGJhbmsuZXhhbXBsZQ==?=\n", [], true), ("From: \"root\" (of host\n", [], false),
            ("From: \"ceo@bank.example\" <a@evil.example>\n", ["evil.example"], false),
            ("From: a@bank.example.\n", ["bank.example"], false),
            ("From: a@bank\u{3002}example\n", ["bank.example"], false),
            ("From: a@one.example;b@two.example\n", ["one.example", "two.example"], false),
            ("From: a@xn--zzzzzz99999.example\n", [], true), ("From: a\0@bank.example\n", ["bank.example"], false),
            ("From: a@ba\0nk.example\n", [], true), ("From: a@=?utf-8?q?bank.example?=\n", [], true),
            ("From: a@bank.example/evil.example\n", [], true), ("From: <a@one.example\n", ["one.example"], false),
        ] as [(String, [String], Bool)])
    func `the domains of From are found`(header: String, domains: [String], isUnclear: Bool) {
        let authors = Self.authors(header)
        if !isUnclear { #expect(authors.domains.map(\.ascii) == domains) }
        #expect(authors.isUnclear == isUnclear)
    }

    @Test func `a From of a thousand authors is read in bounds`() {
        let list = (0..<1000).map { "a@d\($0).example" }.joined(separator: ", ")
        let authors = Self.authors("From: \(list)\n")
        #expect(authors.domains.count <= 8 && authors.isUnclear)
    }

    @Test func `of several authors the worst counts`() async {
        let resolver = Self.resolver([
            "bank.example": "v=DMARC1; p=reject", "evil.example": "v=DMARC1; p=none",
            "odd.example": "v=DMARC1; p=quarantine",
        ])
        let passing = [Self.passing("evil.example")]
        func evaluate(_ names: String...) async -> DMARCEvaluation {
            await DMARCEvaluator.evaluate(DMARCAuthors(names.map(Self.name)), passing, resolver: resolver)
        }
        let one = await evaluate("evil.example", "odd.example", "bank.example")
        #expect(one.author?.ascii == "bank.example" && one.wanted == .reject)
        #expect(await evaluate("evil.example").result == .pass)
        #expect(await evaluate("nothing.example", "evil.example").result.keyword == "none")
        let nobody = await evaluate()
        #expect(nobody.result.keyword == "none" && nobody.author == nil)
    }

    @Test func `a From that can't be read is said to be so`() async {
        var authors = DMARCAuthors()
        authors.isUnclear = true
        let one = await DMARCEvaluator.evaluate(authors, [], resolver: ScriptedResolver())
        #expect(one.result.keyword == "permerror" && one.hasUnclearAuthor)
    }
}
