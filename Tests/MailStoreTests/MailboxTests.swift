import MailStore
import MailSyntax
import MartletTesting
import Testing

@Suite struct MailboxTests {
    @Test func `a name made again never has an old UIDVALIDITY`() async throws {
        let fixture = try await MailFixture()
        var used: Set<UInt32> = []
        for _ in 0..<5 {
            let made = try await fixture.store.createMailbox(fixture.ann, path: "Work")
            #expect(used.insert(made.uidValidity.rawValue).inserted)
            #expect(made.uidNext == UID(rawValue: 1))
            try await fixture.append(to: made.id, keywords: ["old"])
            try await fixture.store.deleteMailbox(fixture.ann, path: "Work")
            #expect(try await fixture.store.mailbox(fixture.ann, path: "Work") == nil)
            #expect(try await !fixture.store.news(made.id, since: ModSequence(rawValue: 0), above: 0).exists)
        }
        try await fixture.checkCounts()
    }

    @Test func `a mailbox with children stays as a name`() async throws {
        let fixture = try await MailFixture()
        let child = try await fixture.store.createMailbox(fixture.ann, path: "a/b/c")
        #expect(child.path == "a/b/c")
        let parent = try await fixture.info("a")
        try await fixture.append(to: parent.id, keywords: ["old"])
        let selected = try await fixture.store.news(parent.id, since: ModSequence(rawValue: 0), above: 0).highestModSeq
        try await fixture.store.deleteMailbox(fixture.ann, path: "a")
        let name = try await fixture.info("a")
        #expect(!name.selectable)
        #expect(name.hasChildren)
        await #expect(throws: MailStoreError.hasChildren) {
            try await fixture.store.deleteMailbox(fixture.ann, path: "a")
        }
        await #expect(throws: MailStoreError.notSelectable) { _ = try await fixture.store.uidView(name.id) }
        await #expect(throws: MailStoreError.noSuchMailbox) { try await fixture.append(to: name.id) }
        let again = try await fixture.store.createMailbox(fixture.ann, path: "a/")
        #expect(again.uidValidity != parent.uidValidity)
        // Who had the old one selected learns that its message went, and finds no other behind its UID.
        #expect(try await fixture.append(to: again.id) == UID(rawValue: 2))
        let changes = try await fixture.store.news(parent.id, since: selected, above: 0)
        #expect(changes.expunged.uids == [1])
        #expect(changes.arrivals == [2])
        #expect(try await fixture.rows(again.id).first?.keywords == [])
        try await fixture.checkCounts()
    }

    @Test func `INBOX has rules of its own`() async throws {
        let fixture = try await MailFixture()
        await #expect(throws: MailStoreError.alreadyExists) {
            _ = try await fixture.store.createMailbox(fixture.ann, path: "inbox")
        }
        await #expect(throws: MailStoreError.cannotDeleteInbox) {
            try await fixture.store.deleteMailbox(fixture.ann, path: "InBox")
        }
        _ = try await fixture.store.createMailbox(fixture.ann, path: "inbox/sub")
        try await fixture.append()
        let old = try await fixture.info()
        try await fixture.store.renameMailbox(fixture.ann, from: "inbox", to: "Old/Mail")
        #expect(try await fixture.info("Old/Mail").messages == 1)
        let new = try await fixture.info()
        #expect((new.id, new.messages) == (old.id, 0))
        #expect(try await fixture.info("INBOX/sub").selectable)
        await #expect(throws: MailStoreError.alreadyExists) {
            try await fixture.store.renameMailbox(fixture.ann, from: "Old/Mail", to: "inbox")
        }
        try await fixture.checkCounts()
    }

    @Test func `renaming takes what is below along`() async throws {
        let fixture = try await MailFixture()
        let deep = try await fixture.store.createMailbox(fixture.ann, path: "a/b/c")
        try await fixture.append(to: deep.id)
        try await fixture.store.renameMailbox(fixture.ann, from: "a", to: "x/y")
        let moved = try await fixture.info("x/y/b/c")
        #expect((moved.id, moved.messages, moved.uidValidity) == (deep.id, 1, deep.uidValidity))
        #expect(try await fixture.store.mailbox(fixture.ann, path: "a") == nil)
        await #expect(throws: MailStoreError.self) {
            try await fixture.store.renameMailbox(fixture.ann, from: "x", to: "x/y/z")
        }
        await #expect(throws: MailStoreError.alreadyExists) {
            try await fixture.store.renameMailbox(fixture.ann, from: "x", to: "Sent")
        }
        await #expect(throws: MailStoreError.noSuchMailbox) {
            try await fixture.store.renameMailbox(fixture.ann, from: "nowhere", to: "q")
        }
        let long = (1...18).map { "l\($0)" }.joined(separator: "/")
        await #expect(throws: MailStoreError.invalidName("over 20 levels")) {
            try await fixture.store.renameMailbox(fixture.ann, from: "x", to: long)
        }
    }

    @Test(arguments: ["", "/", "a//b", "/a", "a\u{1}", "a\u{7f}", String(repeating: "x", count: 256)])
    func `names that can't be are refused`(_ name: String) async throws {
        let fixture = try await MailFixture()
        await #expect(throws: MailStoreError.self) {
            _ = try await fixture.store.createMailbox(fixture.ann, path: name)
        }
    }

    @Test func `a special use is had once`() async throws {
        let fixture = try await MailFixture()
        await #expect(throws: MailStoreError.specialUseTaken(.sent)) {
            _ = try await fixture.store.createMailbox(fixture.ann, path: "Sent too", specialUse: .sent)
        }
        try await fixture.store.deleteMailbox(fixture.ann, path: "Sent")
        let made = try await fixture.store.createMailbox(fixture.ann, path: "Sent too", specialUse: .sent)
        #expect(made.specialUse == .sent)
    }

    @Test func `subscriptions outlive their mailboxes`() async throws {
        let fixture = try await MailFixture()
        let first = try await fixture.store.subscriptions(fixture.ann)
        #expect(first.contains("INBOX"))
        try await fixture.store.setSubscribed(fixture.ann, path: "ghost", true)
        try await fixture.store.setSubscribed(fixture.ann, path: "ghost", true)
        try await fixture.store.deleteMailbox(fixture.ann, path: "Junk")
        #expect(try await fixture.store.subscriptions(fixture.ann) == (first + ["ghost"]).sorted())
        try await fixture.store.setSubscribed(fixture.ann, path: "ghost", false)
        #expect(try await fixture.store.subscriptions(fixture.ann) == first.sorted())
    }

    @Test func `removing an account's mail lets every blob go`() async throws {
        let fixture = try await MailFixture()
        let uid = try await fixture.append(keywords: ["k"])
        _ = try await fixture.store.copy(fixture.inbox, uids: [uid], to: fixture.info("Archive").id)
        try await fixture.store.removeAccountMail(fixture.ann)
        #expect(try await fixture.store.mailboxes(fixture.ann).isEmpty)
        #expect(try await fixture.store.quota(fixture.ann).used == 0)
        #expect(try await fixture.state.number("SELECT SUM(reference_count) FROM blob") == 0)
        await #expect(throws: MailStoreError.noSuchMailbox) { _ = try await fixture.store.inbox(fixture.ann) }
    }
}
