import Blobs
package import Directory
import IMAPCore
import MailMessage
package import MailSyntax
package import SQLEngine
import Synchronization

extension MailStore {
    /// Puts a message into a mailbox, inside the caller's transaction, whose blob row exists with its references.
    ///
    /// - Parameters:
    ///   - mailbox: of the same account.
    ///   - email: its id, made before the transaction.
    /// - Throws: `MailStoreError.noSuchMailbox` where the mailbox went away.
    package func deliver(
        _ writer: any SQLWriter, _ message: PreparedMessage, email: EmailID, account: AccountID, mailbox: MailboxID,
        flags: MessageFlags = [], keywords: [String] = [], internalDate: Timestamp, zoneMinutes: Int = 0, now: Timestamp
    ) throws -> Delivered {
        let modSeq = try Self.bump(writer, account, octets: Int64(message.size), messages: 1)
        let thread = try Self.insertEmail(writer, message, email: email, account: account)
        let entry = NewEntry(
            email: email, thread: thread, flags: flags.intersection(.all), keywords: keywords,
            internalDate: internalDate, zoneMinutes: zoneMinutes, size: message.size)
        let (uids, validity) = try Self.insert(writer, [entry], into: mailbox, modSeq: modSeq, now: now)
        return Delivered(mailbox: mailbox, uid: uids[0], uidValidity: validity, email: email)
    }

    /// Announces what a transaction delivered, and hands it to the search index. Call after the commit.
    package func delivered(_ account: AccountID, _ delivered: Delivered) {
        changeFeed.announce(account, mailboxes: [delivered.mailbox])
        searchIndex?.enqueue(delivered.email)
        follower.withLock { $0 }.call?(account, delivered.email)
    }

    /// Adds messages to a mailbox, all or none. IMAP APPEND.
    ///
    /// - Throws: `MailStoreError.overQuota`, `.noSuchMailbox`, `.notSelectable`.
    package func append(
        _ account: AccountID, to mailbox: MailboxID, messages: [NewMessage]
    ) async throws -> AppendResult {
        let room = room(account)
        let total = messages.reduce(Int64(0)) { $0 + Int64($1.index.size) }
        var staged: [StagedBlob] = []
        var prepared: [PreparedMessage] = []
        for message in messages {
            let blob = try await blobs.stage(message.content)
            staged.append(blob)
            prepared.append(PreparedMessage(blob: blob.id.key, index: message.index))
        }
        let emails = messages.map { _ in EmailID(rawValue: ids.next().rawValue) }
        let now = clock.now()
        let delivered = try await database.write(files: staged) { [staged, prepared] writer -> [Delivered] in
            try room.check(writer, account, octets: total, messages: messages.count)
            return try messages.indices.map { index in
                let message = messages[index]
                try BlobRows.insert(writer, staged[index], references: 1, now: now)
                let delivered = try self.deliver(
                    writer, prepared[index], email: emails[index], account: account, mailbox: mailbox,
                    flags: message.flags, keywords: message.keywords, internalDate: message.internalDate,
                    zoneMinutes: message.zoneMinutes, now: now)
                if let uidl = message.pop3UIDL {
                    try writer.execute(MailStoreStatements.setPOP3UIDL, mailbox, delivered.uid, uidl.text)
                }
                return delivered
            }
        }
        for one in delivered { self.delivered(account, one) }
        guard let first = delivered.first else { throw MailStoreError.noSuchMailbox }
        return AppendResult(uidValidity: first.uidValidity, uids: delivered.map(\.uid))
    }

    struct NewEntry {
        let email: EmailID
        let thread: ThreadID
        let flags: MessageFlags
        let keywords: [String]
        let internalDate: Timestamp
        let zoneMinutes: Int
        let size: Int
    }

