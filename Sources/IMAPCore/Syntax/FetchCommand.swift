/// FETCH and UID FETCH, macros already expanded.
package struct FetchCommand: Hashable, Sendable {
    package let messages: MessageSelection
    /// Not empty, each once, in the order asked.
    package let items: [FetchItem]
    // RFC 7162 §3.1.4
    package let changedSince: UInt64?
    /// RFC 7162 §3.2.6; only with `changedSince` and UID.
    package let vanished: Bool
    /// RFC 9394 §3.3; only with UID.
    package let partial: PartialRange?

    package init(
        messages: MessageSelection, items: [FetchItem], changedSince: UInt64? = nil, vanished: Bool = false,
        partial: PartialRange? = nil
    ) {
        self.messages = messages
        self.items = items
        self.changedSince = changedSince
        self.vanished = vanished
        self.partial = partial
    }
}

// RFC 3501 §6.4.5
package enum FetchItem: Hashable, Sendable {
    case flags
    case uid
    case internalDate
    case rfc822Size
    case envelope
    /// `BODY` without a section: the structure without extension data.
    case body
    case bodyStructure
    case section(SectionFetch)
    case rfc822
    case rfc822Header
    case rfc822Text
    // RFC 7162 §3.1.4
    case modSequence
    // RFC 8474 §5
    case emailID
    case threadID
    // RFC 8514 §4.2
    case saveDate
    // RFC 3516 §4.2
    case binary(BinaryFetch)
    /// Part numbers from the outside in; empty for the message itself.
    case binarySize([Int])
    // RFC 8970 §3.1
    case preview(PreviewPriority)

    /// Whether fetching it sets `\Seen`.
    package var setsSeen: Bool {
        switch self {
        case .section(let fetch): fetch.access == .marksSeen
        case .binary(let fetch): fetch.access == .marksSeen
        case .rfc822, .rfc822Text: true
        default: false
        }
    }
}

/// `BODY[section]<partial>` or `BODY.PEEK[section]<partial>`.
package struct SectionFetch: Hashable, Sendable {
    package enum Access: Hashable, Sendable {
        case marksSeen
        /// `BODY.PEEK`
        case peek
    }

    package let section: BodySection
    package let access: Access
    package let partial: FetchPartial?

    package init(section: BodySection, access: Access, partial: FetchPartial? = nil) {
        self.section = section
        self.access = access
        self.partial = partial
    }
}

/// `BINARY[part]<partial>` or `BINARY.PEEK[part]<partial>`: a part with its transfer encoding undone.
package struct BinaryFetch: Hashable, Sendable {
    /// Part numbers from the outside in, each ≥ 1; empty for the message itself.
    package let part: [Int]
    package let access: SectionFetch.Access
    /// Of the decoded octets.
    package let partial: FetchPartial?

    package init(part: [Int], access: SectionFetch.Access, partial: FetchPartial? = nil) {
        self.part = part
        self.access = access
        self.partial = partial
    }
}

// RFC 8970 §4
package enum PreviewPriority: Hashable, Sendable {
    case needed
    /// NIL will do where making it takes time.
    case lazy
}

/// `<offset.count>`
package struct FetchPartial: Hashable, Sendable {
    /// From 0; beyond the end gives an empty string.
    package let offset: Int
    /// 1 or more octets; truncated at the end.
    package let count: Int

    package init(offset: Int, count: Int) {
        self.offset = offset
        self.count = count
    }

    /// The part of `range` that is asked for, never outside it.
    package func applied(to range: Range<Int>) -> Range<Int> {
        guard offset >= 0, count > 0, offset < range.count else { return range.upperBound..<range.upperBound }
        let start = range.lowerBound + offset
        return start..<(start + min(count, range.upperBound - start))
    }
}

/// What stands between the brackets of `BODY[…]`.
package struct BodySection: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The whole message or the whole body of the part.
        case whole
        case header
        /// Names as written, not empty.
        case headerFields([String])
        case headerFieldsNot([String])
        case text
        /// Only behind a part number.
        case mime
    }

    /// Part numbers from the outside in, each ≥ 1; empty for the message itself.
    package let part: [Int]
    package let kind: Kind

    package init(part: [Int] = [], kind: Kind = .whole) {
        self.part = part
        self.kind = kind
    }
}
