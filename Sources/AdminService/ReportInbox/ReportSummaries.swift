import MailAuth
import MailSyntax
import ReportInbox

extension String {
    /// nil for nothing.
    var nonEmpty: String? { isEmpty ? nil : self }
}

extension AlignmentState {
    fileprivate var word: String {
        switch self {
        case .missing: "none"
        case .failed: "fail"
        case .otherDomain: "other domain"
        case .passed: "pass"
        }
    }
}

extension DMARCOverview.Sender {
    init(_ group: SenderGroup, name: String?) {
        let passes = group.dkim == .passed || group.spf == .passed
        self.init(
            source: group.source, name: name, headerFrom: group.headerFrom, messages: group.messages,
            result: passes ? "pass" : "fail", spf: group.spf.word, spfDomain: group.spfDomain.nonEmpty,
            dkim: group.dkim.word, dkimDomain: group.dkimDomain.nonEmpty, disposition: group.disposition,
            reasons: group.reasons.split(separator: " ").map(String.init), summary: Self.sentence(group, name))
    }

    /// What happened, in words that say what to do about it.
    private static func sentence(_ group: SenderGroup, _ name: String?) -> String {
        let who = name.map { "\(group.source) (\($0))" } ?? group.source
        let what = "\(group.messages) \(group.messages == 1 ? "message" : "messages") as \(group.headerFrom)"
        let verb = group.messages == 1 ? "passes" : "pass"
        let start = "\(who) sent \(what) that \(verb)"
        switch (group.spf, group.dkim) {
        case (.passed, .passed): return "\(start) SPF and DKIM"
        case (.passed, _): return "\(start) SPF; DKIM \(trouble(group.dkim, group.dkimDomain, group.headerFrom))"
        case (_, .passed): return "\(start) DKIM; SPF \(trouble(group.spf, group.spfDomain, group.headerFrom))"
        default: break
        }
        var text = "\(start) neither SPF nor DKIM"
        switch group.disposition {
        case "reject": text += ", and were rejected"
        case "quarantine": text += ", and went to junk"
        default: text += ", and were taken"
        }
        if group.messages == 1 { text = text.replacing("and were", with: "and was") }
        if group.spf == .otherDomain { text += "; SPF \(trouble(group.spf, group.spfDomain, group.headerFrom))" }
        if group.dkim == .otherDomain { text += "; DKIM \(trouble(group.dkim, group.dkimDomain, group.headerFrom))" }
        return text
    }

    private static func trouble(_ state: AlignmentState, _ domain: String, _ from: String) -> String {
        switch state {
        case .missing: "is missing"
        case .failed: domain.isEmpty ? "fails" : "fails for \(domain)"
        case .otherDomain: "passes for \(domain), which is not \(from)"
        case .passed: "passes"
        }
    }
}

extension DMARCOverview.Reporter {
    init(_ group: ReporterGroup) {
        self.init(
            organization: group.organization, reports: group.reports, verified: group.verified, passed: group.passed,
            failed: group.failed)
    }
}

extension TLSOverview.Line {
    init(_ group: SessionGroup, day: String) {
        self.init(
            day: day, domain: group.domain, policy: group.policy, successes: group.passed, failures: group.failed,
            result: group.result.nonEmpty, host: group.host.nonEmpty, summary: nil)
        guard let result else { return }
        let place = host.map { " with \($0)" } ?? ""
        summary =
            "\(failures) \(failures == 1 ? "session" : "sessions")\(place) failed: \(Self.words[result] ?? result)"
    }

    /// RFC 8460 §4.3, in words.
    private static let words = [
        "starttls-not-supported": "the server did not offer STARTTLS",
        "certificate-host-mismatch": "the certificate is for another name",
        "certificate-expired": "the certificate was over",
        "certificate-not-trusted": "the certificate is of no authority that is trusted",
        "validation-failure": "the certificate or the session did not hold",
        "tlsa-invalid": "the TLSA records can't be used",
        "dnssec-invalid": "DNSSEC did not prove the answers",
        "dane-required": "the sender wants DANE and found no TLSA records",
        "sts-policy-fetch-error": "the MTA-STS policy could not be fetched",
        "sts-policy-invalid": "the MTA-STS policy is not valid",
        "sts-webpki-invalid": "the server of the MTA-STS policy has no valid certificate",
    ]
}

extension ReceivedReportDetail.Record {
    init(_ record: RecordListing) {
        self.init(
            source: record.source, messages: record.messages, disposition: record.disposition,
            headerFrom: record.headerFrom, envelopeFrom: record.envelopeFrom.nonEmpty,
            envelopeTo: record.envelopeTo.nonEmpty, dkimAligned: record.dkimAligned, spfAligned: record.spfAligned,
            dkim: record.dkim.map {
                .init(
                    domain: $0.domain, result: $0.result, selector: $0.selector, scope: nil, comment: $0.humanResult)
            },
            spf: record.spf.map {
                .init(domain: $0.domain, result: $0.result, selector: nil, scope: $0.scope, comment: $0.humanResult)
            },
            reasons: record.reasons.map { reason in reason.comment.map { "\(reason.type): \($0)" } ?? reason.type })
    }
}

extension ReceivedReportDetail.Sessions {
    init(_ line: SessionListing) {
        self.init(
            domain: line.domain, policy: line.policy, policyText: line.policyText, hosts: line.hosts,
            successes: line.passed, failures: line.failed, result: line.failure?.type, host: line.failure?.host,
            sendingAddress: line.failure?.sendingAddress, receivingAddress: line.failure?.receivingAddress,
            reason: line.failure?.reason, information: line.failure?.information)
    }
}

extension ReportImport {
    init(_ result: Result<FiledReport, ReportError>, file: String) {
        switch result {
        case .success(let filed):
            self.init(
                file: file, outcome: filed.isKnown ? "known" : "imported", id: filed.id, kind: filed.kind.rawValue,
                organization: filed.organization, reportID: filed.reportID, domain: filed.domain, rows: filed.rows,
                reason: nil)
        case .failure(let error): self.init(file: file, outcome: "refused", reason: error.description)
        }
    }
}
