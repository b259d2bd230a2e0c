import Directory
import MailDoctor

/// What `martlet dkim rotate` asks for.
package struct KeyRotationQuestion: Codable, Sendable, Equatable {
    package var domain: String
    /// `rsa`, `ed25519`; empty: those of the keys that sign.
    package var algorithms: [String]
    package var selector: String?
    /// Ends a rotation that waits.
    package var cancel: Bool
    /// Switches without waiting.
    package var now: Bool

    package init(
        domain: String, algorithms: [String] = [], selector: String? = nil, cancel: Bool = false, now: Bool = false
    ) {
        self.domain = domain
        self.algorithms = algorithms
        self.selector = selector
        self.cancel = cancel
        self.now = now
    }
}

/// How a rotation stands.
package struct KeyRotationReport: Codable, Sendable, Equatable {
    package var domain: String
    /// What was done and what comes next, a line each, for a person.
    package var lines: [String]
    /// All keys of the domain that take part.
    package var keys: [DKIMKeySummary]
    /// Records to add to the DNS now.
    package var add: [ZoneRecord]
}

extension KeyRotationReport {
    var text: String {
        var text = lines.map { "\($0)\n" }.joined()
        if !add.isEmpty {
            text += "\nadd to the DNS:\n\n"
            text += add.map { "\($0.name) IN \($0.type) \($0.data)\n" }.joined()
        }
        return text
    }
}

extension DKIMKeySummary {
    /// What is worth knowing of a key beside its state.
    var remark: String {
        if let problem { return problem }
        switch state {
        case .active where isIdle == true: return "idle: the signing table has everyone"
        case .active: return signedFor
        case .next:
            let asked = zip(seenAt, seen).map { "; \($0) (\($1))" } ?? ""
            return "waits for its record" + asked
        case .retiring: return "leave its record until \(wantedUntil ?? "it has retired")"
        case .retired:
            guard let seenAt, let seen else { return "remove its record" }
            return seen == KeySighting.absent.words ? "its record is gone" : "remove its record; seen \(seenAt)"
        }
    }

    private var signedFor: String {
        guard let senders, !senders.isEmpty else { return "" }
        let rest = senders.count > 5 ? " and \(senders.count - 5) more" : ""
        return "for \(senders.prefix(5).joined(separator: ", "))\(rest)"
    }

    private func zip(_ a: String?, _ b: String?) -> (String, String)? {
        guard let a, let b else { return nil }
        return (b, a)
    }

    /// The record as a part of a zone.
    var zoneRecord: ZoneRecord {
        ZoneRecord(
            name: recordName, type: "TXT", data: ZoneFile.quoted(recordText), comment: "DKIM (\(algorithm))",
            required: true)
    }
}
