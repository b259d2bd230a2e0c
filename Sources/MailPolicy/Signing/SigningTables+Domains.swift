package import MailConfig
package import MailSyntax

// What the tables have for whole domains: for who lists, publishes and checks keys. What signs a message is chosen by
// its author.
extension SigningTables {
    /// A key that signs for senders of a domain, or in its name.
    package struct DomainKey: Hashable, Sendable {
        package var key: Key
        /// The senders that the lines of the signing table name, as they are written there.
        package var senders: [String]
    }

    /// The keys of a domain.
    package struct DomainKeys: Sendable {
        /// In the order in which they count.
        package fileprivate(set) var keys: [DomainKey] = []
        /// The tables have a key for every sender of the domain: none is signed for with keys of the directory.
        package fileprivate(set) var areForEveryone = false

        fileprivate mutating func add(_ key: Key, _ sender: String) {
            guard let known = keys.firstIndex(where: { $0.key.isSame(as: key) }) else {
                keys.append(DomainKey(key: key, senders: [sender]))
                return
            }
            if !keys[known].senders.contains(sender) { keys[known].senders.append(sender) }
        }
    }

    /// The domains that the tables name, as senders' or in `d=`.
    package var namedDomains: Set<DomainName> { senders.namedDomains.union(keys.rows.compactMap(\.domain)) }

    /// The lines of the key table whose `d=` is another domain: `/etc/opendkim/KeyTable:3`.
    package func keyLines(notOf domain: DomainName) -> Set<String> {
        Set(keys.rows.filter { $0.domain != domain }.map { "\(keys.file):\($0.line)" })
    }

    /// The keys that may sign for senders of a domain, and those that sign for others in its name.
    ///
    /// - Parameter multiple: every line that fits signs, not the first one alone.
    package func keys(of domain: DomainName, multiple: Bool) -> DomainKeys {
        var found = DomainKeys()
        var seen: Set<String> = []
        for (row, isForAll) in senders.rows(forAnyoneIn: domain) {
            guard multiple || seen.insert(row.sender.lowercased()).inserted else { continue }
            if let key = match(row, domain).key {
                found.add(key, row.sender)
                if isForAll { found.areForEveryone = true }
            }
            if isForAll, !multiple { break }
        }
        addKeys(inNameOf: domain, to: &found)
        return found
    }

    /// Senders of other domains may have keys whose `d=` is this one.
    private func addKeys(inNameOf domain: DomainName, to found: inout DomainKeys) {
        for keyRow in keyRows[domain] ?? [] {
            // A top-level domain sends no mail: a name without a dot is only a name.
            let isDomain = DomainName(keyRow.name)?.parent != nil
            let rows = (uses[keyRow.line] ?? []) + (isDomain ? domainUses : [])
            for row in rows where !senders.isOnly(row, for: domain) {
                let name = row.name == "%" ? keyRow.name : row.name
                // The path of another domain's key is known with that domain only.
                guard let key = keys.key(keyRow, named: name, for: domain), !key.isForAnyDomain else { continue }
                found.add(key, row.sender)
            }
        }
    }
}

extension Policy {
    /// Whether the keys that the directory has for a domain sign nothing, because the tables have some for everyone.
    package static func directoryIsIdle(for domain: DomainName, _ tables: SigningTables, _ manifest: Manifest) -> Bool {
        func areForEveryone(_ domain: DomainName) -> Bool {
            tables.keys(of: domain, multiple: manifest.dkim.multipleSignatures).areForEveryone
        }
        guard manifest.dkim.subdomains == .off, areForEveryone(domain) else { return false }
        // What the server writes itself comes from its own name, and is signed with the nearest keys.
        guard let host = DomainName(manifest.server.hostname), host.isSubdomain(of: domain) else { return true }
        return areForEveryone(host)
    }
}
