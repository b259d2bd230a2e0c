import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

/// Rules with every table there, of which `ScriptedDirectory.tables` has the content.
func rewriteRules() -> PolicyRules { rewriteRules { _ in } }

func rewriteRules(_ change: (inout Manifest.Rewrite) throws -> Void) rethrows -> PolicyRules {
    var manifest = Manifest()
    manifest.server.hostname = "mail.example.org"
    let source = TableSource(format: .text, content: .entries([]))
    manifest.rewrite.canonical = [source]
    manifest.rewrite.senderCanonical = [source]
    manifest.rewrite.recipientCanonical = [source]
    manifest.rewrite.virtual = [source]
    manifest.rewrite.generic = [source]
    manifest.rewrite.senderBCC = [source]
    manifest.rewrite.recipientBCC = [source]
    manifest.rewrite.headerChecks = [source]
    manifest.rewrite.sendingHeaderChecks = [source]
    try change(&manifest.rewrite)
    return PolicyRules(manifest, origins: ["rewrite.always_bcc": "martlet.yaml:9"])
}

@Suite struct CanonicalTests {
    private func canonical(
        _ text: String, _ kind: Manifest.RewriteClass, _ directory: ScriptedDirectory, _ rules: PolicyRules
    ) throws -> String {
        let address = try address(text)
        let result = try Policy.run(
            { (answers: Answers) -> Evaluation<String> in
                var context = EvaluationContext(answers)
                switch context.canonical(address, kind, rules.rewriting) {
                case .asking: return context.asking()
                case .done(let next): return context.decided(next.description)
                case .unavailable(let reason): return context.decided("unavailable: \(reason)")
                }
            }, answerNow: directory.answer)
        return result.decision
    }

    static let maps: [(table: [String: String], before: String, after: String)] = [
        (["fbi@example.org": "j.doe@example.org"], "FBI@Example.org", "j.doe@example.org"),
        (["fbi": "f.b@isp.example"], "fbi@mail.example.org", "f.b@isp.example"),
        (["fbi": "f.b@isp.example"], "fbi@example.org", "fbi@example.org"),
        (["fbi@a.example": "fbi"], "fbi@a.example", "fbi@mail.example.org"),
        (["@a.example": "@b.example"], "fbi@a.example", "fbi@b.example"),
        (["@a.example": "@b.example"], "fbi+x@a.example", "fbi+x@b.example"),
        (["fbi@a.example": "x@b.example"], "fbi+tag@a.example", "x+tag@b.example"),
        (["fbi+tag@a.example": "x@b.example"], "fbi+tag@a.example", "x@b.example"),
        (["a@x.example": "b@x.example", "b@x.example": "c@x.example"], "a@x.example", "c@x.example"),
        (["a@x.example": "a@x.example"], "a@x.example", "a@x.example"),
        (["a@x.example": "A@x.example"], "a@x.example", "A@x.example"),
        (["@a.example": "all@b.example, second@b.example"], "x@a.example", "all@b.example"),
        (["\"a b\"@x.example": "c@x.example"], "\"a b\"@x.example", "c@x.example"),
        (["@x.example": "@y.example"], "\"a b\"@x.example", "\"a b\"@y.example"),
        (["a@x.example": "Joe Doe <joe@y.example>"], "a@x.example", "joe@y.example"),
    ]

    @Test(arguments: maps.indices)
    func tablesRewriteAsPostfixDoes(_ index: Int) throws {
        let (table, before, after) = Self.maps[index]
        let directory = ScriptedDirectory()
        directory.tables[.canonical] = table
        #expect(try canonical(before, .envelopeSender, directory, rewriteRules()) == after)
    }

    @Test func theTableOfTheClassComesFirst() throws {
        let directory = ScriptedDirectory()
        directory.tables[.senderCanonical] = ["a@x.example": "sender@x.example"]
        directory.tables[.recipientCanonical] = ["a@x.example": "recipient@x.example"]
        directory.tables[.canonical] = ["a@x.example": "no", "sender@x.example": "s@y.example"]
        let rules = rewriteRules()
        #expect(try canonical("a@x.example", .headerSender, directory, rules) == "s@y.example")
        #expect(try canonical("a@x.example", .headerRecipient, directory, rules) == "recipient@x.example")
    }

    @Test func classesSayWhereCanonicalApplies() throws {
        let directory = ScriptedDirectory()
        directory.tables[.canonical] = ["a@x.example": "b@x.example"]
        let rules = rewriteRules { $0.canonicalClasses = [.headerSender] }
        #expect(try canonical("a@x.example", .headerSender, directory, rules) == "b@x.example")
        #expect(try canonical("a@x.example", .envelopeSender, directory, rules) == "a@x.example")
    }

