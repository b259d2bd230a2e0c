package import Blobs
package import Directory
import MailMessage
import MailSyntax
package import SQLEngine
import Synchronization

/// The text index: a signature for each email, in a database file of its own that can be deleted and is then made anew.
///
/// It follows deliveries at a short distance. What it doesn't hold yet is searched by reading, so that answers are right
/// at any moment. New signatures stand one by one; hundreds of one account and size are turned into a block
/// (``SignatureBlock``), of which a search reads a few kilobytes.
package final class SearchIndex: Sendable {
    private struct State {
        var waiting: [EmailID] = []
        var isOverflowing = false
    }

    /// Emails that wait at most; more make the index catch up from the database.
    private static let waitingLimit = 10_000
    private static let batch = 64
    /// How far back a start looks for emails that a crash kept from the index: ids are made before the commit.
    private static let overlap: Int64 = 600_000 << 22

    let mail: any Database
    let index: any Database
    let blobs: BlobStore
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
        pause: Duration = .milliseconds(250), report: @Sendable (any Error) -> Void = { _ in }
    ) async throws {
        try await attempt(report) { try await SortKeyFiller(mail: mail).run() }
        try await attempt(report) { try await catchUp() }
        for await _ in wake {
            try await Task.sleep(for: pause)
            // What comes meanwhile is gathered again: message after message would be a write each.
            try await attempt(report) { try await drain(most: state.withLock { $0.waiting.count }) }
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

    /// Indexes what waits: everything, or as many as were gathered.
    package func drain(most: Int = .max) async throws {
        var left = most
        while left > 0 {
            let (part, overflowed) = state.withLock { state in
                let part = Array(state.waiting.prefix(min(left, Self.batch)))
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
            left -= part.count
        }
        if state.withLock({ $0.isOverflowing }) { try await drain() }
    }

    /// Indexes emails that came while nobody indexed.
    package func catchUp() async throws {
        let through = try await index.read { reader in
            try reader.first(SearchIndexStatements.readProgress, Self.progressName) { $0.int64(0) } ?? 0
        }
        var after = EmailID(rawValue: max(0, through - Self.overlap))
        while true {
            let start = after
            let part = try await mail.read { reader in
                try reader.query(MailStoreStatements.emailAccountsAfter, start, 256) { row in
                    (EmailID(rawValue: row.int64(0)), AccountID(rawValue: row.int64(1)))
                }
            }
            guard let last = part.last?.0 else { return }
            after = last
            let missing = try await unknown(part)
            for piece in missing.chunks(of: Self.batch) { try await add(piece) }
            try await index.write(.bulk) { writer in
                try writer.execute(SearchIndexStatements.writeProgress, Self.progressName, last)
            }
        }
    }

    private static let progressName = "through"

    private func unknown(_ emails: [(EmailID, AccountID)]) async throws -> [EmailID] {
        try await index.read { reader in
            try emails.compactMap { email, account in
                try reader.first(SearchIndexStatements.isKnown, account, email, map: { _ in true }) == nil ? email : nil
            }
        }
    }

    /// Which of an account's emails the index does not hold, though it has had an hour for them.
    func late(_ emails: [EmailID], of account: AccountID, now: Timestamp) async throws -> [EmailID] {
        let limit = IDGenerator.first(at: now.adding(.seconds(-3600))).rawValue
        return try await unknown(emails.filter { $0.rawValue < limit }.map { ($0, account) })
    }

    /// Indexes emails now.
    func take(_ emails: [EmailID]) async throws {
        for piece in emails.chunks(of: Self.batch) { try await add(piece) }
    }

    private struct Source: Sendable {
        let account: AccountID
        let email: EmailID
        let blob: BlobID
        let size: Int
        let parsed: MessageIndex
    }

    @concurrent
    private func add(_ emails: [EmailID]) async throws {
        let found = try await mail.read { reader in
            try emails.compactMap { email -> Source? in
                let row = try reader.first(MailStoreStatements.emailForIndexing, email) { row in
                    (
                        BlobKey(rawValue: row.int64(0)),
                        try MessageIndex.decode(row.bytes(2), headerBlock: row.bytes(1)),
                        AccountID(rawValue: row.int64(3))
                    )
                }
                guard let (key, parsed, account) = row, let (id, size) = try BlobRows.find(reader, key) else {
                    return nil
                }
                return Source(account: account, email: email, blob: id, size: size, parsed: parsed)
            }
        }
        var made: [(AccountID, EmailID, TextSignature)] = []
        for source in found {
            try Task.checkCancellation()
            // A message that vanished meanwhile needs no signature; one that can't be read is searched by reading.
            guard let reader = try? blobs.open(source.blob, size: source.size),
                let chunks = try? SearchText.extract(index: source.parsed, read: { try reader.read($0) })
            else { continue }
            made.append((source.account, source.email, TextSignature(texts: chunks.map(\.text))))
        }
        let signatures = made
        guard !signatures.isEmpty else { return }
        try await index.write { writer in
            for (account, email, signature) in signatures {
                let isNew = try writer.execute(SearchIndexStatements.insertKnown, account, email) > 0
                guard isNew else { continue }
                try writer.execute(
                    SearchIndexStatements.insertSignature, account, signature.width, email, signature.bits)
            }
        }
        var sizes: Set<SignatureClass> = []
        for (account, _, signature) in signatures {
            sizes.insert(SignatureClass(account: account, width: signature.width))
        }
        for size in sizes { try await buildBlocks(size) }
    }

    /// Forgets emails that are gone, as far as their signatures stand alone; those in blocks go with the block.
    package func remove(_ emails: [EmailID], of account: AccountID) async throws {
        for part in emails.chunks(of: 500) {
            try await index.write(.bulk) { writer in
                for email in part {
                    for width in Self.widths {
                        try writer.execute(SearchIndexStatements.deleteSignature, account, width, email)
                    }
                    try writer.execute(SearchIndexStatements.deleteKnown, account, email)
                }
            }
        }
        try await dissolveSparseBlocks(account)
    }

    /// Every width a signature can have.
    static let widths: [Int] = {
        var widths = [TextSignature.narrowest]
        while let last = widths.last, last < TextSignature.widest { widths.append(last * 2) }
        return widths
    }()

    /// Takes out the keys and signatures of emails that are gone. Expunging leaves them, so that it is quick.
    ///
    /// Looks at every email that there is: now and then, not at each start.
    package func sweep() async throws {
        for (account, emails) in try await SortKeyFiller(mail: mail).sweep() {
            try await remove(emails, of: account)
        }
    }

    // MARK: Making it anew

    /// How much is indexed.
    package struct Progress: Sendable, Equatable {
        /// Emails done, and all of them.
        package let done: Int
        package let total: Int
    }

    /// Makes the index of an account anew, while searches go on.
    package func rebuild(_ account: AccountID) async throws {
        _ = try await beginRebuild(account)
        var after = EmailID(rawValue: 0)
        while let last = try await rebuild(account, after: after, limit: Self.batch).last { after = last }
    }

    /// Drops what is indexed of an account, and lets a start look at all emails, should the rest not come to its end.
    ///
    /// - Returns: how many emails there are.
    package func beginRebuild(_ account: AccountID) async throws -> Int {
        try await index.write(.bulk) { writer in
            try writer.execute(SearchIndexStatements.writeProgress, Self.progressName, Int64(0))
        }
        try await clear(account)
        return try await mail.read { try $0.first(SearchIndexStatements.countEmails, account) { $0.int(0) } } ?? 0
    }

    /// Indexes the next emails of an account.
    ///
    /// - Returns: the last of them and how many they were; nil when there are no more.
    package func rebuild(
        _ account: AccountID, after: EmailID, limit: Int
    ) async throws -> (last: EmailID?, count: Int) {
        let part = try await mail.read { reader in
            try reader.query(SearchIndexStatements.accountEmailsAfter, account, after, limit) { row in
                EmailID(rawValue: row.int64(0))
            }
        }
        for piece in part.chunks(of: Self.batch) { try await add(piece) }
        return (part.last, part.count)
    }

    /// Drops everything of an account that goes.
    package func forget(_ account: AccountID) async throws { try await clear(account) }

    private func clear(_ account: AccountID) async throws {
        for (statement, unit) in [
            (SearchIndexStatements.clearKnown, 500), (SearchIndexStatements.clearSignatures, 200),
        ] {
            var cleared = unit
            while cleared > 0 {
                cleared = try await index.write(.bulk) { writer in try writer.execute(statement, account, unit) }
            }
        }
        for block in try await blocks(account) { try await delete(block) }
    }

    /// How many emails of an account are indexed, of how many.
    package func progress(_ account: AccountID) async throws -> Progress {
        let done = try await index.read { try $0.first(SearchIndexStatements.countKnown, account) { $0.int(0) } } ?? 0
        let total = try await mail.read { try $0.first(SearchIndexStatements.countEmails, account) { $0.int(0) } } ?? 0
        return Progress(done: min(done, total), total: total)
    }
}
