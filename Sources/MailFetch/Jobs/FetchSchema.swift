package import SQLEngine

package enum FetchSchema {
    package static let migrations = [
        Migration(
            "mailfetch-1",
            [
                .createTable(
                    Table(
                        "fetch_job",
                        columns: [
                            .identity("id"), .text("name"), .int("account_id").belonging(to: "account"),
                            .text("mailbox"), .text("protocol"), .text("host"), .int("port"), .text("security"),
                            .int("verifies").checking("verifies IN (0, 1)"), .text("authorities").nullable,
                            .text("login"), .text("secret_file").nullable, .text("token_route").nullable,
                            .text("folder"), .int("keeps").checking("keeps IN (0, 1)"),
                            .int("seconds").checking("seconds > 0"), .int("idles").checking("idles IN (0, 1)"),
                            .int("paused").checking("paused IN (0, 1)"),
                            // The next run takes what is there for fetched.
                            .int("skips").checking("skips IN (0, 1)"),
                            .int("created_at"), .int("last_run").nullable, .int("last_success").nullable,
                            .int("next_run"), .int("failures"), .text("error").nullable, .text("remedy").nullable,
                            .int("messages"), .int("octets"),
                        ],
                        unique: [["name"]])),
                // What came already: UIDL of POP3, UIDVALIDITY/UID of IMAP.
                .createTable(
                    Table(
                        "fetch_seen",
                        columns: [
                            .int("job_id").belonging(to: "fetch_job"), .text("item"),
                            // 0: passed over, never to be deleted there
                            .int("delivered").checking("delivered IN (0, 1)"),
                        ],
                        primaryKey: ["job_id", "item"], clustered: true)),
            ])
    ]
}

package enum FetchStatements {
    private static let columns = """
        id, name, account_id, mailbox, protocol, host, port, security, verifies, authorities, login, secret_file,
        token_route, folder, keeps, seconds, idles, paused, skips, last_run, last_success, next_run, failures, error,
        remedy, messages, octets
        """
    static let jobs = SQLStatement(text: "SELECT \(columns) FROM fetch_job ORDER BY name")
    static let insert = SQLStatement(
        """
        INSERT INTO fetch_job (name, account_id, mailbox, protocol, host, port, security, verifies, authorities, login,
            secret_file, token_route, folder, keeps, seconds, idles, paused, skips, created_at, next_run, failures,
            messages, octets)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, $18, $18, 0, 0, 0)
        ON CONFLICT (name) DO NOTHING
        """)
    static let remove = SQLStatement("DELETE FROM fetch_job WHERE name = $1")
    static let pause = SQLStatement("UPDATE fetch_job SET paused = $2, next_run = $3, failures = 0 WHERE name = $1")
    static let runNow = SQLStatement("UPDATE fetch_job SET next_run = $2, skips = $3 WHERE name = $1")
    static let forget = SQLStatement("DELETE FROM fetch_seen WHERE job_id = $1")
    // The time of the next run stays where an operator has set it meanwhile.
    static let succeeded = SQLStatement(
        """
        UPDATE fetch_job SET last_run = $2, last_success = $2, failures = 0, error = $4, remedy = $5,
            skips = CASE WHEN next_run = $6 THEN 0 ELSE skips END,
            next_run = CASE WHEN next_run = $6 THEN CAST($3 AS BIGINT) ELSE next_run END
        WHERE id = $1
        """)
    static let failed = SQLStatement(
        """
        UPDATE fetch_job SET last_run = $2, failures = failures + 1, error = $4, remedy = $5,
            next_run = CASE WHEN next_run = $6 THEN CAST($3 AS BIGINT) ELSE next_run END
        WHERE id = $1
        """)
    static let counted = SQLStatement(
        "UPDATE fetch_job SET messages = messages + 1, octets = octets + $2 WHERE id = $1")
    static let seen = SQLStatement("SELECT item, delivered FROM fetch_seen WHERE job_id = $1")
    static let note = SQLStatement("INSERT INTO fetch_seen (job_id, item, delivered) VALUES ($1, $2, $3)")
    static let drop = SQLStatement("DELETE FROM fetch_seen WHERE job_id = $1 AND item = $2")

    package static let all = [
        jobs, insert, remove, pause, runNow, forget, succeeded, failed, counted, seen, note, drop,
    ]
}
