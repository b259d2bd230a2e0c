import Blobs
import Directory
import MailMessage
import MailPolicy
import MailStore
import MailSyntax
import SQLEngine

// What is kept for who sends it.
extension MailIntake {
    /// Makes the copy for the sender ready to be written, or says in the trace why there will be none.
    ///
    /// Nothing about it keeps the message from being accepted: the client has its own ways to keep what it sends.
    func prepareSent(_ plan: inout AcceptancePlan) async {
        guard let copy = plan.acceptance.sentCopy else { return }
        do {
            plan.sent = try await stageSent(copy, plan.acceptance)
        } catch {
            plan.sentTrouble = "\(error)"
        }
    }

    private func stageSent(_ copy: SentCopy, _ acceptance: Acceptance) async throws -> AcceptancePlan.Sent {
        guard let mailbox = try await store.sentMailbox(copy.account) else { throw SentCopyTrouble.noMailbox }
        guard try await store.hasRoom(copy.account, for: acceptance.index.size + copy.hiddenFields.count) else {
            throw SentCopyTrouble.noRoom
        }
        let blob = try await blobs.stage(acceptance.content.prepending(copy.hiddenFields))
        let index =
            copy.hiddenFields.isEmpty
            ? acceptance.index
            : acceptance.index.replacingHeader(copy.hiddenFields + acceptance.index.headerBlock)
        return AcceptancePlan.Sent(
            blob: blob, message: PreparedMessage(blob: blob.id.key, index: index),
            target: AcceptancePlan.Target(
                account: copy.account, mailbox: mailbox, email: EmailID(rawValue: ids.next().rawValue)))
    }
}

/// Why a sender gets no copy.
enum SentCopyTrouble: Error, CustomStringConvertible {
    case noMailbox, noRoom

    var description: String {
        switch self {
        case .noMailbox: "the account has no mailbox for \\Sent"
        case .noRoom: "the account has no room left"
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

    /// Writes the sender's copy as a part that may fail alone.
    func runSent(_ writer: any SQLWriter, _ store: MailStore) throws -> Delivered? {
        guard let sent else { return nil }
        return try writer.part {
            try BlobRows.insert(writer, sent.blob, references: 1, now: now)
            return try store.fileSent(
                writer, sent.message, email: sent.target.email, account: sent.target.account,
                mailbox: sent.target.mailbox, now: now)
        }
    }

    /// What `martlet trace` tells of a copy that isn't kept.
    static func leftOut(_ trouble: String) -> TraceStep {
        TraceStep(stage: TraceStage.delivery, rule: "sending.save_sent", note: "no copy is kept: \(trouble)")
    }
}
