import Blobs
import MailMessage
import MailStore
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

@Suite struct POP3EntryTests {
    @Test(arguments: [
        ("0000000a5e000001", true), ("!~", true), (String(repeating: "x", count: 70), true), ("", false),
        (String(repeating: "x", count: 71), false), ("a b", false), ("a\u{7F}", false), ("\u{e4}", false),
        ("a\r\n", false),
    ])
    func identifiersAreOnesThatUIDLCanSay(text: String, isGood: Bool) {
        #expect((POP3UniqueID(text)?.text == text) == isGood)
    }

    @Test func identifiersOfAnotherServerStayWithTheirMessages() async throws {
        let fixture = try await MailFixture()
        let bytes = Array("Subject: x\r\n\r\nbody\r\n".utf8)
        let message = NewMessage(
            content: .bytes(bytes), index: MessageIndex(scanning: bytes), internalDate: fixture.state.clock.now(),
            pop3UIDL: POP3UniqueID("UID1-1234"))
        let first = try #require(
            try await fixture.store.append(fixture.ann, to: fixture.inbox, messages: [message]).uids.first)
        let second = try await fixture.append()
        let third = try await fixture.append()
        try await fixture.store.setPOP3UIDLs(
            [(third, try #require(POP3UniqueID("later"))), (UID(rawValue: 99), try #require(POP3UniqueID("none")))],
            in: fixture.inbox)
        let all = try await fixture.store.pop3Entries(fixture.inbox, from: UID(rawValue: 1), limit: 10)
        #expect(all.map(\.uid) == [first, second, third])
        #expect(all.map(\.uniqueID?.text) == ["UID1-1234", nil, "later"])
        #expect(all.allSatisfy { $0.size == bytes.count })
        let page = try await fixture.store.pop3Entries(fixture.inbox, from: second, limit: 1)
        #expect(page.map(\.uid) == [second])
        #expect(try await fixture.store.openMessage(first, in: fixture.inbox)?.read(0..<bytes.count) == bytes)
        let archive = try await fixture.info("Archive").id
        // An identifier goes with its message, and so do its bytes for a mailbox that hasn't it any more.
        _ = try await fixture.store.copy(fixture.inbox, uids: [first], to: archive)
        _ = try await fixture.store.expunge(fixture.inbox, uids: [first], onlyDeleted: false)
        #expect(try await fixture.store.openMessage(first, in: fixture.inbox) == nil)
        #expect(try await fixture.store.openMessage(UID(rawValue: 99), in: fixture.inbox) == nil)
        #expect(try await fixture.store.pop3Entries(fixture.inbox, from: UID(rawValue: 1), limit: 10).count == 2)
        try await fixture.checkCounts()
    }
}
