import MailAuth
import MailDoctor
import MailPolicy
import MailSyntax

// What is wrong with keys before their records are looked at.
extension Operations {
    func findings(_ ring: TableKeyring, _ domain: DomainName) -> [Finding] {
        let kept = "while it is so, tables and keys stay as they were last read, and the server does not start"
        let waiting = "mail that it would sign waits in the queue, or is signed with the key that was there before"
        let waits = Set(ring.keys.filter(\.key.isForAnyDomain).map(\.key.origin))
        var findings = ring.ownProblems.map { problem in
            let reason = ring.faults.contains(problem) ? nil : waits.contains(problem.place) ? waiting : kept
            return Finding(.error, .dkim, problem.place, problem.message, reason: reason, fix: [problem.remedy])
        }
        findings += ring.foreignProblems.map { problem in
            Finding(
                .warning, .dkim, problem.place, "a key of another domain: \(problem.message)", reason: kept,
                fix: [problem.remedy])
        }
        return findings + ring.keys.compactMap { remark($0, domain) }
    }

    /// What is worth knowing of a key that can be used, or that isn't there.
    private func remark(_ key: TableKey, _ domain: DomainName) -> Finding? {
        guard let signer = key.signer else {
            guard key.isAbsent, let file = key.file else { return nil }
            return Finding(
                .warning, .dkim, key.key.origin, "there is no \(file)",
                reason: "mail of \(domain) from \(key.senders.joined(separator: ", ")) is not signed",
                fix: ["put the domain's key there, or name its senders another key in the signing table"])
        }
        let name = key.key.domain
        if name != domain, !name.isSubdomain(of: domain), !domain.isSubdomain(of: name) {
            return Finding(
                .remark, .dkim, key.key.origin, "signs mail of \(domain) in the name of \(name)",
                reason: "DMARC takes no account of a signature of another organization",
                fix: ["give \(domain) a key of its own there"])
        }
        // RFC 8301 §3.2
        if let bits = signer.bits, bits < 2048 {
            return Finding(
                .remark, .dkim, key.key.origin, "the key \(key.key.selector) has \(bits) bits",
                reason: "2048 are what signers should have, and some receivers take no less",
                fix: ["make one of 2048 bits with a new selector: opendkim-genkey -b 2048"])
        }
        return nil
    }
}
