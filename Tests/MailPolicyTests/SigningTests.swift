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

    @Test func theDomainOfTheHeadersFromSigns() throws {
        let login = MessageOrigin.login(LoginFacts(account: 1, address: try address("fbi@example.org")))
        #expect(try sign(login, from: "fbi@example.org") == .sign(domain("example.org")))
        #expect(try sign(login, from: "fbi@example.com") == .sign(domain("example.com")))
        #expect(try sign(.system, from: "mailer-daemon@example.com") == .sign(domain("example.com")))
    }

    @Test func aClientOfATrustedNetworkSignsForWhomItWrites() throws {
        #expect(try sign(.trusted, from: "boss@example.com") == .sign(domain("example.com")))
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
        #expect(decision == .sign(try domain("app.example")))
        #expect(trace.text == "signing/from-domain: From: x@app.example → d=app.example [directory]")
    }

    @Test func nobodySignsForAnAddressThatIsNotTheirs() throws {
        let login = MessageOrigin.login(LoginFacts(account: 1, address: try address("fbi@example.org")))
        #expect(try sign(login, from: "boss@example.com") == .sign(domain("example.org")))
        #expect(try sign(login, from: "x@example.net") == .sign(domain("example.org")))
        #expect(try sign(login, from: nil) == .sign(domain("example.org")))
        #expect(try sign(.stranger, from: "fbi@example.org") == .leave)
        #expect(try sign(.system, from: "x@example.net") == .leave)
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
