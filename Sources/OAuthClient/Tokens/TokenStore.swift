import MailSyntax
import SASLCore
package import SQLEngine

/// Tokens in the database.
package struct TokenStore: Sendable {
    private let database: any Database

    package init(database: any Database) {
        self.database = database
    }

    func token(_ key: TokenKey) async throws -> KeptToken? {
        try await database.read { reader in
            try reader.first(OAuthStatements.token, key.route, key.login) { row in
                KeptToken(
                    token: OAuthToken(
                        access: Secret(row.bytes(1)),
                        refresh: row.isNull(2) ? nil : Secret(row.bytes(2)),
                        expires: row.isNull(3) ? nil : Timestamp(microseconds: row.int64(3))
                    ),
                    issuer: row.string(0),
                    obtained: Timestamp(microseconds: row.int64(4)),
                    failure: row.isNull(5) ? nil : row.string(5),
                    failed: row.isNull(6) ? nil : Timestamp(microseconds: row.int64(6)),
                    isRevoked: row.int64(7) != 0
                )
            }
        }
    }

    /// Durable when it returns.
    func save(_ kept: KeptToken, for key: TokenKey) async throws {
        try await database.write { writer in
            try writer.execute(
                OAuthStatements.save, key.route, key.login, kept.issuer, kept.token.access.bytes,
                kept.token.refresh?.bytes, kept.token.expires, kept.obtained, kept.failure, kept.failed,
                kept.isRevoked)
        }
    }

    package func remove(_ key: TokenKey) async throws {
        try await database.write { try $0.execute(OAuthStatements.remove, key.route, key.login) }
    }
}
