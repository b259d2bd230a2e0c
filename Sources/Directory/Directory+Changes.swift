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
        guard !snapshot.isHosted(name) else { throw DirectoryError.alreadyExists("domain \(name)") }
        if let postmaster { try requireReachable(postmaster, besides: name) }
        let alias = EmailAddress(localPart: "postmaster", domain: name)
        try await change("domain add \(name)", author: author) { writer, now in
            let id = try writer.first(DirectoryStatements.insertDomain, name.ascii, String?.none, now) { $0.int64(0) }
            guard let id else { throw DatabaseError.other("no id for the domain") }
            for key in keys {
                try writer.execute(
                    DirectoryStatements.insertKey, id, key.selector, key.algorithm, key.privateKey, now)
            }
            if let postmaster, postmaster.folded != alias.folded {
                try Self.insertAlias(writer, alias, targets: [postmaster], domain: id, now: now)
            }
        }
    }

    /// Stops hosting a domain that has no account left; its aliases and keys go with it.
    package func removeDomain(_ name: DomainName, author: String) async throws {
        let now = snapshot
        guard now.isHosted(name) else { throw DirectoryError.notFound("domain \(name)") }
        let accounts = now.accounts.filter { $0.address.domain == name }
        guard accounts.isEmpty else {
            let list = accounts.map(\.address.description).joined(separator: ", ")
            throw DirectoryError.inUse("domain \(name) still has accounts: \(list); remove them first")
        }
        try requireUnused(in: now, where: { $0.domain == name }, "domain \(name)", ignoringAliasesOf: name)
        let aliases = now.aliases.filter { $0.address.domain == name }.map(\.id)
        try await change("domain remove \(name)", author: author) { writer, _ in
            for alias in aliases { try writer.execute(DirectoryStatements.deleteAlias, alias) }
            try writer.execute(DirectoryStatements.deleteDomain, name.ascii)
        }
    }

    /// Sets or clears where mail for unknown addresses of a domain goes.
    package func setCatchAll(_ name: DomainName, to target: EmailAddress?, author: String) async throws {
        guard snapshot.isHosted(name) else { throw DirectoryError.domainNotHosted(name) }
        if let target {
            try requireReachable(target, besides: nil)
            // A target that only the old catch-all made reachable would lead back to itself.
            let next = snapshot.changing(catchAll: (name, target))
            guard next.resolve(target) != .unknown else { throw DirectoryError.notFound("target \(target)") }
        }
        try await change("domain catch-all \(name) \(target?.description ?? "none")", author: author) { writer, _ in
            try writer.execute(DirectoryStatements.setCatchAll, name.ascii, target?.description)
        }
    }

    /// Makes an account in a hosted domain. The caller adds its credentials and mailboxes.
    package func addAccount(
        _ address: EmailAddress, name: String?, quota: Int64?, author: String
    ) async throws -> Account {
        let domain = try requireFree(address)
        guard !address.exceedsLocalPartLimit else {
            throw DirectoryError.invalid("\(address): the part before @ is over 64 octets")  // RFC 5321 §4.5.3.1.1
        }
        guard snapshot.recipientDelimiters.allSatisfy({ !address.localPart.contains($0) }) else {
            throw DirectoryError.invalid(
                "\(address): \(snapshot.recipientDelimiters) separates tags and can't be in an account")
        }
        let id = try await change("account add \(address)", author: author) { writer, now in
            try writer.first(
                DirectoryStatements.insertAccount, domain.id, address.folded, address.description, name, quota, now
            ) { AccountID(rawValue: $0.int64(0)) }
        }
        guard let id, let account = snapshot.account(id: id) else { throw DatabaseError.other("account was not kept") }
        return account
    }

    /// Lets an account log in and receive, or stops both.
    package func setEnabled(_ address: EmailAddress, _ isEnabled: Bool, author: String) async throws {
        let account = try requireAccount(address)
        try await change("account \(isEnabled ? "enable" : "disable") \(address)", author: author) { writer, _ in
            try writer.execute(DirectoryStatements.setEnabled, account.id, isEnabled)
        }
    }

    /// - Parameter quota: octets; nil is unlimited.
    package func setQuota(_ address: EmailAddress, _ quota: Int64?, author: String) async throws {
        let account = try requireAccount(address)
        let text = quota.map(String.init) ?? "unlimited"
        try await change("account quota \(address) \(text)", author: author) { writer, _ in
            try writer.execute(DirectoryStatements.setQuota, account.id, quota)
        }
    }

    /// Removes an account's row. Its mail must have been removed before.
    package func removeAccount(_ address: EmailAddress, author: String) async throws {
        let account = try requireAccount(address)
        try requireRemovable(address)
        try await change("account remove \(address)", author: author) { writer, _ in
            try writer.execute(DirectoryStatements.deleteAccount, account.id)
        }
    }

    /// Refuses while an alias or a catch-all points at the account.
    package func requireRemovable(_ address: EmailAddress) throws {
        try requireUnused(
            in: snapshot, where: { $0.folded == address.folded }, "\(address)", ignoringAliasesOf: nil)
    }

    /// Makes an alias, or gives an existing one its targets anew.
    package func addAlias(_ address: EmailAddress, targets: [EmailAddress], author: String) async throws {
        guard !targets.isEmpty else { throw DirectoryError.invalid("an alias needs at least one target") }
        guard let name = address.domain, let domain = snapshot.domain(name) else {
            throw DirectoryError.invalid("\(address) is not in a domain of this server; add the domain first")
        }
        guard snapshot.account(address) == nil else { throw DirectoryError.alreadyExists("account \(address)") }
        for target in targets {
            guard target.folded != address.folded else {
                throw DirectoryError.invalid("alias \(address) can't point at itself")
            }
            try requireReachable(target, besides: nil)
        }
        let old = snapshot.alias(address)
        let made = Alias(id: old?.id ?? 0, address: address, targets: targets)
        let next = snapshot.changing(aliases: snapshot.aliases.filter { $0.id != old?.id } + [made])
        guard next.resolve(address) != .unknown else {
            throw DirectoryError.invalid("alias \(address) would only lead back to itself")
        }
        let list = targets.map(\.description).joined(separator: ", ")
        try await change("alias add \(address) \(list)", author: author) { writer, now in
            if let old { try writer.execute(DirectoryStatements.deleteAlias, old.id) }
            try Self.insertAlias(writer, address, targets: targets, domain: domain.id, now: now)
        }
    }

    package func removeAlias(_ address: EmailAddress, author: String) async throws {
        guard let alias = snapshot.alias(address) else { throw DirectoryError.notFound("alias \(address)") }
        if EmailAddress.fold(address.localPart) == "postmaster", let domain = address.domain {
            throw DirectoryError.inUse("\(domain) needs a postmaster: point the alias elsewhere with alias add")
        }
        try requireUnused(
            in: snapshot, where: { $0.folded == address.folded }, "\(address)", ignoringAliasesOf: nil)
        try await change("alias remove \(address)", author: author) { writer, _ in
            try writer.execute(DirectoryStatements.deleteAlias, alias.id)
        }
    }

    package func addDKIMKey(_ key: NewDKIMKey, domain name: DomainName, author: String) async throws {
        guard let domain = snapshot.domain(name) else { throw DirectoryError.domainNotHosted(name) }
        guard !snapshot.dkimKeys.contains(where: { $0.domain == name && $0.selector == key.selector }) else {
            throw DirectoryError.alreadyExists("DKIM selector \(key.selector) of \(name)")
        }
        try await change("dkim add \(name) \(key.selector)", author: author) { writer, now in
            try writer.execute(
                DirectoryStatements.insertKey, domain.id, key.selector, key.algorithm, key.privateKey, now)
        }
    }

    /// Domains without a postmaster, which is a configuration error. RFC 5321 §4.5.1
    package var domainsWithoutPostmaster: [DomainName] {
        let now = snapshot
        return now.domains.map(\.name).filter { name in
            if case .targets = now.resolve(EmailAddress(localPart: "postmaster", domain: name)) { return false }
            return true
        }
    }

    private static func insertAlias(
        _ writer: any SQLWriter, _ address: EmailAddress, targets: [EmailAddress], domain: Int64, now: Timestamp
    ) throws {
        let id = try writer.first(
            DirectoryStatements.insertAlias, domain, address.folded, address.description, now
        ) { $0.int64(0) }
        guard let id else { throw DatabaseError.other("no id for the alias") }
        for (position, target) in targets.enumerated() {
            try writer.execute(DirectoryStatements.insertAliasTarget, id, position, target.description)
        }
    }

    private func requireAccount(_ address: EmailAddress) throws -> Account {
        guard let account = snapshot.account(address) else { throw DirectoryError.notFound("account \(address)") }
        return account
    }

    private func requireFree(_ address: EmailAddress) throws -> HostedDomain {
        guard let name = address.domain else { throw DirectoryError.invalid("\(address) has no domain") }
        guard let domain = snapshot.domain(name) else { throw DirectoryError.domainNotHosted(name) }
        guard snapshot.account(address) == nil else { throw DirectoryError.alreadyExists("account \(address)") }
        guard snapshot.alias(address) == nil else { throw DirectoryError.alreadyExists("alias \(address)") }
        return domain
    }

    /// A target in a hosted domain must exist; others are anybody's guess.
    private func requireReachable(_ target: EmailAddress, besides newDomain: DomainName?) throws {
        guard let domain = target.domain, domain != newDomain, snapshot.isHosted(domain) else { return }
        if case .unknown = snapshot.resolve(target) { throw DirectoryError.notFound("target \(target)") }
    }

    private func requireUnused(
        in snapshot: DirectorySnapshot, where matches: (EmailAddress) -> Bool, _ what: String,
        ignoringAliasesOf domain: DomainName?
    ) throws {
        let users =
            snapshot.aliases.filter { $0.address.domain != domain && $0.targets.contains(where: matches) }
            .map { "alias \($0.address)" }
            + snapshot.domains.filter { $0.name != domain && ($0.catchAll.map(matches) ?? false) }
            .map { "catch-all of \($0.name)" }
        guard users.isEmpty else {
            throw DirectoryError.inUse("\(what) is used by \(users.joined(separator: ", ")); change that first")
        }
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
