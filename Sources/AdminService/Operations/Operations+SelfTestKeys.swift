import Directory
import MailConfig
import MailPolicy
import MailSyntax
import MailTables
import SMTPServer

// What a self-test has to know of keys.
extension Operations {
    /// The keys that sign for an author, as the signer chooses them.
    func signingKeys(of author: EmailAddress) async throws -> [DKIMKeySummary] {
        let rules = rules
        let decision = try await Policy.run(
            { Policy.chooseSigningKeys(author, rules: rules, $0) }, answer: stores.answers.answer
        ).decision
        let choices: [SigningKeys]
        switch decision {
        case .keys(let keys): choices = keys
        case .unavailable(let reason): throw AdminError(.temporary, "no keys for \(author): \(reason)")
        }
        let rotation = KeyRotation(manifest)
        let examination = examineTables()
        return try choices.flatMap { choice -> [DKIMKeySummary] in
            switch choice {
            case .directory(let domain, let name):
                return try directory.snapshot.signingKeys(domain).map { row in
                    var summary = try Self.summary(row, rotation)
                    summary.recordName = "\(row.selector)._domainkey.\(name)."
                    return summary
                }
            case .table(let key, _):
                let (signer, problem) = examination?.look(at: key) ?? (nil, nil)
                let found = TableKey(key: key, senders: [], signer: signer, problem: problem)
                return found.isAbsent ? [] : [DKIMKeySummary(found)]
            }
        }
    }

    /// Whether every key that the tables name can be used: each that can't alone, the others together.
    func tableKeyResults() -> [SelfTestResult] {
        guard let examination = examineTables(), let table = manifest.dkim.keyTable else { return [] }
        let ring = tableKeys(of: nil, examination)
        var results = ring.problems.map { problem in
            SelfTestResult(
                name: "dkim: \(problem.place)", passed: false, detail: "\(problem.message) (\(problem.remedy))",
                milliseconds: 0)
        }
        let broken = Set(ring.problems.map(\.place))
        let good = ring.keys.filter { $0.signer != nil && !broken.contains($0.key.origin) }
        if !good.isEmpty || results.isEmpty {
            results.append(
                SelfTestResult(
                    name: "dkim: \(table.path)", passed: true,
                    detail: "\(good.count) key\(good.count == 1 ? "" : "s") can be used", milliseconds: 0))
        }
        return results
    }
}
