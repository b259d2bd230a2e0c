import Blobs
import Directory
import MailMessage
import MailStore
import MailSyntax
import MartletTesting
import SQLEngine
import Testing

/// A mail store with one account of `example.com`.
struct MailFixture {
    let state: StoreFixture
    let directory: Directory
    let store: MailStore
    let ann: AccountID
    let inbox: MailboxID

    init(quota: Int64? = nil, withIndex: Bool = false) async throws {
        state = try StoreFixture(migrations: DirectorySchema.migrations + MailStoreSchema.migrations)
        directory = try await Directory(database: state.database, clock: state.clock)
        var index: SearchIndex?
        if withIndex {
            let file = try SQLiteDatabase(path: state.folder.file("search.db"), migrations: SearchIndex.migrations)
            index = SearchIndex(mail: state.database, index: file, blobs: state.blobs)
        }
        store = MailStore(
            database: state.database, blobs: state.blobs, directory: directory, ids: state.ids, clock: state.clock,
            searchIndex: index)
        let domain = try #require(DomainName("example.com"))
        let address = try #require(EmailAddress("ann@example.com"))
        try await directory.addDomain(domain, postmaster: address, keys: [], author: "test")
        ann = try await directory.addAccount(address, name: nil, quota: quota, author: "test").id
        try await store.prepareAccount(ann)
        inbox = try await store.inbox(ann)
    }

    @discardableResult
    func append(
        _ text: String = "Subject: x\r\n\r\nbody\r\n", to mailbox: MailboxID? = nil, flags: MessageFlags = [],
        keywords: [String] = [], at time: Timestamp? = nil, zone: Int = 0
    ) async throws -> UID {
        let bytes = Array(text.utf8)
        let message = NewMessage(
            content: .bytes(bytes), index: MessageIndex(scanning: bytes), flags: flags, keywords: keywords,
            internalDate: time ?? state.clock.now(), zoneMinutes: zone)
        let result = try await store.append(ann, to: mailbox ?? inbox, messages: [message])
        return try #require(result.uids.first)
    }

    func info(_ path: String = "INBOX") async throws -> MailboxInfo {
        try #require(try await store.mailbox(ann, path: path), "\(path)")
    }

    func rows(_ mailbox: MailboxID? = nil) async throws -> [EntryRow] {
        try await store.rows(mailbox ?? inbox, uids: [1...UInt32.max], limit: 10_000)
    }

    /// What stands in the counters must be what a count finds.
    func checkCounts() async throws {
        let counted = """
            SELECT m.id, COUNT(e.uid), COALESCE(SUM(1 - (e.flags & 1)), 0), COALESCE(SUM((e.flags & 8) / 8), 0),
                COALESCE(SUM(e.size), 0) FROM mailbox m LEFT JOIN entry e ON e.mailbox_id = m.id GROUP BY m.id ORDER BY m.id
            """
        let stored = "SELECT id, messages, unseen, deleted, size FROM mailbox ORDER BY id"
        #expect(try await state.rows(counted, columns: 5) == state.rows(stored, columns: 5))
        let used = try await state.rows("SELECT COALESCE(SUM(size), 0), COUNT(*) FROM entry", columns: 2)
        #expect(try await state.rows("SELECT used, messages FROM account_state", columns: 2) == used)
        let references =
            "SELECT COUNT(*) FROM blob b WHERE reference_count <> (SELECT COUNT(*) FROM email WHERE blob_id = b.id)"
        #expect(try await state.number(references) == 0)
        #expect(try await state.number("SELECT COUNT(*) FROM email WHERE id NOT IN (SELECT email_id FROM entry)") == 0)
        let keywords = """
            SELECT COUNT(*) FROM entry_keyword k
            WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.mailbox_id = k.mailbox_id AND e.uid = k.uid)
            """
        #expect(try await state.number(keywords) == 0)
    }
}