    @Test func aLoopEndsAfterTenSteps() throws {
        let directory = ScriptedDirectory()
        directory.tables[.canonical] = ["a@x.example": "b@x.example", "b@x.example": "a@x.example"]
        #expect(try canonical("a@x.example", .envelopeSender, directory, rewriteRules()) == "a@x.example")
    }

    @Test func extensionsStayAwayWhereTheyAreNotWanted() throws {
        let directory = ScriptedDirectory()
        directory.tables[.canonical] = ["fbi@a.example": "x@b.example"]
        let rules = rewriteRules { $0.propagateExtensions = [] }
        #expect(try canonical("fbi+tag@a.example", .envelopeSender, directory, rules) == "x@b.example")
    }

    @Test func whatIsNoAddressDefers() throws {
        let directory = ScriptedDirectory()
        directory.tables[.canonical] = ["a@x.example": "@@"]
        let result = try canonical("a@x.example", .envelopeSender, directory, rewriteRules())
        #expect(result.hasPrefix("unavailable: canonical:1 is no address"))
        directory.failingTables = [.canonical]
        #expect(
            try canonical("b@x.example", .envelopeSender, directory, rewriteRules()) == "unavailable: table is away")
    }

    static let masquerades: [(domains: [String], before: String, after: String)] = [
        (["example.org"], "a@host.example.org", "a@example.org"),
        (["example.org"], "a@deep.host.example.org", "a@example.org"),
        (["example.org"], "a@example.org", "a@example.org"),
        (["example.org"], "a@notexample.org", "a@notexample.org"),
        (["foo.example.org", "example.org"], "a@x.foo.example.org", "a@foo.example.org"),
        (["foo.example.org", "example.org"], "a@foo.example.org", "a@foo.example.org"),
        (["foo.example.org", "example.org"], "a@bar.example.org", "a@example.org"),
        (["!foo.example.org", "example.org"], "a@x.foo.example.org", "a@x.foo.example.org"),
        (["!foo.example.org", "example.org"], "a@x.example.org", "a@example.org"),
        (["example.org"], "root@host.example.org", "root@host.example.org"),
        (["example.org"], "Root@host.example.org", "Root@host.example.org"),
        (["example.org"], "a@[192.0.2.1]", "a@[192.0.2.1]"),
    ]

    @Test(arguments: masquerades.indices)
    func masqueradeCutsSubdomains(_ index: Int) throws {
        let (domains, before, after) = Self.masquerades[index]
        let rules = try rewriteRules {
            $0.masquerade.exceptions = ["root"]
            $0.masquerade.domains = try domains.map { text in
                let isException = text.hasPrefix("!")
                return .init(
                    domain: try domain(isException ? String(text.dropFirst()) : text), isException: isException)
            }
        }
        #expect(try canonical(before, .headerRecipient, ScriptedDirectory(), rules) == after)
        let recipient = try canonical(before, .envelopeRecipient, ScriptedDirectory(), rules)
        #expect(recipient == before, "the envelope's recipients are left out unless asked for")
    }

    @Test func headerAddressesWithoutADomainGetTheOrigin() throws {
        let directory = ScriptedDirectory()
        directory.tables[.canonical] = ["fbi": "f.b@isp.example"]
        func rewrite(_ facts: HeaderAddressFacts) throws -> AddressDecision {
            try Policy.run(
                { Policy.rewriteHeaderAddress(facts, rules: rewriteRules(), $0) }, answerNow: directory.answer
            ).decision
        }
        #expect(try rewrite(.init(.unqualified("fbi"), isSender: true)) == .replace(address("f.b@isp.example")))
        #expect(try rewrite(.init(.unqualified("x"), isSender: false)) == .replace(address("x@mail.example.org")))
        #expect(try rewrite(.init(.address(address("x@y.example")), isSender: false)) == .keep)
    }

    @Test func genericIsAskedOnce() throws {
        let directory = ScriptedDirectory()
        directory.tables[.generic] = ["a@x.example": "b@x.example", "b@x.example": "c@x.example", "l": "u@isp.example"]
        func rewrite(_ text: String) throws -> AddressDecision {
            let address = try address(text)
            return try Policy.run(
                { Policy.rewriteOutgoing(address, rules: rewriteRules(), $0) }, answerNow: directory.answer
            ).decision
        }
        #expect(try rewrite("a@x.example") == .replace(address("b@x.example")))
        #expect(try rewrite("a+tag@x.example") == .replace(address("b@x.example")))
        #expect(try rewrite("l@mail.example.org") == .replace(address("u@isp.example")))
        #expect(try rewrite("z@x.example") == .keep)
    }
}
