import DNSCore
import MailAuth
import MailSyntax

/// DKIM: each key that signs, or will, beside what is published under its name.
extension Doctor {
    func dkim() async -> [Finding] {
        guard !plan.keys.isEmpty else {
            return [
                Finding(
                    .error, .dkim, plan.domain.ascii, "no key signs mail of the domain",
                    fix: ["martlet dkim add \(plan.domain)"])
            ]
        }
        return await Self.sideBySide(plan.keys) { await dkim($0) }
    }

    private func dkim(_ key: DomainPlan.Key) async -> [Finding] {
        let record = wanted.record(of: key)
        let name = record.name
        let found = await look(name, .txt)
        if let trouble = found.trouble { return [unanswered(.dkim, name, trouble)] }
        let texts = found.answer?.texts ?? []
        guard !texts.isEmpty else {
            return [
                Finding(
                    key.isActive ? .error : .warning, .dkim, name,
                    key.isActive
                        ? "the key that signs is not published"
                        : "the next key is not published yet, and waits for it",
                    fix: [record.line])
            ]
        }
        // RFC 6376 §3.6.2.2: what happens with several records is undefined.
        guard let text = texts.first, texts.count == 1 else {
            return [
                Finding(
                    .error, .dkim, name, "has \(texts.count) TXT records, where one must stand",
                    reason: "which of them a receiver takes is undefined", fix: ["leave only: \(record.line)"])
            ]
        }
        return judge(text, key, record)
    }

    private func judge(_ text: [UInt8], _ key: DomainPlan.Key, _ record: WantedRecord) -> [Finding] {
        let name = record.name
        func wrong(_ message: String, _ severity: Finding.Severity = .error, reason: String? = nil) -> [Finding] {
            [Finding(severity, .dkim, name, message, reason: reason, fix: ["change it to: \(record.line)"])]
        }
        guard let own = DKIMKeyRecord(parsing: Array(key.record.utf8)) else { return [] }
        guard let published = DKIMKeyRecord(parsing: text) else {
            return wrong("is no key record: \(Self.mistake(in: text))")
        }
        guard !published.publicKey.isEmpty else { return wrong("the key is revoked: p= is empty") }
        guard published.keyType == own.keyType else {
            return wrong("is of the type \(published.keyType), while the server signs with \(own.keyType)")
        }
        guard published.publicKey == own.publicKey else {
            let isCut = own.publicKey.starts(with: published.publicKey.dropLast(3))
            return wrong(isCut ? "the key is cut off: some of its octets are missing" : "is another key")
        }
        if let hashes = published.hashAlgorithms, !hashes.contains("sha256") {
            return wrong("h=\(hashes.joined(separator: ":")) forbids SHA-256, which the server signs with")
        }
        if !published.serviceTypes.contains("*"), !published.serviceTypes.contains("email") {
            return wrong("s=\(published.serviceTypes.joined(separator: ":")) says that the key is not for mail")
        }
        if published.isTesting {
            return wrong(
                "t=y says that the domain is only testing", .warning,
                reason: "receivers may treat its mail as if it were not signed")
        }
        return [Finding(.ok, .dkim, name, "holds the \(key.algorithm) key")]
    }

    /// The usual mistakes of panels and copying, in words.
    private static func mistake(in text: [UInt8]) -> String {
        let shown = String(decoding: text.prefix(60), as: UTF8.self)
        if text.contains(UInt8(ascii: "\"")) || text.contains(UInt8(ascii: "(")) {
            return "it holds quotes or parentheses of a zone file (\(shown)…)"
        }
        if text.contains(UInt8(ascii: "\\")) { return "it holds backslashes (\(shown)…)" }
        return "\(shown)…"
    }
}
