package import Directory
package import MailAuth
package import MailSyntax
import Synchronization

/// Makes signers from the keys of the directory. A key is parsed once.
package final class DirectorySigner: Sendable {
    private let snapshot: @Sendable () -> DirectorySnapshot
    private let validity: @Sendable () -> Duration?
    private let parsed = Mutex<[Int64: DKIMSigningKey]>([:])

    /// - Parameter validity: how long a signature is valid, asked for each; nil for ever.
    package init(
        snapshot: @escaping @Sendable () -> DirectorySnapshot,
        validity: @escaping @Sendable () -> Duration? = { nil }
    ) {
        self.snapshot = snapshot
        self.validity = validity
    }

    /// The signer of a domain; nil when it has no active key. Throws when a key can't be read, so that nothing leaves
    /// unsigned that should be signed.
    package func signer(for domain: DomainName) throws(SigningKeyError) -> DKIMSigner? {
        var keys: [DKIMSigner.Key] = []
        for row in snapshot().signingKeys(domain) where row.isActive {
            keys.append(DKIMSigner.Key(selector: row.selector, key: try key(row)))
        }
        guard !keys.isEmpty else { return nil }
        var signer = DKIMSigner(domain: domain, keys: keys)
        signer.validity = validity()
        return signer
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
