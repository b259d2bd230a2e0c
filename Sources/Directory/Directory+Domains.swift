package import MailSyntax
import SQLEngine

extension Directory {
    /// Adds a domain. The postmaster of one that is hosted must have somewhere to go: `postmaster` is an account of the
    /// domain to be made next, or an address that exists.
    ///
    /// - Parameters:
    ///   - postmaster: where `postmaster@` the domain is delivered; nil where the caller makes it in the next step, and
    ///     for a domain that only sends.
    ///   - keys: the signing keys made for it.
    package func addDomain(
        _ name: DomainName, kind: DomainKind = .hosted, postmaster: EmailAddress?, keys: [NewDKIMKey], author: String
    ) async throws {
        try await change(author: author) { directory in
            guard directory.domain(name) == nil else { throw DirectoryError.alreadyExists("domain \(name)") }
            if let postmaster { try directory.requireReachable(postmaster, besides: name) }
            let suffix = kind == .hosted ? "" : " \(kind.rawValue)"
            return DirectoryChange("domain add \(name)\(suffix)") { writer, now in
                let insert = DirectoryStatements.insertDomain
                let id = try writer.first(insert, name.ascii, String?.none, kind.rawValue, now) { $0.int64(0) }
                guard let id else { throw DatabaseError.other("no id for the domain") }
                for key in keys { try Self.insertKey(writer, key, domain: id, now: now) }
                try Self.insertPostmaster(writer, postmaster, of: name, id: id, now: now)
            }
        }
    }

    /// Forgets a domain that has no account left; its aliases and keys go with it.
    package func removeDomain(_ name: DomainName, author: String) async throws {
        try await change(author: author) { directory in
            guard let domain = directory.domain(name) else { throw DirectoryError.noDomain(name) }
            try directory.requireNoAccounts(in: name)
            if domain.kind == .hosted {
                try directory.requireUnused(where: { $0.domain == name }, "domain \(name)", ignoringAliasesOf: name)
            }
            let aliases = directory.aliases.filter { $0.address.domain == name }.map(\.id)
            let granted = Set(directory.sendGrants.filter { $0.sender.domain == name }.map(\.sender.folded))
            return DirectoryChange("domain remove \(name)") { writer, _ in
                for sender in granted { try writer.execute(DirectoryStatements.deleteGrantsOfSender, sender) }
                for alias in aliases { try writer.execute(DirectoryStatements.deleteAlias, alias) }
                try writer.execute(DirectoryStatements.deleteDomain, name.ascii)
            }
        }
    }

    /// Keeps a domain's mail here from now on, or no longer. Its keys stay.
    ///
    /// A domain with accounts, a catch-all or aliases beside `postmaster` can't become one that only sends: they would
    /// get no more mail. The alias `postmaster` goes, since others answer for the domain then.
    ///
    /// - Parameter postmaster: as in `addDomain`, for a domain that becomes hosted.
    package func setKind(
        _ name: DomainName, to kind: DomainKind, postmaster: EmailAddress?, author: String
    ) async throws {
        try await change(author: author) { directory in
            guard let domain = directory.domain(name) else { throw DirectoryError.noDomain(name) }
            guard domain.kind != kind else {
                throw DirectoryError.alreadyExists("domain \(name) as \(kind.rawValue)")
            }
            var leaving: [Int64] = []
            switch kind {
            case .hosted: if let postmaster { try directory.requireReachable(postmaster, besides: name) }
            case .sendOnly: leaving = try directory.requireEmpty(domain).map(\.id)
            }
            let aliases = leaving
            return DirectoryChange("domain kind \(name) \(kind.rawValue)") { writer, now in
                for alias in aliases { try writer.execute(DirectoryStatements.deleteAlias, alias) }
                try writer.execute(DirectoryStatements.setKind, name.ascii, kind.rawValue)
                if kind == .hosted {
                    try Self.insertPostmaster(writer, postmaster, of: name, id: domain.id, now: now)
                }
            }
        }
    }

    /// Sets or clears where mail for unknown addresses of a domain goes.
    package func setCatchAll(_ name: DomainName, to target: EmailAddress?, author: String) async throws {
        try await change(author: author) { directory in
            _ = try directory.requireHosted(name)
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

    private static func insertPostmaster(
        _ writer: any SQLWriter, _ target: EmailAddress?, of domain: DomainName, id: Int64, now: Timestamp
    ) throws {
        let alias = EmailAddress(localPart: "postmaster", domain: domain)
        guard let target, target.folded != alias.folded else { return }
        try insertAlias(writer, Alias(id: 0, address: alias, targets: [target]), domain: id, now: now)
    }
}
