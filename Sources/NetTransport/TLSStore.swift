import Crypto
package import FoundationEssentials
import NIOCore
package import NIOSSL
import SwiftASN1
import Synchronization
import X509

/// A PEM certificate chain (leaf first) and its private key; both may be the same file.
package struct CertificateFiles: Sendable, Hashable {
    package var certificateChain: String
    package var privateKey: String

    package init(certificateChain: String, privateKey: String) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
    }
}

/// What is wrong with a certificate; the description names the file.
package struct TLSStoreError: Error, Sendable, CustomStringConvertible {
    package let file: String
    package let reason: String

    package var description: String { "\(file): \(reason)" }
}

/// A loaded certificate, for display.
package struct CertificateSummary: Sendable, Hashable {
    package let files: CertificateFiles
    /// DNS names and addresses it is for, lower-case.
    package let names: [String]
    package let notAfter: Date
    package let isSelfSigned: Bool
}

/// The server's certificates: chosen by SNI, replaced without a restart.
///
/// The first certificate answers clients that send no name or an unknown one. ``reload()`` reads all files again and
/// swaps the whole set, or throws and leaves what was there. Connections keep the context they began with.
package final class TLSStore: Sendable {
    private struct Loaded: Sendable {
        var context: ServerTLSContext
        var summaries: [CertificateSummary]
    }

    struct Entry: Sendable {
        var names: [String]
        var chain: [NIOSSLCertificateSource]
        var key: NIOSSLPrivateKeySource
        var summary: CertificateSummary
        var endPoint: [UInt8]?
    }

    private let loaded: Mutex<Loaded>

    /// - Parameter files: at least one; the first is the default.
    package init(_ files: [CertificateFiles]) throws(TLSStoreError) {
        loaded = Mutex(try Self.load(files))
    }

    /// The context for a new connection.
    package var context: NIOSSLContext { loaded.withLock(\.context.ssl) }

    /// The same, with what is known of its certificates.
    var serverContext: ServerTLSContext { loaded.withLock(\.context) }

    package var certificates: [CertificateSummary] { loaded.withLock(\.summaries) }

    /// Reads the files again, or other ones. Blocking disk reads: not on an event loop.
    ///
    /// - Parameter files: the certificates from now on, the first one the default; nil reads those in use.
    /// - Throws: what is wrong; the certificates in use stay.
    package func reload(_ files: [CertificateFiles]? = nil) throws(TLSStoreError) {
        let fresh = try Self.load(files ?? certificates.map(\.files))
        loaded.withLock { $0 = fresh }
    }

    private static func load(_ files: [CertificateFiles]) throws(TLSStoreError) -> Loaded {
        var entries: [Entry] = []
        for pair in files { entries.append(try entry(pair)) }
        guard let first = entries.first else {
            throw TLSStoreError(file: "tls.certificates", reason: "no certificate is configured")
        }
        var configuration = configuration(first)
        if entries.count > 1 {
            let choices = entries
            configuration.sslContextCallback = { hello, promise in
                promise.succeed(choose(hello.serverHostname, from: choices))
            }
        }
        do {
            let context = ServerTLSContext(
                ssl: try NIOSSLContext(configuration: configuration),
                identities: ServerIdentities(entries.map { .init(names: $0.names, endPoint: $0.endPoint) }))
            return Loaded(context: context, summaries: entries.map(\.summary))
        } catch {
            throw TLSStoreError(file: first.summary.files.certificateChain, reason: "\(error)")
        }
    }

    private static func configuration(_ entry: Entry) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: entry.chain,
            privateKey: entry.key
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = TLSHandlers.shutdownTimeout
        // RFC 9325 §4.2: forward secrecy and AEAD only
        configuration.cipherSuites = [
            "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
        ].joined(separator: ":")
        return configuration
    }

    /// The override for a server name; none means the first certificate. // RFC 6066 §3
    private static func choose(_ name: String?, from entries: [Entry]) -> NIOSSLContextConfigurationOverride {
        guard let name, let index = ServerIdentities.index(of: name, in: entries.map(\.names)),
            entries.indices.contains(index)
        else { return .noChanges }
        let entry = entries[index]
        var override = NIOSSLContextConfigurationOverride()
        override.certificateChain = entry.chain
        override.privateKey = entry.key
        return override
    }

    /// "*.example.org" covers exactly one more label. // RFC 9525 §6.3
    static func wildcard(_ pattern: String, covers name: String) -> Bool {
        guard pattern.hasPrefix("*."), let dot = name.firstIndex(of: "."), dot != name.startIndex else { return false }
        return name[dot...] == pattern.dropFirst()
    }

    private static func entry(_ files: CertificateFiles) throws(TLSStoreError) -> Entry {
        let chain: [NIOSSLCertificate]
        let summary: CertificateSummary
        let endPoint: [UInt8]?
        do {
            chain = try NIOSSLCertificate.fromPEMFile(files.certificateChain)
            guard let leaf = chain.first else {
                throw TLSStoreError(file: files.certificateChain, reason: "no certificate in this file")
            }
            let der = try leaf.toDERBytes()
            let certificate = try Certificate(derEncoded: der)
            summary = try summarize(certificate, files: files)
            endPoint = ServerIdentities.endPoint(of: certificate, der: der)
        } catch let error as TLSStoreError {
            throw error
        } catch {
            throw TLSStoreError(file: files.certificateChain, reason: "cannot be read as PEM certificates (\(error))")
        }
        do {
            let key = try NIOSSLPrivateKey(file: files.privateKey, format: .pem)
            let entry = Entry(
                names: summary.names,
                chain: chain.map { .certificate($0) },
                key: .privateKey(key),
                summary: summary,
                endPoint: endPoint
            )
            _ = try NIOSSLContext(configuration: configuration(entry))  // Does the key belong to the certificate?
            return entry
        } catch {
            throw TLSStoreError(
                file: files.privateKey,
                reason: "is no PEM private key for the certificate in \(files.certificateChain) (\(error))"
            )
        }
    }

    private static func summarize(_ certificate: Certificate, files: CertificateFiles) throws -> CertificateSummary {
        var names: [String] = []
        if let alternatives = try certificate.extensions.subjectAlternativeNames {
            for case .dnsName(let name) in alternatives { names.append(name.lowercased()) }
        }
        return CertificateSummary(
            files: files,
            names: names,
            notAfter: certificate.notValidAfter,
            isSelfSigned: certificate.issuer == certificate.subject
        )
    }
}
