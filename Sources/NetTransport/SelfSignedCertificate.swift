import Crypto
import FoundationEssentials
import Glibc
package import MailSyntax
import SwiftASN1
import X509

/// The certificate of a server's first start.
package enum SelfSignedCertificate {
    /// Writes an ECDSA P-256 certificate for ten years and its key, each to a new file of mode 0600.
    ///
    /// - Parameters:
    ///   - names: host names; the first is the common name.
    ///   - addresses: addresses that go into the certificate too.
    /// - Throws: ``TLSStoreError`` when a file exists or cannot be written; nothing is ever overwritten.
    package static func write(
        names: [DomainName],
        addresses: [IPAddress],
        now: Timestamp,
        to files: CertificateFiles
    ) throws(TLSStoreError) {
        let pem: (certificate: String, key: String)
        do {
            pem = try make(names: names, addresses: addresses, now: now)
        } catch {
            throw TLSStoreError(file: files.certificateChain, reason: "cannot make a certificate (\(error))")
        }
        try writeNew(pem.key, to: files.privateKey)
        try writeNew(pem.certificate, to: files.certificateChain)
    }

    /// The certificate and key as PEM texts.
    package static func make(
        names: [DomainName],
        addresses: [IPAddress],
        now: Timestamp
    ) throws -> (certificate: String, key: String) {
        let key = P256.Signing.PrivateKey()
        let subject = try DistinguishedName {
            CommonName(names.first?.ascii ?? "localhost")
        }
        let alternatives =
            names.map { GeneralName.dnsName($0.ascii) }
            + addresses.map { GeneralName.ipAddress(ASN1OctetString(contentBytes: $0.bytes[...])) }
        let start = Date(timeIntervalSince1970: Double(now.seconds) - 3600)
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: .init(key.publicKey),
            notValidBefore: start,
            notValidAfter: start.addingTimeInterval(3650 * 86400),
            issuer: subject,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(alternatives)
            },
            issuerPrivateKey: .init(key)
        )
        return (try certificate.serializeAsPEM().pemString + "\n", key.pemRepresentation + "\n")
    }

    private static func writeNew(_ text: String, to path: String) throws(TLSStoreError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TLSStoreError(file: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                throw TLSStoreError(file: path, reason: String(cString: strerror(errno)))
            }
            rest = rest.dropFirst(written)
        }
        guard fsync(descriptor) == 0 else { throw TLSStoreError(file: path, reason: String(cString: strerror(errno))) }
    }
}
