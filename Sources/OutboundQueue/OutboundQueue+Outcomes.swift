import Blobs
package import MailSyntax
package import SQLEngine

// What became of what was leased.
extension OutboundQueue {
    /// Records what became of leased recipients of one message, and ends their leases.
    ///
    /// Recipients that were removed meanwhile are passed over. A loss of power may take the record back: then what was
    /// delivered in the last second goes twice, never zero times.
    /// - Parameters:
    ///   - attempts: for the message's history, in the same commit.
    ///   - warmUp: the route and day that the message is counted for.
    ///   - beside: what is kept in the same commit, which is flushed then.
    package func record(
        _ outcomes: [RecipientID: RecipientOutcome], of message: MailID, attempts: [QueueAttempt] = [],
        warmUp: (route: String, day: Int)? = nil, beside part: CommitPart? = nil
    ) async throws {
        guard !outcomes.isEmpty || part != nil else { return }
        defer { release(outcomes.keys) }
        let now = clock.now()
        let routes = Dictionary(attempts.map { ($0.recipientID, $0.route) }) { first, _ in first }
        let durability: WriteDurability = part == nil ? .ordered : .flushed
        let kept = try await database.write(.foreground, durability, files: part?.files ?? []) { writer in
            for (recipient, outcome) in outcomes {
                try Self.record(writer, outcome, of: recipient, route: routes[recipient], now: now)
            }
            for attempt in attempts { try Self.insert(writer, attempt, of: message) }
            if let warmUp { try writer.execute(SiteStatements.countWarmUp, warmUp.route, warmUp.day) }
            try Self.removeFinished(writer, message, now: now)
            return try part?.write(writer)
        }
        kept?()
        notice(outcomes.values)
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
        notice(recipients.lazy.map { .postponed(until: $0.until, nil) })
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
