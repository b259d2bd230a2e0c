import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite struct VirtualExpansionTests {
    private func expand(_ text: String, _ table: [String: String]) throws -> String {
        let directory = ScriptedDirectory()
        directory.tables[.virtual] = table
        return try expand(text, directory)
    }

    private func expand(_ text: String, _ directory: ScriptedDirectory) throws -> String {
        let address = try address(text)
        let rules = rewriteRules()
        return try Policy.run(
            { (answers: Answers) -> Evaluation<String> in
                var context = EvaluationContext(answers)
                switch context.expandVirtual(address, rules.rewriting) {
                case .asking: return context.asking()
                case .notFound: return context.decided("-")
                case .found(let found): return context.decided(found.map(\.description).joined(separator: " "))
                case .unavailable(let reason): return context.decided("unavailable: \(reason)")
                case .endless(let note): return context.decided("endless: \(note)")
                }
            }, answerNow: directory.answer
        ).decision
    }

    static let cases: [(table: [String: String], before: String, after: String)] = [
        ([:], "a@x.example", "-"),
        (["a@x.example": "b@y.example"], "a@x.example", "b@y.example"),
        (["a@x.example": "b@y.example, c@y.example"], "a@x.example", "b@y.example c@y.example"),
        (
            ["a@x.example": "b@x.example", "b@x.example": "c, d@y.example"], "a@x.example",
            "c@mail.example.org d@y.example"
        ),
        (["a@x.example": "a@x.example, b@y.example"], "a@x.example", "a@x.example b@y.example"),
        (["a@x.example": "b@y.example, a@x.example"], "a@x.example", "b@y.example a@x.example"),
        (["@x.example": "all@y.example", "a@x.example": "a@x.example"], "a@x.example", "a@x.example"),
        (["@x.example": "all@y.example", "a@x.example": "a@x.example"], "b@x.example", "all@y.example"),
        (["@x.example": "@y.example"], "b@x.example", "b@y.example"),
        (["@x.example": "@y.example, c@y.example"], "b@x.example", "b@y.example c@y.example"),
        (["a@x.example": "b@y.example"], "a+tag@x.example", "b+tag@y.example"),
        (["a@x.example": "b@y.example, b@y.example"], "a@x.example", "b@y.example"),
        (
            ["a@x.example": "b@x.example", "b@x.example": "a@x.example"], "a@x.example",
            "endless: a loop at a@x.example"
        ),
        (
            ["a@x.example": "c@y.example, b@x.example", "b@x.example": "b+more@x.example, d@y.example"], "a@x.example",
            "unavailable: virtual:1 is no address: b+more@x.example, d@y.example"
        ),
    ]

    @Test(arguments: cases.indices)
    func aliasesExpandAsPostfixDoes(_ index: Int) throws {
        let (table, before, after) = Self.cases[index]
        #expect(try expand(before, table) == after)
    }

    @Test func tooManyAddressesAreAnError() throws {
        var table: [String: String] = [:]
        for level in 0..<10 { table["l\(level)@x.example"] = "l\(level + 1)@x.example, a\(level)@x.example" }
        #expect(try expand("l0@x.example", table).split(separator: " ").count == 11)
        table["a9@x.example"] = (0..<1000).map { "n\($0)@x.example" }.joined(separator: ",")
        #expect(try expand("l0@x.example", table) == "endless: more than 1000")
    }

    @Test func aLongChainIsFollowed() throws {
        var table: [String: String] = [:]
        for level in 0..<300 { table["l\(level)@x.example"] = "l\(level + 1)@x.example" }
        #expect(try expand("l0@x.example", table) == "l300@x.example")
    }

    @Test func aFailingTableDefers() throws {
        let directory = ScriptedDirectory()
        directory.failingTables = [.virtual]
        #expect(try expand("a@x.example", directory) == "unavailable: table is away")
    }

    @Test func copiesAreChosenOnce() throws {
        let directory = ScriptedDirectory()
        directory.tables[.senderBCC] = ["@x.example": "archive@x.example"]
        directory.tables[.recipientBCC] = ["to@y.example": "Archive@x.example", "other@y.example": "o@x.example"]
        let rules = try rewriteRules { $0.alwaysBCC = try address("all@x.example") }
        let facts = CopyFacts(
            sender: .address(try address("a@x.example")),
            recipients: try ["to@y.example", "other@y.example", "all@z.example"].map(address))
        let result = try directory.run { Policy.chooseCopies(facts, rules: rules, $0) }
        let copies = try ["all@x.example", "archive@x.example", "o@x.example"].map(address)
        #expect(result.decision == .copies(copies))
        #expect(
            result.trace.text == """
                rewrite/always_bcc: all@x.example (copy) [martlet.yaml:9]
                rewrite/sender_bcc: a@x.example → archive@x.example (copy) [sender_bcc:1]
                rewrite/recipient_bcc: other@y.example → o@x.example (copy) [recipient_bcc:1]
                """)
    }
}
