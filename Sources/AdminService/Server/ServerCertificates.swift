import FoundationEssentials
package import MailConfig
import MailSyntax
package import NetTransport
import SQLEngine
import Telemetry

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

    /// Whom a certificate is for, and until when.
    package struct Validity: Sendable {
        var names: [String]
        /// Seconds since 1970.
        var end: Int64
    }

    package static func remarks(on tls: TLSStore, _ manifest: Manifest) -> [String] {
        let validities = tls.certificates.map {
            Validity(names: $0.names, end: Int64($0.notAfter.timeIntervalSince1970))
        }
        let now = currentEventTime().microseconds / 1_000_000
        return remarks(on: validities, hostname: manifest.server.hostname, now: now)
    }

    /// How long before its end a certificate is spoken of.
    private static let notice = 14 * 86_400

    /// What is wrong with certificates that can be used all the same: their time is over or nearly so, or none is for the
    /// server's own name.
    ///
    /// - Parameter now: seconds since 1970.
    package static func remarks(
        on certificates: [Validity], hostname: String, now: Int64
    ) -> [String] {
        var remarks = certificates.compactMap { certificate -> String? in
            let end = certificate.end
            let name = "the certificate for \(certificate.names.joined(separator: ", "))"
            if end < now { return "\(name) expired \((now - end) / 86_400) days ago" }
            return end < now + Int64(notice) ? "\(name) expires in \((end - now) / 86_400) days" : nil
        }
        let parent = hostname.split(separator: ".", maxSplits: 1).last.map { "*.\($0)" }
        if !certificates.contains(where: { $0.names.contains { $0 == hostname || $0 == parent } }) {
            remarks.append("no certificate is for \(hostname) (server.hostname)")
        }
        return remarks
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
