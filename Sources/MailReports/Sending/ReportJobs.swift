package import MailSyntax
package import SQLEngine

/// The report on one domain and day, which is sent once.
package struct ReportJob: Sendable, Hashable {
    package enum State: Int, Sendable, Hashable {
        case waiting = 0
        case sent = 1
        /// There was nobody to send it to, or nobody took it.
        case dropped = 2
    }

    package var kind: ReportKind
    package var day: ReportDay
    package var domain: String
    package var dueAt: Timestamp
    /// Attempts that have led nowhere.
    package var attempts = 0
    package var state = State.waiting
    /// What became of it, or why it waits.
    package var note = ""

    package init(_ kind: ReportKind, _ day: ReportDay, domain: String, dueAt: Timestamp) {
        self.kind = kind
        self.day = day
        self.domain = domain
        self.dueAt = dueAt
    }
}

/// The rows.
package enum ReportJobs {
    /// Adds what isn't known yet.
    package static func plan(_ writer: any SQLWriter, _ jobs: [ReportJob]) throws {
        for job in jobs {
            try writer.execute(
                ReportJobStatements.plan, job.kind.rawValue, job.day.number, job.domain, job.dueAt, job.attempts,
                job.state.rawValue, job.note)
        }
    }

    /// What waits and may be sent, the longest due first.
    package static func due(_ reader: any SQLReader, _ now: Timestamp, limit: Int) throws -> [ReportJob] {
        try reader.query(ReportJobStatements.due, ReportJob.State.waiting.rawValue, now, limit) { job($0) }.compactMap(
            \.self)
    }

    /// All since a day.
    package static func list(_ reader: any SQLReader, since day: ReportDay) throws -> [ReportJob] {
        try reader.query(ReportJobStatements.list, day.number) { job($0) }.compactMap(\.self)
    }

    package static func postpone(
        _ writer: any SQLWriter, _ job: ReportJob, until time: Timestamp, _ note: String
    ) throws {
        try writer.execute(
            ReportJobStatements.postpone, job.kind.rawValue, job.day.number, job.domain,
            ReportJob.State.waiting.rawValue, time, note)
    }

    /// - Returns: false where somebody else has ended it.
    package static func end(
        _ writer: any SQLWriter, _ job: ReportJob, _ state: ReportJob.State, _ note: String
    ) throws -> Bool {
        try writer.execute(
            ReportJobStatements.end, job.kind.rawValue, job.day.number, job.domain,
            ReportJob.State.waiting.rawValue, state.rawValue, note) > 0
    }

    package static func purge(_ writer: any SQLWriter, before day: ReportDay) throws {
        try writer.execute(ReportJobStatements.purge, day.number)
    }

    private static func job(_ row: borrowing SQLRow) -> ReportJob? {
        guard let kind = ReportKind(rawValue: row.string(0)), let state = ReportJob.State(rawValue: Int(row.int64(5)))
        else { return nil }
        var job = ReportJob(
            kind, ReportDay(number: Int(row.int64(1))), domain: row.string(2),
            dueAt: Timestamp(microseconds: row.int64(3)))
        job.attempts = Int(row.int64(4))
        job.state = state
        job.note = row.string(6)
        return job
    }
}

package enum ReportJobSchema {
    package static let migrations = [
        Migration(
            "report-job-1",
            [
                .createTable(
                    Table(
                        "report_job",
                        columns: [
                            .text("kind"), .int("day"), .text("domain"), .int("due_at"), .int("attempts"),
                            .int("state"),
                            .text("note"),
                        ],
                        primaryKey: ["kind", "day", "domain"])),
                .createIndex("report_job_due", on: "report_job", columns: ["due_at"], where: "state = 0"),
            ])
    ]
}

package enum ReportJobStatements {
    static let plan = SQLStatement(
        """
        INSERT INTO report_job (kind, day, domain, due_at, attempts, state, note) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (kind, day, domain) DO NOTHING
        """)
    static let due = SQLStatement(
        """
        SELECT kind, day, domain, due_at, attempts, state, note FROM report_job
        WHERE state = $1 AND due_at <= $2 ORDER BY due_at, domain LIMIT $3
        """)
    static let list = SQLStatement(
        """
        SELECT kind, day, domain, due_at, attempts, state, note FROM report_job
        WHERE day >= $1 ORDER BY day, kind, domain
        """)
    static let postpone = SQLStatement(
        """
        UPDATE report_job SET due_at = $5, attempts = attempts + 1, note = $6
        WHERE kind = $1 AND day = $2 AND domain = $3 AND state = $4
        """)
    static let end = SQLStatement(
        """
        UPDATE report_job SET state = $5, note = $6
        WHERE kind = $1 AND day = $2 AND domain = $3 AND state = $4
        """)
    static let purge = SQLStatement("DELETE FROM report_job WHERE day < $1")

    package static let all = [plan, due, list, postpone, end, purge]
}
