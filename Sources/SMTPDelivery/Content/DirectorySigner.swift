package import Directory
package import MailAuth
import MailConfig
package import MailPolicy
package import MailSyntax
package import MailTables
import Synchronization

/// Makes signers from the keys of the directory and of OpenDKIM's tables. A key is parsed once.
package final class DirectorySigner: Sendable {
    /// How signatures are made: what a manifest says, worked out once.
    package struct Form: Sendable {
        let rules: PolicyRules
        private let fields: SignedFields
        private let header: DKIMCanonicalization
        private let body: DKIMCanonicalization

        package init(_ rules: PolicyRules) {
            self.rules = rules
            let settings = rules.manifest.dkim
            fields = SignedFields(oversigned: settings.oversignedHeaders, signed: settings.signedHeaders)
            switch settings.canonicalization {
            case .relaxedRelaxed: (header, body) = (.relaxed, .relaxed)
            case .relaxedSimple: (header, body) = (.relaxed, .simple)
            case .simpleRelaxed: (header, body) = (.simple, .relaxed)
            case .simpleSimple: (header, body) = (.simple, .simple)
            }
        }

        fileprivate func signer(_ domain: DomainName, _ keys: [DKIMSigner.Key]) -> DKIMSigner {
            var signer = DKIMSigner(domain: domain, keys: keys)
            signer.fields = fields
            signer.headerCanonicalization = header
            signer.bodyCanonicalization = body
            signer.validity = rules.manifest.dkim.expire
            return signer
        }
    }

    private let snapshot: @Sendable () -> DirectorySnapshot
    private let tables: @Sendable () -> SigningKeySet?
    private let form: @Sendable () -> Form
    private let parsed = Mutex<[Int64: DKIMSigningKey]>([:])

    /// - Parameters:
    ///   - tables: OpenDKIM's tables as they are now.
    ///   - form: asked for each signature.
    package init(
        snapshot: @escaping @Sendable () -> DirectorySnapshot,
        tables: @escaping @Sendable () -> SigningKeySet? = { nil },
        form: @escaping @Sendable () -> Form
    ) {
        self.snapshot = snapshot
        self.tables = tables
        self.form = form
    }

    /// The signer of an author; nil when no key signs for it. Throws when a key can't be read, so that nothing leaves
    /// unsigned that should be signed.
    package func signer(for author: EmailAddress) throws -> DKIMSigner? {
        // One state of each, for the choice and for the keys.
        let (snapshot, tables, form) = (snapshot(), tables(), form())
        let decision = try Policy.run({ Policy.chooseSigningKeys(author, rules: form.rules, $0) }) { lookup in
            switch lookup {
            case .signingKeys(let domain): .selectors(snapshot.signingSelectors(domain))
            case .signingTable(let author): .signingTable(tables?.tables.matches(author) ?? [])
            default: .unavailable("not asked for a signature")
            }
        }.decision
        switch decision {
        case .unavailable(let reason): throw SigningUnavailable(author: author, reason: reason)
        case .keys(let choices):
            var keys: [DKIMSigner.Key] = []
            for choice in choices { keys += try self.keys(choice, snapshot, tables, author) }
            guard let domain = keys.first?.domain else { return nil }
            return form.signer(domain, keys)
        }
    }

    private func keys(
        _ choice: SigningKeys, _ snapshot: DirectorySnapshot, _ tables: SigningKeySet?, _ author: EmailAddress
    ) throws -> [DKIMSigner.Key] {
        switch choice {
        case .directory(let domain, let name):
            return try snapshot.signingKeys(domain).map { row in
                DKIMSigner.Key(selector: row.selector, key: try key(row), domain: name)
            }
        case .table(let choice, let identity):
            let found: DKIMSigningKey?
            do throws(TableFailure) {
                found = try tables?.key(choice)
            } catch {
                throw SigningUnavailable(author: author, reason: "\(error)")
            }
            guard let found else { return [] }
            var key = DKIMSigner.Key(selector: choice.selector, key: found, domain: choice.domain)
            key.identity = identity
            key.origin = choice.origin
            return [key]
        }
    }

    private func key(_ row: DKIMKeyRow) throws(SigningKeyError) -> DKIMSigningKey {
        if let key = parsed.withLock({ $0[row.id] }) { return key }
        do {
            let key = try DKIMSigningKey(pem: row.privateKey)
            parsed.withLock { $0[row.id] = key }
            return key
        } catch {
            throw SigningKeyError(domain: row.domain, selector: row.selector, cause: error)
        }
    }
}

/// A message can't be signed for now.
package struct SigningUnavailable: Error, CustomStringConvertible {
    package let author: EmailAddress
    package let reason: String

    package var description: String { "mail of \(author) can't be signed: \(reason)" }
}

/// A key of the directory that can't be used.
package struct SigningKeyError: Error, CustomStringConvertible {
    package let domain: DomainName
    package let selector: String
    package let cause: DKIMKeyError

    package var description: String {
        "the DKIM key \(selector) of \(domain) can't be used: \(cause) (restore the database from a backup, or remove the "
            + "domain and add it again with new keys)"
    }
}
