import MailConfig
import MailIntake
import MailPolicy
import MailSyntax
import NetTransport
import OutboundQueue
import SQLEngine
import Telemetry

// What is kept and told of each attempt.
extension DeliverySettler {
    /// For the message's history.
    func attempt(
        _ entry: JobProgress.Decided, at site: DeliverySite, isBounced: Bool
    ) -> QueueAttempt {
        let (reply, result, next) = Self.result(entry, isBounced: isBounced)
        return QueueAttempt(
            recipientID: entry.recipient.id,
            recipient: entry.recipient.address.description,
            number: entry.recipient.attempts + 1,
            at: clock.now(),
            outcome: result,
            route: site.route,
            host: entry.target.map(\.endpoint) ?? reply.host,
            tls: entry.tls.map(\.summary),
            login: entry.login,
            reply: reply,
            nextAttemptAt: next
        )
    }

    /// The same with what was done to the message.
    func attempt(
        _ entry: JobProgress.Decided, _ progress: inout JobProgress, isBounced: Bool
    ) -> QueueAttempt {
        var attempt = attempt(entry, at: progress.site, isBounced: isBounced)
        // Between the first attempt and the last one would read the same each time.
        if attempt.number == 1 || attempt.outcome != .deferred {
            let steps = progress.takeSteps(of: entry.recipient.id) + [entry.security].compactMap { $0 }
            if !steps.isEmpty { attempt.steps = steps.abridged(to: Self.mostSteps).json }
        }
        return attempt
    }

    /// Of one attempt; each has a few hundred octets at most.
    private static let mostSteps = 20

    private static func result(
        _ entry: JobProgress.Decided, isBounced: Bool
    ) -> (reply: DeliveryReply, outcome: QueueAttempt.Outcome, next: Timestamp?) {
        switch entry.decision {
        case .delivered(let reply): (reply, .delivered, nil)
        case .retry(let time, let reply): (reply, .deferred, time)
        case .bounce(let reply): (reply, isBounced ? .bounced : .deferred, nil)
        case .expire(let reply): (reply, isBounced ? .expired : .deferred, nil)
        case .hold(let reply): (reply, .held, nil)
        case .discard(let reply): (reply, .discarded, nil)
        }
    }

    func tell(
        _ entry: JobProgress.Decided, of message: QueuedMessage, at site: DeliverySite, isBounced: Bool
    ) {
        let now = clock.now()
        let (reply, result, next) = Self.result(entry, isBounced: isBounced)
        let payload = MailEvent.Attempt(
            id: message.id.description,
            from: message.reversePath.description,
            to: entry.recipient.address.description,
            via: site.via(result),
            route: site.route,
            destination: entry.isFiled
                ? message.isJunk ? "Junk" : "INBOX" : entry.target?.host ?? entry.recipient.destination,
            address: entry.target?.address?.description,
            code: reply.code,
            enhanced: reply.status.description,
            reason: reply.text,
            attempts: entry.recipient.attempts + 1,
            delay: Int((now.microseconds - message.createdAt.microseconds) / 1000),
            retryIn: next.map { Int($0.seconds - now.seconds) },
            tls: entry.tls?.version,
            size: message.size
        )
        switch result {
        // As Postfix's discard(8): for whoever counts, it is gone.
        case .delivered, .discarded: events.record(.delivered(payload))
        case .deferred, .held: events.record(.deferred(payload))
        case .bounced: events.record(.bounced(payload))
        case .expired: events.record(.expired(payload))
        }
    }
}

extension DeliverySite {
    /// For the log: `mx`, or the kind of the route; `hold` and `discard` for what went nowhere.
    func via(_ outcome: QueueAttempt.Outcome) -> String {
        if isHere { return "local" }
        return switch (outcome, plan?.kind) {
        case (.held, _): Manifest.Route.Kind.hold.rawValue
        case (.discarded, _): Manifest.Route.Kind.discard.rawValue
        case (_, nil), (_, .direct): "mx"
        case (_, let kind?): kind.rawValue
        }
    }
}

extension RouteTarget {
    /// `mx.example.org[192.0.2.1]:25`, always with the port.
    var endpoint: String { address.map { "\(host)[\($0)]:\(port)" } ?? "unix:\(host)" }
}

extension TLSInfo {
    /// `TLSv1.3 TLS_AES_256_GCM_SHA384`, and what is known of the certificate.
    var summary: String {
        let trust =
            switch peer?.trust {
            case .verified(let name): ", verified as \(name)"
            case .pinned: ", known by its fingerprint"
            case .published(let record, _): ", verified by DANE (\(record))"
            case .notChecked, .untrusted, nil: ", not verified"
            }
        return "\(version) \(cipher)\(trust)"
    }
}
