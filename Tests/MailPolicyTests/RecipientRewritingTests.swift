import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite struct RecipientRewritingTests {
    private func admit(
        _ text: String, _ client: ClientFacts, _ directory: ScriptedDirectory, sender: ReversePath = .null,
        rules: PolicyRules = rewriteRules()
    ) throws -> (decision: RecipientDecision, trace: [TraceStep]) {
        let path = EmailAddress(text).map(WrittenPath.address) ?? .unqualified(text)
        let facts = RecipientFacts(client: client, path: path, sender: sender, hostname: nil)
        return try directory.run { Policy.admitRecipient(facts, rules: rules, $0) }
    }

    private func summary(_ decision: RecipientDecision) -> String {
        switch decision {
        case .reject(let reply): return "\(reply.code) \(reply.enhanced) \(reply.text)"
        case .accept(let admitted):
            let local = admitted.local.map { "=\($0.account)" }
            let remote = admitted.remote.map { (admitted.isForwarded ? "+" : "") + $0.description }
            return (local + remote).joined(separator: " ")
        }
    }

    private func scripted() throws -> ScriptedDirectory {
        let directory = ScriptedDirectory()
        let account = ExpandedTarget(account: 1, address: try address("fbi@example.org"))
        directory.recipients["fbi@example.org"] = .targets(Expansion(local: [account]))
        let expansion = Expansion(local: [], remote: [try address("x@far.example")])
        directory.recipients["away@example.org"] = .targets(expansion)
        return directory
    }

    static let strangers: [(table: [String: String], to: String, result: String)] = [
        ([:], "fbi@example.org", "=1"),
        ([:], "away@example.org", "+x@far.example"),
        (["info@example.org": "fbi@example.org"], "info@example.org", "=1"),
        (["info@example.org": "fbi@example.org, y@far.example"], "info@example.org", "=1 +y@far.example"),
        (["info@example.org": "fbi@example.org, gone@example.org"], "info@example.org", "=1"),
        (["info@example.org": "gone@example.org"], "info@example.org", "550 5.1.1 <info@example.org>: User unknown"),
        (["@example.org": "fbi@example.org"], "any@example.org", "=1"),
        (["fbi@example.org": "y@far.example"], "fbi@example.org", "+y@far.example"),
        (["v.example": "anything", "a@v.example": "fbi@example.org"], "a@v.example", "=1"),
        (["v.example": "anything", "a@v.example": "y@far.example"], "a@v.example", "+y@far.example"),
        (["v.example": "anything"], "b@v.example", "550 5.1.1 <b@v.example>: User unknown"),
        (
            ["v.example": "anything", "@v.example": "@v.example"], "b@v.example",
            "550 5.1.1 <b@v.example>: User unknown"
        ),
        (["v.example": "anything", "a@v.example": "c@v.example, fbi@example.org"], "a@v.example", "=1"),
        (["y@far.example": "fbi@example.org"], "y@far.example", "554 5.7.1 <y@far.example>: Relay access denied"),
        (
            ["v.example": "x", "a@v.example": "b@v.example", "b@v.example": "a@v.example"], "a@v.example",
            "451 4.6.0 <a@v.example>: Alias expansion error"
        ),
    ]

    @Test(arguments: strangers.indices)
    func virtualAliasesOfAStranger(_ index: Int) throws {
        let (table, to, expected) = Self.strangers[index]
        let directory = try scripted()
        directory.tables[.virtual] = table
        #expect(summary(try admit(to, client(.mx), directory).decision) == expected)
    }

    @Test func aLoginsMailToElsewhereIsExpandedToo() throws {
        let directory = try scripted()
        directory.tables[.virtual] = ["y@far.example": "fbi@example.org, z@far.example"]
        let result = try admit("y@far.example", client(.submission, login: "fbi@example.org"), directory)
        #expect(summary(result.decision) == "=1 z@far.example")
    }

    @Test func canonicalComesBeforeVirtual() throws {
        let directory = try scripted()
        directory.tables[.recipientCanonical] = ["old@example.org": "new@example.org"]
        directory.tables[.virtual] = ["new@example.org": "fbi@example.org", "old@example.org": "no@example.org"]
        let result = try admit("old@example.org", client(.mx), directory)
        #expect(summary(result.decision) == "=1")
        guard case .accept(let admitted) = result.decision else { return }
        #expect(admitted.address == (try address("old@example.org")))
        #expect(admitted.canonical == (try address("new@example.org")))
        #expect(
            result.trace.prefix(2).text == """
                rewrite/recipient_canonical: old@example.org → new@example.org [recipient_canonical:1]
                expansion/virtual: new@example.org → fbi@example.org [virtual:1]
                """)
    }

    @Test func aTableThatFailsDefers() throws {
        let directory = try scripted()
        directory.failingTables = [.virtual]
        #expect(summary(try admit("fbi@example.org", client(.mx), directory).decision).hasPrefix("451 4.3.0"))
        directory.failingTables = [.canonical]
        #expect(summary(try admit("fbi@example.org", client(.mx), directory).decision).hasPrefix("451 4.3.0"))
    }

    @Test func bouncesOfForwardedMailComeBack() throws {
        let rules = try rewriteRules {
            $0.srs = .init(domain: try domain("srs.example"), secret: .environment("X"))
        }
        let directory = try scripted()
        func result(_ text: String, from sender: String? = nil) throws -> String {
            let path = try sender.map { ReversePath.address(try address($0)) } ?? .null
            return summary(try admit(text, client(.mx), directory, sender: path, rules: rules).decision)
        }
        #expect(try result("SRS0=good=bob@srs.example") == "bob@far.example")
        #expect(try result("srs0=GOOD=bob@srs.example").hasPrefix("550 5.7.1"))
        #expect(try result("SRS0=bad=bob@srs.example").hasPrefix("550 5.7.1"))
        #expect(try result("SRS0=old=bob@srs.example").hasPrefix("550 5.7.1"))
        #expect(try result("SRS0=good=bob@srs.example", from: "a@b.example").hasSuffix("Bounces only"))
        #expect(try result("SRS0=bob@srs.example").hasSuffix("Relay access denied"))
        #expect(try result("SRS0=good=bob@other.example").hasSuffix("Relay access denied"))
    }

    @Test func onlyTheSendersOfOthersAreRewrittenWhenForwarded() throws {
        let rules = try rewriteRules {
            $0.srs = .init(domain: try domain("srs.example"), secret: .environment("X"))
        }
        let directory = try scripted()
        func forward(_ path: ReversePath, _ rules: PolicyRules) throws -> ForwardingDecision {
            try Policy.run({ Policy.forwardingSender(path, rules: rules, $0) }, answerNow: directory.answer).decision
        }
        let far = ReversePath.address(try address("bob@far.example"))
        #expect(try forward(far, rules) == .replace(address("SRS0=good=bob@srs.example")))
        #expect(try forward(.address(address("fbi@example.org")), rules) == .keep)
        #expect(try forward(.null, rules) == .keep)
        #expect(try forward(far, rewriteRules()) == .keep)
    }

    @Test func theSenderIsJudgedAsWrittenAndThenRewritten() throws {
        let directory = try scripted()
        directory.tables[.senderCanonical] = ["fbi@example.org": "f.b@isp.example"]
        let facts = SenderFacts(
            client: try client(.submission, login: "fbi@example.org"), path: .address(try address("fbi@example.org")))
        let result = try directory.run { Policy.admitSender(facts, rules: rewriteRules(), $0) }
        let admitted = ReversePath.address(try address("fbi@example.org"))
        #expect(result.decision == .rewritten(.address(try address("f.b@isp.example")), admitted: admitted))
        directory.failingTables = [.senderCanonical]
        let failing = try directory.run { Policy.admitSender(facts, rules: rewriteRules(), $0) }
        guard case .reject(let reply) = failing.decision else { return #expect(Bool(false)) }
        #expect(reply.code == 451)
    }
}
