import Blobs
import Directory
import Glibc
import MailMessage
import MailSyntax
import SQLEngine

/// One search of one mailbox, window by window.
///
/// Every step takes the places of messages in the window and leaves those that match: a conjunction is one step after the
/// other, cheapest first, so that nothing is read of messages that are out already.
struct SearchRun {
    /// Rows of a window; bounds what a search holds in memory.
    static let window = 8192
    /// Messages whose header or body is read in one step.
    static let step = 64
    /// Below so many the index is not asked: reading them costs no more.
    private static let fewMessages = 16

    let store: MailStore
    let mailbox: MailboxID
    let account: AccountID
    let query: SearchQuery
    var progress: ((Int, Int) async throws -> Void)?
    var rows: [EntryRow] = []
    private var keywords: [UInt32: [String]]?

    init(store: MailStore, mailbox: MailboxID, account: AccountID, query: SearchQuery) {
        self.store = store
        self.mailbox = mailbox
        self.account = account
        self.query = query
    }

    mutating func search() async throws -> [UID] {
        var matches: [UID] = []
        let size = query.depth == .body ? 2048 : Self.window
        var done = 0
        let total = progress == nil ? 0 : try await store.messageCount(mailbox)
        for range in query.uidBounds {
            var next = range.lowerBound
            while true {
                rows = try await store.plainRows(mailbox, next...range.upperBound, limit: size)
                guard let last = rows.last?.uid.rawValue else { break }
                keywords = nil
                for place in try await filter(query, Array(rows.indices)) { matches.append(rows[place].uid) }
                done += rows.count
                try await progress?(done, max(total, done))
                guard rows.count == size, last < range.upperBound else { break }
                next = last + 1
            }
        }
        return matches
    }

    // MARK: Steps

    private mutating func filter(_ query: SearchQuery, _ places: [Int]) async throws -> [Int] {
        guard !places.isEmpty else { return [] }
        if query.depth == .row {
            if query.needsKeywords { try await readKeywords() }
            return places.filter { matches(rows[$0], query) }
        }
        switch query {
        case .and(let all):
            var left = places
            for inner in all.sorted(by: { $0.depth < $1.depth }) { left = try await filter(inner, left) }
            return left
        case .or(let one, let other):
            let (cheap, dear) = one.depth <= other.depth ? (one, other) : (other, one)
            let found = try await filter(cheap, places)
            return Self.merge(found, try await filter(dear, Self.subtract(places, found)))
        case .not(let inner):
            return Self.subtract(places, try await filter(inner, places))
        case .header(let name, let text):
            return try await header(name, text, places, orEnvelope: false)
        case .addresses(let name, let text):
            return try await header(name, text, places, orEnvelope: true)
        case .sentDay(let days):
            return try await sentDay(days, places)
        case .body(let text):
            return try await containing(text, places, withHeader: false)
        case .text(let text):
            return try await containing(text, places, withHeader: true)
        default:
            return places.filter { matches(rows[$0], query) }
        }
    }

    /// Of two ascending lists.
    private static func subtract(_ all: [Int], _ some: [Int]) -> [Int] {
        var next = 0
        return all.filter { place in
            while next < some.count, some[next] < place { next += 1 }
            return next >= some.count || some[next] != place
        }
    }

    private static func merge(_ one: [Int], _ other: [Int]) -> [Int] {
        if one.isEmpty { return other }
        return other.isEmpty ? one : (one + other).sorted()
    }

    private mutating func readKeywords() async throws {
        guard keywords == nil, let first = rows.first, let last = rows.last else { return }
        keywords = try await store.keywordsByUID(mailbox, first.uid.rawValue...last.uid.rawValue)
    }

    private func matches(_ row: EntryRow, _ query: SearchQuery) -> Bool {
        switch query {
        case .all: true
        case .uids(let ranges): ranges.containsSorted(row.uid.rawValue)
        case .flags(let flags): row.flags.isSuperset(of: flags)
        case .keyword(let word): keywords?[row.uid.rawValue]?.contains(word) ?? false
        case .internalDay(let days): days.contains(row.internalDay)
        case .savedDay(let days): days.contains(row.saveDate.day(zoneMinutes: 0))
        case .internalDateSince(let time): row.internalDate >= time
        case .larger(let size): row.size > size
        case .smaller(let size): row.size < size
        case .modSeq(let modSeq): row.modSeq >= modSeq
        case .emailID(let id): row.email == id
        case .threadID(let id): row.thread == id
        case .not(let inner): !matches(row, inner)
        case .and(let all): all.allSatisfy { matches(row, $0) }
        case .or(let one, let other): matches(row, one) || matches(row, other)
        case .header, .addresses, .sentDay, .body, .text: false
        }
    }

