import Blobs
import Directory
import MailSyntax
import SQLEngine

extension MailStore {
    /// How many messages one unit changes; bounds how long it holds the writer.
    package static let unitLimit = 500

    /// The account a mailbox belongs to.
    func account(of mailbox: MailboxID) async throws -> AccountID {
        let found = try await database.read { reader in
            try reader.first(MailStoreStatements.mailbox, mailbox) { AccountID(rawValue: $0.int64(0)) }
        }
        guard let found else { throw MailStoreError.noSuchMailbox }
        return found
    }

    /// Changes flags of the messages that are still there.
    ///
    /// Rows that already are as asked keep their change number. With `unchangedSince`, messages changed later are left
    /// alone and reported (RFC 7162 §3.1.3). Long lists are cut into several units.
    package func updateFlags(
        _ mailbox: MailboxID, uids: [UID], change: FlagChange, unchangedSince: ModSequence? = nil
    ) async throws -> FlagUpdate {
        let account = try await account(of: mailbox)
        var result = FlagUpdate()
        for part in uids.sorted().chunks(of: Self.unitLimit) {
            let update = try await database.write(uids.count > Self.unitLimit ? .bulk : .foreground) { writer in
                try Self.update(writer, account, mailbox, part, change, unchangedSince)
            }
            if update.modSeq != nil { changeFeed.announce(account, mailboxes: [mailbox]) }
            result.changed += update.rows
            result.conflicted += update.conflicted
        }
        return result
    }

    private struct UnitUpdate {
        var rows: [EntryRow] = []
        var conflicted: [UID] = []
        var modSeq: ModSequence?
    }

    private static func update(
        _ writer: any SQLWriter, _ account: AccountID, _ mailbox: MailboxID, _ uids: [UID], _ change: FlagChange,
        _ unchangedSince: ModSequence?
    ) throws -> UnitUpdate {
        var update = UnitUpdate()
        var rows = try self.rows(writer, mailbox, uids)
        if let unchangedSince {
            update.conflicted = rows.filter { $0.modSeq > unchangedSince }.map(\.uid)
            rows.removeAll { $0.modSeq > unchangedSince }
        }
        var unseen = 0
        var deleted = 0
        var noted: Set<String> = []
        for index in rows.indices {
            var row = rows[index]
            row.apply(change)
            guard row.flags != rows[index].flags || row.keywords != rows[index].keywords else { continue }
            let modSeq = try update.modSeq ?? bump(writer, account)
            update.modSeq = modSeq
            row.modSeq = modSeq
            try writer.execute(MailStoreStatements.setFlags, mailbox, row.uid, row.flags.rawValue, modSeq)
            if row.keywords != rows[index].keywords {
                try writer.execute(MailStoreStatements.deleteKeywords, mailbox, row.uid)
                noted.formUnion(row.keywords)
                for word in row.keywords {
                    try writer.execute(MailStoreStatements.insertKeyword, mailbox, row.uid, word)
                }
            }
            unseen += (row.flags.contains(.seen) ? 0 : 1) - (rows[index].flags.contains(.seen) ? 0 : 1)
            deleted += (row.flags.contains(.deleted) ? 1 : 0) - (rows[index].flags.contains(.deleted) ? 1 : 0)
            rows[index] = row
        }
        if !noted.isEmpty { try note(writer, mailbox, keywords: noted.sorted()) }
        if let modSeq = update.modSeq {
            try writer.execute(MailStoreStatements.adjustMailbox, mailbox, 0, unseen, deleted, 0, modSeq)
        }
        update.rows = rows
        return update
    }

    /// The rows of exactly these UIDs that exist, ascending.
    static func rows(_ reader: any SQLReader, _ mailbox: MailboxID, _ uids: [UID]) throws -> [EntryRow] {
        var rows: [EntryRow] = []
        for range in uids.ranges {
            try reader.forEach(
                MailStoreStatements.rows, binds: [mailbox, range.lowerBound, range.upperBound, 0, Int(Int32.max)]
            ) { rows.append(EntryRow($0)) }
        }
        try addKeywords(to: &rows, mailbox, reader)
        return rows
    }

