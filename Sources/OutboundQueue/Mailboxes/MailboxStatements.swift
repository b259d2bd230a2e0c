package import SQLEngine

/// Statements about what waits here: for a mailbox, or for the time that its sender chose.
package enum MailboxStatements {
    /// What is to be sent later is due now.
    static let sendEarly = SQLStatement(
        """
        UPDATE queue_recipient SET next_attempt_at = $2, not_before = NULL
        WHERE id = $1 AND lease_until IS NULL AND held = 0 AND not_before > $2
        """)
    /// Whatever kept it: the account it is for goes away.
    static let endWait = SQLStatement(
        """
        UPDATE queue_recipient SET next_attempt_at = $2, held = 0, not_before = NULL, parked_on = NULL
        WHERE account_id = $1 AND lease_until IS NULL
        """)
    /// Octets that a login has waiting for their time, a message counted as $3 at least.
    static let waiting = SQLStatement(
        """
        SELECT COALESCE(SUM(CASE WHEN m.size < $3 THEN $3 ELSE m.size END), 0) FROM queue_message m
        WHERE m.login = $1 AND m.future_release IS NOT NULL
            AND EXISTS (SELECT 1 FROM queue_recipient r WHERE r.message_id = m.id AND r.not_before > $2)
        """)

    package static let all = [sendEarly, endWait, waiting]
}
