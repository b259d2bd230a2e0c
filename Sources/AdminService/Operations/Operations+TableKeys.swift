import Directory
import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import MailTables

/// The keys that OpenDKIM's tables have for one domain or all, looked at.
struct TableKeyring: Sendable {
    var keys: [TableKey] = []
    /// Everything that is wrong with tables, files and keys, each once.
    var problems: [TableDiagnostic] = []
    /// Those among them that leave tables and keys in use.
    var faults: Set<TableDiagnostic> = []
    /// Places of problems that are those of other domains' keys alone.
    var foreign: Set<String> = []

    static let none = TableKeyring()

    /// What is wrong with the keys of the domain, and with the tables as a whole.
    var ownProblems: [TableDiagnostic] { problems.filter { !foreign.contains($0.place) } }
    /// What is wrong with keys of other domains.
    var foreignProblems: [TableDiagnostic] { problems.filter { foreign.contains($0.place) } }
}

// Keys of OpenDKIM's tables, for those commands that show, publish and check keys.
extension Operations {
    /// The tables as they are in force and as they lie there; nil where the manifest names none.
    func examineTables() -> SigningExamination? {
        guard manifest.dkim.signingTable != nil else { return nil }
        return stores.tables.examineSigning() ?? SigningTableFiles.examine(manifest)
    }

    /// - Parameter domain: nil for all that the directory or the tables have.
    func tableKeys(of domain: DomainName?, _ examination: SigningExamination?) -> TableKeyring {
        guard let examination else { return .none }
        var ring = TableKeyring(problems: examination.problems)
        guard let tables = examination.tables else { return ring }
        for domain in domain.map({ [$0] }) ?? signedDomains(tables) {
            for found in tables.keys(of: domain, multiple: manifest.dkim.multipleSignatures).keys {
                if let known = ring.keys.firstIndex(where: { $0.key.isSame(as: found.key) }) {
                    let news = found.senders.filter { !ring.keys[known].senders.contains($0) }
                    ring.keys[known].senders += news
                    continue
                }
                let (signer, problem) = examination.look(at: found.key)
                ring.keys.append(
                    TableKey(key: found.key, senders: found.senders, signer: signer, problem: problem))
            }
        }
        let own = Set(ring.keys.map(\.key.origin))
        if let domain { ring.foreign = tables.keyLines(notOf: domain).subtracting(own) }
        let faults = ring.keys.flatMap(\.faults) + conflicts(ring.keys)
        ring.faults = Set(faults)
        for problem in ring.keys.compactMap(\.problem) + faults where !ring.problems.contains(problem) {
            ring.problems.append(problem)
        }
        return ring
    }

    /// Those of the directory first.
    private func signedDomains(_ tables: SigningTables) -> [DomainName] {
        let own = directory.snapshot.domains.map(\.name)
        return own + tables.namedDomains.subtracting(own).sorted { $0.ascii < $1.ascii }
    }

    /// Different keys that would have to be published under the same name.
    private func conflicts(_ keys: [TableKey]) -> [TableDiagnostic] {
        var known: [String: (record: String, origin: String)] = [:]
        for row in directory.snapshot.dkimKeys where row.state != .retired {
            // One that can't be read publishes nothing.
            guard let record = try? Self.publicRecord(row) else { continue }
            known["\(row.selector)._domainkey.\(row.domain)".lowercased()] = (record, "the database")
        }
        var conflicts: [TableDiagnostic] = []
        for key in keys {
            guard let record = key.signer?.publicRecord else { continue }
            let name = key.recordName.lowercased()
            if let other = known[name], other.record != record {
                conflicts.append(
                    key.diagnostic(
                        "has another key for \(name) than \(other.origin): only one of them can be published",
                        remedy: "give one of them a selector of its own, or remove it"))
            } else if known[name] == nil {
                known[name] = (record, key.key.origin)
            }
        }
        return conflicts
    }

    /// A domain of this server, or one that only the tables sign for: its mailboxes are elsewhere.
    func requireSignedDomain(
        _ text: String, _ examination: SigningExamination?
    ) throws -> (name: DomainName, kind: DomainKind) {
        let name = try parseDomain(text)
        if directory.snapshot.domain(name) == nil, let tables = examination?.tables {
            let isNamed = tables.namedDomains.contains(name)
            let keys = tableKeys(of: name, examination).keys.filter { $0.key.domain == name && !$0.isAbsent }
            if isNamed || !keys.isEmpty { return (name, .sendOnly) }
        }
        let domain = try requireDomain(text)
        return (domain.name, domain.kind)
    }

    /// Whether the keys of the database sign nothing for a domain, because the tables come first.
    func isIdle(_ domain: DomainName, _ examination: SigningExamination?) -> Bool {
        guard let tables = examination?.tables else { return false }
        return Policy.directoryIsIdle(for: domain, tables, manifest)
    }
}

extension DKIMKeySummary {
    init(_ key: TableKey) {
        self.init(
            domain: key.key.domain.ascii, selector: key.key.selector, algorithm: key.algorithm,
            recordName: "\(key.recordName).", recordText: key.signer?.publicRecord ?? "", active: key.signer != nil)
        origin = key.key.origin
        file = key.file
        senders = key.senders
        problem = key.problem?.message
    }
}
