import Crypto
import DNSCore
import MailAuth
import MailSyntax

/// TLSA records beside the certificate that the server really shows, and the signatures that they depend on.
extension Doctor {
    /// - Parameter chain: what port 25 has shown; empty: what the manifest has.
    func associations(_ host: String, _ chain: [CertificateFacts]) async -> [Finding] {
        let name = "_25._tcp.\(host)"
        let found = await look(name, .tlsa)
        if let trouble = found.trouble { return [unanswered(.tlsa, name, trouble)] }
        let chain = chain.isEmpty ? Array(plan.certificates.prefix(1)) : chain
        let lines = host == plan.hostname.ascii ? wanted.associations.map(\.line) : []
        guard let records = found.answer?.tlsAssociations, !records.isEmpty else {
            let signed = await look(host, .a).isSecure
            return [
                Finding(
                    signed ? .remark : .ok, .tlsa, name,
                    signed
                        ? "the zone is signed and has no TLSA record" : "no TLSA record, which is right without DNSSEC",
                    reason: "with one, senders that use DANE verify this server", fix: signed ? lines : [])
            ]
        }
        guard !chain.isEmpty else {
            return [Finding(.remark, .tlsa, name, "could not be compared: no certificate was shown")]
        }
        return judge(records, name, chain, lines, isSecure: found.isSecure)
    }

    private func judge(
        _ records: [TLSAssociation], _ name: String, _ chain: [CertificateFacts], _ lines: [String], isSecure: Bool
    ) -> [Finding] {
        var findings: [Finding] = []
        // RFC 7672 §3.1.3: usages 0 and 1 are not for SMTP.
        let unusable = records.filter { !$0.isUsable }
        findings += unusable.map {
            Finding(
                .warning, .tlsa, name, "senders can't use \($0.text)",
                reason: "for SMTP the usage is 2 or 3, the selector 0 or 1, and the matching type 0, 1 or 2",
                fix: ["remove: \(name). IN TLSA \($0.text)"] + lines)
        }
        let usable = records.filter { !unusable.contains($0) }
        let fitting = usable.filter { record in Self.candidates(record, chain).contains { record.fits($0) } }
        if fitting.isEmpty, !usable.isEmpty {
            findings.append(
                Finding(
                    .error, .tlsa, name, "none of the TLSA records fits the certificate that is shown",
                    fix: lines + usable.map { "remove: \(name). IN TLSA \($0.text)" }))
        } else if !fitting.isEmpty {
            findings.append(
                Finding(
                    .ok, .tlsa, name,
                    fitting.count == usable.count
                        ? "fits the certificate"
                        : "fits the certificate; \(usable.count - fitting.count) more for others"))
        }
        if settings.validates, !isSecure {
            findings.append(
                Finding(
                    .warning, .tlsa, name, "TLSA records stand in a zone that is not signed",
                    reason: "senders take no notice of them",
                    fix: ["sign the zone with DNSSEC, or remove the TLSA records"]))
        }
        return findings
    }

    /// DANE-EE is the server's own certificate, DANE-TA any other of the chain. // RFC 7672 §3.1.1, §3.1.2
    private static func candidates(_ record: TLSAssociation, _ chain: [CertificateFacts]) -> [CertificateFacts] {
        record.usage == 3 ? Array(chain.prefix(1)) : chain
    }

    // MARK: Signatures of the zone

    func dnssec() async -> [Finding] {
        let name = plan.domain.ascii
        guard settings.validates else {
            return [
                Finding(
                    .remark, .dnssec, name, "not looked at: the resolver that was asked does not check signatures",
                    fix: ["leave --dns and server.dns.forwarders out, or name a resolver that hands signatures on"])
            ]
        }
        // Of these the domain has at least one; each type may fail on its own.
        for type in [DNSRecordType.mx, .ns, .txt, .a] {
            switch await resolver.resolve(name, type) {
            case .failure(.bogus(let why)):
                return [
                    Finding(
                        .error, .dnssec, name, "the signatures of the zone don't hold: \(why)",
                        reason: "for resolvers that check signatures the domain does not exist: its mail is lost",
                        fix: ["sign the zone again, or remove its DS record at the registrar until it is right"])
                ]
            case .success(let answer) where answer.secure:
                return [Finding(.ok, .dnssec, name, "the zone is signed and the signatures hold")]
            case .success:
                return [
                    Finding(
                        .remark, .dnssec, name, "the zone is not signed",
                        fix: ["switch DNSSEC on at the name server, then hand its DS record to the registrar"])
                ]
            case .failure: continue
            }
        }
        return [Finding(.remark, .dnssec, name, "nothing could be asked")]
    }
}

extension TLSAssociation {
    /// RFC 6698 §2.1.2, §2.1.3
    func fits(_ certificate: CertificateFacts) -> Bool {
        let bytes = selector == 0 ? certificate.der : certificate.publicKeyInfo
        return switch matching {
        case 0: data == bytes
        case 1: data == Array(SHA256.hash(data: bytes))
        case 2: data == Array(SHA512.hash(data: bytes))
        default: false
        }
    }
}
