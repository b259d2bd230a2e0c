package import MailSyntax
package import SQLEngine

package enum BanSchema {
    package static let migrations = [
        Migration(
            "ban-1",
            [
                .createTable(
                    Table(
                        "ban",
                        columns: [
                            .text("network"),
                            .int("begun_at"),
                            .int("ends_at").nullable,
                            .text("reason"),
                            .int("count"),
                            .int("manual").checking("manual IN (0, 1)"),
                        ],
                        primaryKey: ["network"]))
            ])
    ]
}

package enum BanStatements {
    static let upsert = SQLStatement(
        """
        INSERT INTO ban (network, begun_at, ends_at, reason, count, manual) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (network) DO UPDATE SET begun_at = excluded.begun_at, ends_at = excluded.ends_at,
        reason = excluded.reason, count = excluded.count, manual = excluded.manual
        """)
    static let delete = SQLStatement("DELETE FROM ban WHERE network = $1")
    static let list = SQLStatement(
        "SELECT network, begun_at, ends_at, reason, count, manual FROM ban ORDER BY begun_at DESC, network")
    package static let all = [upsert, delete, list]
}

/// A client or network that is kept out, as it is kept over a restart.
package struct StoredBan: Sendable, Hashable {
    package var network: IPNetwork
    package var begunAt: Timestamp
    /// nil: until it is removed.
    package var endsAt: Timestamp?
    package var reason: String
    package var count: Int
    package var isManual: Bool

    package init(
        network: IPNetwork, begunAt: Timestamp, endsAt: Timestamp?, reason: String, count: Int, isManual: Bool
    ) {
        self.network = network
        self.begunAt = begunAt
        self.endsAt = endsAt
        self.reason = reason
        self.count = count
        self.isManual = isManual
    }
}

/// The table of bans.
package struct BanStore: Sendable {
    private let database: any Database

    package init(database: any Database) {
        self.database = database
    }

    /// All, also those that are over; the newest first. A row that can't be read is left out.
    package func load() async throws -> [StoredBan] {
        try await database.read { reader in
            try reader.query(BanStatements.list) { row -> StoredBan? in
                guard let network = IPNetwork(row.string(0)) else { return nil }
                return StoredBan(
                    network: network, begunAt: Timestamp(microseconds: row.int64(1)),
                    endsAt: row.isNull(2) ? nil : Timestamp(microseconds: row.int64(2)), reason: row.string(3),
                    count: row.int(4), isManual: row.int(5) == 1)
            }.compactMap(\.self)
        }
    }

    /// Keeps some, deletes others.
    package func write(_ changed: [StoredBan], removing removed: [IPNetwork]) async throws {
        try await database.write(.bulk) { writer in
            for network in removed { try writer.execute(BanStatements.delete, network.description) }
            for ban in changed {
                try writer.execute(
                    BanStatements.upsert, ban.network.description, ban.begunAt, ban.endsAt, ban.reason, ban.count,
                    ban.isManual)
            }
        }
    }
}
