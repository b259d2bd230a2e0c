import Directory
import MailAuth
import MailSyntax

// Signing keys that come from other programs, and that go to them.
extension Operations {
    /// Keeps a key that was made elsewhere. It signs at once.
    func dkimImport(_ text: String, selector: String, privateKey: String) async throws -> AdminResponse {
        let domain = try requireDomain(text).name
        let selector = selector.lowercased()
        guard selector.utf8.allSatisfy({ $0 < 0x80 }), DomainName("\(selector)._domainkey.\(domain)") != nil else {
            throw AdminError(.data, "\"\(selector)\" can't be a selector", remedy: "name it with --selector")
        }
        let key: DKIMSigningKey
        do {
            key = try DKIMSigningKey(pem: privateKey)
        } catch {
            throw AdminError(.data, "the file can't be used: \(error)", remedy: "name the PEM file of a private key")
        }
        let others = directory.snapshot.dkimKeys.filter { $0.domain == domain }
        if let same = others.first(where: { $0.selector.lowercased() == selector }),
            let known = try? DKIMSigningKey(pem: same.privateKey), known.publicKey == key.publicKey
        {
            return .done(lines: ["\(domain) has the key \(selector) already"])
        }
        let new = NewDKIMKey(selector: selector, algorithm: key.algorithm.keyType, privateKey: key.pem)
        try await directory.addDKIMKey(new, domain: domain, author: author)
        var lines = [
            "imported the \(new.algorithm) key \(selector) of \(domain), which signs from now on",
            "see whether its record is published: martlet dns check \(domain)",
        ]
        let active = others.filter(\.isActive).map(\.selector)
        if !active.isEmpty {
            lines.append("\(active.joined(separator: " and ")) of \(domain) sign too, as before: publish them as well")
        }
        return .done(lines: lines)
    }

    /// A key with its private half.
    func dkimExport(_ text: String, selector: String) async throws -> DKIMKeyText {
        let found = try await dkimRecord(text, selector).keys
        let own = found.first { $0.origin == DKIMKeySummary.database }
        let row = directory.snapshot.dkimKeys.first { $0.domain.ascii == own?.domain && $0.selector == own?.selector }
        guard let summary = own, let row else {
            let file = found.first?.file
            throw AdminError(
                .noInput, "the database has no DKIM key \(selector) of \(text)",
                remedy: file.map { "it is in the file \($0)" } ?? found.first.map { "it is in \($0.origin)" })
        }
        guard !row.privateKey.isEmpty else {
            throw AdminError(
                .noInput, "the private key \(selector) of \(text) was deleted when it was replaced",
                remedy: "export the one that signs now: martlet dkim list \(text)")
        }
        return DKIMKeyText(key: summary, privateKey: row.privateKey)
    }
}
