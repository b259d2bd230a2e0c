/// SORT and UID SORT. RFC 5256 §3
package struct SortCommand: Hashable, Sendable {
    // RFC 5256 §3, RFC 5957 §4
    package enum Key: String, Hashable, Sendable, CaseIterable {
        case arrival = "ARRIVAL"
        case cc = "CC"
        case date = "DATE"
        case from = "FROM"
        case size = "SIZE"
        case subject = "SUBJECT"
        case to = "TO"
        case displayFrom = "DISPLAYFROM"
        case displayTo = "DISPLAYTO"
    }

    package enum Direction: Hashable, Sendable {
        case ascending
        /// `REVERSE`; the sequence number that decides between equals is never reversed.
        case descending
    }

    package struct Criterion: Hashable, Sendable {
        package let key: Key
        package let direction: Direction

        package init(_ key: Key, _ direction: Direction = .ascending) {
            self.key = key
            self.direction = direction
        }
    }

    /// Not empty.
    package let criteria: [Criterion]
    /// Its charset is never nil.
    package let search: SearchCommand

    package init(criteria: [Criterion], search: SearchCommand) {
        self.criteria = criteria
        self.search = search
    }
}

/// THREAD and UID THREAD. RFC 5256 §3
package struct ThreadCommand: Hashable, Sendable {
    package enum Algorithm: String, Hashable, Sendable {
        case orderedSubject = "ORDEREDSUBJECT"
        case references = "REFERENCES"
    }

    package let algorithm: Algorithm
    /// Its charset is never nil.
    package let search: SearchCommand

    package init(algorithm: Algorithm, search: SearchCommand) {
        self.algorithm = algorithm
        self.search = search
    }
}

/// ESEARCH: a search of several mailboxes. RFC 7377 §2
package struct MultiSearchCommand: Hashable, Sendable {
    /// Which mailboxes. RFC 7377 §2.2, RFC 5465 §6
    package enum Source: Hashable, Sendable {
        case selected
        case inboxes
        case personal
        case subscribed
        /// These and all below them.
        case subtree([IMAPMailboxName])
        /// These and their children.
        case subtreeOne([IMAPMailboxName])
        case mailboxes([IMAPMailboxName])
    }

    /// `[.selected]` when the client named none.
    package let sources: [Source]
    /// Counts by UID.
    package let search: SearchCommand

    package init(sources: [Source], search: SearchCommand) {
        self.sources = sources
        self.search = search
    }
}