    // MARK: Columns kept beside the header

    /// Emails of some places ascending, with their places in the same order.
    private func byEmail(_ places: [Int]) -> (emails: [EmailID], places: [Int]) {
        var order = places
        let rows = rows
        if !zip(order, order.dropFirst()).allSatisfy({ rows[$0].email <= rows[$1].email }) {
            order.sort { rows[$0].email < rows[$1].email }
        }
        return (order.map { rows[$0].email }, order)
    }

    static let columns: [String: SortKeyStatements.Pair] = [
        "from": SortKeyStatements.fromText, "to": SortKeyStatements.toText, "cc": SortKeyStatements.ccText,
        "bcc": SortKeyStatements.bccText, "subject": SortKeyStatements.subjectText,
    ]

    /// - Parameter orEnvelope: whether what ENVELOPE tells of the field counts too.
    private mutating func header(
        _ name: String, _ text: String, _ places: [Int], orEnvelope: Bool
    ) async throws -> [Int] {
        let matches: @Sendable (SearchedHeader) -> Bool = {
            $0.hasField(name, text) || (orEnvelope && $0.hasAddresses(name, text))
        }
        guard let statements = Self.columns[name] else {
            let left = try await possible(text, places)
            return try await headers(left, matches)
        }
        let (emails, order) = byEmail(places)
        let account = account
        let needle = Array(text.utf8)
        let verdicts = try await store.database.read { reader -> [Bool?] in
            var verdicts = [Bool?](repeating: nil, count: emails.count)
            try reader.forEachKey(statements, account, emails) { place, row in
                // NULL: the field is too long to be kept
                guard !row.isNull(1) else { return }
                verdicts[place] = row.withBytes(1) { bytes in
                    guard !needle.isEmpty else { return !bytes.isEmpty }
                    return SearchText.contains(orEnvelope ? bytes : SortKeys.Texts.written(bytes), needle)
                }
            }
            return verdicts
        }
        return try await settle(verdicts, order, unknown: matches)
    }

    // RFC 3501 §6.4.4: the Date field's day, whatever its time and zone. Without one the internal date stands in.
    private mutating func sentDay(_ days: ClosedRange<Int>, _ places: [Int]) async throws -> [Int] {
        let (emails, order) = byEmail(places)
        let account = account
        let internalDays = order.map { rows[$0].internalDay }
        let verdicts = try await store.database.read { reader -> [Bool?] in
            var verdicts = [Bool?](repeating: nil, count: emails.count)
            try reader.forEachKey(SortKeyStatements.sentDay, account, emails) { place, row in
                verdicts[place] = days.contains(row.isNull(1) ? internalDays[place] : row.int(1))
            }
            return verdicts
        }
        return try await settle(verdicts, order) { header in
            guard let field = header.block.first("Date"), let (time, zone) = InternetDate.parse(field.rawValue) else {
                return days.contains(header.row.internalDay)
            }
            return days.contains(time.day(zoneMinutes: zone))
        }
    }

    /// Puts together what is known and what the headers say where it isn't.
    private mutating func settle(
        _ verdicts: [Bool?], _ order: [Int], unknown: @Sendable (SearchedHeader) -> Bool
    ) async throws -> [Int] {
        var found: [Int] = []
        var open: [Int] = []
        for (verdict, place) in zip(verdicts, order) {
            switch verdict {
            case .some(true): found.append(place)
            case .some(false): continue
            case .none: open.append(place)
            }
        }
        if !open.isEmpty { found += try await headers(open.sorted(), unknown) }
        return found.sorted()
    }

    // MARK: Headers

    private func headers(_ places: [Int], _ matches: @Sendable (SearchedHeader) -> Bool) async throws -> [Int] {
        var found: [Int] = []
        for part in places.chunks(of: Self.step) {
            let wanted = part.map { rows[$0] }
            let blocks = try await store.database.read { reader in
                try wanted.map { row in
                    try reader.first(MailStoreStatements.emailHeader, row.email) { $0.bytes(0) }
                }
            }
            for (offset, place) in part.enumerated() {
                guard let block = blocks[offset] else { continue }
                if matches(SearchedHeader(row: wanted[offset], block: HeaderBlock(parsing: block))) {
                    found.append(place)
                }
            }
        }
        return found
    }

