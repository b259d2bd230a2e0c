import MailAuth
import MailConfig
import MailPolicy
import MailSyntax

// What the author's domain is told of a message, once a day. // RFC 7489 §7.2
extension MessageFindings {
    /// nil where nobody asks for it, or where the message is to come again.
    func observation(
        _ decision: AuthenticationDecision, client: IPAddress, _ envelope: SMTPEnvelope,
        modes: Manifest.Authentication.Modes
    ) -> DMARCObservation? {
        if case .refuse(let reply) = decision.disposition, reply.code < 500 { return nil }
        guard let dmarc, let author = dmarc.author, let policy = ObservedPolicy(dmarc) else { return nil }
        var identifiers = DMARCReport.Identifiers(headerFrom: author.ascii)
        switch envelope.reversePath {
        case .null: identifiers.envelopeFrom = ""
        case .address(let address): identifiers.envelopeFrom = address.domain?.ascii ?? address.hostText
        }
        let domains = Set(envelope.recipients.map(\.address.hostText))
        identifiers.envelopeTo = domains.count == 1 ? domains.first : nil
        var record = DMARCReport.Record(
            source: client, count: 1, evaluated: Self.evaluated(dmarc, decision, modes), identifiers: identifiers)
        record.dkim = reportedSignatures
        if let spf = sender.sender, let domain = spf.domain {
            // RFC 9990: `mfrom` is what there is, also where a null sender had the name of HELO checked.
            record.spf = [
                DMARCReport.SPF(
                    domain: domain.ascii, scope: "mfrom", result: spf.keyword,
                    humanResult: spf.verdict == .pass ? nil : spf.reason)
            ]
        }
        return DMARCObservation(policy: policy, record: record)
    }

    /// Those that pass first.
    private var reportedSignatures: [DMARCReport.DKIM] {
        signatures.filter { $0.result == .pass }.compactMap(Self.reported)
            + signatures.filter { $0.result != .pass }.compactMap(Self.reported)
    }

    private static func reported(_ one: VerifiedDKIMSignature) -> DMARCReport.DKIM? {
        guard let domain = one.signature?.domain.ascii ?? one.claim.domain else { return nil }
        // RFC 9990 asks for the selector.
        let selector = one.signature?.selector ?? one.claim.selector ?? ""
        return DMARCReport.DKIM(
            domain: String(domain.prefix(253)), selector: String(selector.prefix(253)), result: one.result.keyword,
            humanResult: one.result.reason.map { String($0.prefix(200)) })
    }

    private static func evaluated(
        _ dmarc: DMARCEvaluation, _ decision: AuthenticationDecision, _ modes: Manifest.Authentication.Modes
    ) -> DMARCReport.Evaluated {
        let published = dmarc.policy ?? .none
        var evaluated = DMARCReport.Evaluated(
            disposition: decision.applied.rawValue,
            dkim: dmarc.isAligned(.dkim) ? "pass" : "fail", spf: dmarc.isAligned(.spf) ? "pass" : "fail")
        switch dmarc.result {
        case .pass:
            if published != .none { evaluated.disposition = "pass" }
        case .fail:
            evaluated.reasons = reasons(dmarc, published, decision, modes)
        case .none, .temporaryError, .permanentError:
            guard published != .none else { break }
            evaluated.reasons = [DMARCReport.Reason("other", comment: dmarc.result.reason)]
        }
        return evaluated
    }

    /// Why less was done than the domain asks for.
    private static func reasons(
        _ dmarc: DMARCEvaluation, _ published: DMARCPolicy, _ decision: AuthenticationDecision,
        _ modes: Manifest.Authentication.Modes
    ) -> [DMARCReport.Reason] {
        var reasons: [DMARCReport.Reason] = []
        if dmarc.wanted != published { reasons.append(DMARCReport.Reason("policy_test_mode")) }
        if let override = decision.override {
            reasons.append(DMARCReport.Reason(override.rawValue))
        } else if decision.applied.rawValue != dmarc.wanted.rawValue {
            let comment = modes.dmarc == .enforce ? nil : "policies are not enforced here"
            reasons.append(DMARCReport.Reason("local_policy", comment: comment))
        }
        return reasons
    }
}
