import DNSCore
import MailAuth
import MailSyntax

/// DMARC: the policy that holds for the domain, and what is odd about it.
extension Doctor {
    func dmarc() async -> [Finding] {
        let name = wanted.dmarc.name
        let found = await look(name, .txt)
        if let trouble = found.trouble { return [unanswered(.dmarc, name, trouble)] }
        let texts = (found.answer?.texts ?? []).filter { DMARCRecord(parsing: $0) != nil }
        guard let text = texts.first, let record = DMARCRecord(parsing: text) else {
            return await unpublished(found.texts(beginning: "v=dmarc").first)
        }
        guard texts.count == 1 else {
            return [
                Finding(
                    .error, .dmarc, name, "has \(texts.count) DMARC records, where one must stand",
                    reason: "receivers act as if there were none", fix: ["leave only: \(wanted.dmarc.line)"])
            ]
        }
        return judge(record, String(decoding: text, as: UTF8.self)) + (await destinations(record))
    }

    /// The domain has no record of its own that counts; one above it may hold. // RFC 9989 §4.10
    private func unpublished(_ malformed: String?) async -> [Finding] {
        let name = wanted.dmarc.name
        if let malformed {
            return [
                Finding(
                    .error, .dmarc, name, "is no DMARC record: \(malformed.prefix(200))",
                    reason: "receivers act as if there were none", fix: ["change it to: \(wanted.dmarc.line)"])
            ]
        }
        for parent in DMARCTreeWalk.targets(of: plan.domain).dropFirst() {
            let texts = await look("_dmarc.\(parent)", .txt).answer?.texts ?? []
            let records = texts.compactMap { DMARCRecord(parsing: $0) }
            guard let record = records.first, records.count == 1 else { continue }
            let policy = record.subdomainPolicy ?? record.policy ?? .none
            return [
                Finding(.ok, .dmarc, name, "the policy of \(parent) holds: \(policy.rawValue)")
            ]
        }
        return [Finding(.warning, .dmarc, name, "has no DMARC record", fix: [wanted.dmarc.line])]
    }

    private func judge(_ record: DMARCRecord, _ text: String) -> [Finding] {
        let name = wanted.dmarc.name
        let change = "change it to: "
        let cleaned = Self.withoutRemovedTags(text)
        var findings = record.remarks.map { remark in
            let isWrong = record.hasInvalidPolicy && remark.contains("is no policy")
            return Finding(
                isWrong ? .error : .remark, .dmarc, name, remark,
                reason: isWrong ? "receivers take the policy for none" : "it does no harm",
                fix: isWrong
                    ? [change + wanted.dmarc.line]
                    : cleaned == text ? [] : ["\(change)\(name). IN TXT \(ZoneFile.quoted(cleaned))"])
        }
        let policy = record.policy ?? .none
        if policy == .none, !record.hasInvalidPolicy {
            findings.append(
                Finding(
                    .remark, .dmarc, name, "p=none: forged mail is delivered",
                    reason: "right while you watch the reports, and not for longer", fix: [change + wanted.dmarc.line]))
        }
        if record.isTesting {
            findings.append(
                Finding(.remark, .dmarc, name, "t=y: the policy is applied one level lower", fix: ["remove t=y"]))
        }
        if record.aggregateURIs.isEmpty {
            findings.append(
                Finding(
                    .remark, .dmarc, name, "nobody is asked for reports",
                    reason: "reports tell who sends as the domain, and what of it fails",
                    fix: ["add to it: rua=\(plan.reportTarget)"]))
        }
        if policy > .none, !record.hasInvalidPolicy {
            findings.append(Finding(.ok, .dmarc, name, "the policy is \(policy.rawValue)"))
        }
        return findings
    }

    /// The record without tags that mean nothing any more.
    static func withoutRemovedTags(_ text: String) -> String {
        let kept = text.split(separator: ";").map { TagList.trim($0) }.filter { piece in
            let name = TagList.trim(piece.prefix { $0 != "=" }).lowercased()
            return !piece.isEmpty && !["pct", "rf", "ri"].contains(name)
        }
        let cleaned = kept.joined(separator: "; ")
        return kept.count == text.split(separator: ";").count(where: { !TagList.trim($0).isEmpty }) ? text : cleaned
    }

    /// Who gets reports of another domain has to have agreed. // RFC 7489 §7.1
    private func destinations(_ record: DMARCRecord) async -> [Finding] {
        var findings: [Finding] = []
        var seen: Set<DomainName> = []
        for uri in record.aggregateURIs.prefix(10) {
            guard uri.lowercased().hasPrefix("mailto:"), let at = uri.lastIndex(of: "@"),
                let place = DomainName(uri[uri.index(after: at)...].prefix { $0 != "?" }),
                seen.insert(place).inserted, !isRelated(place)
            else { continue }
            let name = "\(plan.domain)._report._dmarc.\(place)"
            let found = await look(name, .txt)
            if found.trouble != nil || !found.texts(beginning: "v=DMARC1").isEmpty { continue }
            findings.append(
                Finding(
                    .warning, .dmarc, wanted.dmarc.name, "\(place) has not agreed to get reports of \(plan.domain)",
                    reason: "nobody sends reports there", fix: ["\(name). IN TXT \"v=DMARC1\""]))
        }
        return findings
    }

    private func isRelated(_ place: DomainName) -> Bool {
        place == plan.domain || place.isSubdomain(of: plan.domain) || plan.domain.isSubdomain(of: place)
    }
}
