import Blobs
import Directory
import MailStore
import MailSyntax
package import OutboundQueue
import SQLEngine

/// What one recipient of a message asks of its acceptance, where each is answered by itself.
package struct RecipientShare: Sendable {
    package var local: [LocalDelivery]
    package var remote: [NewQueueRecipient]
    /// What is reported to the sender where the share is accepted.
    package var notices: [SuccessNotice]

    package init(local: [LocalDelivery], remote: [NewQueueRecipient], notices: [SuccessNotice] = []) {
        self.local = local
        self.remote = remote
        self.notices = notices
    }
}

/// What was kept for the recipients of a message that are answered by themselves.
package struct AcceptedShares: Sendable {
    /// What kept each share from being accepted; nil for those that were, in the order of the shares.
    package let failures: [(any Error)?]
    /// What was delivered, each account once.
    package let local: [LocalDelivery]
    package let remote: [NewQueueRecipient]

    package init(failures: [(any Error)?], local: [LocalDelivery], remote: [NewQueueRecipient]) {
        self.failures = failures
        self.local = local
        self.remote = remote
    }
}

extension MailIntake {
    /// Keeps the message for each share by itself: one that can't be kept leaves the others alone. An account, and a
    /// remote address, that several shares name gets the message once.
    ///
    /// All are in one commit, and one message file. What a share forwards is queued with the rest at the end.
    /// - Parameter acceptance: everything but the recipients: `local` and `remote` are those of the shares.
    /// - Throws: what keeps everything from being accepted; nothing was kept then.
    // RFC 2033 §4.2
    package func accept(_ given: Acceptance, shares: [RecipientShare]) async throws -> AcceptedShares {
        var acceptance = given
        acceptance.lane = lane(of: given, recipients: shares.lazy.map(\.remote.count).reduce(0, +))
        let shares = putOff(shares, of: acceptance)
        let reports = try await successReports(acceptance, shares)
        let targets = await findTargets(shares)
        let (blob, message) = try await stageLocal(acceptance)
        let forwards = shares.contains { !$0.remote.isEmpty }
        let remote: StagedBlob? = forwards ? try await blobs.stage(acceptance.content) : nil
        let now = clock.now()
        let plan = SharePlan(
            acceptance: acceptance, shares: shares, reports: reports, targets: targets, blob: blob, message: message,
            remote: remote, takesOver: queue.takesOver, now: now)
        let files = [blob, remote].compactMap { $0 } + reports.values.flatMap(\.files)
        let result = try await database.write(files: files) { [store, queue] writer in
            try plan.run(writer, store, queue)
        }
        for (target, delivered) in result.delivered { store.delivered(target.account, delivered) }
        if !result.accepted.remote.isEmpty { queue.handOver(result.jobs) }
        for reported in result.reported { reported() }
        return result.accepted
    }

    /// A report for each share that asks for one, so that one that is not accepted is not reported.
    private func successReports(
        _ acceptance: Acceptance, _ shares: [RecipientShare]
    ) async throws -> [Int: CommitPart] {
        var reports: [Int: CommitPart] = [:]
        for (index, share) in shares.enumerated() where !share.notices.isEmpty {
            var one = acceptance
            (one.local, one.notices) = (share.local, share.notices)
            reports[index] = try await successReport(one)
        }
        return reports
    }

    /// The mailbox of each account, or why there is none.
    private func findTargets(_ shares: [RecipientShare]) async -> [AccountID: Result<ShareTarget, any Error>] {
        var targets: [AccountID: Result<ShareTarget, any Error>] = [:]
        for delivery in shares.flatMap(\.local) where targets[delivery.account] == nil {
            do {
                let mailbox = try await store.inbox(delivery.account)
                let email = EmailID(rawValue: ids.next().rawValue)
                targets[delivery.account] = .success(
                    ShareTarget(account: delivery.account, mailbox: mailbox, email: email))
            } catch {
                targets[delivery.account] = .failure(error)
            }
        }
        return targets
    }
}

