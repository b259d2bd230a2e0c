import MailSyntax
import MartletTesting
import SQLEngine
import Synchronization
import Testing

@testable import MailStore

@Suite struct EntryTests {
    @Test func `unchangedSince leaves alone what changed later`() async throws {
        let fixture = try await MailFixture()
        let one = try await fixture.append()
        let two = try await fixture.append()
        let before = try await fixture.info().highestModSeq
        _ = try await fixture.store.updateFlags(fixture.inbox, uids: [one], change: .add(.seen, keywords: []))
        let update = try await fixture.store.updateFlags(
            fixture.inbox, uids: [one, two], change: .add(.flagged, keywords: []), unchangedSince: before)
        #expect(update.conflicted == [one])
        #expect(update.changed.map(\.uid) == [two])
        #expect(update.changed.first?.flags == .flagged)
        #expect(try await fixture.rows().map(\.flags) == [.seen, .flagged])
        let never = try await fixture.store.updateFlags(
            fixture.inbox, uids: [one, two], change: .add(.draft, keywords: []),
            unchangedSince: ModSequence(rawValue: 0))
        #expect(never.conflicted == [one, two])
    }

    @Test func `what changes nothing takes no change number`() async throws {
        let fixture = try await MailFixture()
        let uid = try await fixture.append(flags: [.seen], keywords: ["$Work"])
        let before = try await fixture.rows()
        let highest = try await fixture.info().highestModSeq
        let update = try await fixture.store.updateFlags(
            fixture.inbox, uids: [uid, UID(rawValue: 99)], change: .add(.seen, keywords: ["$work"]))
        #expect(update.changed == before)
        let trash = try await fixture.info("Trash")
        _ = try await fixture.store.copy(fixture.inbox, uids: [UID(rawValue: 99)], to: trash.id)
        _ = try await fixture.store.expunge(fixture.inbox)
        #expect(try await fixture.info().highestModSeq == highest)
        #expect(try await fixture.info("Trash") == trash)
        #expect(try await fixture.rows() == before)
    }

    @Test func `changes tell what is new, changed and gone`() async throws {
        let fixture = try await MailFixture()
        let uids = [try await fixture.append(), try await fixture.append(), try await fixture.append()]
        let since = try await fixture.info().highestModSeq
        let store = fixture.store
        #expect(try await store.news(fixture.inbox, since: since, above: 3).arrivals.isEmpty)
        _ = try await store.updateFlags(fixture.inbox, uids: [uids[1]], change: .add(.deleted, keywords: []))
        _ = try await store.updateFlags(fixture.inbox, uids: [uids[0]], change: .add([], keywords: ["k"]))
        _ = try await store.expunge(fixture.inbox)
        let new = try await fixture.append()
        let news = try await store.news(fixture.inbox, since: since, above: 3)
        #expect(news.exists)
        #expect(news.arrivals == [new.rawValue])
        #expect(news.expunged.uids == [uids[1].rawValue])
        #expect(try await store.news(fixture.inbox, since: news.highestModSeq, above: 4).expunged.uids.isEmpty)
        let from = ChangePosition(after: since)
        let changed = try await store.changedRows(fixture.inbox, from: from, through: news.highestModSeq, limit: 10)
        #expect(changed.rows.map(\.uid) == [uids[0], new])
        #expect(changed.rows.first?.keywords == ["k"])
        #expect(changed.next == nil)
        let known = try await store.changedRows(
            fixture.inbox, from: from, through: news.highestModSeq, upTo: 3, limit: 10)
        #expect(known.rows.map(\.uid) == [uids[0]])
    }

    @Test func `pages of changes are whole, also where many share a number`() async throws {
        let fixture = try await MailFixture()
        var uids: [UID] = []
        for _ in 0..<23 { uids.append(try await fixture.append()) }
        let since = try await fixture.info().highestModSeq
        _ = try await fixture.store.updateFlags(fixture.inbox, uids: uids.reversed(), change: .add(.seen, keywords: []))
        _ = try await fixture.store.updateFlags(fixture.inbox, uids: [uids[3]], change: .add([], keywords: ["k"]))
        let through = try await fixture.info().highestModSeq
        for limit in [1, 5, 22, 23, 24] {
            var found: [EntryRow] = []
            var position: ChangePosition? = ChangePosition(after: since)
            while let from = position {
                let page = try await fixture.store.changedRows(
                    fixture.inbox, from: from, through: through, limit: limit)
                #expect(page.rows.count <= limit)
                found += page.rows
                position = page.next
            }
            #expect(found.map(\.uid).sorted() == uids, "\(limit)")
        }
    }

