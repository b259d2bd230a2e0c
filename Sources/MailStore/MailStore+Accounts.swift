import Blobs
package import Directory
import SQLEngine

/// The account as a whole, for operators and for sessions that outlive a change of it.
extension MailStore {
    /// Removes every message and mailbox of an account; its directory row is the caller's to remove afterwards.
    package func removeAccountMail(_ account: AccountID) async throws {
        let infos = try await mailboxes(account)
        for info in infos where info.selectable { _ = try await expunge(info.id, onlyDeleted: false) }
        let now = clock.now()
        try await database.write { writer in
            try writer.execute(MailStoreStatements.removeGrantee, account)
            try writer.execute(MailStoreStatements.removeAccountAnnotations, account)
            try writer.execute(RemovedStatements.deleteAccount, account)
            try writer.execute(MailStoreStatements.deleteAccountMailboxes, account)
            let blobs = try writer.query(MailStoreStatements.accountBlobs, account) { BlobKey(rawValue: $0.int64(0)) }
            for blob in blobs { try BlobRows.release(writer, blob, now: now) }
            try writer.execute(MailStoreStatements.deleteAccountEmails, account)
        }
        try await searchIndex?.forget(account)
        forgetInbox(account)
        for info in infos { changeFeed.announce(account, mailboxes: [info.id]) }
    }

    /// The account as the directory has it now; nil for one that is gone. Costs no database.
    package func account(_ account: AccountID) -> Account? { directory.snapshot.account(id: account) }

    /// Whether an account may be worked with: it is there and enabled. Costs no database.
    package func isOpen(_ account: AccountID) -> Bool {
        directory.snapshot.account(id: account)?.isEnabled ?? false
    }

    /// Wakes the sessions that wait for changes of an account, so that they find out that it is not open any more.
    package func wakeSessions(of account: AccountID) async throws {
        for info in try await mailboxes(account) {
            changeFeed.announce(account, mailboxes: [info.id])
        }
    }
}
