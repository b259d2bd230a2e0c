import Directory
import MailAuth
import MailConfig
import MailSyntax
import Synchronization

/// The signers of the hosted domains; reading a PEM key for each message would cost more than signing with it.
final class SignerCache: Sendable {
    private struct State {
        var revision: Int64 = -1
        var signers: [DomainName: DKIMSigner] = [:]
    }

    private let directory: Directory
    private let live: LiveManifest
    private let state = Mutex(State())

    init(directory: Directory, live: LiveManifest) {
        self.directory = directory
        self.live = live
    }

    /// The signer of a domain with all of its active keys; nil when it has none.
    ///
    /// - Throws: when a key in the directory can't be read: the delivery is put off rather than sent without it.
    func signer(_ domain: DomainName) throws -> DKIMSigner? {
        let snapshot = directory.snapshot
        let known = state.withLock { state -> DKIMSigner? in
            if state.revision != snapshot.revision { state = State(revision: snapshot.revision) }
            return state.signers[domain]
        }
        let validity = live.current.dkim.expire
        if var known {
            known.validity = validity
            return known
        }
        let rows = snapshot.signingKeys(domain)
        guard !rows.isEmpty else { return nil }
        let keys = try rows.map { DKIMSigner.Key(selector: $0.selector, key: try DKIMSigningKey(pem: $0.privateKey)) }
        var signer = DKIMSigner(domain: domain, keys: keys)
        signer.validity = validity
        let made = signer
        state.withLock { state in
            if state.revision == snapshot.revision { state.signers[domain] = made }
        }
        return made
    }
}
