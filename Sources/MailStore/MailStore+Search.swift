import Blobs
import MailMessage
import MailSyntax
import SQLEngine

extension MailStore {
    /// Messages judged in one step.
    private static let searchPage = 500

    private struct Candidate {
        let row: EntryRow
        var index: MessageIndex?
        var signature: TextSignature?
    }

    /// The UIDs that match, ascending.
    ///
    /// Rows are read in pages; headers only where the query asks for them; bodies only of messages whose signature says
    /// that they may match.
    package func search(_ mailbox: MailboxID, _ query: SearchQuery) async throws -> [UID] {
        let query = query.folded
        let depth = query.depth
        var matches: [UID] = []
        for range in query.uidBounds {
            var next = range.lowerBound
            while next <= range.upperBound {
                let page = [next...range.upperBound]
                let found: [Candidate]
                if depth == .row {
                    found = try await rows(mailbox, uids: page, limit: Self.searchPage).map { Candidate(row: $0) }
                } else {
                    found = try await candidates(mailbox, page, query)
                }
                guard let last = found.last?.row.uid.rawValue else { break }
                for one in found where try await isMatch(one, query) { matches.append(one.row.uid) }
                guard last < range.upperBound else { break }
                next = last + 1
            }
        }
        return matches
    }

    /// A page of rows; the header is read only for those that the rows and signatures don't rule out.
    private func candidates(
        _ mailbox: MailboxID, _ page: [ClosedRange<UInt32>], _ query: SearchQuery
    ) async throws -> [Candidate] {
        let rows = try await rows(mailbox, uids: page, limit: Self.searchPage)
        let signatures = try await searchIndex?.signatures(rows.map(\.email)) ?? [:]
        let possible = rows.filter { row in
            var judge = SearchJudge(row: row, signature: signatures[row.email])
            return judge.evaluate(query) != .no
        }
        var indexes: [UID: MessageIndex] = [:]
        for part in possible.chunks(of: 100) {
            let found = try await self.indexes(mailbox, uids: part.map(\.uid).ranges, limit: part.count)
            for (row, index) in found { indexes[row.uid] = index }
        }
        return rows.map { Candidate(row: $0, index: indexes[$0.uid], signature: signatures[$0.email]) }
    }

    private func isMatch(_ one: Candidate, _ query: SearchQuery) async throws -> Bool {
        var judge = SearchJudge(row: one.row, signature: one.signature)
        if query.depth > .row {
            guard let index = one.index else { return false }
            judge.index = index
        }
        switch judge.evaluate(query) {
        case .yes: return true
        case .no: return false
        case .unknown:
            judge.chunks = try await searchText(one.row, judge.index)
            return judge.evaluate(query) == .yes
        }
    }

    @concurrent
    private func searchText(_ row: EntryRow, _ index: MessageIndex?) async throws -> [SearchChunk] {
        guard let index else { return [] }
        do {
            let reader = try await openMessage(row.email)
            return try SearchText.extract(index: index) { try reader.read($0) }
        } catch MailStoreError.messageUnavailable {
            // Expunged since its row was read: it may be left out, and must not fail the search.
            return []
        }
    }
}

/// Judges one message by what is known of it so far.
struct SearchJudge {
    enum Verdict {
        case yes
        case no
        /// More must be read.
        case unknown

        init(_ value: Bool) { self = value ? .yes : .no }
    }

    let row: EntryRow
    let signature: TextSignature?
    var index: MessageIndex? {
        didSet { fields = nil }
    }
    /// The message's text; nil until it was read.
    var chunks: [SearchChunk]?
    private var fields: HeaderBlock?

    init(row: EntryRow, signature: TextSignature?) {
        self.row = row
        self.signature = signature
    }

