package import Blobs
import MailMessage
import MailSyntax
package import SQLEngine
import Synchronization

/// The text index: a signature for each email, in a database file of its own that can be deleted and is then made anew.
///
/// It follows deliveries at a short distance. What it doesn't hold yet is searched by reading, so that answers are right
/// at any moment.
package final class SearchIndex: Sendable {
    package static let migrations = [
        Migration(
            "search-1",
            [
                .createTable(
                    Table("signature", columns: [.int("email_id"), .blob("bits")], primaryKey: ["email_id"]))
            ])
    ]

    package enum Statements {
        static let insert = SQLStatement(
            "INSERT INTO signature (email_id, bits) VALUES ($1, $2) ON CONFLICT (email_id) DO NOTHING")
        static let find = SQLStatement("SELECT bits FROM signature WHERE email_id = $1")
        static let delete = SQLStatement("DELETE FROM signature WHERE email_id = $1")
        static let newest = SQLStatement("SELECT COALESCE(MAX(email_id), 0) FROM signature")
        package static let all = [insert, find, delete, newest]
    }

    private struct State {
        var waiting: [EmailID] = []
        var isOverflowing = false
    }

    /// Emails that wait at most; more make the index catch up from the database.
    private static let waitingLimit = 10_000
    private static let batch = 64

    private let mail: any Database
    private let index: any Database
    private let blobs: BlobStore
    private let state = Mutex(State())
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - mail: where the emails are.
    ///   - index: the index's own file; need not be durable.
    package init(mail: any Database, index: any Database, blobs: BlobStore) {
        self.mail = mail
        self.index = index
        self.blobs = blobs
        (wake, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func enqueue(_ email: EmailID) {
        state.withLock { state in
            if state.waiting.count < Self.waitingLimit {
                state.waiting.append(email)
            } else {
                state.isOverflowing = true
            }
        }
        waker.yield()
    }

    /// Catches up with what was missed, then follows, until the task is cancelled.
    ///
    /// An index that can't be written ends nothing: what it doesn't hold is searched by reading.
    ///
    /// - Parameters:
    ///   - pause: how long deliveries are gathered before a batch.
    ///   - report: hears of every batch that failed.
    package func run(
        pause: Duration = .milliseconds(100), report: @Sendable (any Error) -> Void = { _ in }
    ) async throws {
        try await attempt(report) { try await catchUp() }
        for await _ in wake {
            try await Task.sleep(for: pause)
            try await attempt(report) { try await drain() }
        }
    }

    private func attempt(_ report: (any Error) -> Void, _ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch let error as CancellationError {
            throw error
        } catch {
            report(error)
        }
    }

    /// Indexes everything that waits.
    package func drain() async throws {
        while true {
            let (part, overflowed) = state.withLock { state in
                let part = Array(state.waiting.prefix(Self.batch))
                state.waiting.removeFirst(part.count)
                defer { if part.isEmpty { state.isOverflowing = false } }
                return (part, state.isOverflowing)
            }
            if part.isEmpty {
                guard overflowed else { return }
                try await catchUp()
                continue
            }
            try await add(part)
        }
    }

    /// Indexes emails that came while nobody indexed. Ids are made before the commit, so the last ten minutes are looked
    /// at again.
    package func catchUp() async throws {
        let newest = try await index.read { try $0.first(Statements.newest) { $0.int64(0) } } ?? 0
        var after = EmailID(rawValue: max(0, newest - (600_000 << 22)))
        while true {
            let start = after
            let part = try await mail.read { reader in
                try reader.query(MailStoreStatements.emailsAfter, start, 256) { EmailID(rawValue: $0.int64(0)) }
            }
            guard let last = part.last else { return }
            after = last
            let known = try await signatures(part)
            let missing = part.filter { known[$0] == nil }
            for piece in missing.chunks(of: Self.batch) { try await add(piece) }
        }
    }

    @concurrent
    private func add(_ emails: [EmailID]) async throws {
        let found = try await mail.read { reader in
            try emails.compactMap { email -> (EmailID, BlobID, Int, MessageIndex)? in
                let row = try reader.first(MailStoreStatements.emailForIndexing, email) { row in
                    (
                        BlobKey(rawValue: row.int64(0)),
                        try MessageIndex.decode(row.bytes(2), headerBlock: row.bytes(1))
                    )
                }
                guard let (key, parsed) = row, let (id, size) = try BlobRows.find(reader, key) else { return nil }
                return (email, id, size, parsed)
            }
        }
        var made: [(EmailID, [UInt8])] = []
        for (email, id, size, parsed) in found {
            // A message that vanished meanwhile needs no signature; one that can't be read is searched by reading.
            guard let reader = try? blobs.open(id, size: size),
                let chunks = try? SearchText.extract(index: parsed, read: { try reader.read($0) })
            else { continue }
            made.append((email, TextSignature(texts: chunks.map(\.text)).bits))
        }
        let signatures = made
        guard !signatures.isEmpty else { return }
        try await index.write { writer in
            for (email, bits) in signatures { try writer.execute(Statements.insert, email, bits) }
        }
    }

    /// The signatures that are there.
    func signatures(_ emails: [EmailID]) async throws -> [EmailID: TextSignature] {
        try await index.read { reader in
            var found: [EmailID: TextSignature] = [:]
            for email in emails {
                if let bits = try reader.first(Statements.find, email, map: { $0.bytes(0) }) {
                    found[email] = TextSignature(bits: bits)
                }
            }
            return found
        }
    }

    /// Forgets emails that are gone.
    func remove(_ emails: [EmailID]) async throws {
        try await index.write(.bulk) { writer in
            for email in emails { try writer.execute(Statements.delete, email) }
        }
    }
}
