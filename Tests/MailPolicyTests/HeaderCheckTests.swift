import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite struct HeaderCheckTests {
    private func check(
        _ fields: [String], _ table: [String: String], _ purpose: TablePurpose = .headerChecks
    ) throws -> (decision: HeaderCheckDecision, trace: [TraceStep]) {
        let directory = ScriptedDirectory()
        directory.tables[purpose] = table
        let rules = rewriteRules()
        return try Policy.run(
            { Policy.checkHeader(fields, at: purpose == .headerChecks ? .receipt : .sending, rules: rules, $0) },
            answerNow: directory.answer)
    }

    @Test func eachActionDoesWhatItSays() throws {
        let fields = ["Received: from x", "X-Mailer: y", "Subject: z\n folded", "From: w", "To: v"]
        let result = try check(
            fields,
            [
                "/^received/": "", "received: from x": "IGNORE", "x-mailer: y": "replace X-Mailer: -",
                "/folded/": "PREPEND X-Note: yes", "from: w": "WARN look", "to: v": "DUNNO",
            ])
        #expect(result.decision.edits == [0: .remove, 1: .replace("X-Mailer: -"), 2: .prepend("X-Note: yes")])
        #expect(result.decision.refusal == nil)
        #expect(result.trace.count == 4)
        #expect(result.trace.first?.text == "rewrite/header_checks: Received: from x (removed) [header_checks:1]")
    }

    @Test(arguments: [
        ("REJECT", "550 5.7.1 message content rejected"), ("reject no spam", "550 5.7.1 no spam"),
        ("REJECT 5.6.0 bad", "550 5.6.0 bad"), ("REJECT 554 5.7.0 bad mail", "554 5.7.0 bad mail"),
        ("REJECT 450 later", "550 5.7.1 450 later"), ("REJECT a\nb", "550 5.7.1 a b"),
    ])
    func rejectsWithTheTextThatIsWritten(_ value: String, _ reply: String) throws {
        let refusal = try #require(try check(["Subject: x"], ["subject: x": value]).decision.refusal)
        #expect("\(refusal.code) \(refusal.enhanced) \(refusal.text)" == reply)
    }

    @Test func aMessageMayBeHeldDiscardedRedirectedAndCopied() throws {
        let fields = ["A: 1", "B: 2", "C: 3", "D: 4"]
        let result = try check(
            fields,
            ["a: 1": "HOLD", "b: 2": "DISCARD spam", "c: 3": "REDIRECT x@y.example", "d: 4": "BCC z@y.example"])
        #expect(result.decision.holds)
        #expect(result.decision.discards)
        #expect(result.decision.redirect == (try address("x@y.example")))
        #expect(result.decision.copies == [try address("z@y.example")])
    }

    @Test(arguments: ["FILTER smtp:x", "PASS", "REPLACE", "PREPEND", "REDIRECT", "BCC x", "NONSENSE", "", "250 ok"])
    func whatIsNoActionIsFoundBeforeItIsUsed(_ value: String) {
        #expect(throws: HeaderCheckAction.Fault.self) { _ = try HeaderCheckAction(value, isSending: false) }
    }

    @Test(arguments: ["REJECT", "HOLD", "DISCARD", "REDIRECT a@b.example", "BCC a@b.example"])
    func someActionsComeTooLateWhenMailIsSent(_ value: String) throws {
        #expect(throws: HeaderCheckAction.Fault.self) { _ = try HeaderCheckAction(value, isSending: true) }
        let result = try check(["A: 1"], ["a: 1": value], .sendingHeaderChecks)
        #expect(result.decision == HeaderCheckDecision())
        #expect(result.trace.first?.note?.hasPrefix("passed over") == true)
    }

    @Test func aFailingTableDefers() throws {
        let directory = ScriptedDirectory()
        directory.failingTables = [.headerChecks]
        let rules = rewriteRules()
        let result = try Policy.run(
            { Policy.checkHeader(["A: 1"], at: .receipt, rules: rules, $0) }, answerNow: directory.answer)
        #expect(result.decision.refusal?.code == 451)
    }

    @Test func actionsOfAFileAreReadBeforeTheyAreUsed() {
        let text = "/a/ REJECT no\n/b/ FILTER x:y\nif /c/\n/d/ BCC $1\n/e/ BCC nobody\nendif\n/f/ HOLD\n"
        let bytes = Array(text.utf8)
        let receipt = HeaderCheckAction.faults(in: bytes, as: .regexp, file: "/t", at: .receipt)
        #expect(receipt.map(\.place) == ["/t:2", "/t:5"])
        #expect(receipt.first?.remedy.contains("milters") == true)
        let sending = HeaderCheckAction.faults(in: bytes, as: .pcre, file: "/t", at: .sending)
        #expect(sending.map(\.line) == [1, 2, 4, 5, 7])
        #expect(HeaderCheckAction.faults(in: bytes, as: .text, file: "/t", at: .receipt).isEmpty)
    }

    @Test(.timeLimit(.minutes(1))) func aHeaderOfManyFieldsIsCheckedInOneRound() throws {
        let fields = (0..<4_000).map { "X-\($0): a" }
        var rounds = 0
        let directory = ScriptedDirectory()
        directory.tables[.headerChecks] = ["x-3999: a": "IGNORE"]
        let rules = rewriteRules()
        let result = try Policy.run(
            { (answers: Answers) -> Evaluation<HeaderCheckDecision> in
                rounds += 1
                return Policy.checkHeader(fields, at: .receipt, rules: rules, answers)
            }, answerNow: directory.answer)
        #expect(result.decision.edits == [3_999: .remove])
        #expect(rounds == 2)
    }
}
