package import MailSyntax
package import OutboundQueue
package import SQLEngine

/// What is known of one message: how it came, what was decided, and what became of it.
package struct StoredTrace: Sendable {
    package var id: MailID
    package var acceptedAt: Timestamp
    package var reversePath: String
    package var recipients: [String]
    package var messageID: String
    /// Octets.
    package var size: Int
    /// A JSON object of strings: listener, client, helo, login, tls.
    package var origin: String
    /// A JSON list of steps, as `TraceStep` is coded.
    package var steps: String
    /// In the order they were made.
    package var attempts: [QueueAttempt]
}

/// Which messages are asked for.
package enum TraceCriterion: Sendable, Hashable {
    case id(MailID)
    /// With or without the brackets.
    case messageID(String)
    /// An address that the message was for, also one that was an alias.
    case to(String)
    case from(String)
}

package enum TraceSearchStatements {
    static let get = SQLStatement(
        """
        SELECT id, accepted_at, reverse_path, recipients, message_id, size, origin, steps FROM trace WHERE id = $1
        """)
    package static let all = [get]
}

extension MailIntake {
    /// Histories that fit, newest first.
    package func traces(_ criterion: TraceCriterion, limit: Int) async throws -> [StoredTrace] {
        try await database.read { reader in
            let ids: [MailID]
            switch criterion {
            case .id(let id): ids = [id]
            case .messageID(let text): ids = try Self.find(reader, .messageID, text, limit)
            case .to(let text): ids = try Self.find(reader, .to, text, limit)
            case .from(let text): ids = try Self.find(reader, .from, text, limit)
            }
            return try ids.compactMap { try Self.trace(reader, $0) }
        }
    }

    /// First what is not in the index yet, which is newest, then by the index.
    private static func find(
        _ reader: any SQLReader, _ kind: TraceKeys.Kind, _ text: String, _ limit: Int
    ) throws -> [MailID] {
        let key = TraceKeys.key(kind, text)
        let indexed = try reader.first(TraceIndexStatements.indexed, map: { $0.int64(0) }) ?? 0
        var found: [MailID] = []
        try reader.forEach(TraceIndexStatements.page, binds: [indexed, Int64.max, Int64.max]) { row in
            let entry = TraceKeys.read(row)
            if entry.keys.contains(key) { found.append(entry.id) }
        }
        found = Array(found.reversed().prefix(limit))
        guard found.count < limit else { return found }
        return found
            + (try reader.query(TraceIndexStatements.find, key, limit - found.count) { MailID(rawValue: $0.int64(0)) })
    }

    private static func trace(_ reader: any SQLReader, _ id: MailID) throws -> StoredTrace? {
        let found = try reader.first(TraceSearchStatements.get, id) { row in
            StoredTrace(
                id: id, acceptedAt: row.timestamp(1), reversePath: row.string(2),
                recipients: row.string(3).split(separator: "\n").map(String.init), messageID: row.string(4),
                size: row.int(5), origin: row.string(6), steps: row.string(7), attempts: [])
        }
        guard var trace = found else { return nil }
        trace.attempts = try OutboundQueue.attempts(reader, of: id)
        return trace
    }
}
