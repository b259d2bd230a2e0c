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
    /// What all of some checks have found.
    case found([TraceFinding])
}

package enum TraceSearchStatements {
    static let get = SQLStatement(
        """
        SELECT id, accepted_at, reverse_path, recipients, message_id, size, origin, steps FROM trace WHERE id = $1
        """)
    /// What is not in the index yet, newest first, told apart by the database: reading each row into texts of
    /// ours and hashing them costs many times that. $2 and $3: the folded text without and with its brackets.
    static let recentFrom = SQLStatement(
        """
        SELECT id FROM trace WHERE id > $1 AND LOWER(reverse_path) IN ($2, $3) ORDER BY id DESC LIMIT $4
        """)
    static let recentMessageID = SQLStatement(
        """
        SELECT id FROM trace WHERE id > $1 AND LOWER(message_id) IN ($2, $3) ORDER BY id DESC LIMIT $4
        """)
    /// $3: a pattern; what fits is looked at once more.
    static let recentTo = SQLStatement(
        """
        SELECT id, reverse_path, recipients, message_id, steps FROM trace
        WHERE id > $1 AND id < $2 AND (LOWER(recipients) LIKE $3 ESCAPE '!' OR LOWER(steps) LIKE $3 ESCAPE '!')
        ORDER BY id DESC LIMIT $4
        """)
    /// $3 as above, of the steps alone.
    static let recentSteps = SQLStatement(
        """
        SELECT id, reverse_path, recipients, message_id, steps FROM trace
        WHERE id > $1 AND id < $2 AND LOWER(steps) LIKE $3 ESCAPE '!' ORDER BY id DESC LIMIT $4
        """)
    /// By the index, below an id.
    static let findBelow = SQLStatement(
        "SELECT id FROM trace_key WHERE key = $1 AND id < $2 ORDER BY id DESC LIMIT $3")
    static let steps = SQLStatement("SELECT steps FROM trace WHERE id = $1")
    package static let all = [get, recentFrom, recentMessageID, recentTo, recentSteps, findBelow, steps]
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
            case .found(let findings): ids = try Self.find(reader, findings, limit)
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
        let found = try recent(reader, kind, text, after: indexed, limit)
        guard found.count < limit else { return found }
        return found
            + (try reader.query(TraceIndexStatements.find, key, limit - found.count) { MailID(rawValue: $0.int64(0)) })
    }

    /// The longest text that the database compares; SQLite refuses patterns over 50,000 octets.
    private static let longestPattern = 2000

    private static func recent(
        _ reader: any SQLReader, _ kind: TraceKeys.Kind, _ text: String, after indexed: Int64, _ limit: Int
    ) throws -> [MailID] {
        let folded = TraceKeys.folded(text)
        // The database folds ASCII only.
        guard folded.utf8.allSatisfy({ $0 < 0x80 }), folded.utf8.count <= longestPattern else {
            var found: [MailID] = []
            let key = TraceKeys.key(kind, text)
            try reader.forEach(TraceIndexStatements.page, binds: [indexed, Int64.max, Int64.max]) { row in
                let entry = TraceKeys.read(row)
                if entry.keys.contains(key) { found.append(entry.id) }
            }
            return Array(found.reversed().prefix(limit))
        }
        let statement: SQLStatement
        switch kind {
        case .from: statement = TraceSearchStatements.recentFrom
        case .messageID: statement = TraceSearchStatements.recentMessageID
        case .to: return try recentRecipients(reader, folded, after: indexed, limit)
        case .finding: return []
        }
        return try reader.query(statement, indexed, folded, "<\(folded)>", limit) { MailID(rawValue: $0.int64(0)) }
    }

    private static func recentRecipients(
        _ reader: any SQLReader, _ folded: String, after indexed: Int64, _ limit: Int
    ) throws -> [MailID] {
        let key = TraceKeys.key(.to, folded)
        let escaped = folded.map { "!%_".contains($0) ? "!\($0)" : "\($0)" }.joined()
        let pattern = "%\(escaped)%"
        var found: [MailID] = []
        var before = Int64.max
        while found.count < limit {
            let page = limit - found.count
            let entries = try reader.query(
                TraceSearchStatements.recentTo, indexed, before, pattern, page, map: { TraceKeys.read($0) })
            found += entries.lazy.filter { $0.keys.contains(key) }.map(\.id)
            guard entries.count == page, let last = entries.last else { return found }
            before = last.id.rawValue
        }
        return found
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
