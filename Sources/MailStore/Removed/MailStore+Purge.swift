import Directory
package import MailSyntax
import SQLEngine

/// How much a purge removed.
package struct PurgeReport: Sendable, Hashable {
    /// Expunged messages whose time to be brought back is over.
    package var messages = 0
    /// Records of UIDs that went.
    package var tombstones = 0
    /// Mailboxes that were deleted.
    package var mailboxes = 0
    /// Message-IDs known from conversations that are gone.
    package var references = 0
}

/// Removing for good what the settings keep no longer. Every piece is a short unit behind those of deliveries, and what
/// is interrupted goes on with the next purge.
extension MailStore {
    /// How many rows one unit removes.
    private static let purgeUnit = 200
    /// How often the change number of an account is noted with its time.
    private static let markInterval = Duration.seconds(86_400)

    /// Purges everything that is due.
    package func purge(now: Timestamp) async throws -> PurgeReport {
        var report = PurgeReport()
        report.messages = try await purgeRemoved(before: now.adding(.zero - settings.undelete), now: now)
        report.mailboxes = try await purgeBuried()
        var account = AccountID(rawValue: 0)
        while true {
            let page = try await database.read { [account] reader in
                try reader.query(RemovedStatements.accounts, account, 100) { row in
                    AccountMark(account: AccountID(rawValue: row.int64(0)), modSeq: row.int64(1), purged: row.int64(2))
                }
            }
            for mark in page {
                account = mark.account
                report.tombstones += try await purgeTombstones(mark, now: now)
            }
            if page.count < 100 { return report }
        }
    }

    private struct AccountMark: Sendable {
        let account: AccountID
        let modSeq: Int64
        let purged: Int64
    }

    private func purgeRemoved(before: Timestamp, now: Timestamp) async throws -> Int {
        var count = 0
        while true {
            let rows = try await database.write(.bulk) { writer -> Int in
                let rows = try writer.query(RemovedStatements.expired, before, Self.purgeUnit) {
                    ($0.int64(0), EmailID(rawValue: $0.int64(1)))
                }
                for (id, _) in rows { try writer.execute(RemovedStatements.delete, id) }
                for email in Set(rows.map(\.1)) { try Self.releaseIfUnused(writer, email, now: now) }
                return rows.count
            }
            count += rows
            if rows < Self.purgeUnit { return count }
            await Task.yield()
        }
    }

    private func purgeBuried() async throws -> Int {
        var count = 0
        while true {
            let isDone = try await database.write(.bulk) { writer -> Bool? in
                guard let id = try writer.first(RemovedStatements.buried, map: { $0.int64(0) }) else { return nil }
                let removed = try writer.execute(RemovedStatements.clearBuried, id, Self.purgeUnit)
                guard removed < Self.purgeUnit else { return false }
                try writer.execute(MailStoreStatements.deleteMailbox, id)
                return true
            }
            guard let isDone else { return count }
            if isDone { count += 1 }
        }
    }

    /// Tombstones go by change number: which number an account had when is noted once a day.
    private func purgeTombstones(_ mark: AccountMark, now: Timestamp) async throws -> Int {
        let limit = now.adding(.zero - settings.tombstones)
        let (last, due) = try await database.read { reader in
            (
                try reader.first(RemovedStatements.lastMark, mark.account) { ($0.timestamp(0), $0.int64(1)) },
                try reader.first(RemovedStatements.dueMark, mark.account, limit) { $0.int64(0) }
            )
        }
        let isStale = last.map { $0.1 != mark.modSeq && $0.0.adding(Self.markInterval) <= now } ?? true
        if isStale {
            try await database.write(.bulk) { writer in
                try writer.execute(RemovedStatements.insertMark, mark.account, now, mark.modSeq)
            }
        }
        guard let due, due > mark.purged else { return 0 }
        let hasAny = try await database.read { reader in
            try reader.first(RemovedStatements.hasTombstones, mark.account, due) { _ in true } ?? false
        }
        var count = 0
        while hasAny {
            let removed = try await database.write(.bulk) { writer -> Int in
                // First said, then done: who asks from before gets the whole list. RFC 7162 §3.2.5.2
                try writer.execute(RemovedStatements.setPurged, mark.account, due)
                return try writer.execute(RemovedStatements.deleteTombstones, mark.account, due, Self.purgeUnit)
            }
            count += removed
            if removed < Self.purgeUnit { break }
            await Task.yield()
        }
        try await database.write(.bulk) { writer in
            try writer.execute(RemovedStatements.deleteMarks, mark.account, due)
        }
        return count
    }

    /// Forgets the Message-IDs of conversations that no message is left of. Reads every one known, so not for each hour.
    package func purgeThreadReferences() async throws -> Int {
        var count = 0
        for account in directory.snapshot.accounts.map(\.id) {
            var last = Int64.min
            while true {
                let page = try await database.read { [last] reader -> (rows: Int, next: Int64, unused: [Int64]) in
                    let rows = try reader.query(RemovedStatements.references, account, last, Self.purgeUnit) {
                        ($0.int64(1), $0.int64(2))
                    }
                    var unused: [Int64] = []
                    for (hash, thread) in rows
                    where try reader.first(RemovedStatements.threadIsUsed, account, thread, map: { _ in true }) == nil {
                        unused.append(hash)
                    }
                    return (rows.count, rows.last?.0 ?? last, unused)
                }
                last = page.next
                if !page.unused.isEmpty {
                    count += try await database.write(.bulk) { writer in
                        try page.unused.reduce(0) { sum, hash in
                            let thread = try writer.first(MailStoreStatements.findThread, account, hash) { $0.int64(0) }
                            guard let thread,
                                try writer.first(RemovedStatements.threadIsUsed, account, thread, map: { _ in true })
                                    == nil
                            else { return sum }
                            return try sum + writer.execute(RemovedStatements.deleteReference, account, hash)
                        }
                    }
                }
                if page.rows < Self.purgeUnit { break }
            }
        }
        return count
    }
}
