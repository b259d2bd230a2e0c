import Directory
import Glibc
package import MailMessage
import MailSyntax
import SQLEngine

/// By what messages are sorted. RFC 5256 §3, RFC 5957 §4
package struct SortOrder: Sendable, Hashable {
    package enum Key: Sendable, Hashable {
        case arrival
        case cc
        case date
        case from
        case size
        case subject
        case to
        case displayFrom
        case displayTo
    }

    package let key: Key
    package let isDescending: Bool

    package init(_ key: Key, isDescending: Bool = false) {
        self.key = key
        self.isDescending = isDescending
    }
}

package enum ThreadAlgorithm: Sendable {
    case orderedSubject
    case references
}

extension MailStore {
    /// The messages in the order asked for; what is equal stays in the order of the mailbox. RFC 5256 §3
    ///
    /// - Parameters:
    ///   - uids: ascending; those that are gone are left out.
    ///   - order: not empty.
    package func sort(_ mailbox: MailboxID, uids: [UInt32], by order: [SortOrder]) async throws -> [UInt32] {
        guard !uids.isEmpty else { return [] }
        let account = try await account(of: mailbox)
        let (sorted, missing) = try await database.read { reader in
            var keys = try KeyReader(reader, account, mailbox, uids)
            let columns = try order.map { try keys.column($0) }
            return (keys.sorted(by: columns), keys.missing)
        }
        try await remember(missing, account)
        return sorted
    }

    /// The threads of some messages. RFC 5256 §3
    ///
    /// - Parameter uids: ascending.
    /// - Returns: the forest, and the UIDs of its messages.
    package func threads(
        _ mailbox: MailboxID, uids: [UInt32], _ algorithm: ThreadAlgorithm
    ) async throws -> (ThreadForest, [UInt32]) {
        guard !uids.isEmpty else { return (ThreadForest(roots: [], messageCount: 0, children: []), []) }
        let account = try await account(of: mailbox)
        let (messages, present, missing) = try await database.read { reader in
            var keys = try KeyReader(reader, account, mailbox, uids)
            return (try keys.threadedMessages(), keys.uids, keys.missing)
        }
        try await remember(missing, account)
        return (await Self.forest(messages, algorithm), present)
    }

    @concurrent
    private static func forest(_ messages: [ThreadedMessage], _ algorithm: ThreadAlgorithm) async -> ThreadForest {
        switch algorithm {
        case .orderedSubject: ThreadForest(orderedSubject: messages)
        case .references: ThreadForest(references: messages)
        }
    }

    /// Writes keys that had to be made from headers, so that the next one finds them.
    func remember(_ keys: [EmailID: SortKeys], _ account: AccountID) async throws {
        for part in Array(keys).chunks(of: 100) {
            try await database.write(.bulk, .ordered) { writer in
                for (email, keys) in part
                where try writer.first(SortKeyStatements.emailExists, email, map: { _ in true }) == true {
                    try SortKeyRows.insert(writer, account, email, keys)
                }
            }
        }
    }
}

/// Reads keys of messages by column, in one snapshot.
private struct KeyReader {
    enum Column {
        /// Descending ones are complemented, so that less is earlier.
        case numbers([Int64])
        case octets([[UInt8]], isDescending: Bool)
    }

    private let reader: any SQLReader
    private let account: AccountID
    /// Those that are there, ascending.
    private(set) var uids: [UInt32] = []
    /// Keys that had to be made.
    private(set) var missing: [EmailID: SortKeys] = [:]
    private var dates: [Int64] = []
    private var sizes: [Int64] = []
    /// Emails ascending, and the place of each in `uids`.
    private var emails: [EmailID] = []
    private var places: [Int] = []

    init(_ reader: any SQLReader, _ account: AccountID, _ mailbox: MailboxID, _ wanted: [UInt32]) throws {
        self.reader = reader
        self.account = account
        guard let first = wanted.first, let last = wanted.last else { return }
        uids.reserveCapacity(wanted.count)
        emails.reserveCapacity(wanted.count)
        dates.reserveCapacity(wanted.count)
        sizes.reserveCapacity(wanted.count)
        var next = 0
        var isAscending = true
        try reader.forEach(MailStoreStatements.sortRows, binds: [mailbox, first, last]) { row in
            let uid = row.uint32(0)
            while next < wanted.count, wanted[next] < uid { next += 1 }
            guard next < wanted.count, wanted[next] == uid else { return }
            let email = EmailID(rawValue: row.int64(1))
            if let last = emails.last, last > email { isAscending = false }
            uids.append(uid)
            emails.append(email)
            dates.append(row.int64(2))
            sizes.append(row.int64(3))
        }
        places = Array(uids.indices)
        guard !isAscending else { return }
        let unsorted = emails
        places.sort { unsorted[$0] < unsorted[$1] }
        emails = places.map { unsorted[$0] }
    }

