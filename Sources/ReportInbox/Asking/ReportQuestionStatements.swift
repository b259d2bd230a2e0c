package import SQLEngine

/// $1 the domain or '', $2 since, $3 until; then what each says.
package enum ReportQuestionStatements {
    static let senders = SQLStatement(
        """
        SELECT d.source, d.header_from, d.disposition, d.dkim, d.spf, MAX(d.dkim_domain), MAX(d.spf_domain), d.reasons,
            SUM(d.messages), COUNT(DISTINCT d.report)
        FROM received_report r JOIN received_dmarc d ON d.report = r.id
        WHERE r.complete = 1 AND ($1 = '' OR r.domain = $1) AND r.end_at >= $2 AND r.begin_at < $3
            AND ($4 = '' OR d.source = $4) AND ($5 = 0 OR (d.dkim < 3 AND d.spf < 3))
        GROUP BY d.source, d.header_from, d.disposition, d.dkim, d.spf, d.reasons
        ORDER BY SUM(d.messages) DESC, d.source, d.header_from LIMIT $6
        """)
    static let messages = SQLStatement(
        """
        SELECT COALESCE(SUM(d.messages), 0),
            COALESCE(SUM(CASE WHEN d.dkim = 3 OR d.spf = 3 THEN d.messages ELSE 0 END), 0),
            COUNT(DISTINCT d.source)
        FROM received_report r JOIN received_dmarc d ON d.report = r.id
        WHERE r.complete = 1 AND ($1 = '' OR r.domain = $1) AND r.end_at >= $2 AND r.begin_at < $3
            AND ($4 = '' OR d.source = $4) AND ($5 = 0 OR (d.dkim < 3 AND d.spf < 3))
        """)
    static let reporters = SQLStatement(
        """
        SELECT MAX(organization), COUNT(*), SUM(passed), SUM(failed), SUM(CASE WHEN trust > 0 THEN 1 ELSE 0 END)
        FROM received_report
        WHERE complete = 1 AND ($1 = '' OR domain = $1) AND end_at >= $2 AND begin_at < $3 AND kind = $4
        GROUP BY organization_key ORDER BY SUM(passed) + SUM(failed) DESC, organization_key LIMIT $5
        """)
    static let sessions = SQLStatement(
        """
        SELECT r.begin_at / 86400000000, t.domain, t.policy, t.result, t.host, SUM(t.passed), SUM(t.failed)
        FROM received_report r JOIN received_tls t ON t.report = r.id
        WHERE r.complete = 1 AND ($1 = '' OR t.domain = $1) AND r.end_at >= $2 AND r.begin_at < $3
            AND ($4 = 0 OR t.failed > 0)
        GROUP BY r.begin_at / 86400000000, t.domain, t.policy, t.result, t.host
        ORDER BY 1 DESC, 2, 3, 4, 5 LIMIT $5
        """)
    static let list = SQLStatement(
        """
        SELECT id, kind, domain, organization, report_id, email, contact, policy, errors, begin_at, end_at, rows, passed,
            failed, received_at, trust, sender
        FROM received_report
        WHERE complete = 1 AND ($1 = '' OR domain = $1) AND end_at >= $2 AND begin_at < $3
        ORDER BY begin_at DESC, id DESC LIMIT $4
        """)
    static let one = SQLStatement(
        """
        SELECT id, kind, domain, organization, report_id, email, contact, policy, errors, begin_at, end_at, rows, passed,
            failed, received_at, trust, sender
        FROM received_report WHERE complete = 1 AND id = $1
        """)
    static let records = SQLStatement(
        """
        SELECT source, messages, disposition, header_from, envelope_from, envelope_to, dkim, spf, detail
        FROM received_dmarc WHERE report = $1 ORDER BY number LIMIT $2
        """)
    static let lines = SQLStatement(
        """
        SELECT domain, policy, result, passed, failed, detail FROM received_tls WHERE report = $1
        ORDER BY number LIMIT $2
        """)

    static let count = SQLStatement("SELECT COUNT(*) FROM received_report WHERE complete = 1")

    package static let all = [count, senders, messages, reporters, sessions, list, one, records, lines]
}
