import MailSyntax
import NIOCore
import NIOSSL
import Synchronization
import X509

/// How a client checks the certificate it is shown.
package enum CertificateVerification: Sendable, Hashable {
    /// Encryption without authentication: opportunistic TLS. // RFC 7435 §3
    case none
    /// A chain to a trusted root, and one of these names: a host name, an address, `.example.org` for any name below.
    case names([String])
    /// The certificate or its public key has one of these SHA-256 digests (64 hexadecimal digits in lower case);
    /// names, dates and issuers don't matter.
    case fingerprints([String])
    /// What the host's zone has published. // RFC 7672 §2.2
    case dane(DANEExpectation)
}

/// What is wanted of TLS to one server.
package struct ClientTLSRequest: Sendable, Hashable {
    /// Sent as SNI; names that are not host names (address literals) are not sent.
    package var serverName: String?
    package var verification: CertificateVerification
    /// PEM file of authorities instead of the system's.
    package var authorities: String?
    /// Shown to a server that asks for one.
    package var identity: CertificateFiles?
    /// With `verification` none: the certificate is looked at nevertheless and what would be wrong is told, for this name.
    package var examinesName: String?

    package init(
        serverName: String?, verification: CertificateVerification, authorities: String? = nil,
        identity: CertificateFiles? = nil, examinesName: String? = nil
    ) {
        self.serverName = serverName
        self.verification = verification
        self.authorities = authorities
        self.identity = identity
        self.examinesName = examinesName
    }
}

/// TLS for one outgoing connection.
package struct ClientTLS: Sendable {
    let context: NIOSSLContext
    /// Sent as SNI; nil for an address literal.
    package let serverName: String?
    let verifier: CertificateVerifier
    /// A failed verification ends the handshake.
    let isEnforced: Bool
}

/// The client contexts of a process: one for each identity that is shown to servers.
package final class ClientTLSContexts: Sendable {
    private let anonymous: NIOSSLContext
    private let identities = Mutex<[CertificateFiles: (modified: [Int64], context: NIOSSLContext)]>([:])
    private let anchors = TrustAnchors()
    private let additionalRoots: [Certificate]

    /// - Parameter additionalRoots: PEM files with roots that are trusted beside the system's.
    /// - Throws: when one of the files cannot be read.
    package init(additionalRoots files: [String] = []) throws {
        additionalRoots = try files.flatMap { try TrustAnchors.read($0) }
        anonymous = try NIOSSLContext(configuration: Self.configuration)
    }

    /// TLS without more wishes than a name.
    ///
    /// - Parameter serverName: the host name; names that are not host names (address literals) are not sent.
    package func tls(serverName: String?, verification: CertificateVerification) throws -> ClientTLS {
        try tls(ClientTLSRequest(serverName: serverName, verification: verification))
    }

    /// Blocking disk reads when a file is new or has changed: not on an event loop.
    ///
    /// - Throws: ``TLSStoreError`` for a file that can't be used.
    package func tls(_ request: ClientTLSRequest) throws(TLSStoreError) -> ClientTLS {
        var verification = request.verification
        let isEnforced = verification != .none
        if !isEnforced, let name = request.examinesName { verification = .names([name]) }
        var authorities = CertificateStore()
        if case .names = verification {
            // Where nothing is asked of the certificate, a missing file is no reason not to talk.
            authorities = isEnforced ? try self.authorities(request) : (try? self.authorities(request)) ?? authorities
        }
        return ClientTLS(
            context: try context(request.identity),
            // RFC 6066 §3: no address literals.
            serverName: request.serverName.flatMap {
                IPAddress($0) == nil && !$0.isEmpty && $0.utf8.count <= 255 && !$0.utf8.contains(0) ? $0 : nil
            },
            verifier: CertificateVerifier(verification: verification, authorities: authorities),
            isEnforced: isEnforced
        )
    }

    private func authorities(_ request: ClientTLSRequest) throws(TLSStoreError) -> CertificateStore {
        if let file = request.authorities { return try anchors.store(file) }
        return additionalRoots.isEmpty ? try anchors.system() : try systemWithAdditional()
    }

    private func systemWithAdditional() throws(TLSStoreError) -> CertificateStore {
        let system = (try? anchors.system()) ?? CertificateStore()
        return system.appending(contentsOf: additionalRoots)
    }

    private func context(_ identity: CertificateFiles?) throws(TLSStoreError) -> NIOSSLContext {
        guard let identity else { return anonymous }
        let modified = [identity.certificateChain, identity.privateKey].map { TrustAnchors.modified($0) ?? 0 }
        if let known = identities.withLock({ $0[identity] }), known.modified == modified { return known.context }
        var configuration = Self.configuration
        let context: NIOSSLContext
        do {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(identity.certificateChain)
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: identity.privateKey, format: .pem))
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSStoreError(
                file: identity.certificateChain, reason: "the client certificate or its key can't be used (\(error))")
        }
        identities.withLock { $0[identity] = (modified, context) }
        return context
    }

    /// Our own verifier judges the chain, so the library needs no roots; it would be asked nothing with `.none`.
    private static var configuration: TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = TLSHandlers.shutdownTimeout
        configuration.certificateVerification = .noHostnameVerification
        configuration.trustRoots = .certificates([])
        return configuration
    }
}

/// What was found out about a server during the handshake: written by the verification, read when the handshake is over.
final class PeerFindings: Sendable {
    struct Content: Sendable {
        /// DER, the server's own first.
        var chain: [[UInt8]] = []
        var trust = PeerTrust.notChecked
        /// Why the handshake was ended by us.
        var distrust: CertificateDistrust?
    }

    private let content = Mutex(Content())

    var value: Content { content.withLock { $0 } }

    /// The callback for one connection.
    func callback(_ tls: ClientTLS) -> NIOSSLCustomVerificationCallback {
        { chain, promise in
            let der = chain.compactMap { try? $0.toDERBytes() }
            self.content.withLock { $0.chain = der }
            if case .none = tls.verifier.verification { return promise.succeed(.certificateVerified) }
            // Ends by itself within milliseconds; nobody needs to cancel it, and the promise must be kept.
            Task { promise.succeed(await self.judge(der, tls)) }
        }
    }

    private func judge(_ chain: [[UInt8]], _ tls: ClientTLS) async -> NIOSSLVerificationResult {
        do {
            let trust = try await tls.verifier.verify(chain)
            content.withLock { $0.trust = trust }
            return .certificateVerified
        } catch {
            content.withLock { content in
                if tls.isEnforced {
                    content.distrust = error
                } else {
                    content.trust = .untrusted(reason: error.description, problem: error.kind)
                }
            }
            return tls.isEnforced ? .failed : .certificateVerified
        }
    }
}
