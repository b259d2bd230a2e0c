import DNSCore
import MailAuth
import MailSyntax

/// DKIM: each key that signs, will, or did, beside what is published under its name.
extension Doctor {
    func dkim() async -> [Finding] {
        // Others say more of a key that should sign and can't.
        guard plan.keys.contains(where: { $0.role != .retired }) || plan.hasBrokenKeys else {
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
        let answer = await resolver.resolve(record.name, .txt)
        if case .failure(let trouble) = answer, !trouble.isAbsence {
            return [.retired, .idle].contains(key.role) ? [] : [unanswered(.dkim, record.name, trouble)]
        }
        let sighting = KeySighting(answer, record: key.record)
        return switch key.role {
        case .active: [active(key, sighting, record)]
        case .next: [next(key, sighting, record)]
        case .retiring(let until): [retiring(key, sighting, record, until)]
        case .retired: retired(sighting, record).map { [$0] } ?? []
        case .idle: [idle(key, sighting, record)]
        }
    }

    /// A key that signs: whatever is wrong with its record is an error.
    private func active(_ key: DomainPlan.Key, _ sighting: KeySighting, _ record: WantedRecord) -> Finding {
        switch sighting {
        case .shown(isTesting: false): Finding(.ok, .dkim, record.name, "holds the \(key.algorithm) key")
        case .absent:
            Finding(.error, .dkim, record.name, "the key that signs is not published", fix: [record.line])
        default: mistake(sighting, record, .error)
        }
    }

    /// A key that waits: nothing is wrong yet where its record is missing, and it waits on where it is a wrong one.
    private func next(_ key: DomainPlan.Key, _ sighting: KeySighting, _ record: WantedRecord) -> Finding {
        let waiting = "the rotation waits for this record, and mail is signed with the old key until then"
        switch sighting {
        case .shown(isTesting: false):
            return Finding(.ok, .dkim, record.name, "holds the next \(key.algorithm) key, which will sign soon")
        case .absent:
            return Finding(
                .remark, .dkim, record.name, "the next key is not published yet", reason: waiting, fix: [record.line])
        case .shown(isTesting: true): return mistake(sighting, record, .warning)
        default: return mistake(sighting, record, .warning, reason: waiting)
        }
    }

    /// A key that has signed what may still be under way.
    private func retiring(
        _ key: DomainPlan.Key, _ sighting: KeySighting, _ record: WantedRecord, _ until: Timestamp
    ) -> Finding {
        let day = InternetTimestamp.utc(until)
        switch sighting {
        case .shown:
            return Finding(.ok, .dkim, record.name, "holds the replaced \(key.algorithm) key; leave it until \(day)")
        case .absent:
            return Finding(
                .warning, .dkim, record.name, "the replaced key is gone before \(day)",
                reason: "mail that it signed and that is still under way can't be verified", fix: [record.line])
        default: return mistake(sighting, record, .warning)
        }
    }

    /// A key behind others: it is ready, or nobody misses it.
    private func idle(_ key: DomainPlan.Key, _ sighting: KeySighting, _ record: WantedRecord) -> Finding {
        let reason = "the signing table has a key for every sender, and comes first: this one signs nothing"
        return switch sighting {
        case .shown:
            Finding(.ok, .dkim, record.name, "holds the \(key.algorithm) key of the database, which signs nothing now")
        case .absent:
            Finding(
                .remark, .dkim, record.name, "the key of the database is not published", reason: reason,
                fix: [record.line])
        default: mistake(sighting, record, .remark, reason: reason)
        }
    }

    /// A record that nobody needs any more; nothing to say where there is none.
    private func retired(_ sighting: KeySighting, _ record: WantedRecord) -> Finding? {
        switch sighting {
        case .absent, .unanswered, .elsewhere, .wrong(.revoked): nil
        case .shown, .several, .wrong:
            Finding(
                .remark, .dkim, record.name, "is the record of a key that has retired",
                reason: "nothing is signed with the key any more; whoever gets hold of an old copy of it could use it",
                fix: ["remove: \(record.name). TXT"])
        }
    }

    /// One record, but not the one that is needed, or several.
    private func mistake(
        _ sighting: KeySighting, _ record: WantedRecord, _ severity: Finding.Severity, reason: String? = nil
    ) -> Finding {
        switch sighting {
        case .several(let count):
            return Finding(
                severity, .dkim, record.name, "has \(count) TXT records, where one must stand",
                reason: "which of them a receiver takes is undefined", fix: ["leave only: \(record.line)"])
        case .shown:
            return Finding(
                min(severity, .warning), .dkim, record.name, "t=y says that the domain is only testing",
                reason: "receivers may treat its mail as if it were not signed", fix: ["change it to: \(record.line)"])
        default:
            return Finding(
                severity, .dkim, record.name, sighting.words, reason: reason, fix: ["change it to: \(record.line)"])
        }
    }
}
