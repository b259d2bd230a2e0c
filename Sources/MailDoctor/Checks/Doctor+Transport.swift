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
            guard plan.policyID != nil else {
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
        if let id = plan.policyID, id != record.id {
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
        guard policy.mode == .none || policy.lists(plan.hostname.ascii) else {
            return [
                Finding(
                    policy.mode == .enforce ? .error : .warning, .policy, host,
                    "the policy does not name \(plan.hostname) as a host of the domain",
                    reason: "senders that keep to it don't deliver here", fix: ["mx: \(plan.hostname)"])
            ]
        }
        return [Finding(.ok, .policy, host, "the policy is served; its mode is \(policy.mode.rawValue)")]
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
