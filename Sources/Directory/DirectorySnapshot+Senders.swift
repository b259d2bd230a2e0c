package import MailSyntax

// Who may send as what.
//
// An address belongs to a login when its mail goes to that account and to nobody else: the account's own address, an
// alias with this one target (through however many aliases), `postmaster` and `abuse` where they lead there, and each of
// these with a tag. An alias of several people is a list: what one of them sends as the list the others would seem to
// have said, so none of them may, unless it was granted: to those who get its mail, or to accounts by name. A disabled
// account counts as somebody, a catch-all and the addresses of tables belong to nobody; they can be granted.
extension DirectorySnapshot {
    /// Whether a login may put an address into its reverse-path, and have its `From` signed for.
    package func mayUse(_ address: EmailAddress, as login: AccountID) -> Bool {
        ownership(of: address, by: login) != .foreign
    }

    /// What an address is to a login.
    package func ownership(of address: EmailAddress, by login: AccountID) -> SenderOwnership {
        var visited: Set<String> = []
        if owners(of: address, depth: 0, visited: &visited) == [login] { return .own }
        return grant(of: address, to: login).map { .granted($0) } ?? .foreign
    }

    /// What was said that lets a login send as an address, in words. What was said of an address holds for its tags, but
    /// not where the address with the tag is somebody's of its own.
    private func grant(of address: EmailAddress, to login: AccountID) -> String? {
        let exists = account(address) != nil || alias(address) != nil
        let base = exists || recipientDelimiters.isEmpty ? address : address.splittingTag(recipientDelimiters).base
        if let alias = alias(base), alias.membersSend, case .targets(let local, _, _) = resolve(alias.address),
            local.contains(where: { $0.account == login })
        {
            return "granted to the members of \(alias.address)"
        }
        guard grants.hasAny(login), let name = account(id: login)?.address else { return nil }
        let domain = address.domain.map { GrantedSender.domain($0) }
        let found = [.address(address), .address(base), domain].compactMap(\.self).first { grants.has($0, login) }
        return found.map { "\($0) granted to \(name)" }
    }

    /// The accounts that get the mail of an address; nil where some of it leaves, or nobody was given the address.
    private func owners(of address: EmailAddress, depth: Int, visited: inout Set<String>) -> Set<AccountID>? {
        guard depth <= Self.expansionDepth, let domain = address.domain, isHosted(domain) else { return nil }
        guard visited.insert(address.folded).inserted else { return [] }
        let base = recipientDelimiters.isEmpty ? address : address.splittingTag(recipientDelimiters).base
        for candidate in [address, base] {
            if let account = account(candidate) { return [account.id] }
            if let alias = alias(candidate) { return owners(of: alias, depth: depth, visited: &visited) }
        }
        // RFC 2142 §4: abuse exists where postmaster does.
        guard EmailAddress.fold(base.localPart) == "abuse" else { return nil }
        let postmaster = EmailAddress(localPart: "postmaster", domain: domain)
        return owners(of: postmaster, depth: depth + 1, visited: &visited)
    }

    private func owners(of alias: Alias, depth: Int, visited: inout Set<String>) -> Set<AccountID>? {
        var all: Set<AccountID> = []
        for target in alias.targets {
            guard let some = owners(of: target, depth: depth + 1, visited: &visited) else { return nil }
            all.formUnion(some)
        }
        return all
    }
}
