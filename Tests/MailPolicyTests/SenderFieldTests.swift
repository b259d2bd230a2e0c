import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite struct SenderFieldTests {
    @Test(arguments: [
        ("fbi@example.org", nil, false), ("FBI@EXAMPLE.org", nil, false), ("info@example.org", nil, false),
        ("boss@example.org", nil, true), ("a@example.net", nil, true), ("several", nil, true),
        ("boss@example.org", "info@example.org", false), ("boss@example.org", "boss@example.org", true),
        ("fbi@example.org", "boss@example.org", true), ("fbi@example.org", "?", true),
        ("several", "fbi@example.org", false),
    ])
    func `whoever writes in another's name is named`(author: String, sender: String?, isWritten: Bool) throws {
        let login = LoginFacts(account: 1, address: try address("fbi@example.org"))
        let facts = SenderFieldFacts(
            login: login, author: EmailAddress(author), sender: sender.map { EmailAddress($0) })
        let result = try ScriptedDirectory().run {
            Policy.judgeSenderField(facts, rules: PolicyRules(Manifest()), $0)
        }
        #expect(result.decision == (isWritten ? .write(login.address) : .keep))
    }
}