private struct ShareTarget: Sendable {
    let account: AccountID
    let mailbox: MailboxID
    let email: EmailID
}

private struct SharePlan: Sendable {
    struct Outcome: Sendable {
        var accepted: AcceptedShares
        var delivered: [(ShareTarget, Delivered)]
        var jobs: [DeliveryJob]
        var reported: [@Sendable () -> Void]
    }

    let acceptance: Acceptance
    let shares: [RecipientShare]
    let reports: [Int: CommitPart]
    let targets: [AccountID: Result<ShareTarget, any Error>]
    let blob: StagedBlob
    let message: PreparedMessage
    let remote: StagedBlob?
    let takesOver: Bool
    let now: Timestamp

    func run(_ writer: any SQLWriter, _ store: MailStore, _ queue: OutboundQueue) throws -> Outcome {
        try BlobRows.insert(writer, blob, references: 0, now: now)
        var failures = [(any Error)?](repeating: nil, count: shares.count)
        var kept: [AccountID: (delivery: LocalDelivery, target: ShareTarget, delivered: Delivered)] = [:]
        var reported: [@Sendable () -> Void] = []
        for (index, share) in shares.enumerated() {
            do {
                let done = try writer.part { try deliver(share, without: Set(kept.keys), writer, store) }
                for one in done { kept[one.target.account] = one }
            } catch {
                failures[index] = error
            }
            // Beside the part of its share: parts don't nest.
            if failures[index] == nil, let report = reports[index] { reported.append(try report.write(writer)) }
        }
        let forwarded = Self.forwarded(zip(shares, failures).compactMap { $1 == nil ? $0 : nil })
        var jobs: [DeliveryJob] = []
        if let remote, !forwarded.isEmpty {
            try BlobRows.insert(writer, remote, references: 0, now: now)
            var entry = acceptance
            entry.remote = forwarded
            jobs = try queue.enqueue(writer, MailIntake.queueEntry(entry, remote, now), takesOver: takesOver)
        }
        let deliveries = kept.values.sorted { $0.target.account < $1.target.account }
        if !deliveries.isEmpty || !forwarded.isEmpty {
            var history = acceptance
            history.local = deliveries.map(\.delivery)
            history.remote = forwarded
            try TraceRows.insert(writer, history, at: now)
        }
        return Outcome(
            accepted: AcceptedShares(failures: failures, local: deliveries.map(\.delivery), remote: forwarded),
            delivered: deliveries.map { ($0.target, $0.delivered) }, jobs: jobs, reported: reported)
    }

    private func deliver(
        _ share: RecipientShare, without kept: Set<AccountID>, _ writer: any SQLWriter, _ store: MailStore
    ) throws -> [(delivery: LocalDelivery, target: ShareTarget, delivered: Delivered)] {
        var done: [(delivery: LocalDelivery, target: ShareTarget, delivered: Delivered)] = []
        // Accounts are locked in the order of their ids.
        for delivery in share.local.sorted(by: { $0.account < $1.account }) where !kept.contains(delivery.account) {
            guard let target = try targets[delivery.account]?.get(), done.last?.target.account != target.account else {
                continue
            }
            try BlobRows.retain(writer, blob.id.key)
            let delivered = try store.deliver(
                writer, message, email: target.email, account: target.account, mailbox: target.mailbox,
                internalDate: now, now: now)
            done.append((delivery, target, delivered))
        }
        return done
    }

    private static func forwarded(_ shares: [RecipientShare]) -> [NewQueueRecipient] {
        var seen: Set<String> = []
        var accounts: Set<Int64> = []
        return shares.flatMap(\.remote).filter { recipient in
            guard let mailbox = recipient.mailbox else { return seen.insert(recipient.address.folded).inserted }
            return accounts.insert(mailbox.account).inserted
        }
    }
}
