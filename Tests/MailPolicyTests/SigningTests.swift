import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite struct SigningTests {
    private func sign(_ origin: MessageOrigin, from: String?) throws -> SigningDecision {
        let directory = ScriptedDirectory()
        directory.hosted = ["example.org", "example.com"]
        directory.identities = [1: ["fbi@example.org", "fbi@example.com"]]
        let facts = SigningFacts(origin: origin, headerFrom: try from.map { try address($0) })
        return try directory.run { Policy.chooseSigning(facts, rules: PolicyRules(Manifest()), $0) }.decision
    }

    @Test func theAuthorInTheHeaderIsSignedFor() throws {
        let login = MessageOrigin.login(LoginFacts(account: 1, address: try address("fbi@example.org")))
        #expect(try sign(login, from: "fbi@example.org") == .sign(address("fbi@example.org")))
        #expect(try sign(login, from: "fbi@example.com") == .sign(address("fbi@example.com")))
        #expect(try sign(.system, from: "mailer-daemon@example.com") == .sign(address("mailer-daemon@example.com")))
    }

    @Test func aReportIsSignedByTheDomainAboveTheHost() throws {
        #expect(try sign(.system, from: "mailer-daemon@mx.example.com") == .sign(address("mailer-daemon@example.com")))
    }

    @Test func aClientOfATrustedNetworkSignsForWhomItWrites() throws {
        #expect(try sign(.trusted, from: "boss@example.com") == .sign(address("boss@example.com")))
        #expect(try sign(.trusted, from: "x@example.net") == .leave)
        var manifest = Manifest()
        manifest.relay.networks = [try #require(IPNetwork("192.0.2.0/24"))]
        let address = try #require(IPAddress("192.0.2.7"))
        var client = ClientFacts(address: address, role: .mx, isTrusted: true)
        #expect(MessageOrigin(client, rules: PolicyRules(manifest)) == .trusted)
        client.isTrusted = false
        #expect(MessageOrigin(client, rules: PolicyRules(manifest)) == .stranger)
        manifest.relay.permit = .login
        client.isTrusted = true
        #expect(MessageOrigin(client, rules: PolicyRules(manifest)) == .stranger)
    }

    @Test func aDomainThatOnlySendsSigns() throws {
        let directory = ScriptedDirectory()
        directory.sendOnly = ["app.example"]
        let facts = SigningFacts(origin: .trusted, headerFrom: try address("x@app.example"))
        let (decision, trace) = try directory.run {
            Policy.chooseSigning(facts, rules: PolicyRules(Manifest()), $0)
        }
        #expect(decision == .sign(try address("x@app.example")))
        #expect(trace.text == "signing/from-domain: From: x@app.example → d=app.example [directory]")
    }

    @Test func nobodySignsForAnAddressThatIsNotTheirs() throws {
        let own = try address("fbi@example.org")
        let login = MessageOrigin.login(LoginFacts(account: 1, address: own))
        #expect(try sign(login, from: "boss@example.com") == .sign(own))
        #expect(try sign(login, from: "x@example.net") == .sign(own))
        #expect(try sign(login, from: nil) == .sign(own))
        #expect(try sign(.stranger, from: "fbi@example.org") == .leave)
        #expect(try sign(.system, from: "x@example.net") == .leave)
    }

    // MARK: Which keys

    private func keys(
        _ author: String, _ directory: ScriptedDirectory, change: (inout Manifest) -> Void = { _ in }
    ) throws -> (keys: [SigningKeys], trace: [TraceStep]) {
        var manifest = Manifest()
        change(&manifest)
        let address = try address(author)
        let (decision, trace) = try directory.run {
            Policy.chooseSigningKeys(address, rules: PolicyRules(manifest), $0)
        }
        guard case .keys(let keys) = decision else { throw TestFailure("\(decision)") }
        return (keys, trace)
    }

    private struct TestFailure: Error {
        init(_: String) {}
    }

    @Test func aSubdomainIsSignedForAsTheSettingSays() throws {
        let directory = ScriptedDirectory()
        directory.hosted = ["example.org", "shop.example.org"]
        directory.signing = ["shop.example.org": []]
        let org = try domain("example.org")
        let shop = try domain("shop.example.org")
        let news = try domain("a.news.example.org")
        #expect(try keys("x@a.news.example.org", directory).keys == [])
        let parent = try keys("x@a.news.example.org", directory) { $0.dkim.subdomains = .parent }
        #expect(parent.keys == [.directory(org, signedAs: org)])
        let own = try keys("x@a.news.example.org", directory) { $0.dkim.subdomains = .own }
        #expect(own.keys == [.directory(org, signedAs: news)])
        #expect(
            own.trace.text == "signing/from-domain: From: x@a.news.example.org → d=a.news.example.org "
                + "(with the keys of example.org) [directory]")
        // A domain of ours without keys is told of, or signed for by the one above.
        #expect(try keys("x@shop.example.org", directory).keys == [.directory(shop, signedAs: shop)])
        #expect(
            try keys("x@shop.example.org", directory) { $0.dkim.subdomains = .parent }.keys
                == [.directory(org, signedAs: org)])
        #expect(try keys("x@example.net", directory) { $0.dkim.subdomains = .parent }.keys == [])
    }

    @Test func theSigningTableComesFirst() throws {
        let directory = ScriptedDirectory()
        directory.hosted = ["example.org"]
        directory.signingTables =
            SigningTablesTests.read(
                keys: "one %:s1:/k/one\ntwo example.org:s2:/k/two\n",
                senders: "al@example.org one\n*@example.org two\n",
                hasPatterns: true
            ).tables
        let table: (inout Manifest) -> Void = {
            $0.dkim.keyTable = .init(path: "/k/KeyTable", hasPatterns: false)
            $0.dkim.signingTable = .init(path: "/k/SigningTable", hasPatterns: true)
        }
        func names(_ keys: [SigningKeys]) -> [String] {
            keys.map { if case .table(let key, _) = $0 { key.selector } else { "directory" } }
        }
        let al = try keys("Al@Example.org", directory, change: table)
        #expect(names(al.keys) == ["s1"])
        #expect(
            al.trace.text
                == "signing/table: From: Al@example.org → one: d=example.org, s=s1 [/k/SigningTable:1]")
        #expect(names(try keys("bo@example.org", directory, change: table).keys) == ["s2"])
        let both = try keys("al@example.org", directory) {
            table(&$0)
            $0.dkim.multipleSignatures = true
        }
        #expect(names(both.keys) == ["s1", "s2"])
        directory.hosted = ["example.com"]
        #expect(names(try keys("x@example.com", directory, change: table).keys) == ["directory"])
    }

    @Test func aKeyOfOneUserIsNotForAnother() throws {
        let directory = ScriptedDirectory()
        directory.hosted = ["example.org"]
        directory.identities = [1: ["al@example.org"]]
        directory.signingTables =
            SigningTablesTests.read(
                keys: "one example.org:s1:/k/one\n", senders: "boss@example.org one\n", hasPatterns: true
            ).tables
        var manifest = Manifest()
        manifest.dkim.keyTable = .init(path: "/k/KeyTable", hasPatterns: false)
        manifest.dkim.signingTable = .init(path: "/k/SigningTable", hasPatterns: true)
        let rules = PolicyRules(manifest)
        let login = MessageOrigin.login(LoginFacts(account: 1, address: try address("al@example.org")))
        let facts = SigningFacts(origin: login, headerFrom: try address("boss@example.org"))
        let decision = try directory.run { Policy.chooseSigning(facts, rules: rules, $0) }.decision
        #expect(decision == .sign(try address("al@example.org")))
    }
}

