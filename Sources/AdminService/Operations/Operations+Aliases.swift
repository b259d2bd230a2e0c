import Directory
import MailSyntax

extension Operations {
    func aliasAdd(_ text: String, _ targetTexts: [String], sendAs: [String]?) async throws -> AdminResponse {
        let senders = try sendAs.map(parseSenders)
        let targets = try targetTexts.map { try parseAddress($0) }
        // `@example.org` stands for every address of the domain that does not exist.
        if text.hasPrefix("@") {
            let domain = try requireDomain(String(text.dropFirst())).name
            guard let target = targets.first, targets.count == 1 else {
                throw AdminError(
                    .usage, "a catch-all has exactly one target", remedy: "make an alias and point it there")
            }
            guard senders == nil else {
                throw AdminError(
                    .usage, "a catch-all is not an address that somebody sends as",
                    remedy: "let an account send as any address of it: martlet alias send-as @\(domain) ACCOUNT")
            }
            try await directory.setCatchAll(domain, to: target, author: author)
            return .done(lines: ["mail for unknown addresses of \(domain) goes to \(target)"])
        }
        let address = try parseAddress(text)
        try DevicePasswords.requireFree(address, manifest)
        @Sendable func extending(_ old: [EmailAddress]) -> [EmailAddress] {
            targets.reduce(into: old) { list, target in
                if !list.contains(where: { $0.folded == target.folded }) { list.append(target) }
            }
        }
        let before = directory.snapshot.senders(of: .address(address))
        if let old = directory.snapshot.alias(address)?.targets, extending(old) == old, senders ?? before == before {
            return .done(lines: ["\(address) goes there already"])
        }
        let new = try await directory.changeAlias(address, senders: senders, author: author, targets: extending)
        let goes = "\(address) goes to \(new.map(\.description).joined(separator: ", "))"
        return .done(lines: senders == nil ? [goes] : [goes, Self.text(directory.snapshot, .address(address))])
    }

    func aliasList(_ domainText: String?) throws -> [AliasSummary] {
        let domain = try domainText.map { try requireDomain($0).name }
        let snapshot = directory.snapshot
        let aliases = snapshot.aliases.filter { domain == nil || $0.address.domain == domain }.map {
            AliasSummary(
                address: $0.address.description, targets: $0.targets.map(\.description),
                senders: snapshot.senders(of: .address($0.address)).names)
        }
        let catchAlls = snapshot.domains.filter { domain == nil || $0.name == domain }.compactMap { hosted in
            hosted.catchAll.map {
                AliasSummary(
                    address: "@\(hosted.name)", targets: [$0.description],
                    senders: snapshot.senders(of: .domain(hosted.name)).names)
            }
        }
        return aliases + catchAlls
    }

    func aliasRemove(_ text: String, _ targetTexts: [String]) async throws -> AdminResponse {
        if text.hasPrefix("@") {
            let domain = try requireDomain(String(text.dropFirst())).name
            try await directory.setCatchAll(domain, to: nil, author: author)
            return .done(lines: ["mail for unknown addresses of \(domain) is refused"])
        }
        let address = try parseAddress(text)
        guard let alias = directory.snapshot.alias(address) else {
            throw AdminError(.noUser, "there is no alias \(address)", remedy: "see: martlet alias list")
        }
        let gone = try targetTexts.map { try parseAddress($0).folded }
        for target in gone where !alias.targets.contains(where: { $0.folded == target }) {
            throw AdminError(.noUser, "\(address) does not go to \(target)", remedy: "see: martlet alias list")
        }
        if gone.isEmpty || alias.targets.allSatisfy({ gone.contains($0.folded) }) {
            try await directory.removeAlias(address, author: author)
            return .done(lines: ["alias \(address) removed"])
        }
        let left = try await directory.changeAlias(address, author: author) { old in
            old.filter { !gone.contains($0.folded) }
        }
        return .done(lines: ["\(address) goes to \(left.map(\.description).joined(separator: ", "))"])
    }
}
