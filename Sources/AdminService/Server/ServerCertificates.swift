package import MailConfig
import MailSyntax
package import NetTransport
import SQLEngine

/// The certificate files that a manifest leads to.
package enum ServerCertificates {
    package enum SelfSigned: Sendable, Equatable {
        /// The manifest names certificates, or wants none made.
        case notNeeded
        case kept(String)
        case made(String)
    }

    /// The files in use, the default one first.
    package static func files(_ manifest: Manifest) -> [CertificateFiles] {
        if manifest.tls.certificates.isEmpty { return [selfSigned(manifest)] }
        return manifest.tls.certificates.map { CertificateFiles(certificateChain: $0.chain, privateKey: $0.key) }
    }

    private static func selfSigned(_ manifest: Manifest) -> CertificateFiles {
        let folder = "\(manifest.storage.dataDirectory)/tls"
        return CertificateFiles(
            certificateChain: "\(folder)/self-signed.crt",
            privateKey: "\(folder)/self-signed.key"
        )
    }

    /// Makes the self-signed certificate when it is wanted and not there.
    package static func ensureSelfSigned(_ manifest: Manifest) throws -> SelfSigned {
        guard manifest.tls.certificates.isEmpty, manifest.tls.selfSigned else { return .notNeeded }
        let files = selfSigned(manifest)
        if FileBytes.exists(files.certificateChain), FileBytes.exists(files.privateKey) {
            return .kept(files.certificateChain)
        }
        guard let hostname = DomainName(manifest.server.hostname) else {
            throw AdminError(.config, "server.hostname \"\(manifest.server.hostname)\" is not a host name")
        }
        try FileBytes.makeDirectory("\(manifest.storage.dataDirectory)/tls", mode: 0o700)
        let addresses = Set(manifest.listeners.map(\.address)).compactMap { IPAddress($0) }.filter { !$0.isUnspecified }
        do {
            try SelfSignedCertificate.write(
                names: [hostname],
                addresses: addresses,
                now: SystemClock().now(),
                to: files
            )
        } catch {
            throw AdminError(
                .cannotCreate,
                "\(error)",
                remedy: "remove \(files.certificateChain) and \(files.privateKey) if one of them is left over"
            )
        }
        return .made(files.certificateChain)
    }
}
