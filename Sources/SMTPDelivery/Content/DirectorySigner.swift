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
    package func signer(for domain: DomainName) throws(DKIMKeyError) -> DKIMSigner? {
        var keys: [DKIMSigner.Key] = []
        for row in snapshot().signingKeys(domain) where row.isActive {
            keys.append(DKIMSigner.Key(selector: row.selector, key: try key(row)))
        }
        guard !keys.isEmpty else { return nil }
        var signer = DKIMSigner(domain: domain, keys: keys)
        signer.validity = validity()
        return signer
    }

    private func key(_ row: DKIMKeyRow) throws(DKIMKeyError) -> DKIMSigningKey {
        if let key = parsed.withLock({ $0[row.id] }) { return key }
        let key = try DKIMSigningKey(pem: row.privateKey)
        parsed.withLock { $0[row.id] = key }
        return key
    }
}
