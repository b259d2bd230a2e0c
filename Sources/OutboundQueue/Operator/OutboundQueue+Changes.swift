package import MailSyntax
import SQLEngine

// What an operator changes, by id or by what messages have in common.
extension OutboundQueue {
    /// Messages with those of their recipients that are meant, oldest first.
    /// - Parameter limit: messages looked at, a page.
    package func list(
        _ selection: QueueSelection, after: MailID? = nil, limit: Int = 1000
    ) async throws -> (entries: [QueueEntry], last: MailID?) {
        if let ids = selection.ids {
            guard after == nil else { return ([], nil) }
            var found: [QueueEntry] = []
            for id in ids.sorted() { if let entry = try await show(id) { found.append(entry) } }
            return (found.compactMap { Self.narrowed($0, selection) }, nil)
        }
        let page = try await list(after: after, limit: limit)
        return (page.compactMap { Self.narrowed($0, selection) }, page.count < limit ? nil : page.last?.id)
    }

    private static func narrowed(_ entry: QueueEntry, _ selection: QueueSelection) -> QueueEntry? {
        let recipients = entry.recipients.filter { selection.matches(entry.message, $0) }
        return recipients.isEmpty ? nil : QueueEntry(message: entry.message, recipients: recipients)
    }

    /// Does something to the recipients that are meant, in pieces. Returns the messages it was done to; those whose
    /// recipients are being delivered at this moment are missing, but for a hold.
    package func change(_ selection: QueueSelection, _ action: QueueAction) async throws -> [MailID] {
        defer { if action.makesDue { wake(.demand) } }
        var changed: [MailID] = []
        var last: MailID?
        repeat {
            let page = try await list(selection, after: last, limit: 500)
            changed += try await apply(action, to: page.entries, isByID: selection.ids != nil)
            last = page.last
        } while last != nil
        return changed
    }

    private func apply(_ action: QueueAction, to entries: [QueueEntry], isByID: Bool) async throws -> [MailID] {
        guard !entries.isEmpty else { return [] }
        let now = clock.now()
        return try await database.write { writer in
            try entries.compactMap { entry in
                var count = 0
                for recipient in entry.recipients {
                    // Who names a message that waits for its time means it to go now.
                    if isByID, action == .release, !recipient.held {
                        try writer.execute(MailboxStatements.sendEarly, recipient.id, now)
                    }
                    count += try Self.apply(action, writer, recipient.id, now: now)
                }
                if case .remove = action { try Self.removeFinished(writer, entry.id, now: now) }
                return count > 0 ? entry.id : nil
            }
        }
    }

    private static func apply(
        _ action: QueueAction, _ writer: any SQLWriter, _ id: RecipientID, now: Timestamp
    ) throws -> Int {
        switch action {
        case .retry: try writer.execute(OperatorStatements.retry, id, now)
        case .hold: try writer.execute(OperatorStatements.hold, id)
        case .release: try writer.execute(OperatorStatements.release, id)
        case .remove: try writer.execute(QueueStatements.removeRecipient, id)
        case .postpone(let time): try writer.execute(OperatorStatements.postpone, id, time)
        case .pin(let route): try writer.execute(OperatorStatements.pin, id, now, route)
        }
    }

    /// Takes out the recipients that are meant, after `tell` has told the sender of each message. They are held meanwhile,
    /// so that nobody delivers what was reported as given up; where telling fails they stay held. Returns the messages.
    package func giveUp(
        _ selection: QueueSelection,
        _ tell: (QueuedMessage, [QueuedRecipient]) async throws -> Void
    ) async throws -> [MailID] {
        var done: [MailID] = []
        for id in try await change(selection, .hold) {
            var own = selection
            own.ids = [id]
            guard let entry = try await list(own).entries.first else { continue }
            let idle = entry.recipients.filter { !$0.isLeased }
            let busy = entry.recipients.filter(\.isLeased).map(\.id)
            if !busy.isEmpty {
                try await database.write { for id in busy { try $0.execute(OperatorStatements.release, id) } }
            }
            guard !idle.isEmpty else { continue }
            try await tell(entry.message, idle)
            let now = clock.now()
            try await database.write { writer in
                for recipient in idle { try writer.execute(QueueStatements.removeRecipient, recipient.id) }
                try Self.removeFinished(writer, id, now: now)
            }
            done.append(id)
        }
        return done
    }

    /// Why what waits waits, the largest groups first.
    package func deferrals(limit: Int = 200) async throws -> [DeferralGroup] {
        try await database.read { reader in
            try reader.query(OperatorStatements.summary, limit) { row in
                let reply = row.optionalString(4).map { text in
                    DeliveryReply(
                        code: row.optionalInt64(2).map { Int($0) },
                        status: row.optionalString(3).flatMap { EnhancedStatusCode(parsing: $0) }
                            ?? EnhancedStatusCode(4, 0, 0),
                        text: text, host: row.optionalString(5))
                }
                return DeferralGroup(
                    destination: row.string(0), held: row.bool(1), reply: reply, recipients: row.int(6),
                    oldest: row.timestamp(7), next: row.optionalTimestamp(8),
                    parkedOn: row.optionalString(9))
            }
        }
    }

    // MARK: Rules that hold

    package func holdRules() async throws -> [HoldRule] {
        try await database.read { reader in
            try reader.query(OperatorStatements.rules) { row in
                HoldRule(
                    id: row.int64(0), from: row.optionalString(1), to: row.optionalString(2),
                    route: row.optionalString(3), createdAt: row.timestamp(4), author: row.string(5))
            }
        }
    }

    /// Holds what is queued from now on and fits; what is in the queue already stays as it is.
    package func addHoldRule(from: String?, to: String?, route: String?, author: String) async throws {
        let now = clock.now()
        try await database.write {
            _ = try $0.execute(OperatorStatements.addRule, from, to, route, now, author)
        }
        try await loadHoldRules()
    }

    /// False when there is no such rule.
    package func removeHoldRule(_ id: Int64) async throws -> Bool {
        let removed = try await database.write { try $0.execute(OperatorStatements.removeRule, id) }
        try await loadHoldRules()
        return removed > 0
    }

    /// Reads the rules that messages are held by; to be called once the database is open.
    package func loadHoldRules() async throws {
        let selections = try await holdRules().map { rule in
            var selection = QueueSelection()
            selection.from = rule.from.flatMap { AddressSelector($0) }
            selection.to = rule.to.flatMap { AddressSelector($0) }
            selection.route = rule.route
            return selection
        }
        setHoldRules(selections)
    }
}
