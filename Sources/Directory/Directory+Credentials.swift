import MailSyntax
package import SASLCore
import SQLEngine

extension Directory: CredentialSource {
    package func credentials(for login: String) async throws -> AccountCredentials? {
        guard let account = snapshot.account(login: login) else { return nil }
        return AccountCredentials(account: account, credentials: try await credentials(of: account.id))
    }

    /// Every credential of an account, in the order they were made.
    package func credentials(of account: AccountID) async throws -> [StoredCredential] {
        try await database.read { reader in
            try reader.query(DirectoryStatements.credentials, account) { row in
                guard let kind = CredentialKind(rawValue: row.string(1)) else {
                    throw DatabaseError.corrupt("credential \(row.int64(0)) has the kind \(row.string(1))")
                }
                return StoredCredential(id: row.int64(0), kind: kind, value: row.string(2), label: row.string(3))
            }
        }
    }

    package func addCredential(_ credential: NewCredential, to account: AccountID) async throws {
        let now = clock.now()
        try await database.write { writer in
            _ = try writer.first(
                DirectoryStatements.insertCredential, account, credential.kind.rawValue, credential.value,
                credential.label, now
            ) { $0.int64(0) }
        }
    }

    /// Puts these in the place of every credential that has the label, in one write.
    package func replaceCredentials(
        of account: AccountID, label: String, with credentials: [NewCredential]
    ) async throws {
        let now = clock.now()
        try await database.write { writer in
            try writer.execute(DirectoryStatements.deleteLabelled, account, label)
            for credential in credentials {
                _ = try writer.first(
                    DirectoryStatements.insertCredential, account, credential.kind.rawValue, credential.value,
                    credential.label, now
                ) { $0.int64(0) }
            }
        }
    }

    package func decoySecret() async throws -> Secret? { try await secret("login-decoy") }

    /// 32 random octets under a name, the same from the first time on.
    private func secret(_ name: String) async throws -> Secret? {
        func stored() async throws -> Secret? {
            let text = try await database.read { try $0.first(DirectoryStatements.secret, name) { $0.string(0) } }
            return text.flatMap { Base64.decode($0.utf8) }.map { Secret($0) }
        }
        if let known = try await stored() { return known }
        var generator = SystemRandomNumberGenerator()
        let fresh = Base64.encode((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
        let now = clock.now()
        try await database.write { try $0.execute(DirectoryStatements.insertSecret, name, fresh, now) }
        // Another node may have been quicker.
        return try await stored()
    }

    package func removeCredentials(of account: AccountID, label: String) async throws {
        try await database.write { writer in
            try writer.execute(DirectoryStatements.deleteLabelled, account, label)
        }
    }
}
