import Blobs
import Directory
import MailStore
import MailSyntax
import OutboundQueue
import SQLEngine

/// A message that is ready to be written, for all of its recipients or none.
struct AcceptancePlan: Sendable {
    struct Target: Sendable {
        let account: AccountID
        let mailbox: MailboxID
        let email: EmailID
    }

    /// The message as accounts keep it, and which.
    struct Local: Sendable {
        let blob: StagedBlob
        let message: PreparedMessage
        let targets: [Target]
    }

    /// What was written.
    struct Result: Sendable {
        var delivered: [Delivered] = []
        var sent: Delivered?
        /// Why the sender has no copy, where it should have one.
        var sentTrouble: String?
        /// What was leased at once, for the scheduler.
        var jobs: [DeliveryJob] = []
    }

    let acceptance: Acceptance
    let local: Local?
    /// The message as it leaves; nil where nobody elsewhere gets it.
    let remote: StagedBlob?
    var sent: Sent?
    /// Why there can be none, where there should be one.
    var sentTrouble: String?
    /// Whether there is room for what leaves at once.
    let takesOver: Bool
    let now: Timestamp

    var files: [any StagedFile] { [local?.blob, remote, sent?.blob].compactMap { $0 } }

    /// What is in a mailbox then, each account once.
    var filed: [LocalDelivery] {
        guard acceptance.local.count != local?.targets.count else { return acceptance.local }
        var seen: Set<AccountID> = []
        return acceptance.local.filter { seen.insert($0.account).inserted }
    }

    /// Writes blob, emails, entries, queue rows and trace. Pure but for SQL.
    func run(_ writer: any SQLWriter, _ store: MailStore, _ queue: OutboundQueue) throws -> Result {
        var result = Result()
        if let local {
            try BlobRows.insert(writer, local.blob, references: local.targets.count, now: now)
            for target in local.targets {
                result.delivered.append(
                    try store.deliver(
                        writer, local.message, email: target.email, account: target.account, mailbox: target.mailbox,
                        internalDate: now, now: now))
            }
        }
        if let remote {
            try BlobRows.insert(writer, remote, references: 0, now: now)
            let entry = MailIntake.queueEntry(acceptance, remote, now)
            result.jobs = try queue.enqueue(writer, entry, takesOver: takesOver)
        }
        result.sentTrouble = sentTrouble
        do {
            result.sent = try runSent(writer, store)
        } catch {
            result.sentTrouble = "\(error)"
        }
        if let metered = acceptance.metered { try SendMeter.add(writer, metered, at: now) }
        var traced = acceptance
        if let trouble = result.sentTrouble { traced.trace.append(Self.leftOut(trouble)) }
        try TraceRows.insert(writer, traced, at: now)
        return result
    }

    /// Tells sessions and the scheduler, once it is on disk.
    func announce(_ result: Result, _ store: MailStore, _ queue: OutboundQueue) {
        if let local {
            for (target, one) in zip(local.targets, result.delivered) { store.delivered(target.account, one) }
        }
        if let sent, let one = result.sent { store.delivered(sent.target.account, one) }
        if remote != nil { queue.handOver(result.jobs) }
    }
}
