import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

/// One table with fixed keys, another of patterns that has what `whole` has.
private struct ScriptedTables {
    var fixed: [String: String] = [:]
    var whole: [String: String] = [:]
    var failing: Set<String> = []

    func answer(_ lookup: Lookup) -> Answer {
        guard case .table(_, let key, let isWhole) = lookup else { return .unavailable("no table") }
        if failing.contains(key) { return .unavailable("away") }
        let value = fixed[EmailAddress.fold(key)] ?? (isWhole ? whole[key] : nil)
        return .table(value.map { TableAnswer(value: $0, origin: "t:1") })
    }

    /// The outcome, and how many rounds of questions it took.
    func run(_ find: (inout EvaluationContext) -> TableFind) -> (TableFind, rounds: Int, keys: [String]) {
        var answers = Answers()
        var keys: [String] = []
        for round in 0..<10 {
            var context = EvaluationContext(answers)
            let found = find(&context)
            guard found == .asking else { return (found, round, keys) }
            for lookup in context.wanted {
                if case .table(_, let key, _) = lookup { keys.append(key) }
                answers[lookup] = answer(lookup)
            }
        }
        return (.asking, 10, keys)
    }
}

private func found(_ value: String, tag: String? = nil) -> TableFind {
    .found(TableAnswer(value: value, origin: "t:1"), tag: tag)
}

@Suite struct AddressLookupTests {
    private func find(
        _ text: String, _ tables: ScriptedTables, delimiters: String = "+", local: Bool = false
    ) throws -> (TableFind, rounds: Int, keys: [String]) {
        let address = try address(text)
        return tables.run {
            $0.find(address, in: .virtual, delimiters: delimiters, isLocalDomain: local)
        }
    }

    @Test func theStepsAreAskedInOneRoundAndTakenInOrder() throws {
        let result = try find("Fbi+News@Example.org", ScriptedTables(fixed: ["@example.org": "x"]), local: true)
        #expect(result.0 == found("x", tag: "+News"))
        #expect(result.rounds == 1)
        #expect(result.keys == ["Fbi+News@example.org", "Fbi@example.org", "Fbi+News", "Fbi", "@example.org"])
    }

    @Test(arguments: [
        ("fbi+news@example.org", "full", nil), ("fbi@example.org", "bare", "+news"), ("fbi+news", "local", nil),
        ("fbi", "user", "+news"), ("@example.org", "domain", "+news"),
    ])
    func eachStepComesBeforeTheNext(_ key: String, _ value: String, _ tag: String?) throws {
        let order = ["fbi+news@example.org", "fbi@example.org", "fbi+news", "fbi", "@example.org"]
        let later = try #require(order.firstIndex(of: key)).advanced(by: 1)
        var fixed = [key: value]
        for other in order[later...] { fixed[other] = "wrong" }
        #expect(try find("fbi+news@example.org", ScriptedTables(fixed: fixed), local: true).0 == found(value, tag: tag))
    }

    @Test func theLocalPartAloneIsAskedOfLocalDomainsOnly() throws {
        #expect(try find("fbi@example.org", ScriptedTables(fixed: ["fbi": "x"])).0 == .notFound)
    }

    @Test func patternsSeeTheWholeAddressOnly() throws {
        let tables = ScriptedTables(whole: ["fbi@example.org": "x", "@example.org": "y", "fbi": "z"])
        #expect(try find("fbi@example.org", tables, local: true).0 == found("x"))
        #expect(try find("fbi+a@example.org", tables, local: true).0 == .notFound)
    }

    @Test func aQuotedLocalPartIsAskedForWithAndWithoutQuotes() throws {
        let tables = ScriptedTables(fixed: ["a b@example.org": "plain"])
        let result = try find("\"a b\"@example.org", tables)
        #expect(result.0 == found("plain"))
        #expect(result.keys == ["\"a b\"@example.org", "a b@example.org", "@example.org"])
    }

    @Test func aFailureDefersUnlessAnEarlierStepHasTheKey() throws {
        var tables = ScriptedTables(fixed: ["fbi@example.org": "x"], failing: ["@example.org"])
        #expect(try find("fbi@example.org", tables).0 == found("x"))
        tables.failing = ["fbi@example.org"]
        #expect(try find("fbi@example.org", tables).0 == .unavailable("away"))
    }

    @Test func theNullSenderHasAKeyOfItsOwn() {
        let tables = ScriptedTables(fixed: ["<>": "x"])
        let asked = tables.run { $0.find(.null, in: .senderRelay, delimiters: "", isLocalDomain: false) }
        #expect(asked.0 == found("x"))
        let silent = tables.run { $0.find(.null, in: .generic, nullKey: nil, delimiters: "", isLocalDomain: false) }
        #expect(silent.0 == .notFound)
        #expect(silent.keys.isEmpty)
    }

    @Test func transportsAreFoundByDomainAndParents() throws {
        let recipient = try address("fbi+x@a.b.example.org")
        let result = ScriptedTables(fixed: [".example.org": "smtp:[r]", "*": "smtp:[all]"]).run {
            $0.findTransport(recipient, delimiters: "+")
        }
        #expect(result.0 == found("smtp:[r]"))
        #expect(
            result.keys == [
                "fbi+x@a.b.example.org", "fbi@a.b.example.org", "a.b.example.org", ".b.example.org", ".example.org",
                ".org", "*",
            ])
        let literal = try address("fbi@[192.0.2.1]")
        let all = ScriptedTables(fixed: ["*": "smtp:[all]"]).run { $0.findTransport(literal, delimiters: "") }
        #expect(all.0 == found("smtp:[all]"))
        #expect(all.keys == ["fbi@[192.0.2.1]", "[192.0.2.1]", "*"])
    }

    @Test(arguments: [
        ("fbi+a+b", "+", "fbi", "+a+b"), ("fbi-a+b", "+-", "fbi", "-a+b"), ("+a", "+", "+a", nil),
        ("fbi+", "+", "fbi", "+"), ("fbi", "+", "fbi", nil), ("fbi+a", "", "fbi+a", nil),
        ("postmaster", "s", "postmaster", nil), ("owner-x", "-", "owner-x", nil), ("x-request", "-", "x-request", nil),
        ("owner-x", "+", "owner-x", nil), ("-request", "-", "-request", nil),
        ("mailer-daemon", "-", "mailer-daemon", nil),
    ])
    func extensionsAreSplitAsPostfixDoes(_ text: String, _ delimiters: String, _ base: String, _ tag: String?) {
        let split = AddressExtension.split(text, delimiters)
        #expect(split.base == base && split.tag == tag)
    }

    @Test func purposesWithoutTablesAreKnown() {
        var manifest = Manifest()
        manifest.rewrite.generic = [TableSource(format: .text, content: .file("/x"))]
        let rules = PolicyRules(manifest)
        #expect(TablePurpose.allCases.filter(rules.hasTables) == [.generic])
    }
}
