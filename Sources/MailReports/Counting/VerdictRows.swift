import FoundationEssentials
package import MailAuth
package import SQLEngine

/// Counts of messages by day, policy domain and what was found of them.
package enum Verdicts {
    /// The domains with messages on a day, in order, with how many.
    package static func domains(_ reader: any SQLReader, _ day: ReportDay) throws -> [(domain: String, messages: Int)] {
        try reader.query(VerdictStatements.domains, day.number) { ($0.string(0), Int($0.int64(1))) }
    }

    /// The policy that was found last on a day; nil where no message was counted.
    package static func policy(
        _ reader: any SQLReader, _ day: ReportDay, domain: String
    ) throws -> ObservedPolicy? {
        let text = try reader.first(VerdictStatements.policy, day.number, domain) { $0.string(0) }
        return try text.map { try JSONDecoder().decode(ObservedPolicy.self, from: Data($0.utf8)) }
    }

    /// What was counted, the most messages first.
    package static func records(
        _ reader: any SQLReader, _ day: ReportDay, domain: String
    ) throws -> [DMARCReport.Record] {
        let decoder = JSONDecoder()
        return try reader.query(VerdictStatements.records, day.number, domain) { row in
            var record = try decoder.decode(DMARCReport.Record.self, from: Data(row.string(0).utf8))
            record.count = Int(row.int64(1))
            return record
        }
    }

    /// Removes what was counted before a day.
    package static func purge(_ writer: any SQLWriter, before day: ReportDay) throws {
        try writer.execute(VerdictStatements.purge, day.number)
        try writer.execute(VerdictStatements.purgePolicies, day.number)
    }
}

package enum VerdictSchema {
    package static let migrations = [
        Migration(
            "dmarc-count-1",
            [
                .createTable(
                    Table(
                        "dmarc_count",
                        columns: [
                            .int("day"), .text("domain"), .int("fingerprint"), .text("record"),
                            .int("messages").checking("messages > 0"),
                        ],
                        primaryKey: ["day", "domain", "fingerprint"],
                        clustered: true)),
                .createTable(
                    Table(
                        "dmarc_policy",
                        columns: [.int("day"), .text("domain"), .text("policy")],
                        primaryKey: ["day", "domain"])),
            ])
    ]
}

package enum VerdictStatements {
    static let setPolicy = SQLStatement(
        """
        INSERT INTO dmarc_policy (day, domain, policy) VALUES ($1, $2, $3)
        ON CONFLICT (day, domain) DO UPDATE SET policy = excluded.policy
        """)
    static let rows = SQLStatement("SELECT COUNT(*) FROM dmarc_count WHERE day = $1 AND domain = $2")
    static let add = SQLStatement(
        "UPDATE dmarc_count SET messages = messages + $4 WHERE day = $1 AND domain = $2 AND fingerprint = $3")
    static let insert = SQLStatement(
        """
        INSERT INTO dmarc_count (day, domain, fingerprint, record, messages) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (day, domain, fingerprint) DO UPDATE SET messages = dmarc_count.messages + excluded.messages
        """)
    static let domains = SQLStatement(
        "SELECT domain, SUM(messages) FROM dmarc_count WHERE day = $1 GROUP BY domain ORDER BY domain")
    static let policy = SQLStatement("SELECT policy FROM dmarc_policy WHERE day = $1 AND domain = $2")
    static let records = SQLStatement(
        """
        SELECT record, messages FROM dmarc_count WHERE day = $1 AND domain = $2
        ORDER BY messages DESC, fingerprint
        """)
    static let purge = SQLStatement("DELETE FROM dmarc_count WHERE day < $1")
    static let purgePolicies = SQLStatement("DELETE FROM dmarc_policy WHERE day < $1")

    package static let all = [setPolicy, rows, add, insert, domains, policy, records, purge, purgePolicies]
}
