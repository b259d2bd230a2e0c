import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import NetTransport
import OutboundQueue
import SMTPCore

// What TLS-RPT is told of sessions. Where only the operator's word held there is nothing to report.
extension Courier {
    /// A host that may not have the mail.
    func count(_ found: HostSecurity, refusedAt target: RouteTarget, _ reason: String) {
        guard found.isReported else { return }
        var result = found.result
        result.failure = (found.failure ?? .validationFailure).rawValue
        result.host = target.host
        result.receivingAddress = target.address?.description
        result.reason = reason.abridged
        settings.tlsResults(result)
    }

    /// A session that has TLS, or gets along without.
    func countOpened(_ session: ClientSession) {
        guard let found = session.plan.decision, found.isReported else { return }
        var result = found.result
        if session.tls == nil {
            guard session.plan.security.level > .none else { return }
            // RFC 8460 §4.3.1
            add(.startTLSNotSupported, "the host does not offer STARTTLS, or refuses it", session, to: &result)
        } else if found.decision.isWatched, case .untrusted(let reason, let problem)? = session.tls?.peer?.trust {
            add(problem.failure, reason, session, to: &result)
        } else if let failure = found.failure {
            add(failure, found.decision.step.note ?? "", session, to: &result)
        }
        settings.tlsResults(result)
    }

    /// A session that ended before it was ready, for want of TLS.
    func countFailed(_ session: ClientSession, _ error: any Error) {
        guard let found = session.plan.decision, found.isReported else { return }
        var result = found.result
        switch error {
        case SessionError.tlsUnavailable(let reason):
            add(.startTLSNotSupported, reason, session, to: &result)
        case SessionError.refused(.startTLS, let reply):
            add(.startTLSNotSupported, reply.text, session, to: &result)
        case SessionError.tlsFailed(let reason):
            var failure = TLSReportFailure.validationFailure
            if case .untrusted(_, let problem, _)? = session.tlsFailure { failure = problem.failure }
            add(failure, reason, session, to: &result)
        default: return
        }
        settings.tlsResults(result)
    }

    private func add(
        _ failure: TLSReportFailure, _ reason: String, _ session: ClientSession, to result: inout TLSSessionResult
    ) {
        result.failure = failure.rawValue
        result.reason = reason.abridged
        result.host = session.plan.hostName
        result.sendingAddress = session.connection.info.local.description
        result.receivingAddress = session.connection.info.remote.description
    }
}

extension HostSecurity {
    /// What is told of the policy. // RFC 8460 §4.4
    fileprivate var result: TLSSessionResult {
        if let records {
            return TLSSessionResult(
                domain: domain, policyType: TLSReportPolicyType.tlsa.rawValue, policy: records.records.map(\.text),
                hosts: [records.base])
        }
        if decision.basis == .dane {
            return TLSSessionResult(domain: domain, policyType: TLSReportPolicyType.tlsa.rawValue)
        }
        if let policy, policy.mode != .none {
            return TLSSessionResult(
                domain: domain, policyType: TLSReportPolicyType.sts.rawValue,
                policy: policy.text.split(whereSeparator: \.isNewline).map(String.init), hosts: policy.hosts)
        }
        let type: TLSReportPolicyType = failure == nil ? .none : .sts
        return TLSSessionResult(domain: domain, policyType: type.rawValue)
    }
}

extension CertificateProblem {
    // RFC 8460 §4.3.1
    fileprivate var failure: TLSReportFailure {
        switch self {
        case .name: .certificateHostMismatch
        case .expired: .certificateExpired
        case .issuer: .certificateNotTrusted
        case .mismatch, .other: .validationFailure
        }
    }
}

extension String {
    /// What hosts say is theirs to make long: a row and a report want little of it.
    fileprivate var abridged: String { count > 200 ? String(prefix(200)) + "…" : self }
}
