import Blobs
import Directory
import MailMessage
import MailStore
import MailSyntax
package import OutboundQueue
package import SQLEngine

/// What became of a queued message for one mailbox.
package enum FilingResult: Sendable {
    /// It is in the mailbox and out of the queue, which is durable.
    case filed
    /// An operator took it out of the queue meanwhile.
    case gone
    case failed(DeliveryFailure)
}

// A message that waited here is due.
extension MailIntake {
    /// Files a leased message into mailboxes. A recipient's row leaves the queue in the commit that files its message, so
    /// that whatever happens it is filed once.
    ///
    /// - Parameters:
    ///   - recipients: all with a mailbox. Those that fail stay leased; their outcomes are the caller's to record.
    ///   - attempt: what is kept of the attempt that files a recipient's message.
    ///   - report: what tells its sender in the same commit, where it asked to be told.
    /// - Throws: `DatabaseError`, `FileError`: nothing was filed.
    @concurrent
    package func file(
        _ message: QueuedMessage, for recipients: [QueuedRecipient],
        attempt: @Sendable (QueuedRecipient) -> QueueAttempt,
        report: @Sendable (QueuedRecipient) async -> CommitPart? = { _ in nil }
    ) async throws -> [RecipientID: FilingResult] {
        var results: [RecipientID: FilingResult] = [:]
        var targets: [FilingTarget] = []
        for recipient in recipients {
            switch await target(of: recipient, in: message, attempt) {
            case .success(var target):
                target.report = await report(recipient)
                targets.append(target)
            case .failure(let failure): results[recipient.id] = .failed(failure)
            }
        }
        guard !targets.isEmpty else { return results }
        // Accounts are locked in the order of their ids.
        targets.sort { $0.account < $1.account }
        let (blob, prepared) = try await stage(message)
        let now = clock.now()
        let (store, plan) = (store, targets)
        let files = [blob] + targets.flatMap { $0.report?.files ?? [] }
        let filed = try await database.write(files: files) { writer in
            try BlobRows.insert(writer, blob, references: 0, now: now)
            let filed = try plan.map { target in
                try target.file(writer, prepared, of: message.id, store: store, now: now)
            }
            try OutboundQueue.endFiling(writer, of: message.id, now: now)
            return filed
        }
        for (target, done) in zip(targets, filed) {
            switch done.result {
            case .success(let delivered?):
                store.delivered(target.account, delivered)
                done.reported?()
                results[target.recipient.id] = .filed
            case .success(nil): results[target.recipient.id] = .gone
            case .failure(let error): results[target.recipient.id] = .failed(Self.trouble("\(error)"))
            }
        }
        queue.endLeases(
            results.lazy.filter { if case .failed = $0.value { false } else { true } }.map(\.key))
        return results
    }

    /// The mailbox of a recipient, or what RCPT would answer now.
    private func target(
        of recipient: QueuedRecipient, in message: QueuedMessage, _ attempt: (QueuedRecipient) -> QueueAttempt
    ) async -> Result<FilingTarget, DeliveryFailure> {
        let id = AccountID(rawValue: recipient.mailbox?.account ?? 0)
        guard let account = store.account(id) else {
            return .failure(Self.failure(.permanent, 550, EnhancedStatusCode(5, 1, 1), "User unknown", recipient))
        }
        guard account.isEnabled else {
            return .failure(Self.failure(.permanent, 550, EnhancedStatusCode(5, 2, 1), "Mailbox disabled", recipient))
        }
        do {
            guard try await store.hasRoom(id, for: message.size) else {
                return .failure(
                    Self.failure(.temporary, 452, EnhancedStatusCode(4, 2, 2), "Mailbox is over quota", recipient))
            }
            let mailbox = try await message.isJunk ? store.junk(id) : store.inbox(id)
            return .success(
                FilingTarget(
                    account: id, mailbox: mailbox, email: EmailID(rawValue: ids.next().rawValue),
                    recipient: recipient, attempt: attempt(recipient)))
        } catch {
            return .failure(Self.trouble("\(error)"))
        }
    }

    private static func failure(
        _ permanence: DeliveryFailure.Permanence, _ code: Int, _ status: EnhancedStatusCode, _ text: String,
        _ recipient: QueuedRecipient
    ) -> DeliveryFailure {
        DeliveryFailure(
            .recipient, permanence,
            DeliveryReply(code: code, status: status, text: "<\(recipient.address)>: \(text)"))
    }

    private static func trouble(_ reason: String) -> DeliveryFailure {
        DeliveryFailure(
            .recipient, .temporary,
            DeliveryReply(status: EnhancedStatusCode(4, 3, 0), text: "the message could not be filed: \(reason)"))
    }

    /// The message as accounts keep it, from the queue's copy of it. Blocks on the disk.
    private func stage(_ message: QueuedMessage) async throws -> (StagedBlob, PreparedMessage) {
        let path = message.localPath ?? message.reversePath
        let field = Array("Return-Path: <\(path.description)>\r\n".utf8)
        let reader = try blobs.open(message.blob, size: message.size)
        var scanner = MessageScanner()
        let piece = 262_144
        if reader.size <= piece {
            let bytes = field + (try reader.read(0..<reader.size))
            scanner.consume(bytes)
            let blob = try await blobs.stage(.bytes(bytes))
            return (blob, PreparedMessage(blob: blob.id.key, index: scanner.finish()))
        }
        let spool = try blobs.makeSpool()
        scanner.consume(field)
        for start in stride(from: 0, to: reader.size, by: piece) {
            let bytes = try reader.read(start..<min(reader.size, start + piece))
            scanner.consume(bytes)
            try spool.append(bytes)
        }
        let blob = try await blobs.stage(.joined(prefix: field, spool: spool))
        return (blob, PreparedMessage(blob: blob.id.key, index: scanner.finish()))
    }
}

/// One mailbox to file into.
private struct FilingTarget: Sendable {
    let account: AccountID
    let mailbox: MailboxID
    let email: EmailID
    let recipient: QueuedRecipient
    let attempt: QueueAttempt
    var report: CommitPart?

    struct Done: Sendable {
        /// nil where the recipient is not in the queue any more.
        var result: Result<Delivered?, any Error>
        /// To be called after the commit.
        var reported: (@Sendable () -> Void)?
    }

    /// The report stands beside the part of its mailbox: parts don't nest.
    func file(
        _ writer: any SQLWriter, _ message: PreparedMessage, of id: MailID, store: MailStore, now: Timestamp
    ) throws -> Done {
        let result = Result { try writer.part { try deliver(writer, message, of: id, store: store, now: now) } }
        guard case .success(.some) = result else { return Done(result: result) }
        return Done(result: result, reported: try report?.write(writer))
    }

    private func deliver(
        _ writer: any SQLWriter, _ message: PreparedMessage, of id: MailID, store: MailStore, now: Timestamp
    ) throws -> Delivered? {
        guard try OutboundQueue.filed(writer, recipient.id, attempt: attempt, of: id) else { return nil }
        try BlobRows.retain(writer, message.blob)
        return try store.deliver(
            writer, message, email: email, account: account, mailbox: mailbox, internalDate: now, now: now)
    }
}
