package import MailSyntax
package import SQLEngine

package enum AttemptStatements {
    static let insert = SQLStatement(
        """
        INSERT INTO queue_attempt (message_id, recipient_id, slot, number, at, recipient, outcome, route, host, tls, login,
            code, status, text, next_attempt_at, steps)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        ON CONFLICT (message_id, recipient_id, slot) DO UPDATE SET number = excluded.number, at = excluded.at,
            recipient = excluded.recipient, outcome = excluded.outcome, route = excluded.route, host = excluded.host,
            tls = excluded.tls, login = excluded.login, code = excluded.code, status = excluded.status,
            text = excluded.text, next_attempt_at = excluded.next_attempt_at, steps = excluded.steps
        """)
    static let list = SQLStatement(
        """
        SELECT recipient_id, recipient, number, at, outcome, route, host, tls, login, code, status, text, next_attempt_at,
            steps
        FROM queue_attempt WHERE message_id = $1 ORDER BY at, recipient_id, number
        """)
    static let purge = SQLStatement(
        """
        DELETE FROM queue_attempt WHERE message_id IN (
            SELECT DISTINCT message_id FROM queue_attempt WHERE message_id < $1 ORDER BY message_id LIMIT $2
        )
        """)

    package static let all = [insert, list, purge]
}

extension OutboundQueue {
    /// The attempts at a message, in the queue or not, in the order they were made.
    package static func attempts(_ reader: any SQLReader, of message: MailID) throws -> [QueueAttempt] {
        try reader.query(AttemptStatements.list, message) { row in
            QueueAttempt(
                recipientID: RecipientID(rawValue: row.int64(0)),
                recipient: row.string(1),
                number: row.int(2),
                at: row.timestamp(3),
                outcome: QueueAttempt.Outcome(rawValue: row.string(4)) ?? .deferred,
                route: row.string(5),
                host: row.optionalString(6),
                tls: row.optionalString(7),
                login: row.optionalString(8),
                reply: DeliveryReply(
                    code: row.optionalInt64(9).map { Int($0) },
                    status: EnhancedStatusCode(parsing: row.string(10)) ?? EnhancedStatusCode(4, 0, 0),
                    text: row.string(11)),
                nextAttemptAt: row.optionalTimestamp(12),
                steps: row.optionalString(13)
            )
        }
    }

    /// Deletes the attempts at up to `limit` messages older than an id; returns how many attempts.
    package static func purgeAttempts(_ writer: any SQLWriter, before id: MailID, limit: Int) throws -> Int {
        try writer.execute(AttemptStatements.purge, id, limit)
    }

    static func insert(_ writer: any SQLWriter, _ attempt: QueueAttempt, of message: MailID) throws {
        let reply = attempt.reply
        try writer.execute(
            AttemptStatements.insert, message, attempt.recipientID, attempt.slot, attempt.number, attempt.at,
            attempt.recipient, attempt.outcome.rawValue, attempt.route, attempt.host, attempt.tls, attempt.login,
            reply.code, reply.status.description, String(reply.text.prefix(1000)), attempt.nextAttemptAt,
            attempt.steps)
    }
}
