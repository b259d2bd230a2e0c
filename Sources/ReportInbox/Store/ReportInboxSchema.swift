package import SQLEngine

/// Reports of others: one row a report, and what it says a row a record or policy.
package enum ReportInboxSchema {
    package static let migrations = [
        Migration("report-inbox-1", [report, reportTime, dmarcRow, tlsRow, mail, progress])
    ]

    // A report whose rows are not all there yet is not shown: `complete`.
    private static let report = SchemaChange.createTable(
        Table(
            "received_report",
            columns: [
                .identity("id"),
                .text("kind"),
                .text("domain"),
                .text("organization"),
                .text("organization_key"),
                .text("report_id"),
                .text("email"),
                .text("contact"),
                .text("policy"),
                .text("errors"),
                .int("begin_at"),
                .int("end_at"),
                .int("rows"),
                .int("passed"),
                .int("failed"),
                .int("received_at"),
                .int("email_id"),
                .int("trust"),
                .text("sender"),
                .int("complete").checking("complete IN (0, 1)"),
            ],
            unique: [["kind", "organization_key", "report_id", "domain"]]))

    private static let reportTime = SchemaChange.createIndex(
        "received_report_time", on: "received_report", columns: ["begin_at"])

    private static let dmarcRow = SchemaChange.createTable(
        Table(
            "received_dmarc",
            columns: [
                .int("report").belonging(to: "received_report"),
                .int("number"),
                .text("source"),
                .int("messages"),
                .text("disposition"),
                .text("header_from"),
                .text("envelope_from"),
                .text("envelope_to"),
                .int("dkim"),
                .int("spf"),
                .text("dkim_domain"),
                .text("spf_domain"),
                .text("reasons"),
                .text("detail"),
            ],
            primaryKey: ["report", "number"], clustered: true))

    private static let tlsRow = SchemaChange.createTable(
        Table(
            "received_tls",
            columns: [
                .int("report").belonging(to: "received_report"),
                .int("number"),
                .text("domain"),
                .text("policy"),
                .text("result"),
                .text("host"),
                .int("passed"),
                .int("failed"),
                .text("detail"),
            ],
            primaryKey: ["report", "number"], clustered: true))

    // Messages that were looked at, so that none is twice.
    private static let mail = SchemaChange.createTable(
        Table(
            "received_report_mail", columns: [.int("email_id"), .int("seen_at"), .text("outcome")],
            primaryKey: ["email_id"], clustered: true))

    private static let progress = SchemaChange.createTable(
        Table("received_report_progress", columns: [.int("one"), .int("email_id")], primaryKey: ["one"]))
}

package enum ReportInboxStatements {
    static let find = SQLStatement(
        """
        SELECT id, trust, complete FROM received_report
        WHERE kind = $1 AND organization_key = $2 AND report_id = $3 AND domain = $4
        """)
    static let insert = SQLStatement(
        """
        INSERT INTO received_report (kind, domain, organization, organization_key, report_id, email, contact, policy, errors, begin_at,
            end_at, rows, passed, failed, received_at, email_id, trust, sender, complete)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0, $12, $13, $14, $15, 0) RETURNING id
        """)
    static let finish = SQLStatement(
        "UPDATE received_report SET rows = $2, passed = $3, failed = $4, complete = 1 WHERE id = $1")
    static let hide = SQLStatement("UPDATE received_report SET complete = 0 WHERE id = $1")
    static let delete = SQLStatement("DELETE FROM received_report WHERE id = $1")
    static let deleteDMARC = SQLStatement("DELETE FROM received_dmarc WHERE report = $1 AND number <= $2")
    static let deleteTLS = SQLStatement("DELETE FROM received_tls WHERE report = $1 AND number <= $2")
    static let lastDMARC = SQLStatement("SELECT COALESCE(MAX(number), 0) FROM received_dmarc WHERE report = $1")
    static let lastTLS = SQLStatement("SELECT COALESCE(MAX(number), 0) FROM received_tls WHERE report = $1")
    static let incomplete = SQLStatement("SELECT id FROM received_report WHERE complete = 0 ORDER BY id LIMIT $1")
    static let oldest = SQLStatement(
        "SELECT id FROM received_report WHERE complete = 1 AND end_at < $1 ORDER BY end_at LIMIT $2")
    /// What is given up first: what nobody vouched for, and then the oldest.
    static let least = SQLStatement("SELECT id, rows FROM received_report ORDER BY trust, end_at LIMIT $1")
    static let totals = SQLStatement("SELECT COUNT(*), COALESCE(SUM(rows), 0) FROM received_report")
    static let insertDMARC = SQLStatement(
        """
        INSERT INTO received_dmarc (report, number, source, messages, disposition, header_from, envelope_from,
            envelope_to, dkim, spf, dkim_domain, spf_domain, reasons, detail)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """)
    static let insertTLS = SQLStatement(
        """
        INSERT INTO received_tls (report, number, domain, policy, result, host, passed, failed, detail)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """)

    // Messages
    static let isSeen = SQLStatement("SELECT 1 FROM received_report_mail WHERE email_id = $1")
    static let see = SQLStatement(
        """
        INSERT INTO received_report_mail (email_id, seen_at, outcome) VALUES ($1, $2, $3)
        ON CONFLICT (email_id) DO UPDATE SET seen_at = excluded.seen_at, outcome = excluded.outcome
        """)
    static let forgetMail = SQLStatement("DELETE FROM received_report_mail WHERE seen_at < $1")
    static let progress = SQLStatement("SELECT email_id FROM received_report_progress WHERE one = 1")
    static let setProgress = SQLStatement(
        """
        INSERT INTO received_report_progress (one, email_id) VALUES (1, $1)
        ON CONFLICT (one) DO UPDATE SET email_id = excluded.email_id
        """)

    package static let all = [
        find, insert, finish, hide, delete, deleteDMARC, deleteTLS, lastDMARC, lastTLS, incomplete, oldest, least,
        totals, insertDMARC, insertTLS, isSeen, see, forgetMail, progress, setProgress,
    ]
}
