package import SQLEngine

/// The table of tokens: with the other secrets (DKIM keys, password hashes), in the database that only the server reads.
package enum OAuthSchema {
    package static let migrations = [
        Migration(
            "oauth-1",
            [
                .createTable(
                    Table(
                        "oauth_token",
                        columns: [
                            .text("route"), .text("login"), .text("issuer"), .blob("access_token"),
                            .blob("refresh_token").nullable, .int("expires_at").nullable, .int("obtained_at"),
                            .text("failure").nullable, .int("failed_at").nullable,
                            .int("revoked").checking("revoked IN (0, 1)"),
                        ],
                        primaryKey: ["route", "login"]))
            ])
    ]
}

package enum OAuthStatements {
    static let token = SQLStatement(
        """
        SELECT issuer, access_token, refresh_token, expires_at, obtained_at, failure, failed_at, revoked
        FROM oauth_token WHERE route = $1 AND login = $2
        """)
    static let save = SQLStatement(
        """
        INSERT INTO oauth_token (route, login, issuer, access_token, refresh_token, expires_at, obtained_at, failure,
            failed_at, revoked)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (route, login) DO UPDATE SET issuer = excluded.issuer, access_token = excluded.access_token,
            refresh_token = excluded.refresh_token, expires_at = excluded.expires_at,
            obtained_at = excluded.obtained_at, failure = excluded.failure, failed_at = excluded.failed_at,
            revoked = excluded.revoked
        """)
    static let remove = SQLStatement("DELETE FROM oauth_token WHERE route = $1 AND login = $2")

    package static let all = [token, save, remove]
}
