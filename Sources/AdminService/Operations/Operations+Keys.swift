import Directory
import MailAuth
import MailConfig
import MailSyntax

// Keys that outgoing mail is signed with.
extension Operations {
    func dkimAdd(_ text: String, selector: String?, algorithms: [String]) async throws -> AdminResponse {
        let domain = try requireDomain(text).name
        let wanted = try algorithms.map { try Self.algorithm($0) }
        let chosen = wanted.isEmpty ? DKIMAlgorithm.allCases : DKIMAlgorithm.allCases.filter(wanted.contains)
        let selector = selector?.lowercased()
        if let selector {
            guard chosen.count == 1 else {
                throw AdminError(
                    .usage,
                    "a selector names one key",
                    remedy: "say which with --algorithm rsa or --algorithm ed25519"
                )
            }
            try Self.requireSelector(selector, of: domain)
        }
        let keys = try await makeKeys(chosen, selector: selector, avoiding: domain)
        for key in keys { try await directory.addDKIMKey(key, domain: domain, author: author) }
        return .done(
            lines: keys.map {
                "made the \($0.algorithm) key \($0.selector) of \(domain); publish it: martlet dkim record \(domain)"
            })
    }

    /// Every key that signs, those of OpenDKIM's tables after those of the database.
    func dkimList(_ text: String?) async throws -> DKIMKeyList {
        let examination = examineTables()
        let domain = try text.map { try requireSignedDomain($0, examination).name }
        let ring = tableKeys(of: domain, examination)
        var idle: [String: Bool] = [:]
        let own = try await databaseKeys(domain).map { summary in
            var summary = summary
            guard summary.active, let name = DomainName(summary.domain) else { return summary }
            let isIdle = idle[summary.domain] ?? isIdle(name, examination)
            idle[summary.domain] = isIdle
            if isIdle { summary.isIdle = true }
            return summary
        }
        return DKIMKeyList(
            keys: own + ring.keys.filter { !$0.isAbsent }.map { DKIMKeySummary($0) },
            problems: ring.ownProblems.map { AdminError($0) })
    }

    private func databaseKeys(of domain: DomainName?) throws -> [DKIMKeySummary] {
        let rotation = KeyRotation(manifest)
        return try directory.snapshot.dkimKeys.filter { domain == nil || $0.domain == domain }.map {
            try Self.summary($0, rotation)
        }
    }

    /// Those of the database, with what the DNS last said of each key that waits or has retired.
    func databaseKeys(_ domain: DomainName?) async throws -> [DKIMKeySummary] {
        let seen = try await directory.keysSeen()
        let rows = Dictionary(grouping: directory.snapshot.dkimKeys, by: \.domain.ascii)
        return try databaseKeys(of: domain).map { summary in
            guard let row = rows[summary.domain]?.first(where: { $0.selector == summary.selector }),
                row.state == .next || row.state == .retired, let seen = seen[row.id]
            else { return summary }
            var summary = summary
            summary.seen = seen.answer
            summary.seenAt = InternetTimestamp.utc(seen.at)
            return summary
        }
    }

    /// The keys of a domain whose records belong into the DNS.
    func dkimRecord(_ text: String, _ selector: String?) async throws -> DKIMKeyList {
        let all = try await dkimList(text)
        let named = all.keys.filter { selector == nil || $0.selector.lowercased() == selector?.lowercased() }
        let keys = named.filter { $0.state != .retired && !$0.recordText.isEmpty }
        let lost = Set(named.filter { $0.problem != nil }.map(\.origin))
        let problems = all.problems.filter { problem in
            selector == nil || lost.contains { problem.message.hasPrefix("\($0): ") }
        }
        guard !keys.isEmpty || !problems.isEmpty else {
            throw AdminError(
                .noInput,
                selector.map { "\(text) has no DKIM key \($0)" } ?? "\(text) has no DKIM key",
                remedy: "make one: martlet dkim add \(text)"
            )
        }
        return DKIMKeyList(keys: keys, problems: problems)
    }

    static func summary(_ row: DKIMKeyRow, _ rotation: KeyRotation) throws -> DKIMKeySummary {
        DKIMKeySummary(
            domain: row.domain.ascii,
            selector: row.selector,
            algorithm: "\(row.algorithm)-sha256",
            recordName: "\(row.selector)._domainkey.\(row.domain).",
            recordText: try publicRecord(row),
            active: row.isActive,
            state: row.state,
            since: InternetTimestamp.utc(row.since),
            wantedUntil: row.state == .retiring ? InternetTimestamp.utc(rotation.end(of: row)) : nil
        )
    }

    /// The text of the TXT record that publishes a key.
    static func publicRecord(_ row: DKIMKeyRow) throws -> String {
        guard row.state != .retired else { return row.publicRecord }
        do {
            return try DKIMSigningKey(pem: row.privateKey).publicRecord
        } catch {
            throw AdminError(
                .data,
                "the DKIM key \(row.selector) of \(row.domain) can't be used: \(error)",
                remedy: "restore the database from a backup, or remove the domain and add it again with new keys"
            )
        }
    }

    static func requireSelector(_ selector: String, of domain: DomainName) throws {
        guard selector.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x5F }),
            DomainName("\(selector)._domainkey.\(domain)") != nil
        else {
            throw AdminError(.data, "\"\(selector)\" can't be a selector", remedy: "use letters, digits and hyphens")
        }
    }

    static func algorithm(_ text: String) throws -> DKIMAlgorithm {
        switch text.lowercased() {
        case "rsa", "rsa-sha256": .rsaSHA256
        case "ed25519", "ed25519-sha256": .ed25519SHA256
        default: throw AdminError(.usage, "there is no DKIM algorithm \"\(text)\"", remedy: "use rsa or ed25519")
        }
    }

    /// New keys, each with the selector of the manifest or the next free one like it.
    func makeKeys(
        _ algorithms: [DKIMAlgorithm],
        selector: String?,
        avoiding domain: DomainName? = nil
    ) async throws -> [NewDKIMKey] {
        var taken = Set(directory.snapshot.dkimKeys.filter { $0.domain == domain }.map { $0.selector.lowercased() })
        var keys: [NewDKIMKey] = []
        for algorithm in algorithms {
            let usual = algorithm == .rsaSHA256 ? manifest.dkim.rsaSelector : manifest.dkim.ed25519Selector
            let name = selector ?? Self.free(usual.lowercased(), taken)
            taken.insert(name)
            let key = try await Self.generate(algorithm, bits: manifest.dkim.rsaBits)
            keys.append(NewDKIMKey(selector: name, algorithm: algorithm.keyType, privateKey: key.pem))
        }
        return keys
    }

    /// Making an RSA key takes a good part of a second of CPU.
    @concurrent
    static func generate(_ algorithm: DKIMAlgorithm, bits: Int) async throws -> DKIMSigningKey {
        try DKIMSigningKey.generate(algorithm, rsaBits: bits)
    }

    /// `rsa1`, then `rsa2`: the number at the end counts up.
    static func free(_ usual: String, _ taken: Set<String>) -> String {
        let digits = usual.reversed().prefix { $0.isASCII && $0.isNumber }.count
        let stem = usual.dropLast(digits)
        var number = Int(usual.suffix(digits)) ?? 1
        var name = usual
        while taken.contains(name) {
            number = number < Int.max ? number + 1 : 1
            name = "\(stem)\(number)"
        }
        return name
    }
}
