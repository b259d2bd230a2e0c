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
    package func hold(_ id: MailID) async throws -> Bool {
        try await database.write { try $0.execute(QueueStatements.setHeld, id, true) > 0 }
    }

    /// Ends a hold. False when the message is not there.
    package func release(_ id: MailID) async throws -> Bool {
        defer { wake(.demand) }
        return try await database.write { try $0.execute(QueueStatements.setHeld, id, false) > 0 }
    }

    /// Takes a message out without telling anybody. False when it is not there.
    package func remove(_ id: MailID) async throws -> Bool {
        let now = clock.now()
        return try await database.write { writer in
            guard try QueueRows.message(writer, id) != nil else { return false }
            try writer.execute(QueueStatements.removeRecipients, id)
            try Self.removeFinished(writer, id, now: now)
            return true
        }
    }

    /// Makes a message due now, and ends a hold. False when there is nothing of it to try.
    package func retry(_ id: MailID) async throws -> Bool {
        let now = clock.now()
        defer { wake(.demand) }
        return try await database.write { try $0.execute(QueueStatements.makeDue, id, now) > 0 }
    }

    /// Makes everything due now that is not held; returns how many recipients.
    package func flush() async throws -> Int {
        let now = clock.now()
        defer { wake(.demand) }
        return try await database.write { writer in
            try QueueLane.allCases.map { try writer.execute(QueueStatements.makeAllDue, now, $0.rawValue) }.reduce(0, +)
        }
    }
}