    /// Removes messages.
    ///
    /// - Parameters:
    ///   - uids: nil for every message.
    ///   - onlyDeleted: leaves messages without \Deleted alone.
    ///   - unit: how many go in one write, all or none of them; more hold the writer for longer.
    /// - Returns: the UIDs that went, ascending.
    package func expunge(
        _ mailbox: MailboxID, uids: [UID]? = nil, onlyDeleted: Bool = true, unit: Int = unitLimit
    ) async throws -> [UID] {
        let account = try await account(of: mailbox)
        var wanted: [UID]
        if let uids {
            wanted = uids.sorted()
        } else if onlyDeleted {
            wanted = try await database.read { reader in
                try reader.query(MailStoreStatements.deletedUIDs, mailbox) { UID(rawValue: $0.uint32(0)) }
            }
        } else {
            wanted = try await uidView(mailbox).uids.map(UID.init(rawValue:))
        }
        var gone: [UID] = []
        for part in wanted.chunks(of: max(unit, 1)) {
            let now = clock.now()
            let isRestorable = settings.undelete > .zero
            let removed = try await database.write(wanted.count > Self.unitLimit ? .bulk : .foreground) { writer in
                var rows = try Self.rows(writer, mailbox, part)
                if onlyDeleted { rows.removeAll { !$0.flags.contains(.deleted) } }
                guard !rows.isEmpty else { return [UID]() }
                _ = try Self.remove(writer, account, mailbox, rows, now: now, restorable: isRestorable)
                return rows.map(\.uid)
            }
            if !removed.isEmpty { changeFeed.announce(account, mailboxes: [mailbox]) }
            gone += removed
        }
        return gone
    }

    /// Takes entries out of a mailbox, leaves a tombstone for each, and lets go of emails that stand nowhere else.
    /// - Parameter restorable: whether they can be brought back for a while.
    static func remove(
        _ writer: any SQLWriter, _ account: AccountID, _ mailbox: MailboxID, _ rows: [EntryRow], now: Timestamp,
        keepingEmails: Bool = false, restorable: Bool = false
    ) throws -> ModSequence {
        if restorable { try keep(writer, account, mailbox, rows, now: now) }
        let size = rows.reduce(Int64(0)) { $0 + Int64($1.size) }
        let modSeq =
            keepingEmails ? try bump(writer, account) : try bump(writer, account, octets: -size, messages: -rows.count)
        // Runs of neighbours go together: nothing else can stand among them.
        for run in rows.map(\.uid).ranges {
            try writer.execute(MailStoreStatements.insertTombstones, mailbox, run.lowerBound, run.upperBound, modSeq)
            try writer.execute(MailStoreStatements.deleteEntryRun, mailbox, run.lowerBound, run.upperBound)
            if rows.contains(where: { !$0.keywords.isEmpty }) {
                try writer.execute(MailStoreStatements.deleteKeywordRun, mailbox, run.lowerBound, run.upperBound)
            }
        }
        for row in rows where !keepingEmails {
            try releaseIfUnused(writer, row.email, now: now)
        }
        let unseen = rows.count { !$0.flags.contains(.seen) }
        let deleted = rows.count { $0.flags.contains(.deleted) }
        try writer.execute(
            MailStoreStatements.adjustMailbox, mailbox, -rows.count, -unseen, -deleted, -size, modSeq)
        return modSeq
    }

}

extension EntryRow {
    mutating func apply(_ change: FlagChange) {
        switch change {
        case .add(let added, let words):
            flags.formUnion(added.intersection(.all))
            keywords = (keywords + words).distinctKeywords
        case .remove(let removed, let words):
            flags.subtract(removed)
            let gone = Set(words.map { $0.lowercased() })
            keywords = keywords.filter { !gone.contains($0.lowercased()) }
        case .replace(let new, let words):
            flags = new.intersection(.all)
            replaceKeywords(words)
        case .replaceSome(let mask, let new, let words):
            flags = flags.subtracting(mask).union(new.intersection(mask).intersection(.all))
            if let words { replaceKeywords(words) }
        }
    }
}

extension EntryRow {
    fileprivate mutating func replaceKeywords(_ words: [String]) {
        let wanted = Set(words.map { $0.lowercased() })
        keywords = (keywords.filter { wanted.contains($0.lowercased()) } + words).distinctKeywords
    }
}

extension [String] {
    /// Keywords without repetition, sorted; of two spellings the first stays. They are case-insensitive: RFC 9051 §2.3.2
    var distinctKeywords: [String] {
        var known: Set<String> = []
        return filter { known.insert($0.lowercased()).inserted }.sorted()
    }
}

extension Array {
    func chunks(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}

extension [UID] {
    /// Runs of neighbours, of a sorted list.
    var ranges: [ClosedRange<UInt32>] {
        var ranges: [ClosedRange<UInt32>] = []
        for uid in self {
            if let last = ranges.last, uid.rawValue <= last.upperBound { continue }
            if let last = ranges.last, last.upperBound &+ 1 == uid.rawValue {
                ranges[ranges.count - 1] = last.lowerBound...uid.rawValue
            } else {
                ranges.append(uid.rawValue...uid.rawValue)
            }
        }
        return ranges
    }
}
