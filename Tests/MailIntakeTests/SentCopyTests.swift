import Blobs
import Directory
import MailIntake
import MailMessage
import MailPolicy
import MailStore
import MailSyntax
import MartletTesting
import OutboundQueue
import SQLEngine
import Testing

@Suite struct SentCopyTests {
    private let text = "Subject: hello\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n"

    private func sent(_ fixture: IntakeFixture) async throws -> MailboxID {
        if let found = try await fixture.store.sentMailbox(fixture.ann.id) { return found }
        return try await fixture.store.createMailbox(fixture.ann.id, path: "Sent", specialUse: .sent).id
    }

    private func submit(_ fixture: IntakeFixture, hidden: String = "") async throws -> Accepted {
        var acceptance = try fixture.acceptance(text, local: [fixture.ann, fixture.bob], remote: ["r@example.org"])
        acceptance.sentCopy = SentCopy(account: fixture.ann.id, hiddenFields: Array(hidden.utf8))
        return try await fixture.intake.accept(acceptance)
    }

    @Test func `a sender keeps a copy that has what recipients don't see`() async throws {
        let fixture = try await IntakeFixture()
        let mailbox = try await sent(fixture)
        let accepted = try await submit(fixture, hidden: "Bcc: x@example.org\r\n")
        #expect(accepted.filed.count == 2 && accepted.queued == 1)
        let (row, index) = try #require(
            try await fixture.store.indexes(mailbox, uids: [1...UInt32.max], limit: 10).first)
        #expect(row.flags == .seen)
        #expect(String(decoding: index.headerBlock, as: UTF8.self).hasPrefix("Bcc: x@example.org\r\nSubject: hello"))
        #expect(index.envelope.bcc.count == 1)
        let reader = try await fixture.store.openMessage(row.email)
        #expect(String(decoding: try reader.read(0..<reader.size), as: UTF8.self) == "Bcc: x@example.org\r\n" + text)
        #expect(row.size == reader.size)
        let inbox = try await fixture.store.inbox(fixture.ann.id)
        let received = try await fixture.store.indexes(inbox, uids: [1...UInt32.max], limit: 10)
        #expect(received.count == 1 && received.first?.1.envelope.bcc.isEmpty == true)
    }

    @Test func `the copy is known by the message's id for a day, as long as it is there`() async throws {
        let fixture = try await IntakeFixture()
        let mailbox = try await sent(fixture)
        _ = try await submit(fixture)
        func known(_ id: String = "a@b") async throws -> [UInt32]? {
            try await fixture.store.sentCopy(messageID: id, in: mailbox)?.uids.map(\.rawValue)
        }
        let index = MessageIndex(scanning: Array(text.utf8))
        let id = try #require(index.messageID)
        #expect(try await known(id) == [1])
        #expect(try await known("other@b") == nil)
        let inbox = try await fixture.store.inbox(fixture.ann.id)
        #expect(try await fixture.store.sentCopy(messageID: id, in: inbox) == nil)
        // Sent again: the last one counts.
        _ = try await submit(fixture)
        #expect(try await known(id) == [2])
        fixture.state.clock.advance(by: .seconds(86_401))
        #expect(try await known(id) == nil)
        _ = try await submit(fixture)
        #expect(try await known(id) == [3])
        _ = try await fixture.store.expunge(mailbox, uids: [UID(rawValue: 3)], onlyDeleted: false)
        #expect(try await known(id) == nil)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM sent_copy") == 1)
    }

    @Test func `without room or a mailbox for it the message is accepted all the same`() async throws {
        let fixture = try await IntakeFixture()
        if try await fixture.store.sentMailbox(fixture.ann.id) != nil {
            try await fixture.store.deleteMailbox(fixture.ann.id, path: "Sent")
        }
        let first = try await submit(fixture)
        #expect(first.filed.count == 2 && first.sentTrouble == "the account has no mailbox for \\Sent")
        let traced = try #require(try await fixture.intake.traces(.id(first.id), limit: 1).first)
        #expect(traced.steps.contains("no copy is kept: the account has no mailbox"))
        let mailbox = try await sent(fixture)
        let usage = try await fixture.store.quota(fixture.ann.id).used
        try await fixture.directory.setQuota(fixture.ann.address, usage + 10, author: "test")
        let second = try await submit(fixture)
        #expect(second.filed.count == 2 && second.sentTrouble == "the account has no room left")
        #expect(try await fixture.store.rows(mailbox, uids: [1...UInt32.max], limit: 10).isEmpty)
    }
}
