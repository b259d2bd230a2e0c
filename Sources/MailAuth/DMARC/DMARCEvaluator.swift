package import DNSCore
import MailSyntax

/// Judges messages by the records of their authors' domains. // RFC 9989 §4.10, RFC 9989 §5.3
package enum DMARCEvaluator {
    /// Identifiers of one message that are looked at: that of SPF and of each signature.
    static let mostIdentifiers = 16

    /// - Parameter identifiers: what SPF and DKIM have found out, those that failed too.
    /// - Returns: where several domains are named, what is worst for the message.
    package static func evaluate(
        _ authors: DMARCAuthors, _ identifiers: [DMARCIdentifier], resolver: any DNSResolver
    ) async -> DMARCEvaluation {
        var lookup = DMARCLookup(resolver)
        var worst: DMARCEvaluation?
        for author in authors.domains {
            let one = await evaluate(author, identifiers, &lookup)
            if worst.map({ one.weight > $0.weight }) ?? true { worst = one }
        }
        var evaluation = worst ?? DMARCEvaluation(.none("From names no domain"))
        if authors.isUnclear {
            evaluation.hasUnclearAuthor = true
            evaluation.remarks.append("From has something that is no address")
            if evaluation.weight < 2 { evaluation.result = .permanentError("From can't be read") }
        }
        if authors.fields > 1 { evaluation.remarks.append("there are \(authors.fields) From fields") }
        if authors.domains.count > 1 {
            evaluation.remarks.append("From names \(authors.domains.count) domains; what is worst holds")
        }
        return evaluation
    }

    private static func evaluate(
        _ author: DomainName, _ identifiers: [DMARCIdentifier], _ lookup: inout DMARCLookup
    ) async -> DMARCEvaluation {
        do throws(DNSFailure) {
            let own = try await lookup.record(of: author)
            if let own, let quick = passed(author, own, identifiers) { return quick }
            let walk = try await lookup.walk(from: author)
            guard let applicable = walk.applicable else {
                return DMARCEvaluation(.none("no DMARC record for \(author)"), author: author)
            }
            var evaluation = policy(of: author, walk, applicable)
            guard case .fail = evaluation.result else { return evaluation }
            await align(&evaluation, walk, identifiers, &lookup)
            guard case .fail = evaluation.result else { return evaluation }
            try await applyNonexistence(of: author, applicable, &evaluation, lookup)
            return evaluation
        } catch {
            return DMARCEvaluation(
                .temporaryError("the policy of \(author) can't be found out: \(error)"), author: author)
        }
    }

    /// The author's own domain has passed: nothing else has to be asked. // RFC 9989 §4.10.2
    private static func passed(
        _ author: DomainName, _ record: DMARCRecord, _ identifiers: [DMARCIdentifier]
    ) -> DMARCEvaluation? {
        let same = identifiers.prefix(mostIdentifiers).filter { $0.outcome == .pass && $0.domain == author }
        guard !same.isEmpty, !record.hasInvalidPolicy else { return nil }
        var evaluation = DMARCEvaluation(.pass, author: author)
        (evaluation.policyDomain, evaluation.record, evaluation.aligned) = (author, record, same)
        evaluation.policy = record.policy ?? DMARCPolicy.none
        evaluation.remarks = record.remarks
        return evaluation
    }

    /// What the record asks for, with a failure as its result until something aligns. // RFC 9989 §4.10.1
    private static func policy(
        of author: DomainName, _ walk: DMARCTreeWalk, _ applicable: FoundDMARCRecord
    ) -> DMARCEvaluation {
        let record = applicable.record
        var evaluation = DMARCEvaluation(.fail("nothing that passed is of \(author)"), author: author)
        evaluation.policyDomain = applicable.domain
        evaluation.organizationalDomain = walk.organizationalDomain
        evaluation.record = record
        evaluation.remarks = record.remarks
        if record.hasInvalidPolicy {
            guard !record.aggregateURIs.isEmpty else {
                evaluation.result = .permanentError("the record of \(applicable.domain) has no valid policy")
                return evaluation
            }
            evaluation.policy = DMARCPolicy.none
            return evaluation
        }
        evaluation.policy = record.policy ?? DMARCPolicy.none
        guard applicable.domain != author else { return evaluation }
        if let policy = record.subdomainPolicy { (evaluation.policy, evaluation.policyTag) = (policy, "sp") }
        return evaluation
    }

    /// `np` holds for names that don't exist. Mail that passes needs no answer to that.
    // RFC 9989 §3.2.13, RFC 9989 §4.10.1
    private static func applyNonexistence(
        of author: DomainName, _ applicable: FoundDMARCRecord, _ evaluation: inout DMARCEvaluation,
        _ lookup: DMARCLookup
    ) async throws(DNSFailure) {
        let record = applicable.record
        guard applicable.domain != author, !record.hasInvalidPolicy, let policy = record.nonexistentPolicy,
            policy != evaluation.policy, try await !lookup.exists(author)
        else { return }
        (evaluation.policy, evaluation.policyTag) = (policy, "np")
        evaluation.remarks.append("\(author) does not exist")
    }

    /// Finds the identifiers that are the author's. One whose check can't be finished for now, and would be, leaves the
    /// result open: no policy is applied then.
    // RFC 9989 §4.10.2, RFC 9989 §5.3.6
    private static func align(
        _ evaluation: inout DMARCEvaluation, _ walk: DMARCTreeWalk, _ identifiers: [DMARCIdentifier],
        _ lookup: inout DMARCLookup
    ) async {
        guard let record = evaluation.record else { return }
        var unknown: String?
        for one in identifiers.prefix(mostIdentifiers) where one.outcome != .fail {
            let mode = one.method == .spf ? record.spfAlignment : record.dkimAlignment
            do throws(DNSFailure) {
                guard try await isAligned(one.domain, walk, mode, &lookup) else { continue }
            } catch {
                unknown = "the organization of \(one.domain) can't be found out: \(error)"
                continue
            }
            if one.outcome == .pass {
                evaluation.aligned.append(one)
            } else {
                unknown = "\(one.method.rawValue) of \(one.domain) could not be checked for now"
            }
        }
        if !evaluation.aligned.isEmpty {
            evaluation.result = .pass
        } else if let unknown {
            evaluation.result = .temporaryError(unknown)
        }
    }

    private static func isAligned(
        _ domain: DomainName, _ author: DMARCTreeWalk, _ mode: DMARCAlignment, _ lookup: inout DMARCLookup
    ) async throws(DNSFailure) -> Bool {
        if domain == author.start { return true }
        guard mode == .relaxed else { return false }
        let organization = author.organizationalDomain
        if domain != organization, !domain.isSubdomain(of: organization) { return false }
        return try await lookup.walk(from: domain).organizationalDomain == organization
    }
}