    // MARK: Texts

    /// Leaves out what the index rules out.
    private func possible(_ text: String, _ places: [Int]) async throws -> [Int] {
        guard let index = store.searchIndex, places.count > Self.fewMessages else { return places }
        let grams = Grams.asked(by: text)
        guard !grams.isEmpty else { return places }
        let (emails, order) = byEmail(places)
        let verdicts: [Bool]
        do {
            verdicts = try await index.mayContain(account, emails, grams)
        } catch is DatabaseError {
            // An index that can't be read is none: searches go on by reading. Its service tells of the trouble.
            return places
        }
        return zip(order, verdicts).compactMap { $1 ? $0 : nil }.sorted()
    }

    private func containing(_ text: String, _ places: [Int], withHeader: Bool) async throws -> [Int] {
        guard !text.isEmpty else { return places }
        var found: [Int] = []
        for part in try await possible(text, places).chunks(of: Self.step) {
            try Task.checkCancellation()
            let emails = part.map { rows[$0].email }
            let hits = try await Self.verify(emails, text, withHeader: withHeader, store)
            for (place, isHit) in zip(part, hits) where isHit { found.append(place) }
        }
        return found
    }

    /// Reads messages for a text.
    @concurrent
    private static func verify(
        _ emails: [EmailID], _ text: String, withHeader: Bool, _ store: MailStore
    ) async throws -> [Bool] {
        struct Opened: Sendable {
            let blob: BlobID?
            let size: Int
            let index: MessageIndex
        }
        let sources = try await store.database.read { reader in
            try emails.map { email -> Opened? in
                try reader.first(MailStoreStatements.emailForIndexing, email) { row in
                    (BlobKey(rawValue: row.int64(0)), try MessageIndex.decode(row.bytes(2), headerBlock: row.bytes(1)))
                }.map { key, index in
                    let place = try BlobRows.find(reader, key)
                    return Opened(blob: place?.0, size: place?.1 ?? 0, index: index)
                }
            }
        }
        let needle = Array(text.utf8)
        return try sources.map { source in
            guard let source else { return false }
            var isFound = false
            // Opened when the header doesn't settle it.
            var reader: BlobReader?
            try SearchText.visit(index: source.index, header: withHeader) { range in
                if reader == nil {
                    // Expunged since its row was read, or damaged: it is left out, and must not fail the search.
                    guard let blob = source.blob, let opened = try? store.blobs.open(blob, size: source.size) else {
                        return []
                    }
                    reader = opened
                }
                return try reader?.read(range) ?? []
            } chunk: { chunk in
                var text = chunk.text
                isFound = text.withUTF8 { SearchText.contains(UnsafeRawBufferPointer($0), needle) }
                return isFound ? .stop : .goOn
            }
            return isFound
        }
    }
}

/// A header that is searched.
struct SearchedHeader {
    let row: EntryRow
    let block: HeaderBlock

    /// Whether a field of that name contains the folded text; "" asks whether there is one.
    func hasField(_ name: String, _ text: String) -> Bool {
        block.fields.contains { field in
            guard field.isNamed(name) else { return false }
            guard !text.isEmpty else { return true }
            var folded = SearchText.fold(field.text)
            let needle = Array(text.utf8)
            return folded.withUTF8 { SearchText.contains(UnsafeRawBufferPointer($0), needle) }
        }
    }

    /// Whether what ENVELOPE tells of a field of addresses contains the folded text.
    func hasAddresses(_ name: String, _ text: String) -> Bool {
        guard let field = block.first(name) else { return false }
        var told = SearchText.envelopeText(AddressListParser.parse(field.rawValue))
        let needle = Array(text.utf8)
        return told.withUTF8 { SearchText.contains(UnsafeRawBufferPointer($0), needle) }
    }
}

extension EntryRow {
    /// The day of the internal date in its own zone, since 1970-01-01.
    var internalDay: Int { internalDate.day(zoneMinutes: zoneMinutes) }
}

extension Timestamp {
    /// The day in a zone, since 1970-01-01.
    func day(zoneMinutes: Int) -> Int {
        let local = seconds &+ Int64(zoneMinutes) &* 60
        return Int(local >= 0 ? local / 86_400 : (local - 86_399) / 86_400)
    }
}

extension [ClosedRange<UInt32>] {
    /// Whether one of the ranges, ascending and apart, holds the number.
    func containsSorted(_ number: UInt32) -> Bool {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low].contains(number)
    }
}
