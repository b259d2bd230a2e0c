import Directory
import Logging
import MailAuth
import MailConfig
import MailDoctor
import MailSyntax
import Telemetry

extension KeyRotation {
    init(_ manifest: Manifest) {
        self.init(retireAfter: manifest.dkimRetention, rotateEvery: manifest.dkim.rotateEvery)
    }
}

/// Takes the steps of a rotation: makes keys, asks the DNS, switches, retires. Each step is one change of the directory,
/// so that whoever is killed between two of them goes on where the directory stands; two that do the same at a time do it
/// once.
struct KeyRotator: Sendable {
    let directory: Directory
    let manifest: Manifest
    let witness: KeyWitness
    /// Who is noted in the revisions of the directory.
    let author: String
    /// nil in a command's own process, which prints what it does.
    let logger: Logger?

    init(
        directory: Directory, manifest: Manifest, witness: KeyWitness? = nil, author: String, logger: Logger?
    ) {
        self.directory = directory
        self.manifest = manifest
        self.witness = witness ?? KeyWitness(manifest.server.dns)
        self.author = author
        self.logger = logger
    }

    var rotation: KeyRotation { KeyRotation(manifest) }

    private static let beginningsAtOnce = 5

    // MARK: Steps

    /// Makes the next keys of a domain.
    func begin(
        _ domain: DomainName, algorithms: [DKIMAlgorithm], selector: String? = nil
    ) async throws -> [DKIMKeyRow] {
        let own = directory.snapshot.dkimKeys.filter { $0.domain == domain }
        var taken = Set(own.map { $0.selector.lowercased() })
        var made: [NewDKIMKey] = []
        for algorithm in algorithms {
            let name =
                selector ?? KeyRotation.selector(algorithm.keyType, now: directory.now, taken: taken)
            taken.insert(name)
            let key = try await Operations.generate(algorithm, bits: max(2048, manifest.dkim.rsaBits))
            made.append(NewDKIMKey(selector: name, algorithm: algorithm.keyType, privateKey: key.pem))
        }
        try await directory.addNextKeys(made, domain: domain, author: author)
        let names = Set(made.map(\.selector))
        let rows = directory.snapshot.dkimKeys.filter { $0.domain == domain && names.contains($0.selector) }
        for row in rows { say("a next DKIM key waits for its record", row, remedy: "add to the DNS: \(try line(row))") }
        return rows
    }

    /// Asks the DNS about keys, keeps the answers, and lets those that wait and are shown sign from now on.
    ///
    /// - Returns: what was seen of each key that could be asked about, by id, and what came of it.
    func look(at rows: [DKIMKeyRow]) async throws -> (seen: [Int64: KeySighting], change: KeyRotation.Switch) {
        var questions: [(row: DKIMKeyRow, question: KeyWitness.Question)] = []
        for row in rows {
            do {
                let name = "\(row.selector)._domainkey.\(row.domain)"
                questions.append((row, .init(name: name, record: try Operations.publicRecord(row))))
            } catch {
                let translated = AdminError(translating: error)
                say(
                    "a DKIM key can't be used", row, level: .error, reason: translated.message,
                    remedy: translated.remedy)
            }
        }
        let sightings = await witness.look(at: questions.map(\.question))
        try Task.checkCancellation()
        let now = directory.now
        var seen: [Int64: KeySighting] = [:]
        for (row, sighting) in zip(questions.map(\.row), sightings) {
            seen[row.id] = sighting
            try await directory.noteSeen(
                row.id, DKIMKeySeen(at: now, answer: sighting.words, isAbsent: sighting == .absent))
        }
        let shown = rows.filter { $0.state == .next && seen[$0.id]?.isShown == true }.map(\.id)
        return (seen, try await switchKeys(to: Set(shown), reason: "its record is in the DNS"))
    }

    /// Lets next keys sign from now on.
    func switchKeys(to ids: Set<Int64>, reason: String) async throws -> KeyRotation.Switch {
        guard !ids.isEmpty else { return KeyRotation.Switch() }
        let change = try await directory.switchKeys(to: ids, author: author)
        for row in change.beginning { say("a DKIM key signs from now on", row, reason: reason) }
        let until = InternetTimestamp.utc(directory.now.adding(rotation.retireAfter))
        for row in change.ending {
            say("a DKIM key was replaced", row, remedy: "leave its record in the DNS until \(until)")
        }
        return change
    }

    /// Retires what is wanted no more.
    func retire() async throws {
        var records: [Int64: String] = [:]
        for row in rotation.retirements(directory.snapshot.dkimKeys, now: directory.now) {
            // A key that can't be read any more has nothing to show, and can go all the same.
            records[row.id] = (try? Operations.publicRecord(row)) ?? ""
        }
        guard !records.isEmpty else { return }
        for row in try await directory.retireKeys(records, author: author) {
            say(
                "a DKIM key has retired, and its private key was deleted", row,
                remedy: "remove from the DNS: \(row.selector)._domainkey.\(row.domain). TXT")
        }
    }

    /// Makes the next keys that `dkim.rotate_every` asks for, a few at a time: an RSA key costs CPU, and where many domains
    /// were added on one day all are due on one day.
    func beginWhatIsDue() async throws {
        for due in rotation.beginnings(directory.snapshot.dkimKeys, now: directory.now).prefix(Self.beginningsAtOnce) {
            let algorithms = DKIMAlgorithm.allCases.filter { $0.keyType == due.algorithm }
            _ = try await begin(due.domain, algorithms: algorithms)
        }
    }

    // MARK: Telling

    /// The record of a key, as a line of a zone file.
    func line(_ row: DKIMKeyRow) throws -> String {
        let name = "\(row.selector)._domainkey.\(row.domain)."
        return "\(name) IN TXT \(ZoneFile.quoted(try Operations.publicRecord(row)))"
    }

    func say(
        _ message: Logger.Message, _ row: DKIMKeyRow, level: Logger.Level = .notice, reason: String? = nil,
        remedy: String? = nil
    ) {
        guard let logger else { return }
        var metadata: Logger.Metadata = [
            LogKey.dkimDomain: "\(row.domain)", LogKey.dkimSelector: "\(row.selector)",
        ]
        if let reason { metadata[LogKey.reason] = "\(reason)" }
        if let remedy { metadata[LogKey.remedy] = "\(remedy)" }
        logger.log(level: level, message, metadata: metadata)
    }
}
