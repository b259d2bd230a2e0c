import Blobs
package import MailSyntax
import Synchronization

// What the queue tells the scheduler.
extension OutboundQueue {
    /// How long a lease holds before another node may take it: longer than the longest delivery.
    package static let leaseDuration = Duration.seconds(7200)
    /// A message with more recipients is leased in pieces, so that it does not crowd out others.
    static let mostHandedOver = 100

    /// Why the scheduler is woken.
    package enum Wake: Sendable, Hashable {
        /// Something may be due.
        case news
        /// The operator wants it tried, also where the last attempt failed a moment ago.
        case demand
        /// Something is due then.
        case due(Timestamp)
        /// Messages that were leased as they came.
        case jobs([DeliveryJob])
    }

    /// Who delivers what is due. Kept from the generic lock, which would wrap a closure once more each time it is read:
    /// after some hundred thousand messages each wake-up took milliseconds, and in the end the stack.
    struct Scheduler: Sendable {
        let wake: @Sendable (Wake) -> Void
        let takesOver: @Sendable () -> Bool
    }

    /// Sets what ``wake(_:)`` calls.
    /// - Parameter takesOver: whether there is room for messages that were leased as they came.
    package func onWake(
        takesOver: @escaping @Sendable () -> Bool = { false }, _ body: (@Sendable (Wake) -> Void)?
    ) {
        scheduler.withLock { $0 = body.map { Scheduler(wake: $0, takesOver: takesOver) } }
    }

    /// Says that something may be due. Cheap; calls coalesce in the scheduler.
    package func wake(_ reason: Wake = .news) {
        scheduler.withLock { $0 }?.wake(reason)
    }

    /// Whether messages may be leased as they come, which spares the scheduler from looking for them.
    package var takesOver: Bool { scheduler.withLock { $0 }?.takesOver() ?? false }

    /// Gives the scheduler what ``enqueue(_:_:takesOver:)`` has leased, once it is committed; where it leased nothing,
    /// wakes it. What nobody takes any more is taken back at the next start.
    package func handOver(_ jobs: [DeliveryJob]) {
        guard !jobs.isEmpty else { return wake() }
        takeInHand(jobs)
        wake(.jobs(jobs))
    }

    /// Tells the scheduler when what was put off is due.
    func notice(_ outcomes: some Sequence<RecipientOutcome>) {
        let next = outcomes.lazy.compactMap { outcome -> Timestamp? in
            switch outcome {
            case .deferred(let time, _), .postponed(let time, _): time
            case .delivered, .failed, .held: nil
            }
        }.min()
        if let next { wake(.due(next)) }
    }
}

extension QueuedMessage {
    /// As it will be read back.
    init(_ entry: NewQueueEntry, expiresAt: Timestamp) {
        self.init(
            id: entry.id, reversePath: entry.reversePath, blob: entry.blob, size: entry.size,
            createdAt: entry.createdAt, expiresAt: expiresAt, bodyType: entry.bodyType, smtpUTF8: entry.smtpUTF8,
            envelopeID: entry.envelopeID, dsnReturn: entry.dsnReturn, signFor: entry.signFor,
            isBounce: entry.isBounce, wantsDelayReport: entry.wantsDelayReport, login: entry.login,
            localPath: entry.localPath, futureRelease: entry.futureRelease, seal: entry.seal, isJunk: entry.isJunk,
            tlsDemand: entry.tlsDemand)
    }
}

extension QueuedRecipient {
    /// As it will be read back, leased.
    init(
        _ id: RecipientID, of entry: NewQueueEntry, _ recipient: NewQueueRecipient, destination: String, due: Timestamp
    ) {
        self.init(
            id: id, message: entry.id, address: recipient.address, originalRecipient: recipient.originalRecipient,
            notify: recipient.notify, destination: destination, nextAttemptAt: due, attempts: 0, held: false,
            isLeased: true, route: recipient.route, lane: entry.lane, mailbox: recipient.mailbox)
    }
}
