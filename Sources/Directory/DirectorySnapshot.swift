package import MailSyntax

/// The directory as it stood at one revision; immutable, so that every session reads without a lock.
package struct DirectorySnapshot: Sendable {
    /// How deep aliases may point at aliases.
    static let expansionDepth = 20
    /// RFC 2142 §4 and RFC 5321 §4.5.1: names that exist in each domain.
    static let requiredNames = ["postmaster", "abuse"]

    package let revision: Int64
    package let domains: [DirectoryDomain]
    package let accounts: [Account]
    package let aliases: [Alias]
    package let dkimKeys: [DKIMKeyRow]
    let grants: SendGrants
    private let domainsByName: [DomainName: DirectoryDomain]
    private let accountsByAddress: [String: Account]
    private let accountsByID: [AccountID: Account]
    private let aliasesByAddress: [String: Alias]
    private let keysByDomain: [DomainName: [DKIMKeyRow]]
    /// Characters that end the mailbox part of a local part; empty turns tags off.
    package let recipientDelimiters: String

    package init(
        revision: Int64, domains: [DirectoryDomain], accounts: [Account], aliases: [Alias], dkimKeys: [DKIMKeyRow],
        grants: [SendGrant] = [], recipientDelimiters: String
    ) {
        self.revision = revision
        self.domains = domains.sorted { $0.name < $1.name }
        self.accounts = accounts.sorted { $0.address.folded < $1.address.folded }
        self.aliases = aliases.sorted { $0.address.folded < $1.address.folded }
        self.dkimKeys = dkimKeys
        self.grants = SendGrants(grants)
        self.recipientDelimiters = recipientDelimiters
        domainsByName = Dictionary(domains.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        accountsByAddress = Dictionary(
            accounts.map { ($0.address.folded, $0) }, uniquingKeysWith: { first, _ in first })
        accountsByID = Dictionary(accounts.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        aliasesByAddress = Dictionary(aliases.map { ($0.address.folded, $0) }, uniquingKeysWith: { first, _ in first })
        keysByDomain = Dictionary(grouping: dkimKeys.filter(\.isActive), by: \.domain)
    }

    /// The same directory with other accounts or aliases, or with another catch-all of one domain; what a change would
    /// make of it.
    func changing(
        accounts changedAccounts: [Account]? = nil, aliases changedAliases: [Alias]? = nil,
        catchAll: (domain: DomainName, target: EmailAddress?)? = nil
    ) -> Self {
        let domains = domains.map { domain in
            guard let catchAll, catchAll.domain == domain.name else { return domain }
            return DirectoryDomain(
                id: domain.id, name: domain.name, kind: domain.kind, catchAll: catchAll.target,
                createdAt: domain.createdAt)
        }
        return DirectorySnapshot(
            revision: revision, domains: domains, accounts: changedAccounts ?? accounts,
            aliases: changedAliases ?? aliases, dkimKeys: dkimKeys, grants: grants.all,
            recipientDelimiters: recipientDelimiters)
    }

    /// Domains without a postmaster, which is a configuration error. RFC 5321 §4.5.1
    package var domainsWithoutPostmaster: [DomainName] {
        hostedDomains.map(\.name).filter { name in
            if case .targets = resolve(EmailAddress(localPart: "postmaster", domain: name)) { return false }
            return true
        }
    }

    /// Those whose mail is kept or expanded here.
    package var hostedDomains: some Sequence<DirectoryDomain> { domains.lazy.filter { $0.kind == .hosted } }
    package func isHosted(_ domain: DomainName) -> Bool { domainsByName[domain]?.kind == .hosted }
    package func domain(_ name: DomainName) -> DirectoryDomain? { domainsByName[name] }
    package func account(_ address: EmailAddress) -> Account? { accountsByAddress[address.folded] }
    /// By login as typed: the whole address, in any case.
    package func account(login: String) -> Account? { accountsByAddress[EmailAddress.fold(login)] }
    package func account(id: AccountID) -> Account? { accountsByID[id] }
    package func alias(_ address: EmailAddress) -> Alias? { aliasesByAddress[address.folded] }
    /// What was granted, by account.
    package var sendGrants: [SendGrant] { grants.all }
    /// The active signing keys of a domain, in the order they were made.
    package func signingKeys(_ domain: DomainName) -> [DKIMKeyRow] { keysByDomain[domain] ?? [] }

    /// The selectors of these keys; nil for a domain that is not in the directory.
    package func signingSelectors(_ domain: DomainName) -> [String]? {
        self.domain(domain).map { _ in signingKeys(domain).map(\.selector) }
    }

    /// What mail for an address becomes: accounts here, addresses elsewhere.
    ///
    /// The whole address is looked up first, then the one without its tag, then `postmaster` and `abuse`, then the
    /// catch-all. Aliases may point at aliases; a loop ends where it closes.
    package func resolve(_ recipient: EmailAddress) -> RecipientResolution {
        guard let domain = recipient.domain, isHosted(domain) else { return .notHosted }
        var expansion = Expansion()
        let found = expand(recipient, tag: nil, depth: 0, into: &expansion)
        guard found else { return .unknown }
        if expansion.local.isEmpty, expansion.remote.isEmpty {
            return expansion.sawDisabled ? .disabled : .unknown
        }
        return .targets(local: expansion.local, remote: expansion.remote, steps: expansion.steps)
    }

    private struct Expansion {
        var local: [LocalTarget] = []
        var remote: [EmailAddress] = []
        var steps: [ResolutionStep] = []
        var visited: Set<String> = []
        var sawDisabled = false
    }

    /// Returns whether the address exists.
    private func expand(_ address: EmailAddress, tag: String?, depth: Int, into out: inout Expansion) -> Bool {
        guard depth <= Self.expansionDepth, out.visited.insert(address.folded).inserted else { return true }
        guard let domain = address.domain, isHosted(domain) else {
            if !out.remote.contains(where: { $0.folded == address.folded }) { out.remote.append(address) }
            return true
        }
        if deliver(address, tag: tag, depth: depth, into: &out) { return true }
        let (base, ownTag) = recipientDelimiters.isEmpty ? (address, nil) : address.splittingTag(recipientDelimiters)
        if let ownTag, deliver(base, tag: ownTag, depth: depth, into: &out) { return true }
        // RFC 2142 §4: abuse exists where postmaster does.
        if EmailAddress.fold(base.localPart) == "abuse" {
            let postmaster = EmailAddress(localPart: "postmaster", domain: domain)
            out.steps.append(ResolutionStep(rule: "abuse", before: "\(address)", after: "\(postmaster)"))
            if expand(postmaster, tag: tag ?? ownTag, depth: depth + 1, into: &out) { return true }
        }
        if let catchAll = domainsByName[domain]?.catchAll {
            out.steps.append(ResolutionStep(rule: "catch-all", before: "\(address)", after: "\(catchAll)"))
            return expand(catchAll, tag: tag ?? ownTag, depth: depth + 1, into: &out)
        }
        return false
    }

    private func deliver(_ address: EmailAddress, tag: String?, depth: Int, into out: inout Expansion) -> Bool {
        if let account = accountsByAddress[address.folded] {
            guard account.isEnabled else {
                out.sawDisabled = true
                return true
            }
            if !out.local.contains(where: { $0.account == account.id }) {
                out.local.append(LocalTarget(account: account.id, address: account.address, tag: tag))
            }
            return true
        }
        guard let alias = aliasesByAddress[address.folded] else { return false }
        let targets = alias.targets.map(\.description).joined(separator: ", ")
        out.steps.append(ResolutionStep(rule: "alias", before: "\(address)", after: targets))
        var found = false
        for target in alias.targets where expand(target, tag: tag, depth: depth + 1, into: &out) { found = true }
        return found
    }
}
