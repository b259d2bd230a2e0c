import Testing

@testable import MailMessage

/// Few octets must not make much work or memory.
@Suite("Cost of hostile messages")
struct HostileCostTests {
    private func recipients(_ count: Int) -> Int {
        let list = [String](repeating: "a", count: count).joined(separator: ",")
        return MessageIndex(scanning: Array("To: \(list)\r\n\r\n".utf8)).envelope.to.count
    }

    @Test("as many addresses as the limit are kept")
    func atLimit() {
        #expect(recipients(MessageScanner.maximumAddresses) == MessageScanner.maximumAddresses)
    }

    @Test("one more is passed over")
    func overLimit() {
        #expect(recipients(MessageScanner.maximumAddresses + 1) == MessageScanner.maximumAddresses)
    }

    @Test("messages inside a message share the limit")
    func sharedLimit() {
        let list = [String](repeating: "a", count: MessageScanner.maximumAddresses - 1).joined(separator: ",")
        let inner = "To: b,c\r\n\r\ntext\r\n"
        let text = "Content-Type: message/rfc822\r\nTo: \(list)\r\n\r\n\(inner)"
        let index = MessageIndex(scanning: Array(text.utf8))
        #expect(index.envelope.to.count == MessageScanner.maximumAddresses - 1)
        #expect(index.structure.embedded?.envelope.to.count == 1)
    }

    @Test("a word behind a media type is passed once", .timeLimit(.minutes(1)))
    func longWordAfterType() {
        let word = String(repeating: "a", count: 200_000)
        let index = MessageIndex(scanning: Array("Content-Type: text/plain \(word)=b\r\n\r\n".utf8))
        #expect(index.structure.parameters.count == 1)
    }
}
