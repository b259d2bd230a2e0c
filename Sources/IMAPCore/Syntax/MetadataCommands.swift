/// The name of an annotation, in small letters: they are case-insensitive. RFC 5464 §3.2
package struct MetadataEntry: Hashable, Sendable, CustomStringConvertible {
    package let name: String

    /// Nil for what is no name of an annotation.
    /// - Parameter allowsRoot: takes `/shared` and `/private` alone, which clients ask for with everything below.
    package init?(_ text: String, allowsRoot: Bool = false) {
        let name = text.lowercased()
        guard name.utf8.allSatisfy({ $0 > 0x19 && $0 < 0x7F && $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "%") })
        else { return nil }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard name.hasPrefix("/"), !parts.contains(""), parts.first == "shared" || parts.first == "private" else {
            return nil
        }
        if parts.count == 1, !allowsRoot { return nil }
        // RFC 5464 §3.2: names of vendors have at least four components
        if !allowsRoot, parts.dropFirst().first == "vendor", parts.count < 4 { return nil }
        self.name = name
    }

    /// A name that the source spells.
    package init(constant: StaticString) {
        name = constant.description
    }

    /// One value for all, rather than one for each account. RFC 5464 §3.3
    package var isShared: Bool { name.hasPrefix("/shared") }
    package var description: String { name }
}

/// How far below the names asked for GETMETADATA looks. RFC 5464 §4.2.2
package enum MetadataDepth: Hashable, Sendable {
    case entry
    case children
    case infinity

    /// Whether a name is asked for by another.
    package func includes(_ name: MetadataEntry, below root: MetadataEntry) -> Bool {
        if name == root { return true }
        guard name.name.hasPrefix("\(root.name)/") else { return false }
        switch self {
        case .entry: return false
        case .children: return !name.name.dropFirst(root.name.utf8.count + 1).contains("/")
        case .infinity: return true
        }
    }
}

/// GETMETADATA. RFC 5464 §4.2
package struct GetMetadataCommand: Hashable, Sendable {
    /// Nil for the server's.
    package let mailbox: IMAPMailboxName?
    /// Not empty.
    package let entries: [MetadataEntry]
    package let depth: MetadataDepth
    /// Octets; larger values are left out.
    package let maximumSize: UInt64?

    package init(
        mailbox: IMAPMailboxName?, entries: [MetadataEntry], depth: MetadataDepth = .entry, maximumSize: UInt64? = nil
    ) {
        self.mailbox = mailbox
        self.entries = entries
        self.depth = depth
        self.maximumSize = maximumSize
    }
}

/// SETMETADATA. RFC 5464 §4.3
package struct SetMetadataCommand: Hashable, Sendable {
    package struct Change: Hashable, Sendable {
        package let entry: MetadataEntry
        /// Nil removes it.
        package let value: [UInt8]?

        package init(entry: MetadataEntry, value: [UInt8]?) {
            self.entry = entry
            self.value = value
        }
    }

    /// Nil for the server's.
    package let mailbox: IMAPMailboxName?
    /// Not empty; each name once, the last one counts.
    package let changes: [Change]

    package init(mailbox: IMAPMailboxName?, changes: [Change]) {
        self.mailbox = mailbox
        self.changes = changes
    }
}