    @Test func `quota is octets of every copy`() async throws {
        let text = "Subject: x\r\n\r\n" + String(repeating: "y", count: 86)  // 100 octets
        let fixture = try await MailFixture(quota: 250)
        let one = try await fixture.append(text)
        #expect(try await fixture.store.hasRoom(fixture.ann, for: 150))
        #expect(try await !fixture.store.hasRoom(fixture.ann, for: 151))
        let archive = try await fixture.info("Archive").id
        _ = try await fixture.store.copy(fixture.inbox, uids: [one], to: archive)
        await #expect(throws: MailStoreError.overQuota) { try await fixture.append(text) }
        await #expect(throws: MailStoreError.overQuota) {
            _ = try await fixture.store.copy(fixture.inbox, uids: [one], to: archive)
        }
        _ = try await fixture.store.move(fixture.inbox, uids: [one], to: archive)
        let usage = try await fixture.store.quota(fixture.ann)
        #expect((usage.used, usage.messages) == (200, 2))
        #expect(usage.limit == 250)
        #expect(fixture.state.blobFiles.count == 1)
        try await fixture.checkCounts()
    }

    @Test func `keywords are case-insensitive and keep their first spelling`() async throws {
        let fixture = try await MailFixture()
        let uid = try await fixture.append(keywords: ["$Junk", "$junk", "b"])
        #expect(try await fixture.rows().first?.keywords == ["$Junk", "b"])
        _ = try await fixture.store.updateFlags(
            fixture.inbox, uids: [uid], change: .replace([], keywords: ["$JUNK", "c"]))
        // What was in use once stays known until its room is needed.
        #expect(try await fixture.store.keywords(fixture.inbox) == ["$Junk", "b", "c"])
        _ = try await fixture.append(keywords: ["$JUNK"])
        #expect(try await fixture.store.keywords(fixture.inbox).map { $0.lowercased() } == ["$junk", "b", "c"])
        _ = try await fixture.store.updateFlags(fixture.inbox, uids: [uid], change: .remove([], keywords: ["$junk"]))
        #expect(try await fixture.rows().first?.keywords == ["c"])
        #expect(try await fixture.store.search(fixture.inbox, .keyword("C")) == [uid])
    }

    @Test func `long lists are cut and still complete`() async throws {
        let fixture = try await MailFixture()
        for _ in 0..<1100 { try await fixture.append() }
        let uids = try await fixture.store.uidView(fixture.inbox).uids.map(UID.init(rawValue:))
        let update = try await fixture.store.updateFlags(
            fixture.inbox, uids: uids.reversed(), change: .add(.deleted, keywords: []))
        #expect(update.changed.map(\.uid) == uids)
        #expect(try await fixture.store.expunge(fixture.inbox) == uids)
        try await fixture.checkCounts()
    }

    @Test(arguments: [(500, "2"), (501, "1")])
    func `a removal is all or none within its unit`(unit: Int, writes: String) async throws {
        let fixture = try await MailFixture()
        for _ in 0..<501 { try await fixture.append() }
        let uids = try await fixture.store.uidView(fixture.inbox).uids.map(UID.init(rawValue:))
        let gone = try await fixture.store.expunge(fixture.inbox, uids: uids, onlyDeleted: false, unit: unit)
        #expect(gone == uids)
        // One change number for each write.
        #expect(try await fixture.state.rows("SELECT COUNT(DISTINCT modseq) FROM expunged", columns: 1) == [writes])
        try await fixture.checkCounts()
    }

    @Test func `only those concerned are woken`() async throws {
        let fixture = try await MailFixture()
        let feed = fixture.store.changeFeed
        let trash = try await fixture.info("Trash").id
        let woken = Mutex<[String]>([])
        func listen(_ name: String, _ mailboxes: Set<MailboxID>?) -> ChangeListener {
            feed.listen([fixture.ann: ChangeInterest(kinds: .messages, mailboxes: mailboxes)]) {
                woken.withLock { $0.append(name) }
            }
        }
        let inbox = listen("inbox", [fixture.inbox])
        let other = listen("other", [trash])
        let account = listen("account", nil)
        let uid = try await fixture.append()
        try await fixture.append()
        // Once, until they have taken it.
        #expect(woken.withLock { $0.sorted() } == ["account", "inbox"])
        #expect(inbox.take().kinds == .messages)
        #expect(account.take().kinds == .messages)
        #expect(other.take().kinds == [])
        woken.withLock { $0 = [] }
        let moved = try await fixture.store.move(fixture.inbox, uids: [uid], to: trash)
        #expect(moved.destination.count == 1)
        #expect(woken.withLock { $0.sorted() } == ["account", "inbox", "other"])
        #expect(other.take().kinds == .messages)
    }

    @Test(arguments: [
        (MailStoreStatements.changedRows, "entry_modseq (mailbox_id=? AND (modseq,uid)>(?,?)"),
        (MailStoreStatements.arrivals, "PRIMARY KEY (mailbox_id=? AND uid>?)"),
        (MailStoreStatements.expungedSince, "expunged_modseq"),
        (MailStoreStatements.rows, "PRIMARY KEY (mailbox_id=? AND uid>? AND uid<?)"),
        (MailStoreStatements.deleteUnusedEmail, "entry_email"), (MailStoreStatements.findThread, "PRIMARY KEY"),
    ])
    func `what runs often uses its index`(_ statement: SQLStatement, _ index: String) async throws {
        let fixture = try await MailFixture()
        let plan = SQLStatement(text: "EXPLAIN QUERY PLAN " + statement.sql)
        let steps = try await fixture.state.database.read { try $0.query(plan) { $0.string(3) } }
        #expect(steps.contains { $0.contains(index) }, "\(steps)")
    }
}
