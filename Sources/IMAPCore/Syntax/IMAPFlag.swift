/// A message flag as it stands in STORE, APPEND, FETCH and PERMANENTFLAGS.
package enum IMAPFlag: Hashable, Sendable {
    case seen
    case answered
    case flagged
    case deleted
    case draft
    /// Only the server sets it; a client may not store it.
    case recent
    /// An atom, spelling kept; compare case-insensitively.
    case keyword(String)
    /// A flag that starts with `\` and is none of the above, without the backslash.
    case unknownSystem(String)

    /// - Parameter name: with its backslash if it has one, any case.
    package init(name: String) {
        guard name.hasPrefix("\\") else {
            self = .keyword(name)
            return
        }
        switch name.dropFirst().lowercased() {
        case "seen": self = .seen
        case "answered": self = .answered
        case "flagged": self = .flagged
        case "deleted": self = .deleted
        case "draft": self = .draft
        case "recent": self = .recent
        default: self = .unknownSystem(String(name.dropFirst()))
        }
    }

    /// The wire form.
    package var name: String {
        switch self {
        case .seen: "\\Seen"
        case .answered: "\\Answered"
        case .flagged: "\\Flagged"
        case .deleted: "\\Deleted"
        case .draft: "\\Draft"
        case .recent: "\\Recent"
        case .keyword(let word): word
        case .unknownSystem(let word): "\\" + word
        }
    }
}

/// The use of a mailbox, as LIST shows it and CREATE asks for it.
package enum IMAPSpecialUse: String, Hashable, Sendable, CaseIterable {
    case all = "\\All"
    case archive = "\\Archive"
    case drafts = "\\Drafts"
    case flagged = "\\Flagged"
    case junk = "\\Junk"
    case sent = "\\Sent"
    case trash = "\\Trash"

    /// - Parameter name: with its backslash, any case. Nil for a use this server does not know.
    package init?(name: String) {
        let lower = name.lowercased()
        guard let match = Self.allCases.first(where: { $0.rawValue.lowercased() == lower }) else { return nil }
        self = match
    }
}
