import Glibc
import MailMessage
import MailStore
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

@Suite struct UndeleteTests {
    private static func fixture(
        quota: Int64? = nil, keeping: Duration = .seconds(7 * 86_400)
    ) async throws -> MailFixture {
        let fixture = try await MailFixture(quota: quota, withIndex: true)
        fixture.store.settings.undelete = keeping
        return fixture
    }

    private static func message(_ id: String) -> String {
        "From: bob@example.net\r\nSubject: \(id)\r\nMessage-ID: <\(id)@example.net>\r\n\r\nbody of \(id)\r\n"
    }

    private static func removed(
        _ fixture: MailFixture, _ filter: RemovedFilter = RemovedFilter()
    ) async throws
        -> [RemovedMessage]
    {
        try await fixture.store.removedMessages(fixture.ann, filter, limit: 10_000).messages
    }

    @Test func `what was expunged comes back as it was, with a new UID`() async throws {
        let fixture = try await Self.fixture(quota: 1000)
        let uid = try await fixture.append(
            Self.message("one"), flags: [.seen, .flagged, .deleted], keywords: ["Work"], at: fixture.state.clock.now(),
            zone: 60)
        let before = try #require(try await fixture.rows().first)
        #expect(try await fixture.store.expunge(fixture.inbox) == [uid])
        let usage = try await fixture.store.quota(fixture.ann)
        #expect((usage.used, usage.messages) == (0, 0))
        let found = try #require(try await Self.removed(fixture).first)
        #expect((found.path, found.uid, found.email) == ("INBOX", uid, before.email))
        #expect(found.index.messageID == "one@example.net")
        #expect(try await fixture.store.restore(fixture.ann, [found.id, found.id, 4711]) == 1)
        let after = try #require(try await fixture.rows().first)
        #expect(after.uid == UID(rawValue: uid.rawValue + 1))
        #expect((after.email, after.thread) == (before.email, before.thread))
        #expect((after.flags, after.keywords) == ([.seen, .flagged], ["Work"]))
        #expect((after.internalDate, after.zoneMinutes) == (before.internalDate, 60))
        #expect(try await Self.removed(fixture).isEmpty)
        try await fixture.checkCounts()
    }

    @Test func `a deleted mailbox comes back by its path, a renamed one is found`() async throws {
        let fixture = try await Self.fixture()
        let work = try await fixture.store.createMailbox(fixture.ann, path: "Work/Old")
        for index in 0..<3 { try await fixture.append(Self.message("m\(index)"), to: work.id) }
        try await fixture.append(Self.message("kept"), flags: .deleted)
        _ = try await fixture.store.expunge(fixture.inbox)
        try await fixture.store.deleteMailbox(fixture.ann, path: "Work/Old")
        var filter = RemovedFilter()
        filter.path = "Work/Old"
        let gone = try await Self.removed(fixture, filter)
        #expect(gone.count == 3)
        #expect(try await fixture.store.restore(fixture.ann, gone.map(\.id)) == 3)
        #expect(try await fixture.info("Work/Old").messages == 3)
        filter.path = "inbox"
        filter.messageIDs = ["kept@example.net"]
        let kept = try await Self.removed(fixture, filter)
        try await fixture.store.renameMailbox(fixture.ann, from: "Work/Old", to: "Done")
        #expect(try await fixture.store.restore(fixture.ann, kept.map(\.id), to: "Found/Here") == 1)
        #expect(try await fixture.info("Found/Here").messages == 1)
        let done = try await fixture.info("Done")
        _ = try await fixture.store.expunge(done.id, onlyDeleted: false)
        #expect(try await fixture.store.restore(fixture.ann, try await Self.removed(fixture).map(\.id)) == 3)
        #expect(try await fixture.info("Done").messages == 3)
        try await fixture.checkCounts()
    }

    @Test func `when its time is over it is gone for good, and no sooner`() async throws {
        let fixture = try await Self.fixture()
        for index in 0..<450 { try await fixture.append(Self.message("m\(index)"), flags: .deleted) }
        _ = try await fixture.store.expunge(fixture.inbox)
        fixture.state.clock.advance(by: .seconds(7 * 86_400))
        #expect(try await fixture.store.purge(now: fixture.state.clock.now()).messages == 0)
        #expect(try await Self.removed(fixture).count == 450)
        fixture.state.clock.advance(by: .seconds(1))
        #expect(try await fixture.store.purge(now: fixture.state.clock.now()).messages == 450)
        #expect(try await Self.removed(fixture).isEmpty)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM email") == 0)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM blob WHERE reference_count > 0") == 0)
        #expect(try await fixture.store.purgeThreadReferences() == 450)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM thread_reference") == 0)
        try await fixture.checkCounts()
    }

