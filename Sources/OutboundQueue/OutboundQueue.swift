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
    private let waker = Mutex<Waker?>(nil)
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
    /// whose row must be there. Call ``wake()`` after the commit.
    package func enqueue(_ writer: any SQLWriter, _ entry: NewQueueEntry) throws {
        guard !entry.recipients.isEmpty else { throw DatabaseError.constraint("a queued message needs a recipient") }
        let lifetime = lifetimes.withLock { entry.isBounce ? $0.bounce : $0.message }
        let first = max(entry.createdAt, entry.notBefore ?? entry.createdAt)
        let expiresAt = entry.expiresAt ?? first.adding(lifetime)
        try BlobRows.retain(writer, entry.blob)
        try writer.execute(
            QueueStatements.insertMessage, entry.id, entry.reversePath.description, entry.blob, entry.size,
            entry.createdAt, expiresAt, entry.bodyType.rawValue, entry.smtpUTF8, entry.envelopeID,
            entry.dsnReturn?.rawValue, entry.dkimDomain?.ascii, entry.isBounce, entry.wantsDelayReport,
            entry.login, entry.localPath?.description, entry.futureRelease)
        let holds = holds.withLock { $0 }
        for recipient in entry.recipients {
            let sender = recipient.mailbox == nil ? entry.reversePath : entry.localPath ?? entry.reversePath
            let isHeld =
                entry.held || recipient.held
                || holds.contains { $0.matches(sender, recipient.address, route: recipient.route) }
            try writer.execute(
                QueueStatements.insertRecipient, entry.id, recipient.address.description, recipient.originalRecipient,
                recipient.notify.rawValue, Self.destination(of: recipient.address), first, isHeld,
                recipient.route, entry.lane.rawValue, entry.notBefore, recipient.mailbox?.account,
                recipient.mailbox?.tag)
        }
    }

    /// What deliveries to an address are grouped by.
    package static func destination(of address: EmailAddress) -> String {
        address.domain?.ascii ?? address.hostText.lowercased()
    }

    // MARK: For the scheduler

    /// Why the scheduler is woken.
    package enum Wake: Sendable, Hashable {
        /// Something may be due.
        case news
        /// The operator wants it tried, also where the last attempt failed a moment ago.
        case demand
    }

    /// Keeps the closure from the generic lock, which would wrap it once more each time it is read: after some hundred
    /// thousand messages each wake-up took milliseconds, and in the end the stack.
    private struct Waker: Sendable {
        let body: @Sendable (Wake) -> Void
    }

    /// Sets what ``wake(_:)`` calls.
    package func onWake(_ body: (@Sendable (Wake) -> Void)?) {
        waker.withLock { $0 = body.map(Waker.init) }
    }

    /// Says that something may be due. Cheap; calls coalesce in the scheduler.
    package func wake(_ reason: Wake = .news) {
        waker.withLock { $0 }?.body(reason)
    }

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
        for duration: Duration = .seconds(7200)
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
        let jobs = try await database.write { writer in
            try Self.jobs(writer, try take(writer).compactMap(\.self))
        }
        inHand.withLock { $0.formUnion(jobs.lazy.flatMap(\.recipients).map(\.id)) }
        return jobs
    }

    /// They are not in hand any more.
    func release(_ recipients: some Sequence<RecipientID>) {
        inHand.withLock { $0.subtract(recipients) }
    }

    private static func jobs(_ reader: any SQLReader, _ recipients: [QueuedRecipient]) throws -> [DeliveryJob] {
        struct Key: Hashable {
            var message: MailID
            var destination: String
            // An operator's choice may be for one of them alone.
            var pinnedRoute: String?
            var isLocal: Bool
        }
        let sorted = recipients.sorted { ($0.lane, $0.nextAttemptAt, $0.id) < ($1.lane, $1.nextAttemptAt, $1.id) }
        var order: [Key] = []
        var groups: [Key: [QueuedRecipient]] = [:]
        for recipient in sorted {
            let key = Key(
                message: recipient.message, destination: recipient.destination, pinnedRoute: recipient.pinnedRoute,
                isLocal: recipient.isLocal)
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(recipient)
        }
        var messages: [MailID: QueuedMessage] = [:]
        return try order.compactMap { key in
            if messages[key.message] == nil { messages[key.message] = try QueueRows.message(reader, key.message) }
            guard let message = messages[key.message], let recipients = groups[key] else { return nil }
            return DeliveryJob(message: message, destination: key.destination, recipients: recipients)
        }
    }

    /// When the earliest recipient that nobody has leased is due; nil when there is none.
    package func nextDue() async throws -> Timestamp? {
        try await database.read { reader in
            try QueueLane.allCases.compactMap { lane in
                try reader.first(QueueStatements.nextDue, lane.rawValue, map: { $0.optionalTimestamp(0) }) ?? nil
            }.min()
        }
    }

    /// Records what became of leased recipients of one message, and ends their leases. Returns when it is durable.
    ///
    /// Recipients that were removed meanwhile are passed over.
    /// - Parameters:
    ///   - attempts: for the message's history, in the same commit.
    ///   - warmUp: the route and day that the message is counted for.
    package func record(
        _ outcomes: [RecipientID: RecipientOutcome], of message: MailID, attempts: [QueueAttempt] = [],
        warmUp: (route: String, day: Int)? = nil
    ) async throws {
        guard !outcomes.isEmpty else { return }
        defer { release(outcomes.keys) }
        let now = clock.now()
        let routes = Dictionary(attempts.map { ($0.recipientID, $0.route) }) { first, _ in first }
        try await database.write { writer in
            for (recipient, outcome) in outcomes {
                try Self.record(writer, outcome, of: recipient, route: routes[recipient], now: now)
            }
            for attempt in attempts { try Self.insert(writer, attempt, of: message) }
            if let warmUp { try writer.execute(SiteStatements.countWarmUp, warmUp.route, warmUp.day) }
            try Self.removeFinished(writer, message, now: now)
        }
    }

    /// Gives leased recipients back untried, of any messages, with one write.
    package func postpone(_ recipients: [(id: RecipientID, until: Timestamp, reply: DeliveryReply?)]) async throws {
        guard !recipients.isEmpty else { return }
        defer { release(recipients.lazy.map(\.id)) }
        let now = clock.now()
        try await database.write { writer in
            for (id, until, reply) in recipients {
                try Self.record(writer, .postponed(until: until, reply), of: id, route: nil, now: now)
            }
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

    private static func record(
        _ writer: any SQLWriter,
        _ outcome: RecipientOutcome,
        of recipient: RecipientID,
        route: String?,
        now: Timestamp
    ) throws {
        switch outcome {
        case .delivered, .failed:
            try writer.execute(QueueStatements.removeRecipient, recipient)
        case .deferred(let until, let reply):
            try writer.execute(
                QueueStatements.reschedule, recipient, until, now, reply.code, reply.status.description, reply.text,
                reply.host, route)
        case .held(let route, let reply):
            try writer.execute(
                QueueStatements.hold, recipient, route, reply.status.description, reply.text, reply.host)
        case .postponed(let until, let reply):
            try writer.execute(
                QueueStatements.postpone, recipient, until, reply?.code, reply?.status.description, reply?.text,
                reply?.host)
        }
    }

    static func removeFinished(_ writer: any SQLWriter, _ message: MailID, now: Timestamp) throws {
        let blob = try writer.first(
            QueueStatements.removeFinished, message, map: { BlobKey(rawValue: $0.int64(0)) })
        if let blob { try BlobRows.release(writer, blob, now: now) }
    }
}
