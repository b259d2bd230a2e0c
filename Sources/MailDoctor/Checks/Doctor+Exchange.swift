import DNSCore
import MailSyntax

/// Where mail for the domain goes, and how the server answers there.
extension Doctor {
    /// A host that mail for the domain goes to.
    struct Exchange: Sendable {
        var name: String
        var addresses: [IPAddress]
        var isOurs: Bool
    }

    func exchanges(_ own: [IPAddress]) async -> [Finding] {
        let found = await look(plan.domain.ascii, .mx)
        let name = plan.domain.ascii
        if let trouble = found.trouble { return [unanswered(.exchange, name, trouble)] }
        let records = (found.answer?.mailExchanges ?? []).sorted { $0.preference < $1.preference }
        if plan.kind == .sendOnly { return await sendOnlyExchanges(records, own) }
        guard !records.isEmpty else { return await missingExchange(own) }
        if records.contains(where: \.isNull) {
            return [
                Finding(
                    .error, .exchange, name, "a null MX says that the domain takes no mail", fix: [wanted.exchange.line]
                )
            ]
        }
        var findings: [Finding] = []
        var hosts: [(Exchange, UInt16)] = []
        for record in records.prefix(20) {
            let (exchange, wrong) = await exchange(record, own)
            findings += wrong
            if let exchange { hosts.append((exchange, record.preference)) }
        }
        findings += judge(hosts)
        if findings.allSatisfy({ $0.severity < .warning }) {
            findings.insert(Finding(.ok, .exchange, name, "goes to \(hosts.map(\.0.name).listed())"), at: 0)
        }
        for host in hosts.map(\.0) where host.isOurs { findings += await visit(host) }
        return findings
    }

    private func missingExchange(_ own: [IPAddress]) async -> [Finding] {
        // RFC 5321 §5.1: without an MX record the domain's own addresses are tried.
        let addresses = await lookAddresses(plan.domain.ascii).addresses
        let isHere = !addresses.isEmpty && addresses.allSatisfy(own.contains)
        return [
            Finding(
                isHere ? .warning : .error, .exchange, plan.domain.ascii,
                isHere ? "has no MX record; mail comes by the domain's own address" : "has no MX record",
                fix: [wanted.exchange.line])
        ]
    }

    private func sendOnlyExchanges(_ records: [MailExchange], _ own: [IPAddress]) async -> [Finding] {
        let name = plan.domain.ascii
        for record in records where record.host.lowercased() == plan.hostname.ascii {
            return [
                Finding(
                    .error, .exchange, name, "leads to this server, which keeps no mail of the domain",
                    fix: [
                        "remove: \(name). IN MX \(record.preference) \(record.host).",
                        "or keep its mail here: martlet domain kind \(name) hosted --postmaster ADDRESS",
                    ])
            ]
        }
        if records.isEmpty {
            return [
                Finding(
                    .remark, .exchange, name, "has no MX record",
                    reason: "nobody can answer mail from the domain, and some receivers refuse senders like that")
            ]
        }
        return [Finding(.ok, .exchange, name, "goes elsewhere: \(records.map(\.host).listed())")]
    }

    /// One MX record: the host, where it has addresses, and what is wrong with the record.
    private func exchange(_ record: MailExchange, _ own: [IPAddress]) async -> (Exchange?, [Finding]) {
        let host = record.host.lowercased()
        let line = "\(plan.domain). IN MX \(record.preference) \(record.host)."
        func wrong(_ message: String, _ reason: String? = nil) -> [Finding] {
            [Finding(.error, .exchange, host, message, reason: reason, fix: ["remove: \(line)", wanted.exchange.line])]
        }
        if IPAddress(host) != nil {
            return (nil, wrong("an MX record leads to an address; it must be a name"))  // RFC 1035 §3.3.9
        }
        let found = await lookAddresses(host)
        if let trouble = found.trouble, found.addresses.isEmpty {
            return (nil, [unanswered(.exchange, host, trouble)])
        }
        guard !found.addresses.isEmpty else { return (nil, wrong("an MX record leads to a name without addresses")) }
        let isOurs = host == plan.hostname.ascii || found.addresses.contains(where: own.contains)
        let exchange = Exchange(name: host, addresses: found.addresses, isOurs: isOurs)
        // RFC 5321 §5.1, RFC 2181 §10.3. The server's own name is judged with its addresses.
        guard found.isAlias, host != plan.hostname.ascii else { return (exchange, []) }
        return (
            exchange,
            [
                Finding(
                    .error, .exchange, host, "an MX record leads to an alias (CNAME)",
                    reason: "a name that MX records lead to must have addresses itself; some senders refuse aliases",
                    fix: ["replace \(line)", "with \(wanted.exchange.line)"])
            ]
        )
    }

