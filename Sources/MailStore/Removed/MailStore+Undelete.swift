import Blobs
package import Directory
package import MailMessage
package import MailSyntax
import SQLEngine

/// A message that was expunged and can still be brought back.
package struct RemovedMessage: Sendable {
    package let id: Int64
    /// What its mailbox was called.
    package let path: String
    package let mailbox: MailboxID
    package let uid: UID
    package let email: EmailID
    package let internalDate: Timestamp
    package let removedAt: Timestamp
    /// Octets.
    package let size: Int
    package let index: MessageIndex
}

/// Which messages to bring back, or to list.
package struct RemovedFilter: Sendable {
    /// The path that the mailbox had, without what is below; nil for any.
    package var path: String?
    /// When they were removed.
    package var since: Timestamp?
    package var until: Timestamp?
    /// Message-IDs, without brackets; empty for any.
    package var messageIDs: Set<String> = []

    package init() {}

    func includes(_ message: RemovedMessage) -> Bool {
        if let path, MailboxName.canonical(path) != message.path { return false }
        return messageIDs.isEmpty || message.index.messageID.map(messageIDs.contains) == true
    }
}

/// Bringing back what was expunged.
extension MailStore {
    private static let undeletePage = 200

    /// What can be brought back, oldest removal first; at most `limit` after the row `after`.
    ///
    /// - Returns: the messages, and the row to go on after; nil at the end.
    package func removedMessages(
        _ account: AccountID, _ filter: RemovedFilter, after: Int64 = 0, limit: Int
    ) async throws -> (messages: [RemovedMessage], next: Int64?) {
        let low = filter.since?.microseconds ?? Int64.min
        let high = filter.until?.microseconds ?? Int64.max
        var found: [RemovedMessage] = []
        var last = after
        while true {
            let page = try await database.read { [last] reader in
                try reader.query(RemovedStatements.list, account, last, low, high, Self.undeletePage) { row in
                    RemovedMessage(
                        id: row.int64(0), path: row.string(1), mailbox: MailboxID(rawValue: row.int64(2)),
                        uid: UID(rawValue: row.uint32(13)), email: EmailID(rawValue: row.int64(3)),
                        internalDate: row.timestamp(7), removedAt: row.timestamp(10), size: row.int(9),
                        index: try MessageIndex.decode(row.bytes(12), headerBlock: row.bytes(11)))
                }
            }
            for message in page {
                last = message.id
                guard filter.includes(message) else { continue }
                found.append(message)
                if found.count == limit { return (found, last) }
            }
            if page.count < Self.undeletePage { return (found, nil) }
        }
    }

    /// Brings messages back with new UIDs: into the mailbox they were in, wherever that is now, or one of the path that
    /// it had, or one of `path`. They count for the quota again, which is not asked.
    ///
    /// - Returns: how many came back; those that were purged or brought back since are passed over.
    package func restore(_ account: AccountID, _ ids: [Int64], to path: String? = nil) async throws -> Int {
        var restored = 0
        for part in Set(ids).sorted().chunks(of: Self.undeletePage) {
            let rows = try await database.read { reader in try part.compactMap { try Self.removed(reader, account, $0) }
            }
            let byPlace = Dictionary(grouping: rows) { RestorePlace(mailbox: $0.mailbox, path: $0.path) }
            for (place, rows) in byPlace.sorted(by: { $0.key.path < $1.key.path }) {
                let target = try await target(account, place, path)
                let now = clock.now()
                let count = try await database.write(.bulk) { writer in
                    try Self.restore(writer, account, rows.map(\.id), to: target, now: now)
                }
                if count > 0 { changeFeed.announce(account, mailboxes: [target]) }
                for row in rows { searchIndex?.enqueue(row.entry.email) }
                restored += count
            }
        }
        return restored
    }

    private struct RestorePlace: Hashable {
        let mailbox: MailboxID
        let path: String
    }

    private struct RemovedRow: Sendable {
        let id: Int64
        let path: String
        let mailbox: MailboxID
        let entry: NewEntry
    }

    private static func removed(_ reader: any SQLReader, _ account: AccountID, _ id: Int64) throws -> RemovedRow? {
        try reader.first(RemovedStatements.find, id, account) { row in
            RemovedRow(
                id: id, path: row.string(0), mailbox: MailboxID(rawValue: row.int64(1)),
                entry: NewEntry(
                    email: EmailID(rawValue: row.int64(2)), thread: ThreadID(rawValue: row.int64(3)),
                    // What was expunged was marked \Deleted: left so, it would be gone again at once.
                    flags: MessageFlags(rawValue: row.int(4)).intersection(.all).subtracting(.deleted),
                    keywords: row.string(5).split(separator: " ").map(String.init),
                    internalDate: row.timestamp(6), zoneMinutes: row.int(7), size: row.int(8)))
        }
    }

    private func target(_ account: AccountID, _ place: RestorePlace, _ path: String?) async throws -> MailboxID {
        if path == nil {
            let isThere = try await database.read { reader in
                try reader.first(MailStoreStatements.mailbox, place.mailbox) {
                    $0.int64(0) == account.rawValue && $0.bool(7)
                } ?? false
            }
            if isThere { return place.mailbox }
        }
        let path = path ?? place.path
        if let found = try await mailbox(account, path: path), found.selectable { return found.id }
        do {
            return try await createMailbox(account, path: path).id
        } catch MailStoreError.alreadyExists {
            guard let made = try await mailbox(account, path: path) else { throw MailStoreError.noSuchMailbox }
            return made.id
        }
    }

    private static func restore(
        _ writer: any SQLWriter, _ account: AccountID, _ ids: [Int64], to mailbox: MailboxID, now: Timestamp
    ) throws -> Int {
        let rows = try ids.compactMap { try removed(writer, account, $0) }
        guard !rows.isEmpty else { return 0 }
        let size = rows.reduce(Int64(0)) { $0 + Int64($1.entry.size) }
        let modSeq = try bump(writer, account, octets: size, messages: rows.count)
        _ = try insert(writer, rows.map(\.entry), into: mailbox, modSeq: modSeq, now: now)
        for row in rows { try writer.execute(RemovedStatements.delete, row.id) }
        return rows.count
    }

    /// Notes what is about to be removed, so that it can be brought back.
    static func keep(
        _ writer: any SQLWriter, _ account: AccountID, _ mailbox: MailboxID, _ rows: [EntryRow], now: Timestamp
    ) throws {
        let path = try path(writer, mailbox)
        for row in rows {
            try writer.execute(
                RemovedStatements.insert, account, mailbox, path, row.uid, row.email, row.flags.rawValue,
                row.keywords.joined(separator: " "), row.internalDate, row.zoneMinutes, row.size, now)
        }
    }

    static func path(_ reader: any SQLReader, _ mailbox: MailboxID) throws -> String {
        var levels: [String] = []
        var id = mailbox.rawValue
        while id > 0, levels.count <= MailboxName.maximumDepth {
            guard
                let (parent, name) = try reader.first(
                    RemovedStatements.parent, id, map: { ($0.int64(0), $0.string(1)) })
            else { break }
            levels.insert(name, at: 0)
            id = parent
        }
        return levels.joined(separator: "/")
    }

    /// Lets go of an email that stands nowhere any more.
    static func releaseIfUnused(_ writer: any SQLWriter, _ email: EmailID, now: Timestamp) throws {
        let blob = try writer.first(MailStoreStatements.deleteUnusedEmail, email) { BlobKey(rawValue: $0.int64(0)) }
        if let blob { try BlobRows.release(writer, blob, now: now) }
    }
}
