import MailPolicy
import MailSyntax
import Testing

@testable import MailIntake

@Suite("Finding histories")
struct TraceKeysTests {
    @Test("A history is found by sender, recipients, aliases in its steps, and Message-ID, without regard to case")
    func keys() {
        let steps = #"[{"stage":"expansion","rule":"alias","origin":"x","before":"Info@Example.org","after":"a@b"}]"#
        let keys = TraceKeys(
            id: MailID(rawValue: 1), reversePath: "s@example.org", recipients: "a@example.org\nb@example.org",
            messageID: "<m@x>", steps: steps
        ).keys
        #expect(keys.count == 5)
        #expect(keys.contains(TraceKeys.key(.from, "S@example.ORG")))
        #expect(keys.contains(TraceKeys.key(.to, "<b@example.org>")))
        #expect(keys.contains(TraceKeys.key(.to, "info@example.org")))
        #expect(keys.contains(TraceKeys.key(.messageID, "m@x")))
        #expect(!keys.contains(TraceKeys.key(.to, "s@example.org")))
    }
}

@Suite("Steps as a history keeps them")
struct TraceTextTests {
    @Test("A few short steps are kept of many long ones")
    func abridged() {
        let long = String(repeating: "é", count: 5000)
        let steps = (0..<30).map { TraceStep(stage: "rewrite", rule: "\($0)", before: "x", after: long, note: nil) }
        let few = steps.abridged(to: 20)
        #expect(few.count == 21)
        #expect(few.last?.text == "rewrite/more: and 10 more [built in]")
        #expect(few.first?.before == "x" && few.first?.note == nil)
        #expect(few.allSatisfy { ($0.after?.utf8.count ?? 0) <= 210 })
        #expect(Array(steps.prefix(3)).abridged(to: 20, octets: 20_000) == Array(steps.prefix(3)))
        #expect(few.json.utf8.count < 8000)
    }
}