    mutating func column(_ order: SortOrder) throws -> Column {
        switch order.key {
        case .arrival: numbers(dates, order)
        case .size: numbers(sizes, order)
        case .date: numbers(try sentDates(), order)
        case .subject: try octets(SortKeyStatements.subjectKey, order, \.subject)
        case .from: try octets(SortKeyStatements.fromKey, order, \.from)
        case .to: try octets(SortKeyStatements.toKey, order, \.to)
        case .cc: try octets(SortKeyStatements.ccKey, order, \.cc)
        case .displayFrom: try octets(SortKeyStatements.fromName, order, \.displayFrom)
        case .displayTo: try octets(SortKeyStatements.toName, order, \.displayTo)
        }
    }

    private func numbers(_ values: [Int64], _ order: SortOrder) -> Column {
        .numbers(order.isDescending ? values.map { ~$0 } : values)
    }

    // RFC 5256 §2.2: without a date that can be read the internal date is meant
    private mutating func sentDates() throws -> [Int64] {
        var sent = dates
        try read(SortKeyStatements.sentAt) { place, row in
            if !row.isNull(1) { sent[place] = row.int64(1) }
        } absent: { place, keys in
            if let date = keys.sentAt { sent[place] = date.microseconds }
        }
        return sent
    }

    private mutating func octets(
        _ statements: SortKeyStatements.Pair, _ order: SortOrder, _ path: KeyPath<SortKeys, [UInt8]>
    ) throws -> Column {
        var values = [[UInt8]](repeating: [], count: uids.count)
        try read(statements) { place, row in
            values[place] = row.bytes(1)
        } absent: { place, keys in
            values[place] = keys[keyPath: path]
        }
        return .octets(values, isDescending: order.isDescending)
    }

    mutating func threadedMessages() throws -> [ThreadedMessage] {
        var messages = dates.map { ThreadedMessage(sentAt: $0, subject: 0) }
        let dates = dates
        try read(SortKeyStatements.threading) { place, row in
            messages[place] = ThreadedMessage(
                sentAt: row.isNull(1) ? dates[place] : row.int64(1), subject: row.int64(2),
                isReplyOrForward: row.bool(3), messageID: row.optionalInt64(4),
                references: row.withBytes(5) { SortKeyRows.unpack($0) })
        } absent: { place, keys in
            messages[place] = ThreadedMessage(
                sentAt: keys.sentAt?.microseconds ?? dates[place], subject: keys.subjectHash,
                isReplyOrForward: keys.isReplyOrForward, messageID: keys.messageID, references: keys.references)
        }
        return messages
    }

    /// Gives the row of each message, or what its header says where there is none.
    private mutating func read(
        _ statements: SortKeyStatements.Pair, _ body: (Int, borrowing SQLRow) throws -> Void,
        absent: (Int, SortKeys) -> Void
    ) throws {
        var isThere = [Bool](repeating: false, count: emails.count)
        var count = 0
        let places = places
        try reader.forEachKey(statements, account, emails) { place, row in
            if !isThere[place] { count += 1 }
            isThere[place] = true
            try body(places[place], row)
        }
        guard count < emails.count else { return }
        for place in emails.indices where !isThere[place] {
            let email = emails[place]
            guard let keys = try missing[email] ?? SortKeys.read(reader, email) else { continue }
            missing[email] = keys
            absent(places[place], keys)
        }
    }

    func sorted(by columns: [Column]) -> [UInt32] {
        if columns.count == 1, case .numbers(let values) = columns[0] {
            var keyed = zip(values, uids).map { (key: $0, uid: $1) }
            keyed.sort { $0.key != $1.key ? $0.key < $1.key : $0.uid < $1.uid }
            return keyed.map(\.uid)
        }
        let order = uids.indices.sorted { left, right in
            for column in columns {
                switch column {
                case .numbers(let values) where values[left] != values[right]:
                    return values[left] < values[right]
                case .octets(let values, let isDescending):
                    let comparison = Self.compare(values[left], values[right])
                    if comparison != 0 { return (comparison < 0) != isDescending }
                default: continue
                }
            }
            return left < right
        }
        return order.map { uids[$0] }
    }

    /// Below, at or above 0. i;octet: RFC 4790 §9.3
    private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                let shared = min(left.count, right.count)
                if shared > 0, let a = left.baseAddress, let b = right.baseAddress {
                    let order = memcmp(a, b, shared)
                    if order != 0 { return Int(order) }
                }
                return left.count - right.count
            }
        }
    }
}
