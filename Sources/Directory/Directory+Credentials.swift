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
                return StoredCredential(id: row.int64(0), kind: kind, value: row.string(2))
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

    package func removeCredentials(of account: AccountID, label: String) async throws {
        try await database.write { writer in
            try writer.execute(DirectoryStatements.deleteLabelled, account, label)
        }
    }
}
