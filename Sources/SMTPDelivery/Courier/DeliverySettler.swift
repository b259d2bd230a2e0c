import Logging
import MailConfig
import MailPolicy
import MailSyntax
import NetTransport
import OutboundQueue
import SQLEngine
import Telemetry

/// Makes decisions last: bounces first, then the queue's rows, then the events that tell of it.
struct DeliverySettler: Sendable {
    let queue: OutboundQueue
    let bounces: any BounceSink
    let events: any MailEventSink
    /// Age at which the sender hears of a delay; nil for never.
    let delayReport: Duration?
    let clock: any WallClock
    let logger: Logger

    /// Settles what was decided since the last call. Runs to its end also in a cancelled task.
    func settle(_ progress: inout JobProgress) async {
        let decided = progress.takeDecided()
        guard !decided.isEmpty else { return }
        let message = progress.job.message
        let isBounced = await bounce(decided, of: message)
        var outcomes: [RecipientID: RecipientOutcome] = [:]
        for entry in decided where !entry.isFiled {
            switch entry.decision {
            case .delivered: outcomes[entry.recipient.id] = .delivered
            case .retry(let time, let reply): outcomes[entry.recipient.id] = .deferred(until: time, reply)
            case .hold(let reply): outcomes[entry.recipient.id] = .held(route: progress.site.route, reply)
            case .discard: outcomes[entry.recipient.id] = .failed
            case .bounce(let reply), .expire(let reply):
                // A bounce that could not be made durable is tried again together with its recipient.
                outcomes[entry.recipient.id] =
                    isBounced ? .failed : .postponed(until: clock.now().adding(.seconds(300)), reply)
            }
        }
        let attempts = decided.filter { !$0.isFiled }.map { attempt($0, &progress, isBounced: isBounced) }
        let isKept = progress.site.plan?.kind == .lmtp
        let report = await successReport(decided.filter { !$0.isFiled }, of: message, isKept: isKept)
        await record(outcomes, attempts, of: message.id, at: progress.site, beside: report)
        for entry in decided { tell(entry, of: message, at: progress.site, isBounced: isBounced) }
        let delayed = decided.compactMap { if case .retry = $0.decision { $0.recipient } else { nil } }
        if !delayed.isEmpty { await reportDelay(of: message, for: delayed) }
    }

    /// Tells a sender who asked for it what was delivered, where nobody else will: in the commit that ends the delivery,
    /// so that what a crash has delivered once more is told of once.
    func successReport(
        _ decided: [JobProgress.Decided], of message: QueuedMessage, isKept: Bool
    ) async -> CommitPart? {
        guard case .address(let sender) = message.reversePath else { return nil }
        let successes = decided.compactMap { entry -> BounceReport.Failure? in
            // RFC 3461 §5.2.2: relayed to a host without DSN.
            guard case .delivered(let reply) = entry.decision, entry.recipient.notify.contains(.success),
                !entry.isReportedElsewhere
            else { return nil }
            return BounceReport.Failure(
                recipient: entry.recipient, reply: reply, outcome: isKept ? .delivered : .relayed, at: clock.now())
        }
        guard !successes.isEmpty else { return nil }
        let report = BounceReport(message: message, sender: sender, failures: successes)
        @Sendable func tell(_ error: any Error) {
            logger.error(
                "a report of success could not be made",
                metadata: [LogKey.queueID: "\(message.id)", LogKey.error: "\(error)"]
            )
        }
        do {
            return try await bounces.part(report)?.optional(otherwise: tell)
        } catch {
            tell(error)
            return nil
        }
    }

    /// Tells a sender of ours, once, that a message is still being tried, and for whom.
    /// - Parameter recipients: those that are late.
    func reportDelay(of message: QueuedMessage, for recipients: [QueuedRecipient]) async {
        guard message.wantsDelayReport, let delayReport, case .address(let sender) = message.reversePath,
            Self.begin(message, recipients).adding(delayReport) <= clock.now()
        else { return }
        do {
            let delayed = try await queue.claimDelayReport(message.id).compactMap { recipient in
                recipient.lastReply.map { reply in
                    BounceReport.Failure(
                        recipient: recipient, reply: reply, outcome: .delayed,
                        at: recipient.lastAttemptAt ?? clock.now())
                }
            }
            // RFC 3461 §4.1: NOTIFY without DELAY wants to hear nothing of it.
            let wanted = delayed.filter { $0.recipient.notify.contains(.delay) }
            guard !wanted.isEmpty else { return }
            _ = try await bounces.bounce(BounceReport(message: message, sender: sender, failures: wanted))
        } catch {
            logger.error(
                "a report of delay could not be made",
                metadata: [LogKey.queueID: "\(message.id)", LogKey.error: "\(error)"]
            )
        }
    }

    /// When a message could first be tried: a sender who chose a time hears of no delay before it.
    static func begin(_ message: QueuedMessage, _ recipients: [QueuedRecipient]) -> Timestamp {
        recipients.lazy.compactMap(\.notBefore).reduce(message.createdAt, max)
    }

    /// Without a record the lease stays, and the recipients are tried again when it is taken back: twice, never zero times.
    private func record(
        _ outcomes: [RecipientID: RecipientOutcome], _ attempts: [QueueAttempt], of message: MailID,
        at site: DeliverySite, beside report: CommitPart?
    ) async {
        let isCounted = site.pace.warmUp != nil && attempts.contains { $0.outcome == .delivered }
        let day = RoutePace.WarmUp.day(clock.now())
        do {
            try await queue.record(
                outcomes, of: message, attempts: attempts, warmUp: isCounted ? (site.route, day) : nil, beside: report)
        } catch {
            logger.error(
                "delivery outcome could not be recorded",
                metadata: [LogKey.queueID: "\(message)", LogKey.error: "\(error)"]
            )
        }
    }

    /// Tells the sender; false when that could not be made durable.
    private func bounce(_ decided: [JobProgress.Decided], of message: QueuedMessage) async -> Bool {
        // RFC 5321 §6.1: never for a null reverse-path.
        guard case .address(let sender) = message.reversePath else { return true }
        let failures = decided.compactMap { entry -> BounceReport.Failure? in
            let reply: DeliveryReply
            let outcome: BounceReport.Outcome
            switch entry.decision {
            case .bounce(let given): (reply, outcome) = (given, .failed)
            case .expire(let given): (reply, outcome) = (given, .expired)
            case .delivered, .retry, .hold, .discard: return nil
            }
            // RFC 3461 §4.1: NOTIFY without FAILURE wants to hear nothing.
            guard entry.recipient.notify.isEmpty || entry.recipient.notify.contains(.failure) else { return nil }
            return BounceReport.Failure(
                recipient: entry.recipient, reply: reply, outcome: outcome, at: clock.now())
        }
        guard !failures.isEmpty else { return true }
        do {
            // What an operator took out meanwhile leaves without telling anybody.
            guard try await queue.show(message.id) != nil else { return true }
            let report = BounceReport(message: message, sender: sender, failures: failures)
            if try await !bounces.bounce(report) {
                logger.notice(
                    "a bounce has nobody to go to: the sender is gone",
                    metadata: [LogKey.queueID: "\(message.id)", LogKey.mailFrom: "\(sender)"]
                )
            }
            return true
        } catch {
            logger.error(
                "a bounce could not be queued",
                metadata: [LogKey.queueID: "\(message.id)", LogKey.error: "\(error)"]
            )
            return false
        }
    }
}
