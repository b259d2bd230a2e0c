import DNSCore
import MailAuth
import MailSyntax

/// What others read before they send here: MTA-STS and TLS-RPT.
extension Doctor {
    /// RFC 8461 §3.1
    func policy() async -> [Finding] {
        let name = "_mta-sts.\(plan.domain)"
        let found = await look(name, .txt)
        if let trouble = found.trouble { return [unanswered(.policy, name, trouble)] }
        let fix = wanted.policy.map(\.line)
        let count = found.texts(beginning: "v=STSv1").count
        guard count > 0 else {
            guard plan.policy != nil else {
                return [Finding(.ok, .policy, name, "no policy is published, and none is served")]
            }
            return [Finding(.warning, .policy, name, "the policy that is served is not announced", fix: fix)]
        }
        guard let record = MTASTSRecord.find(in: found.answer?.texts ?? []) else {
            let isDouble = count > 1
            return [
                Finding(
                    .error, .policy, name,
                    isDouble ? "has \(count) MTA-STS records, where one must stand" : "has no id that can be read",
                    reason: "senders act as if there were none",
                    fix: fix.isEmpty ? [isDouble ? "remove all but one" : "write it as v=STSv1; id=20261121;"] : fix)
            ]
        }
        var findings: [Finding] = []
        if let id = plan.policy?.recordID, id != record.id {
            findings.append(
                Finding(
                    .warning, .policy, name, "has the id \(record.id), while the policy in force is \(id)",
                    reason: "senders keep the policy they know until the id changes", fix: fix))
        }
        return findings + (await served())
    }

    /// The policy itself. // RFC 8461 §3.2
    private func served() async -> [Finding] {
        let host = "mta-sts.\(plan.domain)"
        let fix = wanted.policy.map(\.line)
        let bytes: [UInt8]
        switch await probe.policy(of: plan.domain) {
        case .failed(let why):
            return [
                Finding(
                    .error, .policy, host, "the policy that is announced can't be fetched: \(why)",
                    reason: "senders that know an older policy keep it; others act as if there were none", fix: fix)
            ]
        case .found(let found): bytes = found
        }
        let policy: MTASTSPolicy
        do {
            policy = try MTASTSPolicy(parsing: bytes)
        } catch {
            return [
                Finding(
                    .error, .policy, host, "the policy can't be read: \(error)",
                    reason: "senders that know an older policy keep it; others act as if there were none")
            ]
        }
        var findings = await unlisted(policy, host)
        if let own = plan.policy, own != policy {
            findings.append(
                Finding(
                    .warning, .policy, host, "another policy is served there than the one in force here",
                    reason: "the id that is announced belongs to a policy that nobody gets",
                    fix: ["lead \(host) to this server, or serve there:"] + own.lines))
        }
        guard findings.isEmpty else { return findings }
        return [Finding(.ok, .policy, host, "the policy is served; its mode is \(policy.mode.rawValue)")]
    }

    /// The hosts of the domain that its policy does not name. // RFC 8461 §4.1
    private func unlisted(_ policy: MTASTSPolicy, _ subject: String) async -> [Finding] {
        guard policy.mode != .none else { return [] }
        let records = await look(plan.domain.ascii, .mx).answer?.mailExchanges ?? []
        let hosts = records.isEmpty ? [plan.hostname.ascii] : records.filter { !$0.isNull }.map { $0.host.lowercased() }
        var missing: [String] = []
        // A host without addresses gets nothing anyway, and is told of with the MX records.
        for host in Set(hosts.prefix(20)).sorted() where !policy.lists(host) {
            if await !lookAddresses(host).addresses.isEmpty { missing.append(host) }
        }
        guard !missing.isEmpty else { return [] }
        return [
            Finding(
                policy.mode == .enforce ? .error : .warning, .policy, subject,
                "the policy does not name \(missing.listed()) as a host of the domain",
                reason: policy.mode == .enforce
                    ? "senders that keep to it don't deliver there" : "with `mode: enforce` nobody would deliver there",
                fix: plan.policy == nil
                    ? missing.map { "mx: \($0)" } : ["add to mta_sts.hosts: \(missing.joined(separator: ", "))"])
        ]
    }

    /// RFC 8460 §3
    func tlsReports() async -> [Finding] {
        let record = wanted.tlsReports
        let name = record.name
        let found = await look(name, .txt)
        if let trouble = found.trouble { return [unanswered(.tlsReports, name, trouble)] }
        let texts = found.texts(beginning: "v=TLSRPTv1")
        guard let text = texts.first else {
            return [Finding(.remark, .tlsReports, name, "nobody is asked for reports about TLS", fix: [record.line])]
        }
        guard texts.count == 1 else {
            return [
                Finding(
                    .warning, .tlsReports, name, "has \(texts.count) TLS-RPT records, where one must stand",
                    reason: "senders act as if there were none", fix: ["leave only: \(record.line)"])
            ]
        }
        let places = TagList(text)["rua"]?.split(separator: ",").map { TagList.trim($0).lowercased() } ?? []
        guard !places.isEmpty, places.allSatisfy({ $0.hasPrefix("mailto:") || $0.hasPrefix("https:") }) else {
            return [
                Finding(
                    .warning, .tlsReports, name, "names no place for reports: \(text.prefix(200))",
                    reason: "rua= takes mailto: and https: addresses", fix: ["change it to: \(record.line)"])
            ]
        }
        return [Finding(.ok, .tlsReports, name, "reports go to \(places.listed())")]
    }
}
