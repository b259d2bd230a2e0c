import Crypto
import DNSCore
import MailAuth
import MailSyntax

/// Makes the records that a domain needs: a plan comes in, records come out.
package struct WantedRecords: Sendable {
    package let plan: DomainPlan

    package init(_ plan: DomainPlan) { self.plan = plan }

    private var domain: DomainName { plan.domain }
    private var hostname: DomainName { plan.hostname }

    /// Everything, in the order of a zone file. A domain that only sends gets only what sending needs.
    package var all: [WantedRecord] {
        let host = addresses + hostSenders
        switch plan.kind {
        case .hosted:
            return host + [exchange, sender] + keys + [dmarc] + policy + [tlsReports] + associations + services
                + issuers + guessedNames.filter(isCovered)
        case .sendOnly: return host + [sender] + keys
        }
    }

    // MARK: The host

    package var addresses: [WantedRecord] {
        var records: [WantedRecord] = []
        for name in hostNames {
            records += plan.addresses.map { address in
                WantedRecord(
                    name.ascii, .address(address),
                    (name == hostname ? "where the server is" : "the name that the server gives when it sends")
                        + elsewhere(name) + (address.isReachable ? "" : Self.privateRemark)
                )
            }
        }
        return records
    }

    /// SPF of the names that the server gives itself, which reports of failed delivery come from. // RFC 7208 §2.3
    package var hostSenders: [WantedRecord] {
        hostNames.filter { $0 != domain }.map { name in
            WantedRecord(
                name.ascii, .text("v=spf1 a -all"),
                "SPF for the server's own name, which reports of failed delivery come from" + elsewhere(name))
        }
    }

    private var hostNames: [DomainName] { hostname == plan.heloName ? [hostname] : [hostname, plan.heloName] }

    private func elsewhere(_ name: DomainName) -> String {
        name == domain || name.isSubdomain(of: domain) ? "" : "; goes into the zone that holds it"
    }

    private static let privateRemark = "; not an address of the internet: give the public one with --address"

    // MARK: Mail

    package var exchange: WantedRecord {
        let usual = plan.services.isEmpty || plan.services.contains { $0.kind == "mx" && $0.port == 25 }
        let remark = usual ? "" : "; others connect to port 25 only, where this server does not listen"
        return WantedRecord(
            domain.ascii, .mailExchange(MailExchange(preference: 10, host: hostname.ascii)),
            "mail for the domain comes here" + remark)
    }

    /// A domain whose mailboxes are elsewhere has its MX and mostly an SPF record already, and may have but one.
    /// RFC 7208 §3.2
    package var sender: WantedRecord {
        switch plan.kind {
        case .hosted:
            WantedRecord(
                domain.ascii, .text("v=spf1 \(senderTerm) ~all"),
                "SPF: mail from the domain leaves from the hosts of its MX (add others that send for you)")
        case .sendOnly:
            WantedRecord(
                domain.ascii, .text("v=spf1 \(senderTerm) ~all"),
                "SPF: mail from the domain leaves from this server too; where the domain has such a record, put "
                    + "\(senderTerm) into it (and what a smarthost asks for)")
        }
    }

    /// What lets this server send, in an SPF record of the domain.
    var senderTerm: String { plan.kind == .hosted ? "mx" : "a:\(plan.heloName)" }

    package var keys: [WantedRecord] { plan.keys.filter { $0.role != .retired }.map { record(of: $0) } }

    /// Records that were wanted once and may go.
    package var obsolete: [WantedRecord] { plan.keys.filter { $0.role == .retired }.map { record(of: $0) } }

    package func name(of key: DomainPlan.Key) -> String { "\(key.selector)._domainkey.\(key.domain ?? domain)" }

    func record(of key: DomainPlan.Key) -> WantedRecord {
        let purpose =
            switch key.role {
            case .active:
                "DKIM: the public key that signatures are checked with (\(key.algorithm)"
                    + (key.origin.map { ", \($0))" } ?? ")")
            case .next: "DKIM: the next key (\(key.algorithm)), which signs as soon as it is seen here"
            case .retiring(let until):
                "DKIM: the key before (\(key.algorithm)), for mail under way; wanted until \(InternetTimestamp.utc(until))"
            case .retired: "DKIM: a key that has retired (\(key.algorithm))"
            case .idle: "DKIM: a key (\(key.algorithm)) that signs nothing while the signing table has everyone"
            }
        return WantedRecord(name(of: key), .text(key.record), purpose, isRequired: key.role != .idle)
    }

    package var dmarc: WantedRecord {
        WantedRecord(
            "_dmarc.\(domain)", .text("v=DMARC1; p=quarantine; rua=\(plan.reportTarget)"),
            "DMARC: what others do with mail that neither SPF nor DKIM vouches for, and where they report")
    }

    // MARK: Transport

    /// Nothing where no policy is served. // RFC 8461 §3.1
    package var policy: [WantedRecord] {
        guard let policy = plan.policy else { return [] }
        let host = WantedRecord(
            "mta-sts.\(domain)", .canonicalName(hostname.ascii), "MTA-STS: where the policy is served by HTTPS")
        let remark = isCovered(host) ? "" : "; no certificate in `tls.certificates` is for this name yet"
        return [
            WantedRecord(
                "_mta-sts.\(domain)", .text(policy.recordText),
                "MTA-STS: there is a policy for mail to the domain (mode \(policy.mode.rawValue)); the id changes with it"
            ),
            WantedRecord(host.name, host.data, host.purpose + remark),
        ]
    }

    /// RFC 8460 §3
    package var tlsReports: WantedRecord {
        WantedRecord(
            "_smtp._tls.\(domain)", .text("v=TLSRPTv1; rua=\(plan.reportTarget)"),
            "TLS-RPT: where others report trouble with TLS to this server", isRequired: false)
    }

    /// The public keys of the certificates for the server's name: they hold over renewals that keep the key.
    package var associations: [WantedRecord] {
        guard let certificate = plan.certificates.first(where: { $0.covers(hostname) }) ?? plan.certificates.first
        else { return [] }
        // RFC 7672 §3.1: usage DANE-EE, selector SPKI, matching SHA2-256.
        let association = TLSAssociation(
            usage: 3, selector: 1, matching: 1, data: Array(SHA256.hash(data: certificate.publicKeyInfo)))
        return [
            WantedRecord(
                "_25._tcp.\(hostname)", .association(association),
                "DANE: the key of the certificate on port 25, for a zone signed by DNSSEC; add the next key before the "
                    + "certificate gets one" + elsewhere(hostname), isRequired: false)
        ]
    }

    // MARK: Clients

    package var services: [WantedRecord] {
        Self.clientServices.compactMap { service in
            guard let port = plan.services.first(where: { $0.kind == service.kind })?.port,
                let number = UInt16(exactly: port), number > 0
            else { return nil }
            return WantedRecord(
                "\(service.label)._tcp.\(domain)",
                .service(
                    ServiceLocation(priority: service.priority, weight: 1, port: number, target: hostname.ascii)),
                service.purpose, isRequired: false)
        }
    }

    struct ClientService {
        var kind: String
        var label: String
        var priority: UInt16
        var purpose: String
    }

    /// RFC 6186 §3.1, RFC 8314 §5.1: clear text with an upgrade comes after TLS from the start.
    static let clientServices: [ClientService] = [
        .init(
            kind: "submission", label: "_submission", priority: 10,
            purpose: "clients find where to send, with STARTTLS"),
        .init(
            kind: "submissions", label: "_submissions", priority: 0, purpose: "clients find where to send, with TLS"),
        .init(kind: "imap", label: "_imap", priority: 10, purpose: "clients find their mailboxes, with STARTTLS"),
        .init(kind: "imaps", label: "_imaps", priority: 0, purpose: "clients find their mailboxes, with TLS"),
        .init(kind: "pop3", label: "_pop3", priority: 10, purpose: "clients find their mail by POP3, with STLS"),
        .init(kind: "pop3s", label: "_pop3s", priority: 0, purpose: "clients find their mail by POP3, with TLS"),
    ]

    /// Names that people type into mail programs because others have them, for services that are there.
    package var guessedNames: [WantedRecord] {
        let guesses: [(label: String, kinds: Set<String>, purpose: String)] = [
            ("smtp", ["submission", "submissions"], "the name that people guess for sending"),
            ("imap", ["imap", "imaps"], "the name that people guess for their mailboxes"),
            ("pop", ["pop3", "pop3s"], "the name that people guess for POP3"),
        ]
        return guesses.compactMap { guess in
            guard plan.services.contains(where: { guess.kinds.contains($0.kind) }),
                let name = DomainName("\(guess.label).\(domain)"), name != hostname, name != plan.heloName
            else { return nil }
            return WantedRecord(name.ascii, .canonicalName(hostname.ascii), guess.purpose, isRequired: false)
        }
    }

    /// A certificate is for the record's name, so that mail programs find nothing wrong.
    func isCovered(_ record: WantedRecord) -> Bool {
        DomainName(record.name).map { name in plan.certificates.contains { $0.covers(name) } } ?? false
    }

    /// Nothing where the certificate comes from nobody in particular. // RFC 8659 §4.2
    package var issuers: [WantedRecord] {
        guard let authority = plan.certificates.lazy.compactMap(\.authority).first else { return [] }
        return [
            WantedRecord(
                hostname.ascii, .issuer(authority),
                "CAA: nobody but the authority of today's certificate may issue one for the server's name"
                    + elsewhere(hostname), isRequired: false)
        ]
    }
}
