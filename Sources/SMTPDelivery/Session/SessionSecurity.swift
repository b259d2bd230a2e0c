package import MailAuth
package import MailConfig
import MailSyntax
package import NetTransport

/// What a connection must have before a message, or a login, goes over it.
package struct SessionSecurity: Sendable, Hashable {
    package var level: TLSLevel
    /// TLS from the first octet instead of STARTTLS; with `none` it is still TLS, without a check.
    package var isImplicit: Bool
    /// Sent as SNI.
    package var serverName: String
    /// For `verify` and `secure`: the certificate has to have one of them; `.example.org` is any name below.
    package var names: [String]
    /// For `dane-only`: what the host's zone publishes.
    package var dane: DANEExpectation?
    /// For `fingerprint`.
    package var fingerprints: [String]
    /// PEM file of authorities instead of the system's.
    package var caFile: String?
    /// Our own certificate.
    package var certificate: Manifest.Certificate?
    /// Also where nothing is asked of the certificate, tell what would be wrong with it: for tests of a route.
    package var examines = false

    /// - Parameters:
    ///   - host: the name of the host, as found by MX or as the route has it; or its address.
    ///   - nextHop: the name that the route or the recipient's domain gives, before any MX lookup; nil: `host`.
    package init(_ requirement: TLSRequirement, isImplicit: Bool = false, host: String, nextHop: String? = nil) {
        let nextHop = (nextHop ?? host).lowercased()
        let host = host.lowercased()
        level = requirement.level
        self.isImplicit = isImplicit
        serverName = requirement.serverName ?? host
        fingerprints = requirement.fingerprints
        caFile = requirement.caFile
        certificate = requirement.certificate
        let standard = requirement.level == .secure ? ["nexthop", "dot-nexthop"] : ["hostname"]
        // The words and the defaults are Postfix's, because policy tables are written for them.
        names = (requirement.match.isEmpty ? standard : requirement.match).compactMap { name in
            switch name {
            case "hostname": host
            case "nexthop": nextHop
            case "dot-nexthop": IPAddress(nextHop) == nil ? ".\(nextHop)" : nil
            default: name.lowercased()
            }
        }
    }

    /// A connection in clear, of the self-test and on Unix-domain sockets.
    package static let clear = SessionSecurity(TLSRequirement(level: .none), host: "")

    /// A host that fails at TLS may be tried again without.
    package var mayFallBack: Bool { (level == .may || level == .dane) && !isImplicit }

    /// The same with a certificate that the host's zone publishes.
    package func published(_ records: DANERecords, nextHops: [String]) -> SessionSecurity {
        var copy = self
        copy.level = .daneOnly
        copy.dane = DANEExpectation(records, nextHops: nextHops)
        copy.serverName = records.base  // RFC 7672 §8.1
        return copy
    }

    /// The same without TLS.
    package var withoutTLS: SessionSecurity {
        var copy = self
        copy.level = .none
        copy.isImplicit = false
        return copy
    }

    /// Without TLS there is no session.
    var isRequired: Bool { isImplicit || level >= .encrypt }

    var wantsStartTLS: Bool { !isImplicit && level >= .may }

    var request: ClientTLSRequest {
        let verification: CertificateVerification =
            switch level {
            // DANE without records is decided about before there is a session.
            case .none, .may, .dane, .encrypt: .none
            case .daneOnly: dane.map { .dane($0) } ?? .names([])
            case .verify, .secure: .names(names)
            case .fingerprint: .fingerprints(fingerprints)
            }
        return ClientTLSRequest(
            serverName: serverName,
            verification: verification,
            authorities: caFile,
            identity: certificate.map { CertificateFiles(certificateChain: $0.chain, privateKey: $0.key) },
            examinesName: examines ? serverName : nil
        )
    }
}
