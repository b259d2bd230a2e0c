import DNSCore
import MailSyntax

/// What others read before they send here: MTA-STS and TLS-RPT.
extension Doctor {
    /// RFC 8461 §3.1
    func policy() async -> [Finding] {
        let name = "_mta-sts.\(plan.domain)"
        let found = await look(name, .txt)
        if let trouble = found.trouble { return [unanswered(.policy, name, trouble)] }
        let texts = found.texts(beginning: "v=STSv1")
        let fix = wanted.policy.map(\.line)
        guard let text = texts.first else {
            guard plan.policyID != nil else {
                return [Finding(.ok, .policy, name, "no policy is published, and none is served")]
            }
            return [Finding(.warning, .policy, name, "the policy that is served is not announced", fix: fix)]
        }
        guard texts.count == 1 else {
            return [
                Finding(
                    .error, .policy, name, "has \(texts.count) MTA-STS records, where one must stand",
                    reason: "senders act as if there were none", fix: fix.isEmpty ? ["remove all but one"] : fix)
            ]
        }
        guard let id = TagList(text)["id"], (1...32).contains(id.utf8.count), id.allSatisfy(\.isLetterOrDigit) else {
            return [
                Finding(
                    .error, .policy, name, "has no id of 1 to 32 letters and digits: \(text)",
                    reason: "senders act as if there were none", fix: fix)
            ]
        }
        var findings: [Finding] = []
        if let wanted = plan.policyID, wanted != id {
            findings.append(
                Finding(
                    .warning, .policy, name, "has the id \(id), while the policy in force is \(wanted)",
                    reason: "senders keep the policy they know until the id changes", fix: fix))
        }
        return findings + (await served())
    }

    /// The policy itself. // RFC 8461 §3.2
    private func served() async -> [Finding] {
        let host = "mta-sts.\(plan.domain)"
        let text: String
        switch await probe.policy(of: plan.domain) {
        case .notAsked: return [Finding(.remark, .policy, host, "the policy was not fetched from here")]
        case .failed(let why):
            return [
                Finding(
                    .error, .policy, host, "the policy that is announced can't be fetched: \(why)",
                    reason: "senders that know an older policy keep it; others act as if there were none",
                    fix: wanted.policy.map(\.line))
            ]
        case .found(let found): text = found
        }
        let fields = text.split(whereSeparator: \.isNewline).map { line in
            line.split(separator: ":", maxSplits: 1).map { String(TagList.trim($0)) }
        }
        let mode = fields.first { $0.first == "mode" }?.last ?? ""
        let patterns = fields.filter { $0.count == 2 && $0.first == "mx" }.compactMap { $0.last?.lowercased() }
        guard mode == "none" || patterns.contains(where: { Self.pattern($0, covers: plan.hostname) }) else {
            return [
                Finding(
                    mode == "enforce" ? .error : .warning, .policy, host,
                    "the policy does not name \(plan.hostname) as a host of the domain",
                    reason: "senders that keep to it don't deliver here", fix: ["mx: \(plan.hostname)"])
            ]
        }
        return [Finding(.ok, .policy, host, "the policy is served; its mode is \(mode)")]
    }

    /// RFC 8461 §4.1
    private static func pattern(_ pattern: String, covers host: DomainName) -> Bool {
        if pattern.hasPrefix("*.") { return host.parent?.ascii == String(pattern.dropFirst(2)) }
        return pattern == host.ascii
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

extension Character {
    var isLetterOrDigit: Bool { isASCII && (isLetter || isNumber) }
}
