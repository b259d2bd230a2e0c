package import Blobs
package import Directory
package import MailMessage
import MailSyntax
package import SQLEngine
import Synchronization

/// Mailboxes and the messages in them.
///
/// Three levels: the blob (bytes), the email (account, EMAILID, what was parsed), the entry (mailbox, UID, flags).
/// Every change runs in one group-commit unit, takes its change number from the account's row and is announced after the
/// commit. Order of rows in a unit: account_state, then mailboxes, then entries.
package final class MailStore: Sendable {
    let database: any Database
    let blobs: BlobStore
    let directory: Directory
    let ids: IDGenerator
    let clock: any WallClock
    package let changeFeed = ChangeFeed()
    package let searchIndex: SearchIndex?
    private let inboxes = Mutex<[AccountID: MailboxID]>([:])
    let follower = Mutex(Follower())
    let accessChanges = Mutex(0)
    let currentSettings = Mutex(MailStoreSettings())

    /// - Parameter searchIndex: nil searches by reading.
    package init(
        database: any Database, blobs: BlobStore, directory: Directory, ids: IDGenerator,
        clock: any WallClock = SystemClock(), searchIndex: SearchIndex? = nil
    ) {
        self.database = database
        self.blobs = blobs
        self.directory = directory
        self.ids = ids
        self.clock = clock
        self.searchIndex = searchIndex
    }

    /// The account's INBOX.
    package func inbox(_ account: AccountID) async throws -> MailboxID {
        if let known = inboxes.withLock({ $0[account] }) { return known }
        let found = try await database.read { try $0.first(MailStoreStatements.inbox, account) { $0.int64(0) } }
        guard let found else { throw MailStoreError.noSuchMailbox }
        let id = MailboxID(rawValue: found)
        inboxes.withLock { $0[account] = id }
        return id
    }

    func forgetInbox(_ account: AccountID) {
        inboxes.withLock { $0[account] = nil }
    }

    /// Octets and messages kept, and the limit that the directory sets.
    package func quota(_ account: AccountID) async throws -> QuotaUsage {
        let limit = directory.snapshot.account(id: account)?.quota
        let state = try await database.read { reader in
            try reader.first(MailStoreStatements.accountState, account) { ($0.int64(0), $0.int(1)) }
        }
        return QuotaUsage(
            used: state?.0 ?? 0, limit: limit, messages: state?.1 ?? 0, messageLimit: settings.messageLimit)
    }

    /// Whether a message of this size fits; reads nothing for an account without a limit.
    package func hasRoom(_ account: AccountID, for octets: Int) async throws -> Bool {
        let room = room(account)
        guard room.octets != nil || room.messages != nil else { return true }
        let usage = try await quota(account)
        if let limit = room.octets, usage.used + Int64(octets) > limit { return false }
        if let limit = room.messages, usage.messages >= limit { return false }
        return true
    }

    /// Opens a message's bytes.
    package func openMessage(_ email: EmailID) async throws -> BlobReader {
        let found = try await database.readBriefly { reader -> (BlobID, Int)? in
            let key = try reader.first(MailStoreStatements.emailBlob, email) { BlobKey(rawValue: $0.int64(0)) }
            return try key.flatMap { try BlobRows.find(reader, $0) }
        }
        guard let (id, size) = found else { throw MailStoreError.messageUnavailable(email) }
        return try blobs.open(id, size: size)
    }

    /// The UIDs of a mailbox.
    package func uidView(_ mailbox: MailboxID) async throws -> UIDView {
        try await database.read { reader in
            let head = try reader.first(MailStoreStatements.mailbox, mailbox) { row in
                (row.uint32(1), row.uint32(2), row.uint32(3), UInt64(clamping: row.int64(6)), row.bool(7))
            }
            guard let (validity, next, recentFrom, modSeq, selectable) = head else {
                throw MailStoreError.noSuchMailbox
            }
            guard selectable else { throw MailStoreError.notSelectable }
            var uids = UIDList()
            var firstUnseen: UID?
            try reader.forEach(MailStoreStatements.uidScan, binds: [mailbox]) { row in
                let uid = row.uint32(0)
                uids.append(uid)
                if firstUnseen == nil, row.int64(1) & 1 == 0 { firstUnseen = UID(rawValue: uid) }
            }
            return UIDView(
                uids: uids, uidValidity: UIDValidity(rawValue: validity), uidNext: UID(rawValue: next),
                highestModSeq: ModSequence(rawValue: modSeq), firstUnseen: firstUnseen,
                recentFrom: UID(rawValue: recentFrom))
        }
    }

    /// Takes what is \Recent: later sessions won't see it as such. RFC 3501 §2.3.2
    package func claimRecent(_ mailbox: MailboxID) async throws {
        try await database.write { try $0.execute(MailStoreStatements.claimRecent, mailbox) }
    }

    /// Keywords in use in a mailbox, sorted.
    package func keywords(_ mailbox: MailboxID) async throws -> [String] {
        try await database.read { try $0.query(MailStoreStatements.mailboxKeywords, mailbox) { $0.string(0) } }
            .distinctKeywords
    }

    /// Rows of these UIDs, ascending, at most `limit`; ask again from the last UID + 1.
    package func rows(
        _ mailbox: MailboxID, uids: [ClosedRange<UInt32>], changedSince: ModSequence? = nil, limit: Int
    ) async throws -> [EntryRow] {
        let body: @Sendable (any SQLReader) throws -> [EntryRow] = { reader in
            var rows: [EntryRow] = []
            for range in uids where rows.count < limit {
                try reader.forEach(
                    MailStoreStatements.rows,
                    binds: [mailbox, range.lowerBound, range.upperBound, changedSince.low, limit - rows.count]
                ) { rows.append(EntryRow($0)) }
            }
            try Self.addKeywords(to: &rows, mailbox, reader)
            return rows
        }
        return try await limit <= Self.fewRows ? database.readBriefly(body) : database.read(body)
    }

    /// Rows that are read without changing threads.
    private static let fewRows = 100

    /// The same with what is kept beside the bytes: header, envelope, structure.
    package func indexes(
        _ mailbox: MailboxID, uids: [ClosedRange<UInt32>], changedSince: ModSequence? = nil, limit: Int
    ) async throws -> [(EntryRow, MessageIndex)] {
        try await database.read { reader in
            var rows: [EntryRow] = []
            var indexes: [MessageIndex] = []
            for range in uids where rows.count < limit {
                try reader.forEach(
                    MailStoreStatements.indexedRows,
                    binds: [mailbox, range.lowerBound, range.upperBound, changedSince.low, limit - rows.count]
                ) { row in
                    rows.append(EntryRow(row))
                    indexes.append(try MessageIndex.decode(row.bytes(10), headerBlock: row.bytes(9)))
                }
            }
            try Self.addKeywords(to: &rows, mailbox, reader)
            return Array(zip(rows, indexes))
        }
    }

    static func addKeywords(to rows: inout [EntryRow], _ mailbox: MailboxID, _ reader: any SQLReader) throws {
        guard let first = rows.first, let last = rows.last else { return }
        var found: [UID: [String]] = [:]
        try reader.forEach(MailStoreStatements.keywords, binds: [mailbox, first.uid, last.uid]) { row in
            found[UID(rawValue: row.uint32(0)), default: []].append(row.string(1))
        }
        guard !found.isEmpty else { return }
        for index in rows.indices {
            if let words = found[rows[index].uid] { rows[index].keywords = words }
        }
    }
}

extension ModSequence? {
    /// The bound for `modseq >`: every row without one.
    var low: ModSequence { self ?? ModSequence(rawValue: 0) }
}

extension EntryRow {
    /// Columns as in `MailStoreStatements.rows`.
    init(_ row: borrowing SQLRow) {
        self.init(
            uid: UID(rawValue: row.uint32(0)), email: EmailID(rawValue: row.int64(1)),
            thread: ThreadID(rawValue: row.int64(2)), flags: MessageFlags(rawValue: row.int(3)), keywords: [],
            modSeq: ModSequence(rawValue: UInt64(clamping: row.int64(4))), internalDate: row.timestamp(5),
            zoneMinutes: row.int(6), size: row.int(7), saveDate: row.timestamp(8))
    }
}
