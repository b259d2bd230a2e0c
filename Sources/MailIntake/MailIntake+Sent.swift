import Blobs
import Directory
import MailMessage
import MailStore
import MailSyntax
import SQLEngine

// What is kept for who sends it.
extension MailIntake {
    /// The copy for the sender, ready to be written; nil where there is no room or no mailbox for it.
    ///
    /// Nothing about it keeps the message from being accepted: the client has its own ways to keep what it sends.
    func prepareSent(_ acceptance: Acceptance) async -> AcceptancePlan.Sent? {
        guard let copy = acceptance.sentCopy else { return nil }
        do {
            let size = acceptance.index.size + copy.hiddenFields.count
            guard let mailbox = try await store.sentMailbox(copy.account),
                try await store.hasRoom(copy.account, for: size)
            else { return nil }
            let blob = try await blobs.stage(acceptance.content.prepending(copy.hiddenFields))
            let index =
                copy.hiddenFields.isEmpty
                ? acceptance.index
                : acceptance.index.replacingHeader(copy.hiddenFields + acceptance.index.headerBlock)
            return AcceptancePlan.Sent(
                blob: blob, message: PreparedMessage(blob: blob.id.key, index: index),
                target: AcceptancePlan.Target(
                    account: copy.account, mailbox: mailbox, email: EmailID(rawValue: ids.next().rawValue)))
        } catch {
            return nil
        }
    }
}

extension AcceptancePlan {
    /// The sender's copy.
    struct Sent: Sendable {
        let blob: StagedBlob
        let message: PreparedMessage
        let target: Target
    }

    /// Writes the sender's copy as a part that may fail alone. In a part already, whose parts don't nest, there is none.
    func runSent(_ writer: any SQLWriter, _ store: MailStore) -> Delivered? {
        guard let sent else { return nil }
        return try? writer.part {
            try BlobRows.insert(writer, sent.blob, references: 1, now: now)
            return try store.fileSent(
                writer, sent.message, email: sent.target.email, account: sent.target.account,
                mailbox: sent.target.mailbox, now: now)
        }
    }
}
