package import SQLEngine

/// Statements about sites: what is parked on them, and those that are left alone.
package enum SiteStatements {
    private static let columns = """
        id, message_id, address, original_recipient, notify, destination, next_attempt_at, attempts, last_attempt_at,
            last_code, last_status, last_text, last_host, held, lease_until, route, pinned_route, lane, not_before,
            parked_on, account_id, tag
        """

    static let park = SQLStatement(
        """
        UPDATE queue_recipient SET parked_on = $2, next_attempt_at = $3, last_code = COALESCE($4, last_code),
            last_status = COALESCE($5, last_status), last_text = COALESCE($6, last_text),
            last_host = COALESCE($7, last_host), lease_until = NULL, lease_node = NULL
        WHERE id = $1
        """)
    static let lease = SQLStatement(
        text: """
            UPDATE queue_recipient SET lease_until = $2, lease_node = $3
            WHERE id IN (
                SELECT id FROM queue_recipient
                WHERE parked_on = $1 AND lease_until IS NULL AND held = 0 ORDER BY lane, id LIMIT $4
            )
            RETURNING \(columns)
            """)
    static let leaseOverdue = SQLStatement(
        text: """
            UPDATE queue_recipient SET lease_until = $2, lease_node = $3
            WHERE id IN (
                SELECT id FROM queue_recipient
                WHERE parked_on IS NOT NULL AND lease_until IS NULL AND held = 0 AND next_attempt_at <= $1
                ORDER BY next_attempt_at LIMIT $4
            )
            RETURNING \(columns)
            """)
    static let nextOverdue = SQLStatement(
        """
        SELECT MIN(next_attempt_at) FROM queue_recipient
        WHERE parked_on IS NOT NULL AND lease_until IS NULL AND held = 0
        """)
    /// The first site after a name that something is parked on: asked until there is none, it skips from site to site.
    static let nextParked = SQLStatement(
        """
        SELECT MIN(parked_on) FROM queue_recipient
        WHERE parked_on > $1 AND parked_on IS NOT NULL AND lease_until IS NULL AND held = 0
        """)
    static let unpark = SQLStatement(
        """
        UPDATE queue_recipient SET parked_on = NULL, next_attempt_at = $1
        WHERE id IN (
            SELECT id FROM queue_recipient
            WHERE parked_on IS NOT NULL AND lease_until IS NULL AND held = 0 LIMIT $2
        )
        """)
    static let countParked = SQLStatement(
        "SELECT COUNT(*) FROM queue_recipient WHERE parked_on IS NOT NULL AND lease_until IS NULL AND held = 0")

    static let suspend = SQLStatement(
        """
        INSERT INTO queue_site (name, failures, since, retry_at, code, status, text, host)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, since = excluded.since,
            retry_at = excluded.retry_at, code = excluded.code, status = excluded.status, text = excluded.text,
            host = excluded.host
        """)
    static let revive = SQLStatement("DELETE FROM queue_site WHERE name = $1")
    static let sites = SQLStatement(
        "SELECT name, failures, since, retry_at, code, status, text, host FROM queue_site ORDER BY name")
    static let forget = SQLStatement(
        """
        DELETE FROM queue_site
        WHERE retry_at < $1
            AND NOT EXISTS (SELECT 1 FROM queue_recipient r WHERE r.parked_on = queue_site.name)
        """)

    static let countWarmUp = SQLStatement(
        """
        INSERT INTO queue_warm_up (route, day, messages) VALUES ($1, $2, 1)
        ON CONFLICT (route, day) DO UPDATE SET messages = queue_warm_up.messages + 1
        """)
    static let warmUp = SQLStatement("SELECT route, messages FROM queue_warm_up WHERE day = $1")
    static let forgetWarmUp = SQLStatement("DELETE FROM queue_warm_up WHERE day < $1")

    package static let all = [
        park, lease, leaseOverdue, nextOverdue, nextParked, unpark, countParked, suspend, revive, sites, forget,
        countWarmUp, warmUp, forgetWarmUp,
    ]
}