    private func judge(_ hosts: [(Exchange, UInt16)]) -> [Finding] {
        let name = plan.domain.ascii
        guard !hosts.isEmpty else { return [] }
        guard let ours = hosts.filter(\.0.isOurs).map(\.1).min() else {
            return [
                Finding(
                    .error, .exchange, name, "goes to \(hosts.map(\.0.name).listed()), not to this server",
                    fix: [wanted.exchange.line])
            ]
        }
        var findings: [Finding] = []
        let others = hosts.filter { !$0.0.isOurs }
        let before = others.filter { $0.1 < ours }
        if !before.isEmpty {
            findings.append(
                Finding(
                    .remark, .exchange, name, "goes to \(before.map(\.0.name).listed()) first",
                    reason: "this server gets what they hand on"))
        }
        let after = others.filter { $0.1 >= ours }
        if !after.isEmpty {
            findings.append(
                Finding(
                    .remark, .exchange, name, "goes to \(after.map(\.0.name).listed()) too",
                    reason: "a second host that checks less than the first is where junk comes in"))
        }
        for (host, _) in hosts where host.isOurs && host.name != plan.hostname.ascii {
            findings.append(
                Finding(
                    .remark, .exchange, name, "leads to this server by another name: \(host.name)",
                    reason: "the certificate on port 25 has to be for that name too"))
        }
        return findings
    }

    // MARK: Visits

    private func visit(_ host: Exchange) async -> [Finding] {
        let addresses = Array(host.addresses.prefix(8))
        let visits = await withTaskGroup(of: (IPAddress, ExchangeVisit).self) { group in
            for address in addresses {
                group.addTask { (address, await probe.visit(address, port: plan.exchangePort, name: host.name)) }
            }
            return await group.reduce(into: [IPAddress: ExchangeVisit]()) { $0[$1.0] = $1.1 }
        }
        let findings = addresses.flatMap { address -> [Finding] in
            visits[address].map { answer($0, "\(host.name)[\(address)]", host.name) } ?? []
        }
        let chain = addresses.lazy.compactMap { visits[$0]?.chain }.first { !$0.isEmpty } ?? []
        return findings + (await associations(host.name, chain))
    }

    private func answer(_ visit: ExchangeVisit, _ subject: String, _ name: String) -> [Finding] {
        let port = plan.exchangePort
        if let failure = visit.failure {
            return [
                Finding(
                    .error, .reachable, subject, "port \(port) can't be used from here: \(failure)",
                    fix: [
                        "let port \(port) through: firewall, provider's panel, port forwarding",
                        "(routers seldom lead a machine to its own public address: then try from elsewhere)",
                    ])
            ]
        }
        return [Finding(.ok, .reachable, subject, "answers on port \(port)")] + security(visit, subject, name)
    }

    private func security(_ visit: ExchangeVisit, _ subject: String, _ name: String) -> [Finding] {
        guard visit.offersStartTLS else {
            return [
                Finding(
                    .error, .startTLS, subject, "STARTTLS is not offered",
                    fix: ["set tls.certificates, and look for something on the way that takes STARTTLS away"])
            ]
        }
        if let failure = visit.tlsFailure {
            return [
                Finding(.error, .startTLS, subject, "STARTTLS fails: \(failure)", fix: ["see: martlet config check"])
            ]
        }
        let works = Finding(.ok, .startTLS, subject, "STARTTLS works")
        return [works] + certificate(visit, subject, name)
    }

    private func certificate(_ visit: ExchangeVisit, _ subject: String, _ name: String) -> [Finding] {
        var findings: [Finding] = []
        if let distrust = visit.distrust {
            findings.append(
                Finding(
                    plan.policy == nil ? .warning : .error, .exchangeCertificate, subject, distrust,
                    fix: ["get a certificate for \(name) from a public authority and name it in tls.certificates"]))
        } else {
            findings.append(
                Finding(.ok, .exchangeCertificate, subject, "the certificate is valid for \(name)"))
        }
        guard let shown = visit.chain.first, !plan.certificates.isEmpty,
            !plan.certificates.contains(where: { $0.der == shown.der })
        else { return findings }
        findings.append(
            Finding(
                .remark, .exchangeCertificate, subject, "shows another certificate than those of the manifest",
                reason: "it was renewed and not taken up, or something before the server answers in its place",
                fix: ["martlet reload"]))
        let end = lifetime(shown, subject, as: .exchangeCertificate)
        return end.severity == .ok ? findings : findings + [end]
    }
}
