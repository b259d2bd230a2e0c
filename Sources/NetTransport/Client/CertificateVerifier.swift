import FoundationEssentials
import MailSyntax
import SwiftASN1
import X509

/// Judges the chain that a server has shown.
struct CertificateVerifier: Sendable {
    var verification: CertificateVerification
    var authorities: CertificateStore

    /// - Parameter chain: DER, the server's own certificate first.
    /// - Throws: why it is not trusted, in words for an operator.
    @concurrent
    func verify(_ chain: [[UInt8]]) async throws(CertificateDistrust) -> PeerTrust {
        guard let leaf = chain.first else { throw CertificateDistrust("the server shows no certificate") }
        switch verification {
        case .none: return .notChecked
        case .fingerprints(let wanted): return try Self.pin(leaf, wanted)
        case .dane(let expectation): return try await verify(chain, expectation)
        case .names(let names):
            guard let peer = PeerCertificate(der: leaf) else {
                throw CertificateDistrust("the certificate can't be read")
            }
            try await verifyChain(chain, peer, roots: authorities)
            guard let name = names.first(where: { Self.covers(peer.names, $0) }) else {
                throw CertificateDistrust(
                    "the certificate is not for \(names.joined(separator: ", ")); its names are: \(peer.shownNameList)",
                    .name)
            }
            return .verified(name: name)
        }
    }

    private static func pin(_ leaf: [UInt8], _ wanted: [String]) throws(CertificateDistrust) -> PeerTrust {
        let certificate = PeerCertificate.fingerprint(of: leaf)
        let key = PeerCertificate.publicKeyInfo(of: leaf).map { PeerCertificate.fingerprint(of: $0) }
        for fingerprint in [certificate, key].compactMap({ $0 }) where wanted.contains(fingerprint) {
            return .pinned(fingerprint: fingerprint)
        }
        throw CertificateDistrust(
            "the certificate has another fingerprint: SHA-256 \(certificate) (its public key: \(key ?? "unreadable"))",
            .mismatch)
    }

    func verifyChain(
        _ chain: [[UInt8]], _ peer: PeerCertificate, roots: CertificateStore
    ) async throws(CertificateDistrust) {
        try Self.checkDates(peer)
        // RFC 5280 §6.1
        let certificates = chain.prefix(Self.longestChain).compactMap { try? Certificate(derEncoded: $0) }
        guard let leaf = certificates.first else { throw CertificateDistrust("the certificate can't be read") }
        var verifier = Verifier(rootCertificates: roots) { RFC5280Policy() }
        let result = await verifier.validate(
            leaf: leaf, intermediates: CertificateStore(certificates.dropFirst()))
        guard case .couldNotValidate(let failures) = result else { return }
        if let failure = failures.first {
            throw CertificateDistrust("the certificate is not acceptable: \(failure.policyFailureReason)")
        }
        let isOwn = leaf.issuer == leaf.subject
        throw CertificateDistrust(
            isOwn
                ? "the certificate is self-signed (\(peer.subject), SHA-256 \(peer.fingerprint))"
                : "the certificate's issuer is unknown: \(Self.lastIssuer(certificates))",
            .issuer)
    }

    static func checkDates(_ peer: PeerCertificate) throws(CertificateDistrust) {
        let now = Int64(Date().timeIntervalSince1970)
        guard peer.notAfter.seconds >= now else {
            throw CertificateDistrust(
                "the certificate has expired on \(Self.day(peer.notAfter)) (\(peer.subject))", .expired)
        }
        guard peer.notBefore.seconds <= now else {
            throw CertificateDistrust(
                "the certificate is not valid before \(Self.day(peer.notBefore)) (\(peer.subject))")
        }
    }

    /// A server may send as many certificates as it likes; a chain has two to four.
    static let longestChain = 10

    private static func lastIssuer(_ chain: [Certificate]) -> String {
        var last = chain.first
        while let current = last, let next = chain.first(where: { $0.subject == current.issuer }), next != current {
            if next.issuer == next.subject { return next.subject.description }
            last = next
        }
        return last?.issuer.description ?? ""
    }

    /// Whether a certificate with these names is one for `wanted`: a host name, an address, or `.example.org` for
    /// whatever is below.
    static func covers(_ names: [String], _ wanted: String) -> Bool {
        let wanted = wanted.lowercased()
        if let address = IPAddress(wanted) { return names.contains(address.description) }
        if wanted.hasPrefix(".") { return names.contains { $0.hasSuffix(wanted) && $0.utf8.count > wanted.utf8.count } }
        // RFC 9525 §6.3: no common name, and a wildcard for exactly one label.
        return names.contains { $0 == wanted || TLSStore.wildcard($0, covers: wanted) }
    }

    static func day(_ time: Timestamp) -> String {
        let text = Date(timeIntervalSince1970: Double(time.seconds)).formatted(.iso8601)
        return String(text.prefix(10))
    }
}

/// Why a certificate is not trusted, in words.
struct CertificateDistrust: Error, Sendable, Hashable, CustomStringConvertible {
    let description: String
    let kind: CertificateProblem

    init(_ description: String, _ kind: CertificateProblem = .other) {
        self.description = description
        self.kind = kind
    }
}

/// The kinds of distrust that reports tell apart. // RFC 8460 §4.3.2
package enum CertificateProblem: Sendable, Hashable {
    case name
    case expired
    case issuer
    /// Another certificate than the one that was published or pinned.
    case mismatch
    case other
}
