import MailConfig
package import MailPolicy
import MailSyntax
import SQLEngine
import Synchronization

/// A table that is a query of an SQLite database, asked each time on a connection that only reads.
///
/// Whatever keeps the database from answering is a failure, never "not found". The file that describes the table is
/// read at start and at each reload; a database that was replaced is opened again.
package final class SQLiteTable: Sendable {
    private struct State {
        var query: SQLiteQuery
        var device: UInt64
        var inode: UInt64
        var lookedAt: Timestamp
        /// The file was not there: what is open still is a file without a name, whose answers are of the past.
        var isAway = false
    }

    private static let interval = Duration.seconds(1)
    /// Rows of one answer where there is no `expansion_limit`.
    private static let mostRows = 10_000

    private let file: SQLiteTableFile
    private let origin: String
    private let clock: any WallClock
    private let state: Mutex<State>

    init(_ path: String, clock: any WallClock, warnings: inout [TableDiagnostic]) throws(TableErrors) {
        let octets: [UInt8]
        do throws(TableFileError) {
            octets = try TableFile.read(path).octets
        } catch {
            throw TableErrors([TableDiagnostic(file: path, error.message, remedy: error.remedy)])
        }
        file = try SQLiteTableFile(octets, path: path, warnings: &warnings)
        self.clock = clock
        origin = "\(path):\(file.line)"
        guard case .success(let signature) = FileSignature.of(file.databasePath) else {
            throw TableErrors([
                TableDiagnostic(
                    file: path, "the database \(file.databasePath) is not there, or may not be read",
                    remedy: "correct `dbpath`, or let the server's user read the database")
            ])
        }
        do {
            let query = try Self.open(file)
            let now = clock.now()
            state = Mutex(State(query: query, device: signature.device, inode: signature.inode, lookedAt: now))
        } catch {
            throw TableErrors([
                TableDiagnostic(
                    file: path, line: file.line, "SQLite refuses the query: \(error)",
                    remedy: "try it with: sqlite3 \(file.databasePath)")
            ])
        }
    }

    private static func open(_ file: SQLiteTableFile) throws -> SQLiteQuery {
        try SQLiteQuery(path: file.databasePath, sql: file.query.sql, parameters: file.query.binds.count)
    }

    package func lookup(_ key: String) async throws(TableFailure) -> TableAnswer? {
        let key = KeyParts(EmailAddress.fold(key))
        guard file.domains.isEmpty || hasDomain(key) else { return nil }
        var binds: [String] = []
        for template in file.query.binds {
            guard let text = template.expanded(key, key: key) else { return nil }
            binds.append(text)
        }
        let limit = file.expansionLimit ?? Self.mostRows
        do {
            let rows = try await current().values(binds, limit: limit)
            let values = rows.filter { !$0.isEmpty }.compactMap {
                file.resultFormat.expanded(KeyParts($0), key: key)
            }
            return values.isEmpty ? nil : TableAnswer(value: values.joined(separator: ","), origin: origin)
        } catch {
            throw TableFailure("\(origin): \(error)")
        }
    }

    private func hasDomain(_ key: KeyParts) -> Bool {
        guard let domain = key.domain, !key.user.isEmpty else { return false }
        return file.domains.contains(String(domain))
    }

    /// Opens the database again when another file has taken its place; throws while there is none.
    private func current() throws -> SQLiteQuery {
        let now = clock.now()
        let (query, isDue, device, inode) = state.withLock { state in
            let passed = now.since(state.lookedAt)
            let isDue = state.isAway || passed >= Self.interval || passed < .zero
            if isDue { state.lookedAt = now }
            return (state.query, isDue, state.device, state.inode)
        }
        guard isDue else { return query }
        let signature: FileSignature
        do {
            signature = try FileSignature.of(file.databasePath).get()
        } catch {
            state.withLock { $0.isAway = true }
            throw TableFailure("the database \(file.databasePath) \(error.message)")
        }
        guard signature.device != device || signature.inode != inode else {
            state.withLock { $0.isAway = false }
            return query
        }
        let fresh = try Self.open(file)
        state.withLock { $0 = State(query: fresh, device: signature.device, inode: signature.inode, lookedAt: now) }
        return fresh
    }
}
