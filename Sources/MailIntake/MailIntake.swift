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

    /// Makes the report of an acceptance's `notices`; nil where there is nobody to have it.
    ///
    /// What it throws keeps the message from being accepted: the client tries again. A report that can be made and not be
    /// written need not keep it: `CommitPart.optional`.
    package typealias SuccessReporter = @Sendable (Acceptance) async throws -> CommitPart?

    package func onSuccess(_ report: SuccessReporter?) {
        reporter.withLock { $0 = report }
    }

    /// What tells the sender of an acceptance, where it asked to be told.
    func successReport(_ acceptance: Acceptance) async throws -> CommitPart? {
        guard !acceptance.notices.isEmpty, acceptance.reversePath != .null else { return nil }
        var acceptance = acceptance
        acceptance.notices.removeAll { notice in
            guard case .delivered(let account) = notice.outcome else { return false }
            return !acceptance.local.contains { $0.account == account }
        }
        guard !acceptance.notices.isEmpty else { return nil }
        return try await reporter.withLock { $0 }?(acceptance)
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
        var plan = try await plan(given)
        await prepareSent(&plan)
        let ready = plan
        let report = try await successReport(ready.acceptance)
        let (result, reported) = try await database.write(files: ready.files + (report?.files ?? [])) {
            [store, queue] writer in
            (try ready.run(writer, store, queue), try report?.write(writer))
        }
        ready.announce(result, store, queue)
        reported?()
        return Accepted(
            id: given.id, filed: ready.filed, queued: ready.acceptance.remote.count, sentTrouble: result.sentTrouble)
    }

    /// The same as a part of another write; its own notices are passed over.
    /// - Parameter kept: told what is in a mailbox then.
    package func part(
        accepting given: Acceptance, then kept: @escaping @Sendable ([LocalDelivery]) -> Void
    ) async throws -> CommitPart {
        let plan = try await plan(given)
        return CommitPart(files: plan.files) { [store, queue] writer in
            let result = try plan.run(writer, store, queue)
            return {
                plan.announce(result, store, queue)
                kept(plan.filed)
            }
        }
    }

    private func plan(_ given: Acceptance) async throws -> AcceptancePlan {
        var acceptance = given
        acceptance.lane = lane(of: given, recipients: given.remote.count)
        putOff(&acceptance)
        let local = try await prepareLocal(acceptance)
        let remote: StagedBlob? = acceptance.remote.isEmpty ? nil : try await blobs.stage(acceptance.content)
        return AcceptancePlan(
            acceptance: acceptance, local: local, remote: remote, takesOver: queue.takesOver, now: clock.now())
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

    /// The message as the accounts keep it: with Return-Path on top. RFC 5321 §4.4
    private func prepareLocal(_ acceptance: Acceptance) async throws -> AcceptancePlan.Local? {
        guard !acceptance.local.isEmpty else { return nil }
        var targets: [AcceptancePlan.Target] = []
        // Accounts are locked in the order of their ids.
        for delivery in acceptance.local.sorted(by: { $0.account < $1.account })
        where targets.last?.account != delivery.account {
            targets.append(
                AcceptancePlan.Target(
                    account: delivery.account, mailbox: try await mailbox(of: delivery, acceptance),
                    email: EmailID(rawValue: ids.next().rawValue)))
        }
        let (blob, message) = try await stageLocal(acceptance)
        return AcceptancePlan.Local(blob: blob, message: message, targets: targets)
    }

    private func mailbox(of delivery: LocalDelivery, _ acceptance: Acceptance) async throws -> MailboxID {
        if let mailbox = delivery.mailbox { return mailbox }
        guard acceptance.isJunk else { return try await store.inbox(delivery.account) }
        return try await store.junk(delivery.account)
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
            envelopeID: acceptance.envelopeID, dsnReturn: acceptance.dsnReturn, signFor: acceptance.signFor,
            isBounce: acceptance.isBounce,
            wantsDelayReport: acceptance.origin.login != nil && acceptance.reversePath != .null,
            held: acceptance.held, login: acceptance.origin.login, lane: acceptance.lane,
            notBefore: acceptance.notBefore)
        entry.seal = acceptance.seal
        entry.isJunk = acceptance.isJunk
        entry.tlsDemand = acceptance.tlsDemand
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