    mutating func evaluate(_ query: SearchQuery) -> Verdict {
        switch query {
        case .all: .yes
        case .uids(let ranges): Verdict(ranges.contains { $0.contains(row.uid.rawValue) })
        case .flags(let flags): Verdict(row.flags.isSuperset(of: flags))
        case .keyword(let word): Verdict(row.keywords.contains { $0.lowercased() == word })
        case .internalDay(let days): Verdict(days.contains(day(row.internalDate, zoneMinutes: row.zoneMinutes)))
        case .savedDay(let days): Verdict(days.contains(day(row.saveDate, zoneMinutes: 0)))
        case .internalDateSince(let time): Verdict(row.internalDate >= time)
        case .larger(let size): Verdict(row.size > size)
        case .smaller(let size): Verdict(row.size < size)
        case .modSeq(let modSeq): Verdict(row.modSeq >= modSeq)
        case .emailID(let id): Verdict(row.email == id)
        case .threadID(let id): Verdict(row.thread == id)
        case .header(let name, let text): header(name, contains: text)
        case .sentDay(let days): sentDay(in: days)
        case .body(let text): body(text, withHeader: false)
        case .text(let text): body(text, withHeader: true)
        case .not(let inner): negated(evaluate(inner))
        case .and(let all): conjunction(all)
        case .or(let left, let right): disjunction(left, right)
        }
    }

    private func negated(_ verdict: Verdict) -> Verdict {
        switch verdict {
        case .yes: .no
        case .no: .yes
        case .unknown: .unknown
        }
    }

    private mutating func conjunction(_ all: [SearchQuery]) -> Verdict {
        var isKnown = true
        for query in all {
            switch evaluate(query) {
            case .no: return .no
            case .unknown: isKnown = false
            case .yes: continue
            }
        }
        return isKnown ? .yes : .unknown
    }

    private mutating func disjunction(_ left: SearchQuery, _ right: SearchQuery) -> Verdict {
        switch (evaluate(left), evaluate(right)) {
        case (.yes, _), (_, .yes): .yes
        case (.no, .no): .no
        default: .unknown
        }
    }

    private mutating func header(_ name: String, contains text: String) -> Verdict {
        if let signature, !signature.mayContain(text) { return .no }
        guard let block = headerFields() else { return .unknown }
        let found = block.all(name)
        guard !text.isEmpty else { return Verdict(!found.isEmpty) }
        return Verdict(found.contains { SearchFold.fold($0.text).utf8.contains(text.utf8) })
    }

    private mutating func sentDay(in days: ClosedRange<Int>) -> Verdict {
        guard let block = headerFields() else { return .unknown }
        // RFC 3501 §6.4.4: the Date field's day, whatever its time and zone. Without one the internal date stands in.
        guard let field = block.first("Date"), let (time, zone) = InternetDate.parse(field.rawValue) else {
            return Verdict(days.contains(day(row.internalDate, zoneMinutes: row.zoneMinutes)))
        }
        return Verdict(days.contains(day(time, zoneMinutes: zone)))
    }

    private func body(_ text: String, withHeader: Bool) -> Verdict {
        if let signature, !signature.mayContain(text) { return .no }
        guard let chunks else { return text.isEmpty && index != nil ? .yes : .unknown }
        return Verdict(
            chunks.contains { chunk in
                (withHeader || chunk.source == .body) && chunk.text.utf8.contains(text.utf8)
            })
    }

    private mutating func headerFields() -> HeaderBlock? {
        if let fields { return fields }
        guard let index else { return nil }
        let block = HeaderBlock(parsing: index.headerBlock)
        fields = block
        return block
    }

    private func day(_ time: Timestamp, zoneMinutes: Int) -> Int {
        let local = time.seconds &+ Int64(zoneMinutes) &* 60
        return Int(local >= 0 ? local / 86_400 : (local - 86_399) / 86_400)
    }
}

extension String.UTF8View {
    /// Whether `needle` stands somewhere in it; octets are compared.
    func contains(_ needle: String.UTF8View) -> Bool {
        let found = withContiguousStorageIfAvailable { hay in
            needle.withContiguousStorageIfAvailable { hay.contains($0) }
        }
        return (found ?? nil)
            ?? Array(self).withUnsafeBufferPointer { hay in
                Array(needle).withUnsafeBufferPointer { hay.contains($0) }
            }
    }
}

extension UnsafeBufferPointer<UInt8> {
    func contains(_ needle: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = needle.first else { return true }
        guard count >= needle.count else { return false }
        var start = startIndex
        let last = endIndex - needle.count
        while start <= last {
            guard let hit = self[start...last].firstIndex(of: first) else { return false }
            if UnsafeBufferPointer(rebasing: self[hit..<hit + needle.count]).elementsEqual(needle) { return true }
            start = hit + 1
        }
        return false
    }
}
