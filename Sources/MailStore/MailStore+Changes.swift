import Directory
import MailSyntax
import SQLEngine

/// What came to a mailbox and what left it after a change number, read at one moment. Flags that changed are read apart,
/// in pages: they need not be of the same moment, since what changes between the pages has a later number.
package struct MailboxNews: Sendable, Hashable {
    /// False when the mailbox is gone.
    package let exists: Bool
    /// Everything up to this number is in the news, and the flags that changed up to it can be asked for.
    package let highestModSeq: ModSequence
    /// UIDs above the one asked for, ascending.
    package let arrivals: [UInt32]
    package let expunged: ExpungedUIDs
}

/// What left a mailbox after a change number.
package struct ExpungedUIDs: Sendable, Hashable {
    /// Ascending.
    package let uids: [UInt32]
    /// Of what left up to this number some is not remembered: a list that begins below it is not whole.
    package let purgedThrough: ModSequence
}

/// A place between pages of changed messages: behind this UID of this number.
package struct ChangePosition: Sendable, Hashable {
    let modSeq: ModSequence
    let uid: UInt32

    /// Behind everything that has this number.
    package init(after modSeq: ModSequence) {
        self.init(modSeq: modSeq, uid: .max)
    }

    init(modSeq: ModSequence, uid: UInt32) {
        self.modSeq = modSeq
        self.uid = uid
    }
}

extension MailStore {
    /// What came and went after `since`; cheap when nothing did.
    /// - Parameter uid: the last UID that is known already; arrivals are above it.
    package func news(_ mailbox: MailboxID, since: ModSequence, above uid: UInt32) async throws -> MailboxNews {
        try await database.readBriefly { reader in
            let nothing = ExpungedUIDs(uids: [], purgedThrough: ModSequence(rawValue: 0))
            guard let head = try Self.changeHead(reader, mailbox) else {
                return MailboxNews(exists: false, highestModSeq: since, arrivals: [], expunged: nothing)
            }
            guard head.highest > since else {
                return MailboxNews(exists: true, highestModSeq: head.highest, arrivals: [], expunged: nothing)
            }
            let arrivals = try reader.query(MailStoreStatements.arrivals, mailbox, uid) { $0.uint32(0) }
            return MailboxNews(
                exists: true, highestModSeq: head.highest, arrivals: arrivals,
                expunged: try Self.expunged(reader, mailbox, of: head.account, since: since))
        }
    }

    /// What left a mailbox after `since`.
    package func expunged(_ mailbox: MailboxID, since: ModSequence) async throws -> ExpungedUIDs {
        try await database.read { reader in
            guard let head = try Self.changeHead(reader, mailbox) else { throw MailStoreError.noSuchMailbox }
            return try Self.expunged(reader, mailbox, of: head.account, since: since)
        }
    }

    /// A page of the messages that are new or have other flags, in the order of their changes.
    /// - Parameters:
    ///   - through: changes with higher numbers are left out.
    ///   - uid: and so are messages above this UID.
    /// - Returns: rows ascending by UID, and where the next page begins; nil behind the last.
    package func changedRows(
        _ mailbox: MailboxID, from position: ChangePosition, through: ModSequence, upTo uid: UInt32 = .max, limit: Int
    ) async throws -> (rows: [EntryRow], next: ChangePosition?) {
        try await database.read { reader in
            var rows = try reader.query(
                MailStoreStatements.changedRows, mailbox, position.modSeq, position.uid, through, uid, limit
            ) { EntryRow($0) }
            let next = rows.last.map { ChangePosition(modSeq: $0.modSeq, uid: $0.uid.rawValue) }
            let isFull = rows.count >= limit
            rows.sort { $0.uid < $1.uid }
            try Self.addKeywords(to: &rows, mailbox, reader)
            return (rows, isFull ? next : nil)
        }
    }

    private static func changeHead(
        _ reader: any SQLReader, _ mailbox: MailboxID
    ) throws -> (account: AccountID, highest: ModSequence)? {
        try reader.first(MailStoreStatements.mailbox, mailbox) { row in
            (AccountID(rawValue: row.int64(0)), ModSequence(rawValue: UInt64(clamping: row.int64(6))), row.bool(7))
        }.flatMap { $0.2 ? (account: $0.0, highest: $0.1) : nil }
    }

    private static func expunged(
        _ reader: any SQLReader, _ mailbox: MailboxID, of account: AccountID, since: ModSequence
    ) throws -> ExpungedUIDs {
        let uids = try reader.query(MailStoreStatements.expungedSince, mailbox, since) { $0.uint32(0) }
        let purged = try reader.first(MailStoreStatements.accountState, account) { UInt64(clamping: $0.int64(3)) }
        return ExpungedUIDs(uids: uids, purgedThrough: ModSequence(rawValue: purged ?? 0))
    }
}
