package import Blobs
import Directory
import MailMessage
package import MailStore
package import MailSyntax
package import OutboundQueue
package import SQLEngine
import Synchronization

/// The one write that accepts a message: blob, emails, entries, queue rows and trace in the same commit.
///
/// When `accept` returns, the message is on disk and may be acknowledged; when it throws, nothing of it was kept.
package final class MailIntake: Sendable {
    let database: any Database
    let store: MailStore
    let queue: OutboundQueue
    let blobs: BlobStore
    let ids: IDGenerator
    let clock: any WallClock
    private let lanes = Mutex(LanePolicy())
    private let reporter = Mutex<SuccessReporter?>(nil)

    package init(
        database: any Database, store: MailStore, queue: OutboundQueue, blobs: BlobStore, ids: IDGenerator,
        clock: any WallClock = SystemClock()
    ) {
        self.database = database
        self.store = store
        self.queue = queue
        self.blobs = blobs
        self.ids = ids
        self.clock = clock
    }

    /// Told of what was filed here for senders who asked to hear of it, with the blob as it was filed; sends the report.
    package typealias SuccessReporter = @Sendable (Acceptance, _ blob: BlobID, _ size: Int) async -> Void

    package func onSuccess(_ report: SuccessReporter?) {
        reporter.withLock { $0 = report }
    }

    /// Tells senders who asked for it what is in a mailbox now.
    func reportSuccess(_ acceptance: Acceptance, _ blob: StagedBlob) async {
        guard acceptance.reversePath != .null, acceptance.local.contains(where: \.reportsSuccess) else { return }
        await reporter.withLock { $0 }?(acceptance, blob.id, blob.size)
    }

    /// Sets which messages take the lane of bulk mail from now on.
    package func setLanes(_ policy: LanePolicy) {
        lanes.withLock { $0 = policy }
    }

    /// A temporary for a body that is too large for memory.
    package func makeSpool() throws -> SpoolFile { try blobs.makeSpool() }

    /// Keeps the message for its accounts and queues it for its other recipients, all or none.
    ///
    /// - Throws: `DatabaseError`, `FileError` or `MailStoreError`; each means "try again later" to the client.
    package func accept(_ given: Acceptance) async throws -> Accepted {
        var acceptance = given
        acceptance.lane = lane(of: given, recipients: given.remote.count)
        putOff(&acceptance)
        let local = try await prepareLocal(acceptance)
        let remote: StagedBlob? = acceptance.remote.isEmpty ? nil : try await blobs.stage(acceptance.content)
        let now = clock.now()
        let files = [local?.blob, remote].compactMap { $0 }
        let takesOver = queue.takesOver
        let (delivered, jobs) = try await database.write(files: files) { [store, queue, acceptance] writer in
            var delivered: [Delivered] = []
            var jobs: [DeliveryJob] = []
            if let local {
                try BlobRows.insert(writer, local.blob, references: local.targets.count, now: now)
                for target in local.targets {
                    delivered.append(
                        try store.deliver(
                            writer, local.message, email: target.email, account: target.account,
                            mailbox: target.mailbox,
                            internalDate: now, now: now))
                }
            }
            if let remote {
                try BlobRows.insert(writer, remote, references: 0, now: now)
                jobs = try queue.enqueue(writer, Self.queueEntry(acceptance, remote, now), takesOver: takesOver)
            }
            if let metered = acceptance.metered { try SendMeter.add(writer, metered, at: now) }
            try TraceRows.insert(writer, acceptance, at: now)
            return (delivered, jobs)
        }
        if let local {
            for (target, one) in zip(local.targets, delivered) { store.delivered(target.account, one) }
        }
        if remote != nil { queue.handOver(jobs) }
        if let local { await reportSuccess(acceptance, local.blob) }
        var seen: Set<AccountID> = []
        let isEach = acceptance.local.count == delivered.count
        let filed = isEach ? acceptance.local : acceptance.local.filter { seen.insert($0.account).inserted }
        return Accepted(id: acceptance.id, filed: filed, queued: acceptance.remote.count)
    }

    /// Deletes the stored history of messages accepted before `time`, in pieces; returns how many.
    package func purgeTraces(before time: Timestamp) async throws -> Int {
        var removed = 0
        while true {
            let limit = IDGenerator.first(at: time)
            let count = try await database.write(.bulk) { writer in
                try Self.unindex(writer, before: limit, limit: 500)
                _ = try OutboundQueue.purgeAttempts(writer, before: limit, limit: 500)
                return try writer.execute(TraceStatements.purge, limit, 500)
            }
            removed += count
            if count < 500 { return removed }
        }
    }

    private struct LocalTarget: Sendable {
        let account: AccountID
        let mailbox: MailboxID
        let email: EmailID
    }

    private struct LocalPlan: Sendable {
        let blob: StagedBlob
        let message: PreparedMessage
        let targets: [LocalTarget]
    }

    /// The message as the accounts keep it: with Return-Path on top. RFC 5321 §4.4
    private func prepareLocal(_ acceptance: Acceptance) async throws -> LocalPlan? {
        guard !acceptance.local.isEmpty else { return nil }
        var targets: [LocalTarget] = []
        // Accounts are locked in the order of their ids.
        for delivery in acceptance.local.sorted(by: { $0.account < $1.account })
        where targets.last?.account != delivery.account {
            targets.append(
                LocalTarget(
                    account: delivery.account, mailbox: try await store.inbox(delivery.account),
                    email: EmailID(rawValue: ids.next().rawValue)))
        }
        let (blob, message) = try await stageLocal(acceptance)
        return LocalPlan(blob: blob, message: message, targets: targets)
    }

    /// The message as accounts keep it, with Return-Path on top.
    func stageLocal(_ acceptance: Acceptance) async throws -> (StagedBlob, PreparedMessage) {
        let field = Array("Return-Path: <\(acceptance.reversePath.description)>\r\n".utf8)
        let blob = try await blobs.stage(acceptance.content.prepending(field))
        let index = acceptance.index.prepending(field)
        return (blob, PreparedMessage(blob: blob.id.key, index: index))
    }

    static func queueEntry(_ acceptance: Acceptance, _ blob: StagedBlob, _ now: Timestamp) -> NewQueueEntry {
        var entry = NewQueueEntry(
            id: acceptance.id, reversePath: acceptance.forwardedFrom.map { .address($0) } ?? acceptance.reversePath,
            blob: blob.id, size: blob.size, createdAt: now,
            recipients: acceptance.remote, bodyType: acceptance.bodyType, smtpUTF8: acceptance.smtpUTF8,
            envelopeID: acceptance.envelopeID, dsnReturn: acceptance.dsnReturn, dkimDomain: acceptance.signFor,
            isBounce: acceptance.isBounce,
            wantsDelayReport: acceptance.origin.login != nil && acceptance.reversePath != .null,
            held: acceptance.held, login: acceptance.origin.login, lane: acceptance.lane,
            notBefore: acceptance.notBefore)
        guard acceptance.futureRelease != nil || acceptance.forwardedFrom != nil else { return entry }
        entry.futureRelease = acceptance.futureRelease
        if acceptance.remote.contains(where: { $0.mailbox != nil }) { entry.localPath = acceptance.reversePath }
        return entry
    }

    /// A report of ours waits behind nobody's newsletters.
    func lane(of acceptance: Acceptance, recipients: Int) -> QueueLane {
        guard recipients > 0, !acceptance.isBounce else { return acceptance.lane }
        let found = lanes.withLock { $0 }.lane(
            header: acceptance.index.headerBlock, recipients: recipients, login: acceptance.origin.login)
        return max(found, acceptance.lane)
    }
}
