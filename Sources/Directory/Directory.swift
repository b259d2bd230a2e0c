import MailSyntax
package import SQLEngine
import Synchronization

/// Domains, accounts, aliases, keys and credentials, in the database; read through an immutable snapshot.
///
/// A change is planned on a snapshot and made in one write with its revision row, provided that the directory still is what
/// the snapshot shows; the snapshot is swapped after the commit.
package final class Directory: Sendable {
    let database: any Database
    let clock: any WallClock
    private let recipientDelimiters: Mutex<String>
    private let current: Mutex<DirectorySnapshot>

    /// - Parameter recipientDelimiters: characters that start a tag in a local part; empty turns tags off.
    package init(
        database: any Database, clock: any WallClock = SystemClock(), recipientDelimiters: String = "+"
    ) async throws {
        self.database = database
        self.clock = clock
        self.recipientDelimiters = Mutex(recipientDelimiters)
        self.current = Mutex(try await Self.load(database, recipientDelimiters))
    }

    package var snapshot: DirectorySnapshot { current.withLock { $0 } }

    /// Reads everything anew, after another process changed it.
    package func reload() async throws {
        let loaded = try await Self.load(database, recipientDelimiters.withLock { $0 })
        current.withLock { if loaded.revision >= $0.revision { $0 = loaded } }
    }

    /// Takes other characters for the start of a tag, and reads everything anew.
    package func setRecipientDelimiters(_ delimiters: String) async throws {
        recipientDelimiters.withLock { $0 = delimiters }
        try await reload()
    }

    /// Plans a change on the directory as it stands, makes it with its revision, then swaps the snapshot.
    ///
    /// The write begins by asking whether the revision is still the one that was planned on; where another change was
    /// quicker, this one is planned again on what it left. So a plan is never carried out on a directory that it did not
    /// see, and two changes that are right only one at a time can't both pass.
    ///
    /// - Parameter plan: refuses by throwing, or says what to write. Pure; may be called more than once.
    @discardableResult
    func change<T: Sendable>(
        author: String, _ plan: (DirectorySnapshot) throws -> DirectoryChange<T>
    ) async throws -> T {
        while true {
            let basis = snapshot
            let planned = try plan(basis)
            let now = clock.now()
            let result: T? = try await database.write { writer in
                let revision = try writer.first(DirectoryStatements.latestRevision) { $0.int64(0) } ?? 0
                guard revision == basis.revision else { return nil }
                let value = try planned.write(writer, now)
                try writer.execute(DirectoryStatements.insertRevision, author, planned.description, now)
                return value
            }
            try await reload()
            if let result { return result }
        }
    }

    private static func load(_ database: any Database, _ delimiters: String) async throws -> DirectorySnapshot {
        try await database.read { reader in
            DirectorySnapshot(
                revision: try reader.first(DirectoryStatements.latestRevision) { $0.int64(0) } ?? 0,
                domains: try reader.query(DirectoryStatements.domains) { row in
                    DirectoryDomain(
                        id: row.int64(0), name: try readDomain(row.string(1)), kind: try readKind(row.string(4)),
                        catchAll: try row.optionalString(2).map(readAddress), createdAt: row.timestamp(3))
                },
                accounts: try reader.query(DirectoryStatements.accounts) { row in
                    Account(
                        id: AccountID(rawValue: row.int64(0)), address: try readAddress(row.string(1)),
                        name: row.optionalString(2), isEnabled: row.bool(3), quota: row.optionalInt64(4),
                        createdAt: row.timestamp(5))
                },
                aliases: try loadAliases(reader),
                dkimKeys: try reader.query(DirectoryStatements.dkimKeys) { row in
                    DKIMKeyRow(
                        id: row.int64(0), domain: try readDomain(row.string(1)), selector: row.string(2),
                        algorithm: row.string(3), privateKey: row.string(4), publicRecord: row.string(5),
                        state: try readState(row.string(6)), since: row.timestamp(7), createdAt: row.timestamp(8))
                },
                grants: try reader.query(DirectoryStatements.sendGrants) { row in
                    SendGrant(account: AccountID(rawValue: row.int64(0)), sender: try readSender(row.string(1)))
                },
                recipientDelimiters: delimiters)
        }
    }

    private static func loadAliases(_ reader: any SQLReader) throws -> [Alias] {
        var aliases: [Alias] = []
        try reader.forEach(DirectoryStatements.aliases, binds: []) { row in
            let target = try readAddress(row.string(2))
            if let last = aliases.last, last.id == row.int64(0) {
                aliases[aliases.count - 1] = Alias(
                    id: last.id, address: last.address, targets: last.targets + [target], membersSend: last.membersSend)
            } else {
                aliases.append(
                    Alias(
                        id: row.int64(0), address: try readAddress(row.string(1)), targets: [target],
                        membersSend: row.bool(3)))
            }
        }
        return aliases
    }
}

/// What a change writes, and how the revision describes it.
struct DirectoryChange<Result: Sendable>: Sendable {
    let description: String
    let write: @Sendable (any SQLWriter, Timestamp) throws -> Result

    init(_ description: String, _ write: @Sendable @escaping (any SQLWriter, Timestamp) throws -> Result) {
        self.description = description
        self.write = write
    }
}

/// An address as the database holds it; one that can't be read means the file was changed by hand.
private func readAddress(_ text: String) throws -> EmailAddress {
    guard let address = EmailAddress(text) else { throw DatabaseError.corrupt("not an address: \(text)") }
    return address
}

private func readSender(_ text: String) throws -> GrantedSender {
    guard let sender = GrantedSender(text) else { throw DatabaseError.corrupt("not an address or @domain: \(text)") }
    return sender
}

private func readKind(_ text: String) throws -> DomainKind {
    guard let kind = DomainKind(rawValue: text) else { throw DatabaseError.corrupt("not a kind of domain: \(text)") }
    return kind
}

private func readState(_ text: String) throws -> DKIMKeyState {
    guard let state = DKIMKeyState(rawValue: text) else { throw DatabaseError.corrupt("not a key's state: \(text)") }
    return state
}

private func readDomain(_ text: String) throws -> DomainName {
    guard let name = DomainName(text) else { throw DatabaseError.corrupt("not a domain: \(text)") }
    return name
}
