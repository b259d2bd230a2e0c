/// LIST, basic or extended (RFC 5258).
package struct ListCommand: Hashable, Sendable {
    package let selection: ListSelection
    package let reference: String
    /// Not empty. One with an empty text asks for the hierarchy separator.
    package let patterns: [ListPattern]
    package let returns: ListReturn
    /// The items of `RETURN (STATUS (…))`, nil when not asked (RFC 5819).
    package let statusItems: [StatusItem]?
    /// The names of `RETURN (METADATA (…))`, empty when not asked (RFC 9590).
    package let metadata: [MetadataEntry]
    /// Whether any part of the extended syntax was used.
    package let isExtended: Bool

    package init(
        selection: ListSelection = [], reference: String, patterns: [ListPattern], returns: ListReturn = [],
        statusItems: [StatusItem]? = nil, metadata: [MetadataEntry] = [], isExtended: Bool = false
    ) {
        self.selection = selection
        self.reference = reference
        self.patterns = patterns
        self.returns = returns
        self.statusItems = statusItems
        self.metadata = metadata
        self.isExtended = isExtended
    }
}

/// LSUB.
package struct LSubCommand: Hashable, Sendable {
    package let reference: String
    package let pattern: ListPattern

    package init(reference: String, pattern: ListPattern) {
        self.reference = reference
        self.pattern = pattern
    }
}

// RFC 5258 §3.1, RFC 6154 §2
package struct ListSelection: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let subscribed = Self(rawValue: 1)
    package static let remote = Self(rawValue: 2)
    /// Never alone: the parser refuses it without `subscribed`.
    package static let recursiveMatch = Self(rawValue: 4)
    package static let specialUse = Self(rawValue: 8)
}

// RFC 5258 §3.2, RFC 6154 §2
package struct ListReturn: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let subscribed = Self(rawValue: 1)
    package static let children = Self(rawValue: 2)
    package static let specialUse = Self(rawValue: 4)
    // RFC 8440 §3
    package static let myRights = Self(rawValue: 8)
}

/// A mailbox pattern, decoded from modified UTF-7, with `*` and `%` as wildcards.
package struct ListPattern: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    /// Whether `name` (decoded, whole path) matches this pattern put behind `reference`.
    ///
    /// INBOX matches in any case. Costs at most pattern × name steps, whatever the pattern.
    package func matches(_ name: String, reference: String = "", separator: Character = "/") -> Bool {
        if text == "*", reference.isEmpty { return true }
        let pattern = Array((reference + text).unicodeScalars)
        let subject = Array(name.unicodeScalars)
        // RFC 3501 §5.1, §6.3.8: INBOX is the same name in any case, to a pattern such as `inbox*` too
        let caseless = Self.isInbox(subject, separator: separator) ? Self.inbox.count : 0
        let separators = Set(separator.unicodeScalars)
        // The set of pattern positions that are reachable, one name scalar after the other.
        var reachable = [Bool](repeating: false, count: pattern.count + 1)
        reachable[0] = true
        Self.skipWildcards(pattern, &reachable)
        for (position, scalar) in subject.enumerated() {
            let isCaseless = position < caseless
            var next = [Bool](repeating: false, count: pattern.count + 1)
            for (index, expected) in pattern.enumerated() where reachable[index] {
                switch expected {
                case "*": next[index] = true
                case "%": if !separators.contains(scalar) { next[index] = true }
                default:
                    let isSame = isCaseless ? Self.upper(expected) == Self.upper(scalar) : expected == scalar
                    if isSame { next[index + 1] = true }
                }
            }
            Self.skipWildcards(pattern, &next)
            reachable = next
        }
        return reachable[pattern.count]
    }

    private static func skipWildcards(_ pattern: [Unicode.Scalar], _ reachable: inout [Bool]) {
        for (index, scalar) in pattern.enumerated() where reachable[index] && (scalar == "*" || scalar == "%") {
            reachable[index + 1] = true
        }
    }

    private static let inbox = Array("INBOX".unicodeScalars)

    /// Whether a name is INBOX or below it.
    private static func isInbox(_ name: [Unicode.Scalar], separator: Character) -> Bool {
        guard name.count >= inbox.count else { return false }
        if name.count > inbox.count, !separator.unicodeScalars.contains(name[inbox.count]) { return false }
        return zip(name, inbox).allSatisfy { upper($0) == $1.value }
    }

    /// An ASCII letter's upper case, anything else as it is.
    private static func upper(_ scalar: Unicode.Scalar) -> UInt32 {
        (0x61...0x7A).contains(scalar.value) ? scalar.value - 0x20 : scalar.value
    }
}
