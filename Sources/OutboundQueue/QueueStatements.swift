package import SQLEngine

package enum QueueStatements {
    static let insertMessage = SQLStatement(
        """
        INSERT INTO queue_message (id, reverse_path, blob_id, size, created_at, expires_at, body_type, smtputf8,
            envelope_id, dsn_return, dkim_domain, is_bounce, delay_report, login, local_path, future_release, junk,
            seal_domain, seal_chain, seal_results, tls_demand)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
        """)
    static let insertRecipient = SQLStatement(
        """
        INSERT INTO queue_recipient (message_id, address, original_recipient, notify, destination, next_attempt_at, held,
            route, lane, not_before, account_id, tag, lease_until, lease_node)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        RETURNING id
        """)
    /// Leases what is due in a lane ($6), at most $5 of a destination, so that a big one does not crowd out the others.
    static let lease = SQLStatement(
        """
        UPDATE queue_recipient SET lease_until = $3, lease_node = $4
        WHERE id IN (
            SELECT id FROM (
                SELECT id, next_attempt_at,
                    ROW_NUMBER() OVER (PARTITION BY destination ORDER BY next_attempt_at, id) AS place
                FROM (
                    SELECT id, destination, next_attempt_at FROM queue_recipient
                    WHERE lease_until IS NULL AND held = 0 AND parked_on IS NULL AND lane = $6 AND next_attempt_at <= $1
                    ORDER BY next_attempt_at LIMIT 1000
                ) AS ready
            ) AS ranked
            WHERE place <= $5 ORDER BY next_attempt_at, id LIMIT $2
        )
        RETURNING id, message_id, address, original_recipient, notify, destination, next_attempt_at, attempts,
            last_attempt_at, last_code, last_status, last_text, last_host, held, lease_until, route, pinned_route, lane,
            not_before, parked_on, account_id, tag
        """)
    static let message = SQLStatement(
        """
        SELECT m.id, m.reverse_path, m.size, m.created_at, m.expires_at, m.body_type, m.smtputf8, m.envelope_id,
            m.dsn_return, m.dkim_domain, m.is_bounce, m.blob_id, m.delay_report, m.login,
            m.local_path, m.future_release, m.junk, m.seal_domain, m.seal_chain, m.seal_results, m.tls_demand
        FROM queue_message m WHERE m.id = $1
        """)
    static let messages = SQLStatement(
        """
        SELECT m.id, m.reverse_path, m.size, m.created_at, m.expires_at, m.body_type, m.smtputf8, m.envelope_id,
            m.dsn_return, m.dkim_domain, m.is_bounce, m.blob_id, m.delay_report, m.login,
            m.local_path, m.future_release, m.junk, m.seal_domain, m.seal_chain, m.seal_results, m.tls_demand
        FROM queue_message m WHERE m.id > $1 ORDER BY m.id LIMIT $2
        """)
    static let recipients = SQLStatement(
        """
        SELECT id, message_id, address, original_recipient, notify, destination, next_attempt_at, attempts,
            last_attempt_at, last_code, last_status, last_text, last_host, held, lease_until, route, pinned_route, lane,
            not_before, parked_on, account_id, tag
        FROM queue_recipient WHERE message_id = $1 ORDER BY id
        """)
    /// Of a lane.
    static let nextDue = SQLStatement(
        """
        SELECT MIN(next_attempt_at) FROM queue_recipient
        WHERE lane = $1 AND lease_until IS NULL AND held = 0 AND parked_on IS NULL
        """)
    static let counts = SQLStatement(
        "SELECT (SELECT COUNT(*) FROM queue_message), COUNT(*), COALESCE(SUM(held), 0) FROM queue_recipient")
    static let reschedule = SQLStatement(
        """
        UPDATE queue_recipient SET next_attempt_at = $2, attempts = attempts + 1, last_attempt_at = $3, last_code = $4,
            last_status = $5, last_text = $6, last_host = $7, lease_until = NULL, lease_node = NULL,
            parked_on = NULL, route = COALESCE($8, route)
        WHERE id = $1
        """)
    static let postpone = SQLStatement(
        """
        UPDATE queue_recipient SET next_attempt_at = $2, last_code = COALESCE($3, last_code),
            last_status = COALESCE($4, last_status), last_text = COALESCE($5, last_text),
            last_host = COALESCE($6, last_host), lease_until = NULL, lease_node = NULL, parked_on = NULL
        WHERE id = $1
        """)
    static let hold = SQLStatement(
        """
        UPDATE queue_recipient SET held = 1, route = $2, last_code = NULL, last_status = $3, last_text = $4, last_host = $5,
            lease_until = NULL, lease_node = NULL, parked_on = NULL
        WHERE id = $1
        """)
    static let claimDelayReport = SQLStatement(
        "UPDATE queue_message SET delay_report = 0 WHERE id = $1 AND delay_report = 1")
    static let removeRecipient = SQLStatement("DELETE FROM queue_recipient WHERE id = $1")
    static let removeFinished = SQLStatement(
        """
        DELETE FROM queue_message
        WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM queue_recipient r WHERE r.message_id = queue_message.id)
        RETURNING blob_id
        """)
    static let takeBack = SQLStatement(
        "UPDATE queue_recipient SET lease_until = NULL, lease_node = NULL WHERE lease_node = $1")
    static let expiredLeases = SQLStatement(
        "SELECT id FROM queue_recipient WHERE lease_until IS NOT NULL AND lease_until < $1")
    static let takeBackOne = SQLStatement(
        "UPDATE queue_recipient SET lease_until = NULL, lease_node = NULL WHERE id = $1 AND lease_until < $2")
    /// Dates a message that came while the clock was ahead as if it came now; nothing else reads its id's time.
    static let ageFromFuture = SQLStatement(
        """
        UPDATE queue_message SET expires_at = expires_at - created_at + $1, created_at = $1
        WHERE id > $2 AND created_at > $3
        """)
    static let pullForward = SQLStatement(
        """
        UPDATE queue_recipient SET next_attempt_at = $1
        WHERE lease_until IS NULL AND held = 0 AND parked_on IS NULL AND next_attempt_at > $2
            AND (not_before IS NULL OR not_before <= $1) AND lane = $3
        """)
    static let makeAllDue = SQLStatement(
        """
        UPDATE queue_recipient SET next_attempt_at = $1
        WHERE lease_until IS NULL AND held = 0 AND parked_on IS NULL AND next_attempt_at > $1
            AND (not_before IS NULL OR not_before <= $1) AND lane = $2
        """)

    package static let all = [
        insertMessage, insertRecipient, lease, message, messages, recipients, nextDue, counts, reschedule, postpone,
        hold,
        claimDelayReport, removeRecipient, removeFinished, takeBack, expiredLeases, takeBackOne,
        ageFromFuture, pullForward, makeAllDue,
    ]
}
