import Crypto
import FoundationEssentials
package import MailSyntax
import SwiftASN1
import X509

/// The certificate that a server has shown, for logs, traces and error texts. Nothing in it is trusted by itself.
package struct PeerCertificate: Sendable, Hashable {
    /// Distinguished names, without control characters.
    package var subject: String
    package var issuer: String
    /// The DNS names, in lower case, and the addresses it is for.
    package var names: [String]
    package var notBefore: Timestamp
    package var notAfter: Timestamp
    /// The last one of the subject, in lower case.
    var commonName: String?
    /// SHA-256 of the certificate, 64 hexadecimal digits in lower case.
    package var fingerprint: String
    /// SHA-256 of its public key (SubjectPublicKeyInfo), written in the same way.
    package var keyFingerprint: String

    /// Names shown of a certificate that has very many.
    private static let shownNames = 10

    /// - Parameter der: nil comes back when this is no certificate, or one with a kind of key that nobody uses in mail.
    package init?(der: [UInt8]) {
        guard let certificate = try? Certificate(derEncoded: der), let key = Self.publicKeyInfo(of: der) else {
            return nil
        }
        subject = Self.printable(certificate.subject.description)
        issuer = Self.printable(certificate.issuer.description)
        commonName = Self.commonName(of: certificate)
        names = Self.names(of: certificate)
        notBefore = Timestamp(seconds: Self.seconds(certificate.notValidBefore))
        notAfter = Timestamp(seconds: Self.seconds(certificate.notValidAfter))
        fingerprint = Self.fingerprint(of: der)
        keyFingerprint = Self.fingerprint(of: key)
    }

    /// Without alternative names for hosts, what the subject's common name says. // RFC 7672 §3.2.3
    var namesOrCommonName: [String] {
        let hasHostName = names.contains { IPAddress($0) == nil }
        return hasHostName ? names : names + [commonName].compactMap { $0 }
    }

    /// `a.example, b.example`, of very many the first.
    package var shownNameList: String {
        guard !names.isEmpty else { return "none" }
        let more = names.count > Self.shownNames ? " and \(names.count - Self.shownNames) more" : ""
        return names.prefix(Self.shownNames).joined(separator: ", ") + more
    }

    /// SHA-256 as 64 hexadecimal digits.
    package static func fingerprint(of bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The DER of the public key, cut out of a certificate whatever kind of key it is. // RFC 5280 §4.1
    package static func publicKeyInfo(of der: [UInt8]) -> [UInt8]? {
        guard let root = try? DER.parse(der), case .constructed(let outer) = root.content,
            let signed = Array(outer).first, case .constructed(let fields) = signed.content
        else { return nil }
        var nodes = Array(fields)
        // version [0] may be missing; then serial, signature, issuer, validity, subject, subjectPublicKeyInfo.
        if let first = nodes.first, first.identifier.tagClass == .contextSpecific { nodes.removeFirst() }
        guard nodes.count > 5 else { return nil }
        return Array(nodes[5].encodedBytes)
    }

    private static func names(of certificate: Certificate) -> [String] {
        guard let alternatives = try? certificate.extensions.subjectAlternativeNames else { return [] }
        return alternatives.compactMap { name in
            switch name {
            case .dnsName(let name): printable(name.lowercased())
            case .ipAddress(let octets): IPAddress(bytes: Array(octets.bytes))?.description
            default: nil
            }
        }
    }

    private static func commonName(of certificate: Certificate) -> String? {
        let values = certificate.subject.flatMap { $0 }.filter { $0.type == .RDNAttributeType.commonName }
        return values.last.flatMap { String($0.value) }.map { printable($0.lowercased()) }
    }

    private static func seconds(_ date: Date) -> Int64 {
        Int64(exactly: date.timeIntervalSince1970.rounded(.down)) ?? .max
    }

    private static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(1000) {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            result.append(isControl ? "?" : scalar)
        }
        return String(result)
    }
}

/// What is known of the identity of a TLS server.
package enum PeerTrust: Sendable, Hashable {
    /// Nobody asked.
    case notChecked
    /// A chain to a trusted root, and this name was asked for and is in the certificate.
    case verified(name: String)
    /// The certificate or its key has this fingerprint, which was asked for.
    case pinned(fingerprint: String)
    /// The owner of the host's zone has published it, or what vouches for it: the TLSA record, and where it stands.
    case published(record: String, owner: String)
    /// It would not have passed, and did not need to.
    case untrusted(reason: String, problem: CertificateProblem)

    /// The server is who it should be.
    package var isAuthenticated: Bool {
        switch self {
        case .verified, .pinned, .published: true
        case .notChecked, .untrusted: false
        }
    }
}

/// The server of a TLS session. A class, so that sessions that have none carry a pointer only.
package final class TLSPeer: Sendable, Hashable {
    /// What it has shown, DER, its own certificate first.
    package let chain: [[UInt8]]
    package let trust: PeerTrust
    /// Its own certificate; nil when it can't be read.
    package let certificate: PeerCertificate?

    package init(chain: [[UInt8]], trust: PeerTrust) {
        self.chain = chain
        self.trust = trust
        certificate = chain.first.flatMap { PeerCertificate(der: $0) }
    }

    package static func == (a: TLSPeer, b: TLSPeer) -> Bool { a.chain == b.chain && a.trust == b.trust }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(chain)
        hasher.combine(trust)
    }
}
