import IMAPCore
import MailMessage
import MailStore

/// What a FETCH comes to, decided once for all of its messages.
struct FetchPlan {
    /// In the order asked.
    let items: [FetchItem]
    /// Whether UID goes in front, because the command was UID FETCH and did not name it. RFC 3501 §6.4.8
    let addsUID: Bool
    let tellsFlags: Bool
    let marksSeen: Bool
    /// Whether envelope, structure or header are needed; else the row is enough.
    let needsIndex: Bool
    /// Whether the messages' octets are read.
    let readsOctets: Bool
    let usesModSequences: Bool
    let changedSince: UInt64?

    /// UIDs are all that is asked.
    var isOfView: Bool { items == [.uid] && changedSince == nil }

    /// - Throws: for an item that is not offered.
    init(_ command: FetchCommand, isReadWrite: Bool, _ enabled: EnabledExtensions) throws(CommandRefusal) {
        var items = command.items
        // RFC 7162 §3.1.4.1: CHANGEDSINCE asks for MODSEQ too
        if command.changedSince != nil, !items.contains(.modSequence) { items.append(.modSequence) }
        self.items = items
        // RFC 9586 §3.3: UIDFETCH begins with the UID, which is an item only where it is asked for
        addsUID = command.messages.isUID && !items.contains(.uid) && !enabled.contains(.uidOnly)
        tellsFlags = items.contains(.flags)
        marksSeen = isReadWrite && items.contains(where: \.setsSeen)
        needsIndex = items.contains(where: Self.needsIndex)
        readsOctets = items.contains { FetchContent($0) != nil }
        usesModSequences = items.contains(.modSequence)
        changedSince = command.changedSince
    }

    private static func needsIndex(_ item: FetchItem) -> Bool {
        switch item {
        case .flags, .uid, .internalDate, .rfc822Size, .modSequence, .emailID, .threadID, .saveDate: false
        case .envelope, .body, .bodyStructure, .preview: true
        case .binary(let fetch): !fetch.part.isEmpty
        case .binarySize(let part): !part.isEmpty
        case .rfc822, .rfc822Header, .rfc822Text, .section:
            FetchContent(item).map { !$0.isWholeMessage } ?? true
        }
    }
}

/// How far a FETCH has come.
struct FetchProgress {
    var answered = 0
    /// Messages whose octets are not to be had.
    var unreadable = 0
    /// Parts whose transfer encoding is not known.
    var undecodable = 0
}

/// One message that is being told.
struct FetchedMessage {
    let row: EntryRow
    var index: MessageIndex?
    /// Where the whole message is, when that was asked already.
    var octets: MessagePlace?
    /// Whether this FETCH has set \Seen.
    let isMarked: Bool

    /// The most that is read of the header of an enclosed message, as much as the scanner reads of the outermost.
    private static let headerLimit = 4 << 20

    init(row: EntryRow, index: MessageIndex? = nil, octets: MessagePlace? = nil, isMarked: Bool) {
        self.row = row
        self.index = index
        self.octets = octets
        self.isMarked = isMarked
    }

    /// Where the octets of a section are; nil when the message has no such part.
    func place(of content: FetchContent) -> SectionContent? {
        if content.isWholeMessage { return .octets(0..<max(0, row.size)) }
        return index.flatMap { content.section.content(in: $0.structure) }
    }

    /// The octets, where they lie in the stored header block.
    func octetsAtHand(_ place: SectionContent, _ partial: FetchPartial?) -> [UInt8]? {
        guard let header = index?.headerBlock else { return nil }
        switch place {
        case .octets(let range):
            guard range.lowerBound >= 0, range.upperBound <= header.count else { return nil }
            return Array(header[partial?.applied(to: range) ?? range])
        case .filteredHeader(let range, let filter):
            guard range.lowerBound >= 0, range.upperBound <= header.count else { return nil }
            let kept = filter.apply(to: header[range])
            return partial.map { Array(kept[$0.applied(to: kept.indices)]) } ?? kept
        }
    }

    static func bounded(_ range: Range<Int>) -> Range<Int> {
        range.lowerBound..<min(range.upperBound, range.lowerBound + headerLimit)
    }
}

extension FetchContent {
    /// `BODY[]` and RFC822: all octets, for which no structure is needed.
    var isWholeMessage: Bool { section == BodySection() }
}
