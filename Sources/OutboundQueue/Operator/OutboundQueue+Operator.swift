import Blobs
package import MailSyntax
import SQLEngine

// What the commands of an operator ask for.
extension OutboundQueue {
    package func counts() async throws -> Counts {
        try await database.read { reader in
            try reader.first(QueueStatements.counts) { row in
                Counts(messages: row.int(0), recipients: row.int(1), heldRecipients: row.int(2))
            } ?? Counts(messages: 0, recipients: 0, heldRecipients: 0)
        }
    }

    /// Messages with their recipients, oldest first.
    /// - Parameters:
    ///   - after: the last id of the page before.
    ///   - limit: messages a page.
    package func list(after: MailID? = nil, limit: Int = 1000) async throws -> [QueueEntry] {
        let start = after ?? MailID(rawValue: 0)
        return try await database.read { reader in
            try QueueRows.messages(reader, after: start, limit: limit).map { message in
                QueueEntry(message: message, recipients: try QueueRows.recipients(reader, of: message.id))
            }
        }
    }

    package func show(_ id: MailID) async throws -> QueueEntry? {
        try await database.read { reader in
            guard let message = try QueueRows.message(reader, id) else { return nil }
            return QueueEntry(message: message, recipients: try QueueRows.recipients(reader, of: id))
        }
    }

    /// Keeps a message from being delivered; a delivery in progress is not stopped. False when it is not there.
    package func hold(_ id: MailID) async throws -> Bool { try await change(id, .hold) }

    /// Ends a hold. False when the message is not there.
    package func release(_ id: MailID) async throws -> Bool { try await change(id, .release) }

    /// Takes a message out without telling anybody. False when it is not there.
    package func remove(_ id: MailID) async throws -> Bool { try await change(id, .remove) }

    /// Makes a message due now, and ends a hold. False when there is nothing of it to try.
    package func retry(_ id: MailID) async throws -> Bool { try await change(id, .retry) }

    private func change(_ id: MailID, _ action: QueueAction) async throws -> Bool {
        var selection = QueueSelection()
        selection.ids = [id]
        return try await !change(selection, action).isEmpty
    }

    /// Makes everything due now that is neither held nor to be sent later; returns how many recipients.
    package func flush() async throws -> Int {
        let now = clock.now()
        defer { wake(.demand) }
        return try await database.write { writer in
            let moved = try QueueLane.allCases.map {
                try writer.execute(QueueStatements.makeAllDue, now, $0.rawValue)
            }.reduce(0, +)
            // Sites are tried again by the wake; what is parked follows when they answer.
            return moved + (try writer.first(SiteStatements.countParked, map: { $0.int(0) }) ?? 0)
        }
    }
}