@Suite struct EvaluationTests {
    @Test func anEvaluationThatNeverDecidesIsBounded() throws {
        let domains = try (0...Policy.mostRounds).map { try domain("d\($0).example") }
        var round = 0
        #expect(throws: UnboundedEvaluation.self) {
            try Policy.run(
                { _ -> Evaluation<Int> in
                    round += 1
                    return .need([.hosted(domains[round])])
                }, answerNow: { _ in .flag(false) })
        }
        #expect(round == Policy.mostRounds)
        #expect(throws: UnboundedEvaluation.self) {
            try Policy.run({ _ -> Evaluation<Int> in .need([]) }, answerNow: { _ in .flag(false) })
        }
    }

    @Test func questionsAreAskedOnceAndErrorsPassThrough() async throws {
        var asked = 0
        let result = try await Policy.run(
            { answers -> Evaluation<Int> in
                if answers[.firstHostedDomain] == nil { return .need([.firstHostedDomain, .firstHostedDomain]) }
                return .decided(7, trace: [])
            },
            answer: { _ in
                asked += 1
                return .domain(nil)
            })
        #expect(result.decision == 7 && asked == 1)
        await #expect(throws: CancellationError.self) {
            try await Policy.run(
                { _ -> Evaluation<Int> in .need([.firstHostedDomain]) }, answer: { _ in throw CancellationError() }
            )
        }
    }

    @Test func aTraceLineHoldsNoControlCharacters() {
        let step = TraceStep(stage: "rewrite", rule: "r", before: "a\r\nb\u{1b}[31m\u{202e}", after: "ü", note: "n")
        #expect(step.text == "rewrite/r: a??b?[31m? → ü (n) [built in]")
        #expect(TraceStep(stage: "s", rule: "r", note: "only").text == "s/r: only [built in]")
        #expect(TraceStep(stage: "s", rule: "r", after: "x").text == "s/r: x [built in]")
    }
}
