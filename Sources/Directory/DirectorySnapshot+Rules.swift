import MailSyntax

/// What must hold before a change is made. Each throws the `DirectoryError` that tells the operator why not.
extension DirectorySnapshot {
    func requireAccount(_ address: EmailAddress) throws -> Account {
        guard let account = account(address) else { throw DirectoryError.notFound("account \(address)") }
        return account
    }

    /// A domain that can have accounts and aliases.
    func requireHosted(_ name: DomainName) throws -> DirectoryDomain {
        guard let domain = domain(name) else { throw DirectoryError.noDomain(name) }
        guard domain.kind == .hosted else { throw DirectoryError.sendOnly(name) }
        return domain
    }

    func requireNoAccounts(in name: DomainName) throws {
        let accounts = accounts.filter { $0.address.domain == name }
        guard accounts.isEmpty else {
            let list = accounts.map(\.address.description).joined(separator: ", ")
            throw DirectoryError.inUse("domain \(name) still has accounts: \(list); remove them first")
        }
    }

    /// Refuses while addresses of a domain get mail here.
    ///
    /// - Returns: the aliases that go without being asked about, which are those of `postmaster`.
    func requireEmpty(_ domain: DirectoryDomain) throws -> [Alias] {
        try requireNoAccounts(in: domain.name)
        let aliases = aliases.filter { $0.address.domain == domain.name }
        let others = aliases.filter { EmailAddress.fold($0.address.localPart) != "postmaster" }
        let names = others.map(\.address.description) + (domain.catchAll == nil ? [] : ["@\(domain.name)"])
        guard names.isEmpty else {
            let list = names.joined(separator: ", ")
            throw DirectoryError.inUse("domain \(domain.name) still has aliases: \(list); remove them first")
        }
        return aliases
    }

    /// - Returns: the domain that the new account will be in.
    func requireFree(_ address: EmailAddress) throws -> DirectoryDomain {
        guard let name = address.domain else { throw DirectoryError.invalid("\(address) has no domain") }
        let domain = try requireHosted(name)
        guard account(address) == nil else { throw DirectoryError.alreadyExists("account \(address)") }
        guard alias(address) == nil else { throw DirectoryError.alreadyExists("alias \(address)") }
        guard !address.exceedsLocalPartLimit else {
            throw DirectoryError.invalid("\(address): the part before @ is over 64 octets")  // RFC 5321 §4.5.3.1.1
        }
        guard recipientDelimiters.allSatisfy({ !address.localPart.contains($0) }) else {
            throw DirectoryError.invalid("\(address): \(recipientDelimiters) separates tags and can't be in an account")
        }
        return domain
    }

    /// A target in a hosted domain must exist; others are anybody's guess.
    func requireReachable(_ target: EmailAddress, besides newDomain: DomainName?) throws {
        guard let domain = target.domain, domain != newDomain, isHosted(domain) else { return }
        if case .unknown = resolve(target) { throw DirectoryError.notFound("target \(target)") }
    }

    func requireUsable(_ targets: [EmailAddress], of alias: EmailAddress) throws {
        guard !targets.isEmpty else { throw DirectoryError.invalid("an alias needs at least one target") }
        for target in targets {
            guard target.folded != alias.folded else {
                throw DirectoryError.invalid("alias \(alias) can't point at itself")
            }
            try requireReachable(target, besides: nil)
        }
    }

    /// Refuses while an alias or a catch-all points at something that is to go.
    func requireUnused(
        where matches: (EmailAddress) -> Bool, _ what: String, ignoringAliasesOf domain: DomainName?
    ) throws {
        let users =
            aliases.filter { $0.address.domain != domain && $0.targets.contains(where: matches) }
            .map { "alias \($0.address)" }
            + domains.filter { $0.name != domain && ($0.catchAll.map(matches) ?? false) }
            .map { "catch-all of \($0.name)" }
        guard users.isEmpty else {
            throw DirectoryError.inUse("\(what) is used by \(users.joined(separator: ", ")); change that first")
        }
    }

    /// Refuses a change after which a domain that has a postmaster has none: the server would not start again.
    /// RFC 5321 §4.5.1
    func requirePostmasters(in next: DirectorySnapshot) throws {
        let lacking = Set(domainsWithoutPostmaster)
        guard let lost = next.domainsWithoutPostmaster.first(where: { !lacking.contains($0) }) else { return }
        let postmaster = EmailAddress(localPart: "postmaster", domain: lost)
        // An account of that name leaves no room for an alias of that name.
        let way = account(postmaster) == nil ? postmaster.description : "@\(lost)"
        throw DirectoryError.inUse(
            "\(postmaster) would reach nobody; give it somebody first: martlet alias add \(way) ADDRESS")
    }
}
