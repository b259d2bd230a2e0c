import Directory
import MailSyntax

extension Operations {
    func aliasAdd(_ text: String, _ targetTexts: [String]) async throws -> AdminResponse {
        let targets = try targetTexts.map { try parseAddress($0) }
        // `@example.org` stands for every address of the domain that does not exist.
        if text.hasPrefix("@") {
            let domain = try requireHosted(String(text.dropFirst()))
            guard let target = targets.first, targets.count == 1 else {
                throw AdminError(
                    .usage, "a catch-all has exactly one target", remedy: "make an alias and point it there")
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
        if let old = directory.snapshot.alias(address)?.targets, extending(old) == old {
            return .done(lines: ["\(address) goes there already"])
        }
        let new = try await directory.changeAlias(address, author: author, targets: extending)
        return .done(lines: ["\(address) goes to \(new.map(\.description).joined(separator: ", "))"])
    }

    func aliasList(_ domainText: String?) throws -> [AliasSummary] {
        let domain = try domainText.map { try requireHosted($0) }
        let snapshot = directory.snapshot
        let aliases = snapshot.aliases.filter { domain == nil || $0.address.domain == domain }.map {
            AliasSummary(address: $0.address.description, targets: $0.targets.map(\.description))
        }
        let catchAlls = snapshot.domains.filter { domain == nil || $0.name == domain }.compactMap { hosted in
            hosted.catchAll.map { AliasSummary(address: "@\(hosted.name)", targets: [$0.description]) }
        }
        return aliases + catchAlls
    }

    func aliasRemove(_ text: String, _ targetTexts: [String]) async throws -> AdminResponse {
        if text.hasPrefix("@") {
            let domain = try requireHosted(String(text.dropFirst()))
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
