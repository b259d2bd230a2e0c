import Directory
import Logging
import MailAuth
import MailDoctor
import MailSyntax

// `martlet dkim rotate`: begins, shows, hastens or ends the rotation of a domain's keys.
extension Operations {
    func dkimRotate(_ question: KeyRotationQuestion) async throws -> KeyRotationReport {
        let domain = try requireDomain(question.domain).name
        let wanted = try question.algorithms.map { try Self.algorithm($0).keyType }
        let own = directory.snapshot.dkimKeys.filter {
            $0.domain == domain && (wanted.isEmpty || wanted.contains($0.algorithm))
        }
        guard !question.cancel else { return try await cancelRotation(question, domain, own) }
        let waiting = own.filter { $0.state == .next }
        try requireSelector(question, domain, waiting)
        let missing = try algorithmsToBegin(question, domain, own, wanted)
        var lines: [String] = []
        var made: [DKIMKeyRow] = []
        if !missing.isEmpty {
            let selector = question.selector?.lowercased()
            made = try await rotator.begin(domain, algorithms: missing, selector: selector)
            lines = made.map {
                "made the \($0.algorithm) key \($0.selector) of \(domain); it signs as soon as its record is in the DNS"
            }
        }
        var unseen: [DKIMKeyRow] = []
        if question.now {
            unseen = try await rotator.switchKeys(
                to: Set((waiting + made).map(\.id)), reason: "told not to wait for its record"
            ).beginning
            lines += risk(unseen, domain)
        } else if !waiting.isEmpty {
            lines += try await lookAgain(waiting)
        }
        lines += standing(domain, wanted)
        return try await report(domain, wanted, lines, unseen: Set(unseen.map(\.selector)))
    }

    private var rotator: KeyRotator {
        KeyRotator(directory: directory, manifest: manifest, author: author, logger: server?.logger("dkim"))
    }

    // MARK: Beginning

    /// A selector names one key, and not another one than that which waits already.
    private func requireSelector(
        _ question: KeyRotationQuestion, _ domain: DomainName, _ waiting: [DKIMKeyRow]
    ) throws {
        guard let selector = question.selector?.lowercased() else { return }
        guard question.algorithms.count == 1 else {
            throw AdminError(
                .usage, "a selector names one key", remedy: "say which with --algorithm rsa or --algorithm ed25519")
        }
        try Self.requireSelector(selector, of: domain)
        if let other = waiting.first(where: { $0.selector.lowercased() != selector }) {
            throw AdminError(
                .unavailable,
                "a rotation of the \(other.algorithm) key of \(domain) to \(other.selector) is under way already",
                remedy: "let it end, or end it: martlet dkim rotate \(domain) --algorithm \(other.algorithm) --cancel")
        }
    }

    /// The algorithms that a new key is made for: those that were named or sign, unless one of their keys waits. Where a
    /// rotation has just switched the command shows how it stands, as it did before, unless told that another is meant.
    private func algorithmsToBegin(
        _ question: KeyRotationQuestion, _ domain: DomainName, _ own: [DKIMKeyRow], _ wanted: [String]
    ) throws -> [DKIMAlgorithm] {
        func has(_ state: DKIMKeyState, _ algorithm: String) -> Bool {
            own.contains { $0.state == state && $0.algorithm == algorithm }
        }
        let types = DKIMAlgorithm.allCases.filter {
            wanted.isEmpty ? has(.active, $0.keyType) || has(.next, $0.keyType) : wanted.contains($0.keyType)
        }
        guard !types.isEmpty else {
            throw AdminError(
                .noInput, "\(domain) has no DKIM key that could be replaced",
                remedy: "make one: martlet dkim add \(domain)")
        }
        let free = types.filter { !has(.next, $0.keyType) }
        if question.now || question.selector != nil { return free }
        let fresh = free.filter { !has(.retiring, $0.keyType) }
        // Without a word on which, keys rotate together: one that is on its way stands for all.
        return wanted.isEmpty && fresh.count < types.count ? [] : fresh
    }

