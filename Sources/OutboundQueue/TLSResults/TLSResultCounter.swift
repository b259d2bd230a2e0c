import MailSyntax
package import SQLEngine
import Synchronization

/// Counts sessions in memory, and writes the counts now and then: what a crash loses is a minute of statistics.
package final class TLSResultCounter: Sendable {
    private struct Key: Hashable {
        var day: Int
        var result: TLSSessionResult
    }

    /// Different results in memory; what is beyond is not counted until they are written.
    static let most = 20_000

    private let counts = Mutex<[Key: Int]>([:])
    private let clock: any WallClock

    package init(clock: any WallClock = SystemClock()) {
        self.clock = clock
    }

    package func record(_ result: TLSSessionResult) {
        let key = Key(day: Int(clock.now().seconds / 86400), result: result)
        counts.withLock { counts in
            guard counts.count < Self.most || counts[key] != nil else { return }
            counts[key, default: 0] += 1
        }
    }

    /// Adds what was counted to the rows of its day, with one write. What can't be written stays.
    package func flush(to database: any Database) async throws {
        let taken = counts.withLock { counts in
            defer { counts = [:] }
            return counts
        }
        guard !taken.isEmpty else { return }
        do {
            try await database.write { writer in
                for (key, sessions) in taken {
                    let result = key.result
                    try writer.execute(
                        TLSResultStatements.add, key.day, result.domain, result.fingerprint, result.policyType,
                        result.policy.joined(separator: "\n"), result.hosts.joined(separator: "\n"), result.failure,
                        result.host, result.sendingAddress, result.receivingAddress, result.reason, sessions)
                }
            }
        } catch {
            counts.withLock { counts in counts.merge(taken) { $0 + $1 } }
            throw error
        }
    }
}

/// The rows.
package enum TLSResults {
    /// The domains with results of a day, in order.
    package static func domains(_ reader: any SQLReader, day: Int) throws -> [String] {
        try reader.query(TLSResultStatements.domains, day, map: { $0.string(0) })
    }

    /// What was counted for a domain on a day: successes first, then failures, the most frequent first.
    package static func results(_ reader: any SQLReader, day: Int, domain: String) throws -> [CountedTLSResult] {
        try reader.query(
            TLSResultStatements.results, day, domain,
            map: { row in
                CountedTLSResult(
                    day: day,
                    result: TLSSessionResult(
                        domain: domain, policyType: row.string(0), policy: lines(row.string(1)),
                        hosts: lines(row.string(2)), failure: text(row, 3), host: text(row, 4),
                        sendingAddress: text(row, 5), receivingAddress: text(row, 6), reason: text(row, 7)),
                    sessions: Int(row.int64(8)))
            })
    }

    /// Removes what was counted before a day.
    package static func purge(_ writer: any SQLWriter, before day: Int) throws {
        try writer.execute(TLSResultStatements.purge, day)
    }

    private static func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }

    private static func text(_ row: borrowing SQLRow, _ column: Int) -> String? {
        row.isNull(column) ? nil : row.string(column)
    }
}

/// Counts of sessions by day, domain and result.
package enum TLSResultSchema {
    package static let migrations = [
        Migration(
            "tls-result-1",
            [
                .createTable(
                    Table(
                        "tls_result",
                        columns: [
                            .int("day"), .text("domain"), .int("fingerprint"), .text("policy_type"), .text("policy"),
                            .text("hosts"), .text("failure").nullable, .text("host").nullable,
                            .text("sending_address").nullable, .text("receiving_address").nullable,
                            .text("reason").nullable, .int("sessions").checking("sessions > 0"),
                        ],
                        primaryKey: ["day", "domain", "fingerprint"],
                        clustered: true))
            ])
    ]
}

package enum TLSResultStatements {
    static let add = SQLStatement(
        """
        INSERT INTO tls_result (day, domain, fingerprint, policy_type, policy, hosts, failure, host, sending_address,
            receiving_address, reason, sessions)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (day, domain, fingerprint) DO UPDATE SET sessions = tls_result.sessions + excluded.sessions
        """)
    static let domains = SQLStatement("SELECT DISTINCT domain FROM tls_result WHERE day = $1 ORDER BY domain")
    static let results = SQLStatement(
        """
        SELECT policy_type, policy, hosts, failure, host, sending_address, receiving_address, reason, sessions
        FROM tls_result WHERE day = $1 AND domain = $2
        ORDER BY CASE WHEN failure IS NULL THEN 0 ELSE 1 END, sessions DESC, fingerprint
        """)
    static let purge = SQLStatement("DELETE FROM tls_result WHERE day < $1")

    package static let all = [add, domains, results, purge]
}
