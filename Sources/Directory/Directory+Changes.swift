package import MailSyntax
import SQLEngine

extension Directory {
    /// Hosts a domain. Its postmaster must have somewhere to go: `postmaster` is an account of the domain to be made
    /// next, or an address that exists.
    ///
    /// - Parameters:
    ///   - postmaster: where `postmaster@` the domain is delivered; nil where the caller makes it in the next step.
    ///   - keys: the signing keys made for it.
    package func addDomain(
        _ name: DomainName, postmaster: EmailAddress?, keys: [NewDKIMKey], author: String
    ) async throws {
        let alias = EmailAddress(localPart: "postmaster", domain: name)
        try await change(author: author) { directory in
            guard !directory.isHosted(name) else { throw DirectoryError.alreadyExists("domain \(name)") }
            if let postmaster { try directory.requireReachable(postmaster, besides: name) }
            return DirectoryChange("domain add \(name)") { writer, now in
                let id = try writer.first(DirectoryStatements.insertDomain, name.ascii, String?.none, now) {
                    $0.int64(0)
                }
                guard let id else { throw DatabaseError.other("no id for the domain") }
                for key in keys { try Self.insertKey(writer, key, domain: id, now: now) }
                if let postmaster, postmaster.folded != alias.folded {
                    try Self.insertAlias(
                        writer, Alias(id: 0, address: alias, targets: [postmaster]), domain: id, now: now)
                }
            }
        }
    }

    /// Stops hosting a domain that has no account left; its aliases and keys go with it.
    package func removeDomain(_ name: DomainName, author: String) async throws {
        try await change(author: author) { directory in
            guard directory.isHosted(name) else { throw DirectoryError.domainNotHosted(name) }
            let accounts = directory.accounts.filter { $0.address.domain == name }
            guard accounts.isEmpty else {
                let list = accounts.map(\.address.description).joined(separator: ", ")
                throw DirectoryError.inUse("domain \(name) still has accounts: \(list); remove them first")
            }
            try directory.requireUnused(
                where: { $0.domain == name }, "domain \(name)", ignoringAliasesOf: name)
            let aliases = directory.aliases.filter { $0.address.domain == name }.map(\.id)
            let granted = Set(directory.sendGrants.filter { $0.sender.domain == name }.map(\.sender.folded))
            return DirectoryChange("domain remove \(name)") { writer, _ in
                for sender in granted { try writer.execute(DirectoryStatements.deleteGrantsOfSender, sender) }
                for alias in aliases { try writer.execute(DirectoryStatements.deleteAlias, alias) }
                try writer.execute(DirectoryStatements.deleteDomain, name.ascii)
            }
        }
    }

    /// Sets or clears where mail for unknown addresses of a domain goes.
    package func setCatchAll(_ name: DomainName, to target: EmailAddress?, author: String) async throws {
        try await change(author: author) { directory in
            guard directory.isHosted(name) else { throw DirectoryError.domainNotHosted(name) }
            let next = directory.changing(catchAll: (name, target))
            if let target {
                try directory.requireReachable(target, besides: nil)
                // A target that only the old catch-all made reachable would lead back to itself.
                guard next.resolve(target) != .unknown else { throw DirectoryError.notFound("target \(target)") }
            }
            try directory.requirePostmasters(in: next)
            return DirectoryChange("domain catch-all \(name) \(target?.description ?? "none")") { writer, _ in
                try writer.execute(DirectoryStatements.setCatchAll, name.ascii, target?.description)
            }
        }
    }

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
            guard let domain = directory.domain(name) else { throw DirectoryError.domainNotHosted(name) }
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

    private static func insertKey(
        _ writer: any SQLWriter, _ key: NewDKIMKey, domain: Int64, now: Timestamp
    ) throws {
        try writer.execute(
            DirectoryStatements.insertKey, domain, key.selector, key.algorithm, key.privateKey, now)
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