    /// Takes the account's next change number, with what the change adds to its usage.
    static func bump(
        _ writer: any SQLWriter, _ account: AccountID, octets: Int64 = 0, messages: Int = 0
    ) throws -> ModSequence {
        let next = try writer.first(MailStoreStatements.bumpModSeq, account, octets, messages) { $0.int64(0) }
        guard let next else { throw MailStoreError.noSuchMailbox }
        return ModSequence(rawValue: UInt64(clamping: next))
    }

    /// Gives entries their UIDs, in order, and counts them in. One mailbox update for all.
    static func insert(
        _ writer: any SQLWriter, _ entries: [NewEntry], into mailbox: MailboxID, modSeq: ModSequence, now: Timestamp
    ) throws -> ([UID], UIDValidity) {
        let unseen = entries.count { !$0.flags.contains(.seen) }
        let deleted = entries.count { $0.flags.contains(.deleted) }
        let size = entries.reduce(Int64(0)) { $0 + Int64($1.size) }
        let head = try writer.first(
            MailStoreStatements.addToMailbox, mailbox, entries.count, unseen, deleted, size, modSeq
        ) { ($0.int64(0), $0.uint32(1)) }
        guard let (next, validity) = head else { throw MailStoreError.noSuchMailbox }
        // RFC 3501 §2.3.1.1: UIDs are 32 bits and never used again.
        guard next <= Int64(UInt32.max) else { throw MailStoreError.uidsExhausted }
        var uids: [UID] = []
        uids.reserveCapacity(entries.count)
        for (offset, entry) in entries.enumerated() {
            let uid = UID(rawValue: UInt32(clamping: next - Int64(entries.count) + Int64(offset)))
            uids.append(uid)
            try write(writer, entry, uid: uid, into: mailbox, modSeq: modSeq, now: now)
        }
        let keywords = Set(entries.lazy.flatMap(\.keywords))
        if !keywords.isEmpty { try note(writer, mailbox, keywords: keywords.sorted()) }
        return (uids, UIDValidity(rawValue: validity))
    }

    /// Makes the email's row in its thread; its blob has been counted.
    static func insertEmail(
        _ writer: any SQLWriter, _ message: PreparedMessage, email: EmailID, account: AccountID
    ) throws -> ThreadID {
        let thread = try thread(writer, message, email: email, account: account)
        try writer.execute(
            MailStoreStatements.insertEmail, email, account, thread, message.blob, message.size, message.sentAt,
            message.header, message.parsed)
        try SortKeyRows.insert(writer, account, email, message.keys)
        try write(writer, email, envelope: message.envelopeText, structure: message.structureText)
        return thread
    }

    /// Writes an entry's own rows. The counts of its mailbox are the caller's.
    static func write(
        _ writer: any SQLWriter, _ entry: NewEntry, uid: UID, into mailbox: MailboxID, modSeq: ModSequence,
        now: Timestamp
    ) throws {
        try writer.execute(
            MailStoreStatements.insertEntry, mailbox, uid, entry.email, entry.thread, entry.flags.rawValue, modSeq,
            entry.internalDate, entry.zoneMinutes, now, entry.size)
        for keyword in entry.keywords.distinctKeywords {
            try writer.execute(MailStoreStatements.insertKeyword, mailbox, uid, keyword)
        }
    }

    /// The thread of what the message refers to, or one of its own.
    private static func thread(
        _ writer: any SQLWriter, _ message: PreparedMessage, email: EmailID, account: AccountID
    ) throws -> ThreadID {
        var thread: Int64?
        for hash in [message.ownReference].compactMap({ $0 }) + message.references.reversed() where thread == nil {
            thread = try writer.first(MailStoreStatements.findThread, account, hash) { $0.int64(0) }
        }
        let found = thread ?? email.rawValue
        for hash in [message.ownReference].compactMap({ $0 }) + message.references {
            try writer.execute(MailStoreStatements.insertThreadReference, account, hash, found)
        }
        return ThreadID(rawValue: found)
    }
}
