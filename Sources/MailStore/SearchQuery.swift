import MailMessage
package import MailSyntax

/// What is searched for in one mailbox. Texts are compared folded, as substrings (RFC 3501 §6.4.4).
package indirect enum SearchQuery: Sendable, Hashable {
    case all
    /// Sequence sets are mapped to UIDs by the caller.
    case uids([ClosedRange<UInt32>])
    /// Every one of the flags is set.
    case flags(MessageFlags)
    /// Case-insensitively.
    case keyword(String)
    /// A header field that contains the text; "" asks whether the field is there.
    case header(name: String, contains: String)
    /// The same of a field of addresses, either as it is written or as ENVELOPE tells it; see
    /// ``SearchText/envelopeText(_:)``.
    case addresses(name: String, contains: String)
    /// The text parts contain it.
    case body(String)
    /// The header or the text parts contain it.
    case text(String)
    /// The day of the internal date in its own zone, as days since 1970-01-01.
    case internalDay(ClosedRange<Int>)
    /// The day (UTC) that the message came into its mailbox.
    case savedDay(ClosedRange<Int>)
    /// The day of the Date field in its own zone.
    case sentDay(ClosedRange<Int>)
    /// The internal date is at or after this moment.
    case internalDateSince(Timestamp)
    /// More octets than this.
    case larger(Int)
    /// Fewer octets than this.
    case smaller(Int)
    /// A change number at or above this.
    case modSeq(ModSequence)
    case emailID(EmailID)
    case threadID(ThreadID)
    case not(SearchQuery)
    case and([SearchQuery])
    case or(SearchQuery, SearchQuery)

    /// The query with its texts folded and its ranges in order, once; conjunctions in conjunctions are one.
    var prepared: SearchQuery {
        switch self {
        case .header(let name, let text): .header(name: name.lowercased(), contains: SearchText.fold(text))
        case .addresses(let name, let text): .addresses(name: name.lowercased(), contains: SearchText.fold(text))
        case .body(let text): .body(SearchText.fold(text))
        case .text(let text): .text(SearchText.fold(text))
        case .keyword(let word): .keyword(word.lowercased())
        case .uids(let ranges): .uids(ranges.merged)
        case .not(let inner): .not(inner.prepared)
        case .and(let all): .and(all.flatMap(\.prepared.conjuncts))
        case .or(let left, let right): .or(left.prepared, right.prepared)
        default: self
        }
    }

    private var conjuncts: [SearchQuery] {
        if case .and(let all) = self { all } else { [self] }
    }

    /// Whether flags are all that is asked.
    var flagTest: FlagTest? { FlagTest(self) }

    var needsKeywords: Bool {
        switch self {
        case .keyword: true
        case .not(let inner): inner.needsKeywords
        case .and(let all): all.contains(where: \.needsKeywords)
        case .or(let left, let right): left.needsKeywords || right.needsKeywords
        default: false
        }
    }

    /// What must be read to judge a message, the cheapest first.
    enum Depth: Int, Comparable {
        case row
        /// What is kept beside the header.
        case key
        case header
        case body
        static func < (a: Depth, b: Depth) -> Bool { a.rawValue < b.rawValue }
    }

    var depth: Depth {
        switch self {
        case .sentDay: .key
        case .header(let name, _), .addresses(let name, _): SearchRun.columns[name.lowercased()] == nil ? .header : .key
        case .body, .text: .body
        case .not(let inner): inner.depth
        case .and(let all): all.map(\.depth).max() ?? .row
        case .or(let left, let right): max(left.depth, right.depth)
        default: .row
        }
    }

    /// The UIDs outside of which nothing can match.
    var uidBounds: [ClosedRange<UInt32>] {
        switch self {
        case .uids(let ranges): ranges
        case .and(let all):
            all.map(\.uidBounds).min { $0.spanned < $1.spanned } ?? [1...UInt32.max]
        default: [1...UInt32.max]
        }
    }
}

extension [ClosedRange<UInt32>] {
    /// Ascending and apart: what a client wrote may overlap and run backwards.
    var merged: [ClosedRange<UInt32>] {
        var merged: [ClosedRange<UInt32>] = []
        for range in sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    /// How many numbers the ranges hold.
    var spanned: Int { reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) + 1 } }
}
