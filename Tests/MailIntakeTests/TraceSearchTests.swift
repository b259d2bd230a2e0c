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
