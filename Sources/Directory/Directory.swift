import MailSyntax
package import SQLEngine
import Synchronization

/// Domains, accounts, aliases, keys and credentials, in the database; read through an immutable snapshot.
///
/// A change is one write with its revision row; the snapshot is swapped after the commit.
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

    /// Runs a change with its revision, then swaps the snapshot.
    @discardableResult
    func change<T: Sendable>(
        _ description: String, author: String, _ body: @Sendable @escaping (any SQLWriter, Timestamp) throws -> T
    ) async throws -> T {
        let now = clock.now()
        let result = try await database.write { writer in
            let value = try body(writer, now)
            try writer.execute(DirectoryStatements.insertRevision, author, description, now)
            return value
        }
        try await reload()
        return result
    }

    private static func load(_ database: any Database, _ delimiters: String) async throws -> DirectorySnapshot {
        try await database.read { reader in
            DirectorySnapshot(
                revision: try reader.first(DirectoryStatements.latestRevision) { $0.int64(0) } ?? 0,
                domains: try reader.query(DirectoryStatements.domains) { row in
                    HostedDomain(
                        id: row.int64(0), name: try readDomain(row.string(1)),
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
                        algorithm: row.string(3), privateKey: row.string(4), isActive: row.bool(5),
                        createdAt: row.timestamp(6))
                },
                recipientDelimiters: delimiters)
        }
    }

    private static func loadAliases(_ reader: any SQLReader) throws -> [Alias] {
        var aliases: [Alias] = []
        try reader.forEach(DirectoryStatements.aliases, binds: []) { row in
            let target = try readAddress(row.string(2))
            if let last = aliases.last, last.id == row.int64(0) {
                aliases[aliases.count - 1] = Alias(id: last.id, address: last.address, targets: last.targets + [target])
            } else {
                aliases.append(Alias(id: row.int64(0), address: try readAddress(row.string(1)), targets: [target]))
            }
        }
        return aliases
    }
}

/// An address as the database holds it; one that can't be read means the file was changed by hand.
private func readAddress(_ text: String) throws -> EmailAddress {
    guard let address = EmailAddress(text) else { throw DatabaseError.corrupt("not an address: \(text)") }
    return address
}

private func readDomain(_ text: String) throws -> DomainName {
    guard let name = DomainName(text) else { throw DatabaseError.corrupt("not a domain: \(text)") }
    return name
}
