/// SEARCH and UID SEARCH.
package struct SearchCommand: Hashable, Sendable {
    /// What the numbers in the answer are.
    package enum Numbering: Hashable, Sendable {
        case sequence
        case uid
    }

    package let numbering: Numbering
    /// Nil for the untagged SEARCH answer; a value, even an empty one, asks for ESEARCH (empty means ALL).
    package let returns: SearchReturn?
    /// The part of the result that is wanted; not nil exactly when `returns` has `.partial`.
    package let partial: PartialRange?
    /// Upper case; nil when not given (then strings are US-ASCII, or UTF-8 as clients really send it).
    package let charset: String?
    package let key: SearchKey

    package init(
        numbering: Numbering, returns: SearchReturn? = nil, partial: PartialRange? = nil, charset: String? = nil,
        key: SearchKey
    ) {
        self.numbering = numbering
        self.returns = returns
        self.partial = partial
        self.charset = charset
        self.key = key
    }
}

// RFC 4731 §3.1, RFC 5182 §2.1, RFC 5267 §4, RFC 9394 §3.1
package struct SearchReturn: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let min = Self(rawValue: 1)
    package static let max = Self(rawValue: 2)
    package static let all = Self(rawValue: 4)
    package static let count = Self(rawValue: 8)
    package static let save = Self(rawValue: 16)
    package static let partial = Self(rawValue: 32)
    package static let update = Self(rawValue: 64)
    /// A hint that the search will come again. RFC 5267 §4.2
    package static let context = Self(rawValue: 128)
}

// RFC 3501 §6.4.4
/// One search key; strings are octets in the command's charset.
package indirect enum SearchKey: Hashable, Sendable {
    case all
    case and([SearchKey])
    case or(SearchKey, SearchKey)
    case not(SearchKey)
    case sequence(SequenceSet)
    case uid(UIDSet)
    /// The flag is set. `\Recent` is `.flag(.recent)`; KEYWORD gives `.flag(.keyword)`.
    case flag(IMAPFlag)
    /// The flag is not set (UNSEEN, UNKEYWORD …; OLD is `.notFlag(.recent)`).
    case notFlag(IMAPFlag)
    /// Recent and not seen.
    case new
    case from([UInt8])
    case to([UInt8])
    case cc([UInt8])
    case bcc([UInt8])
    case subject([UInt8])
    /// An empty value asks for the presence of the field.
    case header(name: [UInt8], value: [UInt8])
    case body([UInt8])
    case text([UInt8])
    /// By internal date, zone disregarded.
    case before(IMAPDate)
    case on(IMAPDate)
    case since(IMAPDate)
    /// By the Date field, time and zone disregarded.
    case sentBefore(IMAPDate)
    case sentOn(IMAPDate)
    case sentSince(IMAPDate)
    /// More octets than.
    case larger(UInt64)
    /// Fewer octets than.
    case smaller(UInt64)
    /// At least this mod-sequence (RFC 7162 §3.1.5); the entry name and type are checked and dropped.
    case modSequence(UInt64)
    /// Internal date at least so many seconds ago (RFC 5032 §3).
    case older(seconds: UInt32)
    /// Internal date within the last so many seconds.
    case younger(seconds: UInt32)
    // RFC 8474 §6
    case emailID(String)
    case threadID(String)
    /// By the day (UTC) that the message came into its mailbox. RFC 8514 §4.3
    case savedBefore(IMAPDate)
    case savedOn(IMAPDate)
    case savedSince(IMAPDate)
}

extension SearchKey {
    /// Whether sequence numbers stand anywhere: none may shift before the answer is complete.
    package var usesSequenceNumbers: Bool {
        switch self {
        case .sequence(let set): !set.isSavedResult
        case .and(let keys): keys.contains { $0.usesSequenceNumbers }
        case .or(let left, let right): left.usesSequenceNumbers || right.usesSequenceNumbers
        case .not(let key): key.usesSequenceNumbers
        default: false
        }
    }

    /// Whether a MODSEQ key stands anywhere: the answer then ends with the highest mod-sequence.
    package var usesModSequence: Bool {
        switch self {
        case .modSequence: true
        case .and(let keys): keys.contains { $0.usesModSequence }
        case .or(let left, let right): left.usesModSequence || right.usesModSequence
        case .not(let key): key.usesModSequence
        default: false
        }
    }
}
