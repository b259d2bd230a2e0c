package import MailSyntax
import SQLEngine

extension Directory {
    /// Makes keys that follow on those that sign; they sign nothing yet.
    ///
    /// - Throws: `DirectoryError.inUse` where a key of the same algorithm is waiting already, `.alreadyExists` for a
    ///   selector that is or was used.
    package func addNextKeys(_ keys: [NewDKIMKey], domain name: DomainName, author: String) async throws {
        try await change(author: author) { directory in
            guard let domain = directory.domain(name) else { throw DirectoryError.noDomain(name) }
            let own = directory.dkimKeys.filter { $0.domain == name }
            for key in keys {
                if let waiting = own.first(where: { $0.state == .next && $0.algorithm == key.algorithm }) {
                    throw DirectoryError.inUse(
                        "a rotation of the \(key.algorithm) key of \(name) is under way already: \(waiting.selector) waits "
                            + "for its record (martlet dkim rotate \(name) says how it stands, --cancel ends it)")
                }
                // Names in the DNS are the same in any case.
                if own.contains(where: { $0.selector.lowercased() == key.selector.lowercased() }) {
                    throw DirectoryError.alreadyExists("DKIM selector \(key.selector) of \(name)")
                }
            }
            let selectors = keys.map(\.selector).joined(separator: " ")
            return DirectoryChange("dkim rotate \(name) \(selectors)") { writer, now in
                for key in keys { try Self.insertKey(writer, key, domain: domain.id, state: .next, now: now) }
            }
        }
    }

    /// Forgets those of `ids` that are next keys, and says which they were.
    package func removeNextKeys(_ ids: Set<Int64>, author: String) async throws -> [DKIMKeyRow] {
        try await changeKeys(author) { keys in
            let leaving = keys.filter { ids.contains($0.id) && $0.state == .next }
            guard let domain = leaving.first?.domain else { return nil }
            let selectors = leaving.map(\.selector).joined(separator: " ")
            return DirectoryChange("dkim rotate \(domain) --cancel \(selectors)") { writer, _ in
                for key in leaving { try writer.execute(DirectoryStatements.deleteKey, key.id) }
                return leaving
            }
        } ?? []
    }

    /// Lets those of `ids` that are next keys sign from now on, in the place of those that did, in one transaction.
    package func switchKeys(to ids: Set<Int64>, author: String) async throws -> KeyRotation.Switch {
        try await changeKeys(author) { keys in
            let change = KeyRotation.replacing(ids, in: keys)
            guard !change.beginning.isEmpty else { return nil }
            let names = change.beginning.map { "\($0.domain) \($0.selector)" }.joined(separator: ", ")
            return DirectoryChange("dkim switch \(names)") { writer, now in
                for key in change.ending {
                    try writer.execute(DirectoryStatements.setKeyState, key.id, DKIMKeyState.retiring.rawValue, now)
                }
                for key in change.beginning {
                    try writer.execute(DirectoryStatements.setKeyState, key.id, DKIMKeyState.active.rawValue, now)
                }
                return change
            }
        } ?? KeyRotation.Switch()
    }

    /// Deletes the private keys of those that are retiring, and says which they were.
    ///
    /// - Parameter records: the TXT record's text of each, by id; it stays.
    package func retireKeys(_ records: [Int64: String], author: String) async throws -> [DKIMKeyRow] {
        try await changeKeys(author) { keys in
            let leaving = keys.filter { records[$0.id] != nil && $0.state == .retiring }
            guard !leaving.isEmpty else { return nil }
            let names = leaving.map { "\($0.domain) \($0.selector)" }.joined(separator: ", ")
            return DirectoryChange("dkim retire \(names)") { writer, now in
                for key in leaving {
                    try writer.execute(DirectoryStatements.retireKey, key.id, now, records[key.id] ?? "")
                }
                return leaving
            }
        } ?? []
    }

    /// Keeps what the DNS said of a key. No change of the directory: nothing is decided by it.
    package func noteSeen(_ id: Int64, _ seen: DKIMKeySeen) async throws {
        try await database.write(.bulk) { writer in
            try writer.execute(DirectoryStatements.noteKeySeen, id, seen.at, seen.answer, seen.isAbsent)
        }
    }

    /// What the DNS last said of each key that it was asked about, by id.
    package func keysSeen() async throws -> [Int64: DKIMKeySeen] {
        try await database.read { reader in
            let rows = try reader.query(DirectoryStatements.keysSeen) { row in
                (row.int64(0), DKIMKeySeen(at: row.timestamp(1), answer: row.string(2), isAbsent: row.bool(3)))
            }
            return Dictionary(rows, uniquingKeysWith: { first, _ in first })
        }
    }

    /// The current time of the directory's clock.
    package var now: Timestamp { clock.now() }

    /// A change that may find that another was quicker and nothing is left to do; nil then, and no revision is made.
    private func changeKeys<T: Sendable>(
        _ author: String, _ plan: ([DKIMKeyRow]) -> DirectoryChange<T>?
    ) async throws -> T? {
        do {
            return try await change(author: author) { directory in
                guard let planned = plan(directory.dkimKeys) else { throw NothingToDo() }
                return planned
            }
        } catch is NothingToDo {
            return nil
        }
    }
}

private struct NothingToDo: Error {}