    @Test func `a copy that stays keeps the message and its conversation`() async throws {
        let fixture = try await Self.fixture()
        let uid = try await fixture.append(Self.message("one"))
        let other = try await fixture.store.createMailbox(fixture.ann, path: "Other")
        _ = try await fixture.store.copy(fixture.inbox, uids: [uid], to: other.id)
        _ = try await fixture.store.expunge(fixture.inbox, onlyDeleted: false)
        fixture.state.clock.advance(by: .seconds(30 * 86_400))
        #expect(try await fixture.store.purge(now: fixture.state.clock.now()).messages == 1)
        #expect(try await fixture.store.purgeThreadReferences() == 0)
        let row = try #require(try await fixture.rows(other.id).first)
        _ = try await fixture.store.openMessage(row.email)
        try await fixture.checkCounts()
    }

    @Test func `without a time nothing is kept, and what was kept goes`() async throws {
        let fixture = try await Self.fixture()
        try await fixture.append(Self.message("one"), flags: .deleted)
        _ = try await fixture.store.expunge(fixture.inbox)
        fixture.store.settings.undelete = .zero
        try await fixture.append(Self.message("two"), flags: .deleted)
        _ = try await fixture.store.expunge(fixture.inbox)
        #expect(try await Self.removed(fixture).map(\.index.messageID) == ["one@example.net"])
        fixture.state.clock.advance(by: .seconds(1))
        #expect(try await fixture.store.purge(now: fixture.state.clock.now()).messages == 1)
        try await fixture.checkCounts()
    }

    @Test func `an account that is removed takes what could come back along`() async throws {
        let fixture = try await Self.fixture()
        try await fixture.append(Self.message("one"), flags: .deleted)
        try await fixture.append(Self.message("two"))
        _ = try await fixture.store.expunge(fixture.inbox)
        try await fixture.store.removeAccountMail(fixture.ann)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM removed_entry") == 0)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM email") == 0)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM blob WHERE reference_count > 0") == 0)
    }
}

@Suite struct PurgeTests {
    @Test func `tombstones go by age, and who asks from before is told`() async throws {
        let fixture = try await MailFixture()
        fixture.store.settings.tombstones = .seconds(10 * 86_400)
        let clock = fixture.state.clock
        for _ in 0..<250 { try await fixture.append(flags: .deleted) }
        _ = try await fixture.store.expunge(fixture.inbox)
        #expect(try await fixture.store.purge(now: clock.now()).tombstones == 0)
        let early = try await fixture.info().highestModSeq
        clock.advance(by: .seconds(5 * 86_400))
        for _ in 0..<3 { try await fixture.append(flags: .deleted) }
        _ = try await fixture.store.expunge(fixture.inbox)
        #expect(try await fixture.store.purge(now: clock.now()).tombstones == 0)
        clock.advance(by: .seconds(6 * 86_400))
        #expect(try await fixture.store.purge(now: clock.now()).tombstones == 250)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM expunged") == 3)
        let gone = try await fixture.store.expunged(fixture.inbox, since: ModSequence(rawValue: 1))
        #expect(gone.purgedThrough >= early)
        #expect(gone.uids.count == 3)
        // Nothing more to do, and nothing is done.
        #expect(try await fixture.store.purge(now: clock.now()).tombstones == 0)
        clock.advance(by: .seconds(20 * 86_400))
        #expect(try await fixture.store.purge(now: clock.now()).tombstones == 3)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM modseq_mark") <= 2)
    }

    @Test func `a large mailbox that was deleted is cleared behind everything else`() async throws {
        let fixture = try await MailFixture()
        let work = try await fixture.store.createMailbox(fixture.ann, path: "Work")
        for _ in 0..<510 { try await fixture.append(to: work.id, keywords: ["old"]) }
        try await fixture.store.deleteMailbox(fixture.ann, path: "Work")
        #expect(try await fixture.store.mailbox(fixture.ann, path: "Work") == nil)
        #expect(try await !fixture.store.mailboxes(fixture.ann).contains { $0.id == work.id })
        #expect(try await !fixture.store.news(work.id, since: ModSequence(rawValue: 0), above: 0).exists)
        let again = try await fixture.store.createMailbox(fixture.ann, path: "Work")
        #expect(again.id != work.id)
        let report = try await fixture.store.purge(now: fixture.state.clock.now())
        #expect(report.mailboxes == 1)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM expunged") == 0)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM mailbox WHERE parent_id < 0") == 0)
        try await fixture.checkCounts()
    }
}
