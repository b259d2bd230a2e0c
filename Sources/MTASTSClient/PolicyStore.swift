import MailAuth
import MailSyntax
package import SQLEngine

/// A policy that was fetched, with what its domain's record said then.
struct KeptPolicy: Sendable, Hashable {
    var id: String
    var policy: MTASTSPolicy
    var fetched: Timestamp

    /// Until when it holds without being fetched again. // RFC 8461 §3.2
    var expires: Timestamp { fetched.adding(.seconds(policy.maxAge)) }

    /// When it is fetched again though nothing says that it has changed: daily, so that a policy that is wanted is never
    /// over, and a short one at half its time. // RFC 8461 §3.3
    var refresh: Timestamp { fetched.adding(.seconds(min(86400, policy.maxAge / 2))) }
}

/// Policies in the database.
package struct PolicyStore: Sendable {
    private let database: any Database

    package init(database: any Database) {
        self.database = database
    }

    func policy(_ domain: String) async throws -> KeptPolicy? {
        try await database.read { reader in
            try reader.first(MTASTSStatements.policy, domain) { row -> KeptPolicy? in
                guard let policy = try? MTASTSPolicy(parsing: Array(row.string(1).utf8)) else { return nil }
                return KeptPolicy(id: row.string(0), policy: policy, fetched: Timestamp(microseconds: row.int64(2)))
            } ?? nil
        }
    }

    func save(_ kept: KeptPolicy, for domain: String) async throws {
        try await database.write { writer in
            try writer.execute(
                MTASTSStatements.save, domain, kept.id, kept.policy.text, kept.fetched, kept.expires, kept.refresh)
        }
    }

    /// Domains whose policy is to be fetched again, the longest due first.
    func due(_ now: Timestamp, limit: Int) async throws -> [String] {
        try await database.read { reader in
            try reader.query(MTASTSStatements.due, now, now, limit, map: { $0.string(0) })
        }
    }

    /// Forgets policies that have been over for long.
    func purge(before time: Timestamp) async throws {
        try await database.write { try $0.execute(MTASTSStatements.purge, time) }
    }
}

package enum MTASTSSchema {
    package static let migrations = [
        Migration(
            "mta-sts-1",
            [
                .createTable(
                    Table(
                        "mta_sts_policy",
                        columns: [
                            .text("domain"), .text("id"), .text("policy"), .int("fetched_at"), .int("expires_at"),
                            .int("refresh_at"),
                        ],
                        primaryKey: ["domain"]))
            ])
    ]
}

package enum MTASTSStatements {
    static let policy = SQLStatement("SELECT id, policy, fetched_at FROM mta_sts_policy WHERE domain = $1")
    static let save = SQLStatement(
        """
        INSERT INTO mta_sts_policy (domain, id, policy, fetched_at, expires_at, refresh_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (domain) DO UPDATE SET id = excluded.id, policy = excluded.policy,
            fetched_at = excluded.fetched_at, expires_at = excluded.expires_at, refresh_at = excluded.refresh_at
        """)
    static let due = SQLStatement(
        """
        SELECT domain FROM mta_sts_policy WHERE refresh_at <= $1 AND expires_at > $2 ORDER BY refresh_at LIMIT $3
        """)
    static let purge = SQLStatement("DELETE FROM mta_sts_policy WHERE expires_at < $1")

    package static let all = [policy, save, due, purge]
}
