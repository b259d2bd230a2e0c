import Directory
import MailAuth
import MailConfig
import MailSyntax

extension Operations {
    func domainAdd(_ text: String, _ kind: DomainKind, postmaster: String?) async throws -> AdminResponse {
        let domain = try parseDomain(text)
        let target = try await choosePostmaster(postmaster, of: domain, kind)
        let keys = try await makeKeys(DKIMAlgorithm.allCases, selector: nil)
        try await directory.addDomain(domain, kind: kind, postmaster: target, keys: keys, author: author)
        let published = "publish its DNS records: martlet dns records \(domain)"
        return .done(
            lines: describe(domain, kind, "added", postmaster: target) + [
                "made DKIM keys with the selectors \(keys.map(\.selector).joined(separator: " and "))", published,
            ] + missing(target))
    }

    func domainKind(_ text: String, _ kind: DomainKind, postmaster: String?) async throws -> AdminResponse {
        let domain = try requireDomain(text)
        guard domain.kind != kind else {
            return .done(lines: describe(domain.name, kind, "is \(kind.rawValue) already", postmaster: nil))
        }
        let target = try await choosePostmaster(postmaster, of: domain.name, kind)
        try await directory.setKind(domain.name, to: kind, postmaster: target, author: author)
        let published = "its DNS records are others now: martlet dns records \(domain.name)"
        return .done(
            lines: describe(domain.name, kind, "is \(kind.rawValue)", postmaster: target) + [published]
                + missing(target))
    }

    private func describe(
        _ domain: DomainName, _ kind: DomainKind, _ what: String, postmaster: EmailAddress?
    ) -> [String] {
        switch kind {
        case .hosted:
            let reader = postmaster.map { "; postmaster and abuse go to \($0)" } ?? ""
            return ["domain \(domain) \(what)\(reader)"]
        case .sendOnly: return ["domain \(domain) \(what): its mail is signed here, and its mailboxes are elsewhere"]
        }
    }

    /// What is left to do where the postmaster isn't there yet.
    private func missing(_ postmaster: EmailAddress?) -> [String] {
        guard let postmaster, case .unknown = directory.snapshot.resolve(postmaster) else { return [] }
        return ["make the account of its postmaster now: martlet account add \(postmaster)"]
    }

    /// nil where mail for the postmaster goes elsewhere like all the domain's.
    private func choosePostmaster(
        _ text: String?, of domain: DomainName, _ kind: DomainKind
    ) async throws -> EmailAddress? {
        guard kind == .sendOnly else { return try await requirePostmaster(text, of: domain) }
        guard text == nil else {
            throw AdminError(
                .usage, "\(domain) only sends: others read the mail of its postmaster",
                remedy: "leave --postmaster out"
            )
        }
        return nil
    }

    /// RFC 5321 §4.5.1: every domain has a postmaster. Where none is named, the one of the first domain is asked to be.
    private func requirePostmaster(_ text: String?, of domain: DomainName) async throws -> EmailAddress {
        if let text { return try parseAddress(text) }
        let snapshot = directory.snapshot
        for other in snapshot.domains where other.name != domain {
            let address = EmailAddress(localPart: "postmaster", domain: other.name)
            if case .targets = snapshot.resolve(address) { return address }
        }
        throw AdminError(
            .usage,
            "\(domain) needs a postmaster: somebody who reads what other servers' operators write",
            remedy: "name one with --postmaster USER@\(domain), then add that account"
        )
    }

    func domainList() -> [DomainSummary] {
        let snapshot = directory.snapshot
        return snapshot.domains.map { domain in
            DomainSummary(
                name: domain.name.ascii,
                kind: domain.kind,
                unicode: domain.name.unicode == domain.name.ascii ? nil : domain.name.unicode,
                accounts: snapshot.accounts.filter { $0.address.domain == domain.name }.count,
                aliases: snapshot.aliases.filter { $0.address.domain == domain.name }.count,
                selectors: snapshot.signingKeys(domain.name).map(\.selector)
            )
        }
    }

    func domainRemove(_ text: String) async throws -> AdminResponse {
        let domain = try parseDomain(text)
        guard directory.snapshot.domain(domain) != nil else {
            throw AdminError(.noHost, "\(domain) is not a domain of this server", remedy: "see: martlet domain list")
        }
        try await directory.removeDomain(domain, author: author)
        return .done(lines: ["domain \(domain), its aliases and its keys are removed"])
    }
}
