import Blobs
package import MailSyntax
package import SQLEngine
import Synchronization

/// The durable queue of mail that leaves, and of what has to wait for a mailbox here.
///
/// A message has one row, each of its recipients another. A recipient that is due is leased to a node's courier, which
/// reports its outcome; the leases of a node are taken back when it starts, and those of a lost node when they run out.
/// A message leaves with its last recipient, and gives back its reference to the blob.
package final class OutboundQueue: Sendable {
    /// What is in the queue, in numbers.
    package struct Counts: Sendable, Hashable {
        package var messages: Int
        package var recipients: Int
        package var heldRecipients: Int
    }

    package let database: any Database
    let node: Int
    let clock: any WallClock
    private let lifetimes: Mutex<(message: Duration, bounce: Duration)>
    let holds = Mutex<[QueueSelection]>([])
    let scheduler = Mutex<Scheduler?>(nil)
    /// What this process has leased and not reported on: nobody is lost who is still at work, however long it takes and
    /// whatever the clock does.
    private let inHand = Mutex<Set<RecipientID>>([])

    /// - Parameters:
    ///   - node: this node's number, 0 to 1023.
    ///   - lifetime: how long a message is tried.
    ///   - bounceLifetime: how long a bounce of ours is tried.
    package init(
        database: any Database,
        node: Int = 0,
        clock: any WallClock = SystemClock(),
        lifetime: Duration = .seconds(5 * 86400),
        bounceLifetime: Duration = .seconds(86400)
    ) {
        self.database = database
        self.node = node
        self.clock = clock
        lifetimes = Mutex((lifetime, bounceLifetime))
    }

    /// Sets how long messages and bounces that come from now on are tried.
    package func setLifetimes(message: Duration, bounce: Duration) {
        lifetimes.withLock { $0 = (message, bounce) }
    }

    /// Sets what is held when it is queued.
    func setHoldRules(_ rules: [QueueSelection]) {
        holds.withLock { $0 = rules }
    }

    /// Puts a message into the queue, inside the transaction that accepts it, and takes one reference to its blob,
    /// whose row must be there. Call ``handOver(_:)`` with what it returns after the commit.
    /// - Parameter takesOver: whether to lease what is due, as ``takesOver`` said before the transaction.
    /// - Returns: what was leased, for the scheduler.
    package func enqueue(
        _ writer: any SQLWriter, _ entry: NewQueueEntry, takesOver: Bool = false
    ) throws -> [DeliveryJob] {
        guard !entry.recipients.isEmpty else { throw DatabaseError.constraint("a queued message needs a recipient") }
        let lifetime = lifetimes.withLock { entry.isBounce ? $0.bounce : $0.message }
        let first = max(entry.createdAt, entry.notBefore ?? entry.createdAt)
        let expiresAt = entry.expiresAt ?? first.adding(lifetime)
        try BlobRows.retain(writer, entry.blob.key)
        try writer.execute(
            QueueStatements.insertMessage, entry.id, entry.reversePath.description, entry.blob.key, entry.size,
            entry.createdAt, expiresAt, entry.bodyType.rawValue, entry.smtpUTF8, entry.envelopeID,
            entry.dsnReturn?.rawValue, entry.signFor?.description, entry.isBounce, entry.wantsDelayReport,
            entry.login, entry.localPath?.description, entry.futureRelease, entry.isJunk, entry.seal?.domain.ascii,
            entry.seal?.chain, entry.seal?.results, entry.tlsDemand.rawValue)
        let holds = holds.withLock { $0 }
        let leaseUntil: Timestamp? =
            takesOver && entry.notBefore == nil && entry.recipients.count <= Self.mostHandedOver
            ? entry.createdAt.adding(Self.leaseDuration) : nil
        var leased: [QueuedRecipient] = []
        for recipient in entry.recipients {
            let sender = recipient.mailbox == nil ? entry.reversePath : entry.localPath ?? entry.reversePath
            let isHeld =
                entry.held || recipient.held
                || holds.contains { $0.matches(sender, recipient.address, route: recipient.route) }
            let destination = Self.destination(of: recipient.address)
            let lease = isHeld ? nil : leaseUntil
            let id = try writer.first(
                QueueStatements.insertRecipient, entry.id, recipient.address.description, recipient.originalRecipient,
                recipient.notify.rawValue, destination, first, isHeld, recipient.route, entry.lane.rawValue,
                entry.notBefore, recipient.mailbox?.account, recipient.mailbox?.tag, lease,
                lease == nil ? nil : node, map: { RecipientID(rawValue: $0.int64(0)) })
            if lease != nil, let id {
                leased.append(QueuedRecipient(id, of: entry, recipient, destination: destination, due: first))
            }
        }
        return Self.jobs(leased, of: QueuedMessage(entry, expiresAt: expiresAt))
    }

    /// What deliveries to an address are grouped by.
    package static func destination(of address: EmailAddress) -> String {
        address.domain?.ascii ?? address.hostText.lowercased()
    }

    // MARK: For the scheduler

    /// At start, before any lease: what this node had leased when it ended is due again.
    package func takeBackLeases() async throws {
        let node = node
        inHand.withLock { $0 = [] }
        _ = try await database.write { try $0.execute(QueueStatements.takeBack, node) }
    }

    /// Takes back leases that ran out and that nobody here works for: of nodes that were lost, or of deliveries whose
    /// outcome could not be recorded.
    package func takeBackExpiredLeases() async throws {
        let now = clock.now()
        let busy = inHand.withLock { $0 }
        try await database.write { writer in
            let expired = try writer.query(
                QueueStatements.expiredLeases, now, map: { RecipientID(rawValue: $0.int64(0)) })
            for id in expired where !busy.contains(id) { try writer.execute(QueueStatements.takeBackOne, id, now) }
        }
    }

    /// Repairs what a clock that was ahead and was set right has left: due now is what would wait longer than the
    /// schedule ever waits (also after `queue.maximum_backoff` became shorter), and a message from the future has come
    /// now, so that it is given up after its lifetime and not that much later. Returns how many recipients are due.
    package func pullForward(longestWait: Duration) async throws -> Int {
        let now = clock.now()
        let soon = now.adding(.seconds(60))
        return try await database.write { writer in
            try writer.execute(QueueStatements.ageFromFuture, now, IDGenerator.first(at: soon), soon)
            return try QueueLane.allCases.map {
                try writer.execute(QueueStatements.pullForward, now, now.adding(longestWait), $0.rawValue)
            }.reduce(0, +)
        }
    }

    /// Leases recipients that are due, grouped by message and destination, earliest first.
    /// - Parameters:
    ///   - limit: recipients at most.
    ///   - perDestination: recipients of one destination at most.
    ///   - duration: when another node may take them, longer than the longest delivery.
    package func lease(
        limit: Int,
        perDestination: Int,
        for duration: Duration = OutboundQueue.leaseDuration
    ) async throws -> [DeliveryJob] {
        let now = clock.now()
        return try await leaseJobs { [node] writer in
            var recipients: [QueuedRecipient?] = []
            for lane in QueueLane.allCases where recipients.count < limit {
                recipients += try writer.query(
                    QueueStatements.lease, now, limit - recipients.count, now.adding(duration), node, perDestination,
                    lane.rawValue, map: { QueueRows.recipient($0) })
            }
            return recipients
        }
    }

    /// Leases what `take` takes, and has it in hand.
    func leaseJobs(
        _ take: @Sendable @escaping (any SQLWriter) throws -> [QueuedRecipient?]
    ) async throws -> [DeliveryJob] {
        // A lease that a loss of power takes back would be taken back at the next start anyway.
        let jobs = try await database.write(.foreground, .ordered) { writer in
            try Self.jobs(writer, try take(writer).compactMap(\.self))
        }
        takeInHand(jobs)
        return jobs
    }

    func takeInHand(_ jobs: [DeliveryJob]) {
        inHand.withLock { $0.formUnion(jobs.lazy.flatMap(\.recipients).map(\.id)) }
    }

    /// They are not in hand any more.
    func release(_ recipients: some Sequence<RecipientID>) {
        inHand.withLock { $0.subtract(recipients) }
    }

    private static func jobs(_ reader: any SQLReader, _ recipients: [QueuedRecipient]) throws -> [DeliveryJob] {
        let sorted = recipients.sorted { ($0.lane, $0.nextAttemptAt, $0.id) < ($1.lane, $1.nextAttemptAt, $1.id) }
        var order: [MailID] = []
        var groups: [MailID: [QueuedRecipient]] = [:]
        for recipient in sorted {
            if groups[recipient.message] == nil { order.append(recipient.message) }
            groups[recipient.message, default: []].append(recipient)
        }
        return try order.flatMap { id -> [DeliveryJob] in
            guard let message = try QueueRows.message(reader, id) else { return [] }
            return jobs(groups[id, default: []], of: message)
        }
    }

    /// One job for each destination, in the order of the recipients.
    private static func jobs(_ recipients: [QueuedRecipient], of message: QueuedMessage) -> [DeliveryJob] {
        var jobs: [DeliveryJob] = []
        for recipient in recipients {
            // An operator's choice of a route may be for one of them alone.
            let place = jobs.firstIndex {
                $0.destination == recipient.destination && $0.isLocal == recipient.isLocal
                    && $0.recipients.first?.pinnedRoute == recipient.pinnedRoute
            }
            if let place {
                jobs[place].recipients.append(recipient)
            } else {
                jobs.append(DeliveryJob(message: message, destination: recipient.destination, recipients: [recipient]))
            }
        }
        return jobs
    }

    /// When the earliest recipient that nobody has leased is due; nil when there is none.
    package func nextDue() async throws -> Timestamp? {
        try await nextTimes().due
    }

    /// When ``lease(limit:perDestination:for:)`` and ``leaseOverdue(limit:for:)`` next have something; nil for never.
    package func nextTimes() async throws -> (due: Timestamp?, overdue: Timestamp?) {
        try await database.read { reader in
            let due = try QueueLane.allCases.compactMap { lane in
                try reader.first(QueueStatements.nextDue, lane.rawValue, map: { $0.optionalTimestamp(0) }) ?? nil
            }.min()
            return (due, try reader.first(SiteStatements.nextOverdue, map: { $0.optionalTimestamp(0) }) ?? nil)
        }
    }

    /// Takes the one report of delay that a message may have; returns the recipients that have failed so far and are
    /// still tried, and nothing when the report was taken before. Who takes it sends it: a crash in between loses a
    /// courtesy, where the other order could repeat it for days.
    package func claimDelayReport(_ id: MailID) async throws -> [QueuedRecipient] {
        try await database.write { writer in
            guard try writer.execute(QueueStatements.claimDelayReport, id) > 0 else { return [] }
            return try QueueRows.recipients(writer, of: id).filter { $0.lastReply != nil }
        }
    }
}
