package import MailSyntax

// Who may send as what.
//
// An address belongs to a login when its mail goes to that account and to nobody else: the account's own address, an
// alias with this one target (through however many aliases), `postmaster` and `abuse` where they lead there, and each of
// these with a tag. An alias of several people is a list: what one of them sends as the list the others would seem to
// have said, so none of them may. A disabled account counts, a catch-all belongs to nobody.
extension DirectorySnapshot {
    /// Whether a login may put an address into its reverse-path, and have its `From` signed for.
    package func mayUse(_ address: EmailAddress, as login: AccountID) -> Bool {
        var visited: Set<String> = []
        return owners(of: address, depth: 0, visited: &visited) == [login]
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
