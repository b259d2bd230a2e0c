package import MailSyntax
import SQLEngine

extension Directory {
    /// Makes an alias, or gives an existing one other targets.
    ///
    /// - Parameters:
    ///   - senders: who may send as it from now on; nil leaves that as it is.
    ///   - targets: makes the targets from those it has, which are none for a new one. May be called more than once.
    /// - Returns: the targets it has now.
    @discardableResult
    package func changeAlias(
        _ address: EmailAddress, senders: AliasSenders? = nil, author: String,
        targets: @Sendable ([EmailAddress]) throws -> [EmailAddress]
    ) async throws -> [EmailAddress] {
        try await change(author: author) { directory in
            guard let name = address.domain else { throw DirectoryError.invalid("\(address) has no domain") }
            let domain = try directory.requireHosted(name)
            guard directory.account(address) == nil else { throw DirectoryError.alreadyExists("account \(address)") }
            let old = directory.alias(address)
            let targets = try targets(old?.targets ?? [])
            try directory.requireUsable(targets, of: address)
            let made = Alias(
                id: old?.id ?? 0, address: address, targets: targets,
                membersSend: senders?.members ?? old?.membersSend ?? false)
            let next = directory.changing(aliases: directory.aliases.filter { $0.id != old?.id } + [made])
            guard next.resolve(address) != .unknown else {
                throw DirectoryError.invalid("alias \(address) would only lead back to itself")
            }
            try directory.requirePostmasters(in: next)
            let list = targets.map(\.description).joined(separator: ", ")
            let accounts = try senders.map { try directory.requireAccounts($0.accounts) }
            let said = senders.map { " --send-as \($0)" } ?? ""
            return DirectoryChange("alias add \(address) \(list)\(said)") { writer, now in
                if let old { try writer.execute(DirectoryStatements.deleteAlias, old.id) }
                try Self.insertAlias(writer, made, domain: domain.id, now: now)
                if let accounts { try Self.setGrants(writer, of: .address(address), to: accounts, now: now) }
                return targets
            }
        }
    }

    /// Makes an alias, or gives an existing one its targets anew.
    package func addAlias(_ address: EmailAddress, targets: [EmailAddress], author: String) async throws {
        try await changeAlias(address, author: author) { _ in targets }
    }

    package func removeAlias(_ address: EmailAddress, author: String) async throws {
        try await change(author: author) { directory in
            guard let alias = directory.alias(address) else { throw DirectoryError.notFound("alias \(address)") }
            if EmailAddress.fold(address.localPart) == "postmaster", let domain = address.domain {
                throw DirectoryError.inUse("\(domain) needs a postmaster: point the alias elsewhere with alias add")
            }
            try directory.requireUnused(
                where: { $0.folded == address.folded }, "\(address)", ignoringAliasesOf: nil)
            let next = directory.changing(aliases: directory.aliases.filter { $0.id != alias.id })
            try directory.requirePostmasters(in: next)
            return DirectoryChange("alias remove \(address)") { writer, _ in
                try writer.execute(DirectoryStatements.deleteAlias, alias.id)
                try writer.execute(DirectoryStatements.deleteGrantsOfSender, address.folded)
            }
        }
    }

    static func insertAlias(_ writer: any SQLWriter, _ alias: Alias, domain: Int64, now: Timestamp) throws {
        let address = alias.address
        let id = try writer.first(
            DirectoryStatements.insertAlias, domain, address.folded, address.description, alias.membersSend, now
        ) { $0.int64(0) }
        guard let id else { throw DatabaseError.other("no id for the alias") }
        for (position, target) in alias.targets.enumerated() {
            try writer.execute(DirectoryStatements.insertAliasTarget, id, position, target.description)
        }
    }
}
