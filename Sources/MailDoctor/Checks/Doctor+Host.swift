import DNSCore
import MailSyntax

/// The host: its name, its addresses, and the way back from them.
extension Doctor {
    /// The server's addresses as the internet sees them, and how its name agrees.
    ///
    /// A machine behind a router knows private addresses only: then those in the DNS are believed.
    func hostAddresses() async -> (own: [IPAddress], findings: [Finding]) {
        let host = plan.hostname.ascii
        let found = await lookAddresses(host)
        if let trouble = found.trouble, found.addresses.isEmpty {
            return (plan.addresses.filter(\.isReachable), [unanswered(.address, host, trouble)])
        }
        guard !found.addresses.isEmpty else {
            let finding = Finding(
                .error, .address, host, "the server's name has no address", fix: addressLines(plan.addresses))
            return (plan.addresses.filter(\.isReachable), [finding])
        }
        var findings: [Finding] = []
        var own: [IPAddress] = []
        for isV6 in [false, true] {
            let here = found.addresses.filter { $0.isV6 == isV6 }
            let known = plan.addresses.filter { $0.isV6 == isV6 && $0.isReachable }
            findings += compare(host, known: known, found: here)
            own += known.isEmpty ? here.filter(\.isReachable) : known
        }
        if found.isAlias {
            findings.append(
                Finding(
                    .error, .address, host, "the server's name is an alias (CNAME)",
                    reason: "a name that MX records lead to must have addresses itself",  // RFC 2181 §10.3
                    fix: addressLines(own)))
        }
        if findings.isEmpty {
            findings.append(Finding(.ok, .address, host, "leads to \(found.addresses.listed())"))
        }
        return (own, findings)
    }

    private func compare(_ host: String, known: [IPAddress], found: [IPAddress]) -> [Finding] {
        var findings = found.filter { !$0.isReachable }.map { address in
            Finding(
                .error, .address, host, "leads to \(address), which is not an address of the internet",
                reason: "nobody outside can connect to it", fix: addressLines(known))
        }
        let foreign = found.filter { $0.isReachable && !known.contains($0) }
        guard !known.isEmpty else {
            if !foreign.isEmpty {
                findings.append(
                    Finding(
                        .remark, .address, host,
                        "leads to \(foreign.listed()), which this machine does not know as its own",
                        reason: "behind a router that is as it should be",
                        fix: ["say it with --address \(foreign.map(\.description).joined(separator: " --address "))"]))
            }
            return findings
        }
        findings += known.filter { !found.contains($0) }.map { address in
            Finding(
                found.isEmpty ? .warning : .error, .address, host, "does not lead to \(address), which the server has",
                fix: addressLines([address]))
        }
        findings += foreign.map { address in
            Finding(
                .warning, .address, host, "leads to \(address), which is not this server's",
                reason: "mail and clients that choose it end up elsewhere",
                fix: ["remove: \(host). IN \(address.isV6 ? "AAAA" : "A") \(address)"])
        }
        return findings
    }

    func addressLines(_ addresses: [IPAddress]) -> [String] {
        guard !addresses.isEmpty else { return ["\(plan.hostname). IN A (the server's public address)"] }
        return addresses.map { WantedRecord(plan.hostname.ascii, .address($0), "").line }
    }

    // MARK: The name it gives

    /// RFC 5321 §4.1.1.1
    func helo(_ own: [IPAddress]) async -> [Finding] {
        let name = plan.heloName.ascii
        guard name.contains(".") else {
            return [
                Finding(
                    .error, .helo, name, "the server calls itself \(name), which is not a full name",
                    fix: ["set server.hostname or outbound.helo_name to a name such as mail.\(plan.domain)"])
            ]
        }
        let found = await lookAddresses(name)
        if let trouble = found.trouble, found.addresses.isEmpty { return [unanswered(.helo, name, trouble)] }
        let lines = own.map { WantedRecord(name, .address($0), "").line }
        guard !found.addresses.isEmpty else {
            return [Finding(.error, .helo, name, "the name that the server gives has no address", fix: lines)]
        }
        guard own.isEmpty || found.addresses.contains(where: own.contains) else {
            return [
                Finding(
                    .error, .helo, name,
                    "the name that the server gives leads to \(found.addresses.listed()), not to this server",
                    fix: lines)
            ]
        }
        return [Finding(.ok, .helo, name, "the name that the server gives leads to it")]
    }

    // MARK: The way back

    /// The reverse name of each address, and whether it leads back. // RFC 8601 §3 (iprev)
    func reverse(_ own: [IPAddress]) async -> [Finding] {
        guard !own.isEmpty else {
            return [
                Finding(
                    .remark, .reverse, plan.hostname.ascii, "no address of the internet is known to look up",
                    fix: ["give the public ones with --address"])
            ]
        }
        return await Self.sideBySide(own) { await reverse(of: $0) }
    }

    private func reverse(of address: IPAddress) async -> [Finding] {
        let found = await look(address.reverseName, .ptr)
        let fix = [
            "\(address.reverseName). IN PTR \(plan.heloName).", "(in the panel of who gave you the address)",
        ]
        if let trouble = found.trouble { return [unanswered(.reverse, "\(address)", trouble)] }
        let names = (found.answer?.names ?? []).map { $0.lowercased() }
        guard !names.isEmpty else {
            return [Finding(.error, .reverse, "\(address)", "has no reverse name (PTR)", fix: fix)]
        }
        var confirmed: [String] = []
        for name in names.prefix(10) where await lookAddresses(name).addresses.contains(address) {
            confirmed.append(name)
        }
        guard !confirmed.isEmpty else {
            return [
                Finding(
                    .error, .reverse, "\(address)",
                    "its reverse name \(names.listed()) does not lead back to it", fix: fix)
            ]
        }
        guard confirmed.contains(plan.heloName.ascii) else {
            return [
                Finding(
                    .warning, .reverse, "\(address)",
                    "its reverse name is \(confirmed.listed()), while the server calls itself \(plan.heloName)",
                    reason: "some receivers want both names to be the same", fix: fix)
            ]
        }
        var findings = [Finding(.ok, .reverse, "\(address)", "is \(plan.heloName), which leads back")]
        if names.count > 1 {
            findings.append(
                Finding(
                    .remark, .reverse, "\(address)", "has \(names.count) reverse names: \(names.listed())",
                    reason: "receivers look at one of them, and not always at the same"))
        }
        return findings
    }
}
