package import SQLEngine

/// What the commands of an operator do, a recipient at a time: attempts that are under way are left alone.
package enum OperatorStatements {
    static let retry = SQLStatement(
        """
        UPDATE queue_recipient SET next_attempt_at = $2, held = 0, parked_on = NULL, not_before = NULL
        WHERE id = $1 AND lease_until IS NULL
        """)
    static let hold = SQLStatement("UPDATE queue_recipient SET held = 1 WHERE id = $1")
    static let release = SQLStatement("UPDATE queue_recipient SET held = 0 WHERE id = $1")
    static let postpone = SQLStatement(
        """
        UPDATE queue_recipient SET next_attempt_at = $2, not_before = $2, parked_on = NULL
        WHERE id = $1 AND lease_until IS NULL
        """)
    static let pin = SQLStatement(
        """
        UPDATE queue_recipient SET pinned_route = $3, next_attempt_at = $2, parked_on = NULL
        WHERE id = $1 AND lease_until IS NULL
        """)
    static let summary = SQLStatement(
        """
        SELECT r.destination, r.held, r.last_code, r.last_status, MIN(r.last_text), MIN(r.last_host), COUNT(*),
            MIN(m.created_at), MIN(r.next_attempt_at), MIN(r.parked_on)
        FROM queue_recipient r JOIN queue_message m ON m.id = r.message_id
        GROUP BY r.destination, r.held, r.last_code, r.last_status
        ORDER BY COUNT(*) DESC, r.destination LIMIT $1
        """)
    static let rules = SQLStatement(
        "SELECT id, sender, recipient, route, created_at, author FROM queue_rule WHERE kind = 'hold' ORDER BY id")
    static let addRule = SQLStatement(
        """
        INSERT INTO queue_rule (kind, sender, recipient, route, created_at, author) VALUES ('hold', $1, $2, $3, $4, $5)
        """)
    static let removeRule = SQLStatement("DELETE FROM queue_rule WHERE id = $1")

    package static let all = [retry, hold, release, postpone, pin, summary, rules, addRule, removeRule]
}
