import DNSCore
import MailSyntax

/// What mail programs and certificate authorities read, and the certificates themselves.
extension Doctor {
    func services() async -> [Finding] {
        let found = await Self.sideBySide(WantedRecords.clientServices) { await service($0) }
        return found + (await Self.sideBySide(wanted.guessedNames) { await guessedName($0) })
    }

    /// RFC 6186 §3.4
    private func service(_ service: WantedRecords.ClientService) async -> [Finding] {
        let name = "\(service.label)._tcp.\(plan.domain)"
        let record = wanted.services.first { $0.name == name }
        let found = await look(name, .srv)
        if let trouble = found.trouble { return record == nil ? [] : [unanswered(.service, name, trouble)] }
        let locations = (found.answer?.records ?? []).compactMap { record -> ServiceLocation? in
            if case .service(let location) = record { return location }
            return nil
        }
        let present = locations.filter { !$0.target.isEmpty }
        guard let record, case .service(let wanted) = record.data else {
            guard present.contains(where: { $0.target.lowercased() == plan.hostname.ascii }) else { return [] }
            return [
                Finding(
                    .warning, .service, name, "announces a service that this server does not have",
                    fix: ["\(name). IN SRV 0 0 0 ."])
            ]
        }
        guard !present.isEmpty else {
            return [
                Finding(
                    .remark, .service, name,
                    locations.isEmpty ? "is not there" : "says that there is no such service", fix: [record.line])
            ]
        }
        if present.contains(where: { $0.target.lowercased() == wanted.target && $0.port == wanted.port }) {
            return [Finding(.ok, .service, name, "leads to port \(wanted.port) of \(wanted.target)")]
        }
        let seen = present.map { "port \($0.port) of \($0.target)" }.listed()
        return [
            Finding(.warning, .service, name, "leads to \(seen)", fix: ["change it to: \(record.line)"])
        ]
    }

    /// A name that leads here is one that mail programs check the certificate for.
    private func guessedName(_ record: WantedRecord) async -> [Finding] {
        let addresses = await lookAddresses(record.name).addresses
        guard !addresses.isEmpty, !wanted.isCovered(record), !plan.certificates.isEmpty else { return [] }
        let host = await lookAddresses(plan.hostname.ascii).addresses
        guard addresses.contains(where: host.contains) else { return [] }
        return [
            Finding(
                .remark, .service, record.name, "leads to this server, and no certificate is for it",
                reason: "mail programs that are told this name warn their users",
                fix: ["put \(record.name) into the certificate, or have people use \(plan.hostname)"])
        ]
    }

    // MARK: CAA

    /// The records nearest to the server's name hold. // RFC 8659 §3
    func issuers() async -> [Finding] {
        let authority = plan.certificates.lazy.compactMap(\.authority).first
        let lines = wanted.issuers.map(\.line)
        var name: DomainName? = plan.hostname
        while let current = name {
            let found = await look(current.ascii, .caa)
            if let trouble = found.trouble {
                // Old name servers fail at types they don't know; authorities then refuse to issue. RFC 8659 §6.4
                return [unanswered(.issuer, current.ascii, trouble)]
            }
            let properties = found.answer?.authorizations ?? []
            guard properties.isEmpty else { return judge(properties, current, authority, lines) }
            name = current.parent
        }
        return [
            Finding(
                authority == nil ? .ok : .remark, .issuer, plan.hostname.ascii, "any authority may issue certificates",
                reason: "with a record, only yours may", fix: lines)
        ]
    }

    private func judge(
        _ properties: [CertificateAuthorization], _ name: DomainName, _ authority: String?, _ lines: [String]
    ) -> [Finding] {
        let issuers = properties.filter { $0.tag == "issue" }.map { property in
            String(TagList.trim(property.value.split(separator: ";", omittingEmptySubsequences: false).first ?? ""))
                .lowercased()
        }
        guard let authority else {
            return [Finding(.ok, .issuer, name.ascii, "certificates come from \(issuers.listed())")]
        }
        guard !issuers.isEmpty, !issuers.contains(authority) else {
            return [Finding(.ok, .issuer, name.ascii, "\(authority) may issue certificates")]
        }
        return [
            Finding(
                .warning, .issuer, name.ascii,
                "does not let \(authority) issue certificates, which issued the one in use",
                reason: "the next renewal will be refused", fix: lines)
        ]
    }

    // MARK: Certificates of the manifest

    func certificates() -> [Finding] {
        let name = plan.hostname.ascii
        var findings: [Finding] = []
        for certificate in plan.certificates {
            let subject = certificate.names.isEmpty ? certificate.subject : certificate.names.listed()
            findings.append(lifetime(certificate, subject, as: .certificate))
        }
        if !plan.certificates.contains(where: { $0.covers(plan.hostname) }) {
            findings.append(
                Finding(
                    .error, .certificate, name, "no certificate is for the server's name",
                    fix: ["name one for \(name) in tls.certificates"]))
        } else if plan.certificates.first(where: { $0.covers(plan.hostname) })?.isSelfSigned == true {
            findings.append(
                Finding(
                    .warning, .certificate, name, "the certificate is self-signed",
                    reason: "mail programs ask their users, and servers that verify don't deliver",
                    fix: ["get a certificate for \(name) from a public authority and name it in tls.certificates"]))
        }
        return findings
    }

    func lifetime(_ certificate: CertificateFacts, _ subject: String, as check: Finding.Check) -> Finding {
        let days = (certificate.notAfter.seconds - settings.now.seconds) / 86_400
        let renew = ["renew it, then: martlet reload"]
        if certificate.notAfter < settings.now {
            return Finding(.error, check, subject, "the certificate ended \(-days) days ago", fix: renew)
        }
        if settings.now < certificate.notBefore {
            return Finding(.error, check, subject, "the certificate is not valid yet", fix: renew)
        }
        if days < Self.notice {
            return Finding(.warning, check, subject, "the certificate ends in \(days) days", fix: renew)
        }
        return Finding(.ok, check, subject, "the certificate is valid for \(days) days more")
    }

    /// Days before its end that a certificate is spoken of; automatic renewal comes earlier.
    private static let notice: Int64 = 14
}
