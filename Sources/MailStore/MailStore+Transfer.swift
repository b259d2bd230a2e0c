import Blobs
import Directory
import MailMessage
import MailSyntax
import SQLEngine
import Synchronization

/// COPY and MOVE, within an account and between two.
extension MailStore {
    /// Copies messages; within an account EMAILID stays, and so do flags, keywords and the internal date.
    /// RFC 3501 §6.4.7
    ///
    /// All or none. Between accounts a copy is an email of its own that shares the bytes, and counts for its owner.
    /// - Parameter rights: what may be done in the target; flags they don't allow are not copied. RFC 4314 §4 (COPY)
    /// - Throws: `.overQuota`, `.noSuchMailbox`.
    package func copy(
        _ mailbox: MailboxID, uids: [UID], to target: MailboxID, with rights: MailboxRights = .all,
        missing: MissingMessages = .leaveOut
    ) async throws -> CopyResult {
        try await transfer(mailbox, uids: uids, to: target, rights, missing, removing: false)
    }

    /// Moves messages in one unit. RFC 6851 §3.1
    package func move(
        _ mailbox: MailboxID, uids: [UID], to target: MailboxID, with rights: MailboxRights = .all,
        missing: MissingMessages = .leaveOut
    ) async throws -> CopyResult {
        try await transfer(mailbox, uids: uids, to: target, rights, missing, removing: true)
    }

    private func transfer(
        _ mailbox: MailboxID, uids: [UID], to target: MailboxID, _ rights: MailboxRights, _ missing: MissingMessages,
        removing: Bool
    ) async throws -> CopyResult {
        let account = try await account(of: mailbox)
        let owner = try await self.account(of: target)
        guard owner == account else {
            return try await transfer(
                mailbox, of: account, uids, to: target, of: owner, rights, missing, removing: removing)
        }
        let room = room(account)
        let now = clock.now()
        let sorted = uids.sorted()
        let result = try await database.write { writer in
            let rows = try Self.rows(writer, mailbox, sorted, missing)
            guard !rows.isEmpty else { return try Self.nothingCopied(writer, to: target) }
            let size = rows.reduce(Int64(0)) { $0 + Int64($1.size) }
            if !removing { try room.check(writer, account, octets: size, messages: rows.count) }
            let modSeq =
                removing
                ? try Self.bump(writer, account) : try Self.bump(writer, account, octets: size, messages: rows.count)
            let entries = rows.map { NewEntry($0, email: $0.email, thread: $0.thread, with: rights) }
            let (made, validity) = try Self.insert(writer, entries, into: target, modSeq: modSeq, now: now)
            if removing { _ = try Self.remove(writer, account, mailbox, rows, now: now, keepingEmails: true) }
            return CopyResult(uidValidity: validity, source: rows.map(\.uid), destination: made)
        }
        if !result.source.isEmpty {
            changeFeed.announce(account, mailboxes: removing ? [mailbox, target] : [target])
        }
        return result
    }

    /// - Throws: ``MailStoreError/messagesGone`` where that is asked for.
    private static func rows(
        _ reader: any SQLReader, _ mailbox: MailboxID, _ uids: [UID], _ missing: MissingMessages
    ) throws -> [EntryRow] {
        let rows = try rows(reader, mailbox, uids)
        guard missing == .leaveOut || rows.count == uids.count else { throw MailStoreError.messagesGone }
        return rows
    }

    private struct Passed {
        let result: CopyResult
        let emails: [EmailID]
    }

    private func transfer(
        _ mailbox: MailboxID, of account: AccountID, _ uids: [UID], to target: MailboxID, of owner: AccountID,
        _ rights: MailboxRights, _ missing: MissingMessages, removing: Bool
    ) async throws -> CopyResult {
        let room = room(owner)
        let now = clock.now()
        let sorted = uids.sorted()
        let isRestorable = settings.undelete > .zero
        let ids = sorted.map { _ in EmailID(rawValue: self.ids.next().rawValue) }
        let passed = try await database.write { writer -> Passed in
            // Two accounts are always locked in the order of their ids.
            for id in [account, owner].sorted() { try writer.execute(MailStoreStatements.lockAccount, id) }
            let rows = try Self.rows(writer, mailbox, sorted, missing)
            guard !rows.isEmpty else { return Passed(result: try Self.nothingCopied(writer, to: target), emails: []) }
            let size = rows.reduce(Int64(0)) { $0 + Int64($1.size) }
            try room.check(writer, owner, octets: size, messages: rows.count)
            let modSeq = try Self.bump(writer, owner, octets: size, messages: rows.count)
            var entries: [NewEntry] = []
            for (row, email) in zip(rows, ids) {
                let thread = try Self.duplicate(writer, row.email, as: email, for: owner)
                entries.append(NewEntry(row, email: email, thread: thread, with: rights))
            }
            let (made, validity) = try Self.insert(writer, entries, into: target, modSeq: modSeq, now: now)
            if removing {
                _ = try Self.remove(writer, account, mailbox, rows, now: now, restorable: isRestorable)
            }
            let result = CopyResult(uidValidity: validity, source: rows.map(\.uid), destination: made)
            return Passed(result: result, emails: entries.map(\.email))
        }
        if !passed.emails.isEmpty {
            changeFeed.announce(owner, mailboxes: [target])
            if removing { changeFeed.announce(account, mailboxes: [mailbox]) }
        }
        for email in passed.emails {
            searchIndex?.enqueue(email)
            follower.withLock { $0 }.call?(owner, email)
        }
        return passed.result
    }

    /// Makes an email of another account that has the same bytes.
    private static func duplicate(
        _ writer: any SQLWriter, _ email: EmailID, as new: EmailID, for owner: AccountID
    ) throws -> ThreadID {
        let message = try writer.first(MailStoreStatements.emailForIndexing, email) { row in
            PreparedMessage(
                blob: BlobKey(rawValue: row.int64(0)),
                index: try MessageIndex.decode(row.bytes(2), headerBlock: row.bytes(1)))
        }
        guard let message else { throw MailStoreError.messageUnavailable(email) }
        try BlobRows.retain(writer, message.blob)
        return try insertEmail(writer, message, email: new, account: owner)
    }

    /// The answer where none of the messages is there any more: no change number is taken.
    private static func nothingCopied(_ reader: any SQLReader, to target: MailboxID) throws -> CopyResult {
        let head = try reader.first(MailStoreStatements.mailbox, target) { ($0.uint32(1), $0.bool(7)) }
        guard let (validity, isSelectable) = head, isSelectable else { throw MailStoreError.noSuchMailbox }
        return CopyResult(uidValidity: UIDValidity(rawValue: validity), source: [], destination: [])
    }
}

/// What a command does whose messages are not all there any more.
package enum MissingMessages: Sendable {
    /// Goes on with the others.
    case leaveOut
    /// Changes nothing.
    case refuse
}

extension MailStore.NewEntry {
    /// What a copy of a message is made of.
    init(_ row: EntryRow, email: EmailID, thread: ThreadID, with rights: MailboxRights) {
        self.init(
            email: email, thread: thread, flags: row.flags.intersection(rights.flags),
            keywords: rights.contains(.write) ? row.keywords : [], internalDate: row.internalDate,
            zoneMinutes: row.zoneMinutes, size: row.size)
    }
}
