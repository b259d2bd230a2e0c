import Directory
import MailSyntax
import SQLEngine

extension MailStore {
    /// The UIDs that match, ascending.
    ///
    /// Rows are read in windows. In each, cheap keys are judged first, and dear ones only of the messages left: columns
    /// of ``SortKeyRows``, then headers, then bodies that the text index can't rule out.
    ///
    /// - Parameter progress: hears now and then how many UIDs of how many were looked at.
    package func search(
        _ mailbox: MailboxID, _ query: SearchQuery, progress: ((Int, Int) async throws -> Void)? = nil
    ) async throws -> [UID] {
        let query = query.prepared
        if let test = query.flagTest { return try await search(mailbox, test) }
        let account = try await account(of: mailbox)
        var run = SearchRun(store: self, mailbox: mailbox, account: account, query: query)
        run.progress = progress
        return try await run.search()
    }

    /// Flags alone are judged where they lie.
    private func search(_ mailbox: MailboxID, _ test: FlagTest) async throws -> [UID] {
        // The unread have an index of their own; for the others the whole mailbox is read.
        let isUnread = test.mask.contains(.seen) && !test.value.contains(.seen)
        let body: @Sendable (any SQLReader) throws -> [UID] = { reader in
            let statement = isUnread ? MailStoreStatements.unseenUIDs : MailStoreStatements.flagScan
            var found: [UID] = []
            for range in test.ranges {
                try reader.forEach(
                    statement,
                    binds: [mailbox, range.lowerBound, range.upperBound, test.mask.rawValue, test.value.rawValue]
                ) { found.append(UID(rawValue: $0.uint32(0))) }
            }
            return found
        }
        return try await isUnread ? database.readBriefly(body) : database.read(body)
    }
}

extension MailStore {
    /// Rows without keywords, ascending.
    func plainRows(_ mailbox: MailboxID, _ uids: ClosedRange<UInt32>, limit: Int) async throws -> [EntryRow] {
        try await database.read { reader in
            var rows: [EntryRow] = []
            rows.reserveCapacity(min(limit, 512))
            try reader.forEach(
                MailStoreStatements.rows, binds: [mailbox, uids.lowerBound, uids.upperBound, Int64(0), limit]
            ) { rows.append(EntryRow($0)) }
            return rows
        }
    }

    /// Keywords in small letters.
    func keywordsByUID(_ mailbox: MailboxID, _ uids: ClosedRange<UInt32>) async throws -> [UInt32: [String]] {
        try await database.read { reader in
            var found: [UInt32: [String]] = [:]
            try reader.forEach(MailStoreStatements.keywords, binds: [mailbox, uids.lowerBound, uids.upperBound]) {
                row in
                found[row.uint32(0), default: []].append(row.string(1).lowercased())
            }
            return found
        }
    }

    func messageCount(_ mailbox: MailboxID) async throws -> Int {
        try await database.read { try $0.first(MailStoreStatements.mailbox, mailbox) { $0.int(4) } ?? 0 }
    }
}

/// A query that asks for flags alone: those of `mask` are as in `value`.
struct FlagTest: Equatable {
    var ranges: [ClosedRange<UInt32>] = [1...UInt32.max]
    var mask: MessageFlags = []
    var value: MessageFlags = []
    private var hasRanges = false

    /// Nil where it asks for more, or for what can't be.
    init?(_ query: SearchQuery) {
        guard take(query) else { return nil }
    }

    private mutating func take(_ query: SearchQuery) -> Bool {
        switch query {
        case .all: return true
        case .uids(let ranges):
            guard !hasRanges, ranges.count <= 100 else { return false }
            hasRanges = true
            self.ranges = ranges
            return true
        case .flags(let flags): return require(flags, set: true)
        case .not(.flags(let flags)):
            // Of several flags any may be missing.
            return flags.rawValue.nonzeroBitCount == 1 && require(flags, set: false)
        case .and(let all):
            // The window of what the client knows, and one set of its own.
            for inner in all where !take(inner) { return false }
            return true
        default: return false
        }
    }

    private mutating func require(_ flags: MessageFlags, set isSet: Bool) -> Bool {
        guard mask.isDisjoint(with: flags) else { return false }
        mask.formUnion(flags)
        if isSet { value.formUnion(flags) }
        return true
    }
}
