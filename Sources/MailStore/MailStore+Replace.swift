import Blobs
import Directory
import MailMessage
import MailSyntax
import SQLEngine

extension MailStore {
    /// Puts a message in the place of another: the new one is there and the old one gone in the same instant. RFC 8508 §3.4
    ///
    /// - Parameters:
    ///   - mailbox: where the old one stands.
    ///   - target: where the new one goes; it may be the same mailbox, or one of another account.
    /// - Returns: nil where the old one is gone already; then nothing was done.
    /// - Throws: `MailStoreError.overQuota`, counting what the old one gives back; `.noSuchMailbox`, `.notSelectable`.
    package func replace(
        _ mailbox: MailboxID, uid: UID, with message: NewMessage, in target: MailboxID
    ) async throws -> AppendResult? {
        let account = try await account(of: mailbox)
        let owner = try await self.account(of: target)
        let limit = directory.snapshot.account(id: owner)?.quota
        let blob = try await blobs.stage(message.content)
        let prepared = PreparedMessage(blob: blob.id.key, index: message.index)
        let email = EmailID(rawValue: ids.next().rawValue)
        let now = clock.now()
        let made: Delivered
        do {
            made = try await database.write(files: [blob]) { writer in
                // Two accounts are always locked in the order of their ids.
                if owner != account {
                    for id in [account, owner].sorted() { try writer.execute(MailStoreStatements.lockAccount, id) }
                }
                let old = try Self.rows(writer, mailbox, [uid])
                guard let size = old.first?.size else { throw NothingToReplace() }
                let used = try writer.first(MailStoreStatements.accountState, owner) { $0.int64(0) } ?? 0
                if let limit, used - (owner == account ? Int64(size) : 0) + Int64(message.index.size) > limit {
                    throw MailStoreError.overQuota
                }
                try BlobRows.insert(writer, blob, references: 1, now: now)
                let new = try self.deliver(
                    writer, prepared, email: email, account: owner, mailbox: target, flags: message.flags,
                    keywords: message.keywords, internalDate: message.internalDate, zoneMinutes: message.zoneMinutes,
                    now: now)
                _ = try Self.remove(writer, account, mailbox, old, now: now)
                return new
            }
        } catch is NothingToReplace {
            return nil
        }
        delivered(owner, made)
        changeFeed.announce(account, mailboxes: [mailbox])
        return AppendResult(uidValidity: made.uidValidity, uids: [made.uid])
    }

    /// Takes the transaction back with the message it was for.
    private struct NothingToReplace: Error {}
}
