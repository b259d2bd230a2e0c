package import MailSyntax
import SQLEngine

extension Directory {
    /// Makes an account in a hosted domain. The caller adds its credentials and mailboxes.
    package func addAccount(
        _ address: EmailAddress, name: String?, quota: Int64?, author: String
    ) async throws -> Account {
        let id: AccountID? = try await change(author: author) { directory in
            let domain = try directory.requireFree(address)
            return DirectoryChange("account add \(address)") { writer, now in
                let insert = DirectoryStatements.insertAccount
                return try writer.first(
                    insert, domain.id, address.folded, address.description, name, quota, now
                ) { AccountID(rawValue: $0.int64(0)) }
            }
        }
        guard let id, let account = snapshot.account(id: id) else { throw DatabaseError.other("account was not kept") }
        return account
    }

    /// Lets an account log in and receive, or stops both.
    package func setEnabled(_ address: EmailAddress, _ isEnabled: Bool, author: String) async throws {
        try await change(author: author) { directory in
            let account = try directory.requireAccount(address)
            if !isEnabled { try directory.requirePostmasters(in: directory.without(account)) }
            return DirectoryChange("account \(isEnabled ? "enable" : "disable") \(address)") { writer, _ in
                try writer.execute(DirectoryStatements.setEnabled, account.id, isEnabled)
            }
        }
    }

    /// - Parameter quota: octets; nil is unlimited.
    package func setQuota(_ address: EmailAddress, _ quota: Int64?, author: String) async throws {
        try await change(author: author) { directory in
            let account = try directory.requireAccount(address)
            let text = quota.map(String.init) ?? "unlimited"
            return DirectoryChange("account quota \(address) \(text)") { writer, _ in
                try writer.execute(DirectoryStatements.setQuota, account.id, quota)
            }
        }
    }

    /// Removes an account's row. Its mail must have been removed before.
    package func removeAccount(_ address: EmailAddress, author: String) async throws {
        try await change(author: author) { directory in
            let account = try directory.requireRemovable(address)
            return DirectoryChange("account remove \(address)") { writer, _ in
                try writer.execute(DirectoryStatements.deleteGrantsOfSender, account.address.folded)
                try writer.execute(DirectoryStatements.deleteAccount, account.id)
            }
        }
    }

    /// Refuses while an alias or a catch-all points at the account, or when a domain would have no postmaster without it.
    package func requireRemovable(_ address: EmailAddress) throws {
        _ = try snapshot.requireRemovable(address)
    }

    package func addDKIMKey(_ key: NewDKIMKey, domain name: DomainName, author: String) async throws {
        try await change(author: author) { directory in
            guard let domain = directory.domain(name) else { throw DirectoryError.noDomain(name) }
            // Names in the DNS are the same in any case.
            let isTaken = directory.dkimKeys.contains {
                $0.domain == name && $0.selector.lowercased() == key.selector.lowercased()
            }
            guard !isTaken else { throw DirectoryError.alreadyExists("DKIM selector \(key.selector) of \(name)") }
            return DirectoryChange("dkim add \(name) \(key.selector)") { writer, now in
                try Self.insertKey(writer, key, domain: domain.id, now: now)
            }
        }
    }

    /// Domains without a postmaster, which is a configuration error. RFC 5321 §4.5.1
    package var domainsWithoutPostmaster: [DomainName] { snapshot.domainsWithoutPostmaster }

    static func insertKey(
        _ writer: any SQLWriter, _ key: NewDKIMKey, domain: Int64, state: DKIMKeyState = .active, now: Timestamp
    ) throws {
        try writer.execute(
            DirectoryStatements.insertKey, domain, key.selector, key.algorithm, key.privateKey, state.rawValue, now)
    }
}

extension DirectorySnapshot {
    /// The directory without an account's mailbox.
    fileprivate func without(_ account: Account) -> DirectorySnapshot {
        changing(accounts: accounts.filter { $0.id != account.id })
    }

    fileprivate func requireRemovable(_ address: EmailAddress) throws -> Account {
        let account = try requireAccount(address)
        try requireUnused(where: { $0.folded == address.folded }, "\(address)", ignoringAliasesOf: nil)
        try requirePostmasters(in: without(account))
        return account
    }
}

/// A signing key to be kept.
package struct NewDKIMKey: Sendable {
    package let selector: String
    /// `rsa` or `ed25519`.
    package let algorithm: String
    /// PEM, PKCS #8.
    package let privateKey: String

    package init(selector: String, algorithm: String, privateKey: String) {
        self.selector = selector
        self.algorithm = algorithm
        self.privateKey = privateKey
    }
}