    // MARK: Going on

    private func lookAgain(_ waiting: [DKIMKeyRow]) async throws -> [String] {
        let (seen, change) = try await rotator.look(at: waiting)
        let ready = Set(change.beginning.map(\.id))
        return waiting.compactMap { row in
            if ready.contains(row.id) { return "the record of \(row.selector) is in the DNS: it signs from now on" }
            guard let sighting = seen[row.id], !sighting.isShown else { return nil }
            return "\(row.selector) waits for its record; the DNS has now: \(TextTable.clean(sighting.words))"
        }
    }

    /// What it means to sign with a key that receivers may not find.
    private func risk(_ unseen: [DKIMKeyRow], _ domain: DomainName) -> [String] {
        guard !unseen.isEmpty else { return [] }
        return [
            "\(unseen.map(\.selector).joined(separator: " and ")) signs from now on, without a look at the DNS",
            "while its record is not there nobody can verify these signatures, and mail may be refused or taken for junk, "
                + "by DMARC above all: add it at once, and see with: martlet dns check \(domain)",
        ]
    }

    private func cancelRotation(
        _ question: KeyRotationQuestion, _ domain: DomainName, _ own: [DKIMKeyRow]
    ) async throws -> KeyRotationReport {
        guard !question.now, question.selector == nil else {
            throw AdminError(.usage, "--cancel goes with neither --now nor --selector")
        }
        let gone = try await directory.removeNextKeys(
            Set(own.filter { $0.state == .next }.map(\.id)), author: author)
        guard !gone.isEmpty else {
            throw AdminError(
                .noInput, "no rotation of a key of \(domain) waits for a record",
                remedy: "see: martlet dkim list \(domain)")
        }
        for row in gone { rotator.say("the rotation of a DKIM key was cancelled", row) }
        let lines = gone.map {
            "forgot the key \($0.selector), which has signed nothing; if its record is in the DNS, remove: "
                + "\($0.selector)._domainkey.\(domain). TXT"
        }
        return KeyRotationReport(domain: domain.ascii, lines: lines, keys: [], add: [])
    }

    // MARK: Telling

    /// How things stand now.
    private func standing(_ domain: DomainName, _ wanted: [String]) -> [String] {
        let keys = directory.snapshot.dkimKeys.filter {
            $0.domain == domain && (wanted.isEmpty || wanted.contains($0.algorithm))
        }
        let waiting = keys.filter { $0.state == .next }
        var lines: [String] = []
        for key in keys where key.state == .active {
            let isLast = waiting.contains { $0.algorithm == key.algorithm }
            lines.append(
                "\(key.selector) signs\(isLast ? " until then" : ", since \(InternetTimestamp.utc(key.since))")")
        }
        for key in keys where key.state == .retiring {
            let end = InternetTimestamp.utc(rotator.rotation.end(of: key))
            lines.append("\(key.selector) was replaced; leave its record in the DNS until \(end)")
        }
        if !waiting.isEmpty {
            lines.append(
                server == nil
                    ? "no server runs: it looks for the record once it does, and so does this command"
                    : "the server looks for the record by itself; this command looks at once")
        }
        return lines
    }

    /// - Parameter unseen: selectors that were switched to without a look at their records.
    private func report(
        _ domain: DomainName, _ wanted: [String], _ lines: [String], unseen: Set<String>
    ) async throws -> KeyRotationReport {
        let keys = try await databaseKeys(domain).filter { key in
            key.state != .retired && (wanted.isEmpty || wanted.contains { key.algorithm.hasPrefix($0) })
        }
        let add = keys.filter { $0.state == .next || unseen.contains($0.selector) }
        return KeyRotationReport(domain: domain.ascii, lines: lines, keys: keys, add: add.map(\.zoneRecord))
    }
}
