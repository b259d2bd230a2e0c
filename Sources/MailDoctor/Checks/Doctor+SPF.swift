import DNSCore
import MailAuth
import MailSyntax

/// SPF: not what the records say, but what receivers make of them for this server's addresses.
extension Doctor {
    func spf(_ own: [IPAddress]) async -> [Finding] {
        var findings = await spf(.spf, plan.domain, wanted.sender, own)
        for record in wanted.hostSenders {
            guard let name = DomainName(record.name) else { continue }
            findings += await spf(.hostSPF, name, record, own)
        }
        return findings
    }

    private func spf(
        _ check: Finding.Check, _ domain: DomainName, _ wanted: WantedRecord, _ own: [IPAddress]
    ) async -> [Finding] {
        let name = domain.ascii
        let found = await look(name, .txt)
        if let trouble = found.trouble { return [unanswered(check, name, trouble)] }
        let texts = (found.answer?.texts ?? []).filter { SPFRecord.isSPF($0) }
        guard let text = texts.first else {
            return [
                Finding(check == .spf ? .error : .warning, check, name, "has no SPF record", fix: [wanted.line])
            ]
        }
        // RFC 7208 §3.2, §4.5
        guard texts.count == 1 else {
            return [
                Finding(
                    .error, check, name, "has \(texts.count) SPF records, where one must stand",
                    reason: "receivers take that for an error, and SPF never passes",
                    fix: ["leave only: \(wanted.line)"])
            ]
        }
        let record: SPFRecord
        do {
            record = try SPFRecord(parsing: text)
        } catch {
            return [
                Finding(
                    .error, check, name, "the SPF record can't be read: \(error)",
                    reason: "receivers take that for an error, and SPF never passes",
                    fix: ["change it to: \(wanted.line)"])
            ]
        }
        let words = String(decoding: text, as: UTF8.self)
        return judge(record, check, name) + (await count(check, domain))
            + (await pass(check, domain, words, own))
    }

    /// What the record says to everybody.
    private func judge(_ record: SPFRecord, _ check: Finding.Check, _ name: String) -> [Finding] {
        var findings: [Finding] = []
        let all = record.directives.first { $0.mechanism == .all }
        if all?.qualifier == .pass {
            findings.append(
                Finding(
                    .error, check, name, "\(all?.text ?? "all") lets everybody send as the domain",
                    fix: ["put ~all or -all in its place"]))
        } else if all?.qualifier == .neutral {
            findings.append(
                Finding(.remark, check, name, "?all says nothing of other senders", fix: ["put ~all in its place"]))
        } else if all == nil, record.redirect == nil {
            findings.append(
                Finding(.remark, check, name, "says nothing of other senders", fix: ["put ~all at its end"]))
        }
        // RFC 7208 §5.5
        let names = record.directives.filter { if case .ptr = $0.mechanism { true } else { false } }
        if let first = names.first {
            findings.append(
                Finding(
                    .remark, check, name, "\(first.text) is slow and not to be used",
                    reason: "some receivers pass over it", fix: ["put a:\(plan.hostname) in its place"]))
        }
        return findings
    }

    /// What evaluating the whole record costs a receiver. // RFC 7208 §4.6.4
    private func count(_ check: Finding.Check, _ domain: DomainName) async -> [Finding] {
        // Reserved, so that no term is likely to match before the end.
        guard let nobody = IPAddress("240.0.0.1") else { return [] }
        let limits = SPFLimits(lookups: 40, voidLookups: 40)
        let result = await evaluate(nobody, domain, limits)
        let usual = SPFLimits()
        var findings: [Finding] = []
        if result.lookups > usual.lookups {
            findings.append(
                Finding(
                    .error, check, domain.ascii, "takes \(result.lookups) lookups, and \(usual.lookups) are allowed",
                    reason: "receivers take more for an error, and SPF never passes",
                    fix: ["put ip4: and ip6: terms in the place of include:, a and mx"]))
        } else if result.lookups > usual.lookups - 2 {
            findings.append(
                Finding(
                    .warning, check, domain.ascii, "takes \(result.lookups) of \(usual.lookups) lookups",
                    reason: "when somebody you include adds one or two, SPF fails",
                    fix: ["put ip4: and ip6: terms in the place of include:, a and mx"]))
        }
        if result.voidLookups > usual.voidLookups {
            findings.append(
                Finding(
                    .error, check, domain.ascii,
                    "asks for \(result.voidLookups) names that are not there, and \(usual.voidLookups) are allowed",
                    reason: "receivers take more for an error, and SPF never passes",
                    fix: ["remove the terms that lead nowhere"]))
        }
        return findings
    }

    /// What receivers make of mail from here.
    private func pass(
        _ check: Finding.Check, _ domain: DomainName, _ record: String, _ own: [IPAddress]
    ) async -> [Finding] {
        var findings: [Finding] = []
        var failed: [IPAddress] = []
        for address in own {
            let result = await evaluate(address, domain, SPFLimits())
            switch result.verdict {
            case .pass:
                findings.append(
                    Finding(
                        .ok, check, domain.ascii,
                        "passes for \(address) (\(result.mechanism ?? "all"), \(result.lookups) of 10 lookups)"))
            case .temperror:
                findings.append(
                    Finding(
                        .warning, check, domain.ascii,
                        "could not be evaluated for \(address): \(result.reason ?? "a lookup failed")"))
            case .permerror:
                findings.append(
                    Finding(
                        .error, check, domain.ascii, "is an error: \(result.reason ?? "it can't be evaluated")",
                        reason: "receivers take no SPF record with an error for one that passes"))
            case .none, .neutral, .fail, .softfail:
                failed.append(address)
                findings.append(
                    Finding(
                        plan.sendsDirectly ? .error : .remark, check, domain.ascii,
                        "gives \(result.verdict.rawValue) for \(address), which this server sends from"))
            }
        }
        guard !failed.isEmpty else { return findings }
        let text = Self.adding(failed, to: record)
        let line = "change it to: \(domain). IN TXT \(ZoneFile.quoted(text))"
        return findings.map { finding in
            guard finding.severity != .ok, finding.message.hasPrefix("gives ") else { return finding }
            var finding = finding
            finding.fix = [line]
            return finding
        }
    }

    private func evaluate(_ client: IPAddress, _ domain: DomainName, _ limits: SPFLimits) async -> SPFResult {
        await SPFChecker.check(
            client: client, helo: plan.heloName.ascii,
            sender: .address(EmailAddress(localPart: "postmaster", domain: domain)), resolver: resolver, limits: limits,
            now: settings.now)
    }

    /// The record with terms for addresses put before what speaks of everybody else.
    static func adding(_ addresses: [IPAddress], to record: String) -> String {
        var terms = record.split(separator: " ").map(String.init)
        let end = terms.firstIndex { term in
            let word = term.lowercased()
            return ["all", "+all", "-all", "~all", "?all"].contains(word) || word.hasPrefix("redirect=")
        }
        terms.insert(contentsOf: addresses.map { "\($0.isV6 ? "ip6" : "ip4"):\($0)" }, at: end ?? terms.count)
        return terms.joined(separator: " ")
    }
}
