import Crypto
package import DNSCore
package import MailAuth
import SwiftASN1
import X509

/// What DANE asks of a server's certificate.
package struct DANEExpectation: Sendable, Hashable {
    package var published: DANERecords
    /// The names that a certificate below a published authority may have: the TLSA base domain, and the next hop's.
    package var names: [String]

    // RFC 7672 §3.2.2
    package init(_ published: DANERecords, nextHops: [String]) {
        self.published = published
        names = [published.base]
        for name in nextHops.map({ $0.lowercased() }) where !names.contains(name) { names.append(name) }
    }
}

extension TLSAssociation {
    /// Whether a certificate is the one that is meant. // RFC 6698 §2.1
    func matches(_ der: [UInt8]) -> Bool {
        let subject = isOfKey ? PeerCertificate.publicKeyInfo(of: der) : der
        guard let subject else { return false }
        return switch matching {
        case Self.whole: data == subject
        case Self.sha256: data == Array(SHA256.hash(data: subject))
        case Self.sha512: data == Array(SHA512.hash(data: subject))
        default: false
        }
    }

    /// The record for a certificate, as `3 1 1` of its key. // RFC 7672 §3.1.1
    package init?(endEntity der: [UInt8]) {
        guard let key = PeerCertificate.publicKeyInfo(of: der) else { return nil }
        self.init(
            usage: Self.endEntity, selector: 1, matching: Self.sha256, data: Array(SHA256.hash(data: key)))
    }
}

extension CertificateVerifier {
    /// A certificate that is published itself is good whatever its names and dates say; else one of the published
    /// authorities has to vouch for it, its dates and its name. // RFC 7672 §3.1
    func verify(_ chain: [[UInt8]], _ dane: DANEExpectation) async throws(CertificateDistrust) -> PeerTrust {
        guard let leaf = chain.first else { throw CertificateDistrust("the server shows no certificate") }
        let records = dane.published.records
        if let record = records.first(where: { $0.usage == TLSAssociation.endEntity && $0.matches(leaf) }) {
            return .published(record: record.summary, owner: dane.published.owner)
        }
        let mismatch = CertificateDistrust(
            "the certificate matches no TLSA record of \(dane.published.owner): "
                + records.prefix(4).map(\.summary).joined(separator: ", ") + "; it has "
                + (TLSAssociation(endEntity: leaf)?.summary ?? "an unreadable key"), .mismatch)
        let anchors = records.filter { $0.usage == TLSAssociation.trustAnchor }
        guard !anchors.isEmpty else { throw mismatch }
        guard let peer = PeerCertificate(der: leaf) else {
            throw CertificateDistrust("the certificate can't be read")
        }
        let certificates = chain.prefix(Self.longestChain).compactMap { der -> (der: [UInt8], value: Certificate)? in
            (try? Certificate(derEncoded: der)).map { (der, $0) }
        }
        for record in anchors {
            if Self.hasSigned(record, certificates.first?.value) {
                try Self.checkDates(peer)
            } else {
                guard let roots = Self.roots(of: record, certificates) else { continue }
                try await verifyChain(chain, peer, roots: roots)
            }
            guard let name = dane.names.first(where: { Self.covers(peer.namesOrCommonName, $0) }) else {
                throw CertificateDistrust(
                    "the certificate is not for \(dane.names.joined(separator: ", ")); its names are: "
                        + peer.shownNameList, .name)
            }
            return .published(record: "\(record.summary), \(name)", owner: dane.published.owner)
        }
        throw mismatch
    }

    /// Whether the record is a whole key, and that key vouches for the certificate. // RFC 7671 §5.2.3
    private static func hasSigned(_ record: TLSAssociation, _ certificate: Certificate?) -> Bool {
        guard let certificate, record.isOfKey, record.matching == TLSAssociation.whole,
            let key = try? Certificate.PublicKey(derEncoded: record.data)
        else { return false }
        return key.isValidSignature(certificate.signature, for: certificate)
    }

    /// The authorities that a record means, in whatever place the server shows them; nil where there are none.
    private static func roots(
        of record: TLSAssociation, _ chain: [(der: [UInt8], value: Certificate)]
    ) -> CertificateStore? {
        // RFC 7671 §5.2.2: the record may hold the authority's certificate itself.
        if record.matching == TLSAssociation.whole, !record.isOfKey {
            return (try? Certificate(derEncoded: record.data)).map { CertificateStore([$0]) }
        }
        var found = chain.dropFirst().filter { record.matches($0.der) }.map(\.value)
        if found.isEmpty { found = chain.dropFirst().map(\.value).filter { hasSigned(record, $0) } }
        return found.isEmpty ? nil : CertificateStore(found)
    }
}
