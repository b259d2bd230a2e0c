package import Directory
package import MailSyntax
package import SQLEngine

/// A mailbox's number.
package struct MailboxID: Hashable, Sendable, SQLBindable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package var sqlValue: SQLValue { .integer(rawValue) }
}

/// The immutable part of a message in one account: EMAILID. RFC 8474 §5.1
package struct EmailID: Hashable, Comparable, Sendable, SQLBindable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package var sqlValue: SQLValue { .integer(rawValue) }
    package static func < (lhs: EmailID, rhs: EmailID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// What messages of one conversation share: THREADID. RFC 8474 §5.2
package struct ThreadID: Hashable, Sendable, SQLBindable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package var sqlValue: SQLValue { .integer(rawValue) }
}

/// A message's number in its mailbox, 1 to 4,294,967,295, never used again. RFC 3501 §2.3.1.1
package struct UID: Hashable, Comparable, Sendable, SQLBindable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package var sqlValue: SQLValue { .integer(Int64(rawValue)) }
    package static func < (lhs: UID, rhs: UID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// The generation of a mailbox's UIDs.
package struct UIDValidity: Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// The account-wide change number. RFC 7162 §3.1
package struct ModSequence: Hashable, Comparable, Sendable, SQLBindable {
    /// Below 2^63.
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package var sqlValue: SQLValue { .integer(Int64(clamping: rawValue)) }
    package static func < (lhs: ModSequence, rhs: ModSequence) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// System flags as bits. RFC 3501 §2.3.2
package struct MessageFlags: OptionSet, Hashable, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    package static let seen = MessageFlags(rawValue: 1)
    package static let answered = MessageFlags(rawValue: 2)
    package static let flagged = MessageFlags(rawValue: 4)
    package static let deleted = MessageFlags(rawValue: 8)
    package static let draft = MessageFlags(rawValue: 16)
    /// A session's own; never stored.
    package static let recent = MessageFlags(rawValue: 32)
    /// What is stored.
    package static let all: MessageFlags = [.seen, .answered, .flagged, .deleted, .draft]
}

/// What a mailbox is for. RFC 6154 §2
package enum SpecialUse: String, Sendable, CaseIterable {
    case archive
    case drafts
    case flagged
    case junk
    case sent
    case trash
    case all
}

/// A mailbox with its counts.
package struct MailboxInfo: Sendable, Hashable {
    package let id: MailboxID
    package let account: AccountID
    /// From the top, levels separated by `/`; `INBOX` in capitals.
    package let path: String
    package let specialUse: SpecialUse?
    package let subscribed: Bool
    /// False for a name that only holds others (\Noselect).
    package let selectable: Bool
    package let hasChildren: Bool
    package let uidValidity: UIDValidity
    package let uidNext: UID
    package let messages: Int
    package let unseen: Int
    package let deleted: Int
    /// Messages that no session has been told of as \Recent.
    package let recent: Int
    /// Octets of all messages.
    package let size: Int64
    package let highestModSeq: ModSequence
}

/// The UIDs of a mailbox at one moment.
package struct UIDView: Sendable {
    package let uids: UIDList
    package let uidValidity: UIDValidity
    package let uidNext: UID
    package let highestModSeq: ModSequence
    package let firstUnseen: UID?
    /// UIDs from here on are \Recent to the first session that asks.
    package let recentFrom: UID
}

/// A message in a mailbox.
package struct EntryRow: Sendable, Hashable {
    package let uid: UID
    package let email: EmailID
    package let thread: ThreadID
    package var flags: MessageFlags
    /// Sorted.
    package var keywords: [String]
    package var modSeq: ModSequence
    package let internalDate: Timestamp
    /// Minutes east of UTC that the internal date is shown in.
    package let zoneMinutes: Int
    /// Octets.
    package let size: Int
    package let saveDate: Timestamp
}

/// A change to flags and keywords.
package enum FlagChange: Sendable {
    case add(MessageFlags, keywords: [String])
    case remove(MessageFlags, keywords: [String])
    case replace(MessageFlags, keywords: [String])
    /// Replaces the system flags of a mask; keywords are left alone where nil.
    case replaceSome(of: MessageFlags, MessageFlags, keywords: [String]?)

    /// The part of the change that somebody's rights allow; nil when they allow nothing of it. RFC 4314 §4 (STORE)
    package func limited(to rights: MailboxRights) -> FlagChange? {
        let allowed = rights.flags
        let mayWrite = rights.contains(.write)
        switch self {
        case .add(let flags, let words):
            let (kept, keptWords) = (flags.intersection(allowed), mayWrite ? words : [])
            return kept.isEmpty && keptWords.isEmpty && !(flags.isEmpty && words.isEmpty)
                ? nil : .add(kept, keywords: keptWords)
        case .remove(let flags, let words):
            let (kept, keptWords) = (flags.intersection(allowed), mayWrite ? words : [])
            return kept.isEmpty && keptWords.isEmpty && !(flags.isEmpty && words.isEmpty)
                ? nil : .remove(kept, keywords: keptWords)
        case .replace(let flags, let words):
            guard allowed != .all else { return self }
            guard !allowed.isEmpty else { return nil }
            return .replaceSome(of: allowed, flags.intersection(allowed), keywords: mayWrite ? words : nil)
        case .replaceSome(let mask, let flags, let words):
            let mask = mask.intersection(allowed)
            guard !mask.isEmpty else { return nil }
            return .replaceSome(of: mask, flags.intersection(mask), keywords: mayWrite ? words : nil)
        }
    }
}

package struct FlagUpdate: Sendable {
    /// Rows as they now are, ascending; includes those that already were so.
    package var changed: [EntryRow] = []
    /// UIDs left alone because they changed after `unchangedSince`.
    package var conflicted: [UID] = []
}

package struct AppendResult: Sendable {
    package let uidValidity: UIDValidity
    package let uids: [UID]
}

package struct CopyResult: Sendable {
    package let uidValidity: UIDValidity
    package let source: [UID]
    package let destination: [UID]
}

package struct QuotaUsage: Sendable, Hashable {
    /// Octets.
    package let used: Int64
    /// Octets; nil is unlimited.
    package let limit: Int64?
    package let messages: Int
    /// Nil is unlimited.
    package let messageLimit: Int?
}

package enum MailStoreError: Error, Equatable, CustomStringConvertible {
    case noSuchMailbox
    case alreadyExists
    case invalidName(String)
    case specialUseTaken(SpecialUse)
    case cannotDeleteInbox
    case hasChildren
    case notSelectable
    case overQuota
    case uidsExhausted
    /// A mailbox has as many different keywords as it may.
    case tooManyKeywords
    /// A mailbox has as many lines of rights as it may.
    case tooManyGrants
    /// More annotations, or octets of them, than there may be.
    case tooManyAnnotations
    /// The message's file is gone or damaged.
    case messageUnavailable(EmailID)
    /// Some of the messages that were named are there no more; nothing was changed.
    case messagesGone

    package var description: String {
        switch self {
        case .noSuchMailbox: "mailbox doesn't exist"
        case .alreadyExists: "mailbox already exists"
        case .invalidName(let why): "invalid mailbox name: \(why)"
        case .specialUseTaken(let use): "another mailbox is already \\\(use.rawValue.capitalizedASCII)"
        case .cannotDeleteInbox: "INBOX can't be deleted"
        case .hasChildren: "mailbox has children"
        case .notSelectable: "mailbox can't hold messages"
        case .overQuota: "quota exceeded"
        case .uidsExhausted: "no UIDs left in this mailbox"
        case .tooManyKeywords: "too many different keywords in this mailbox"
        case .tooManyGrants: "too many have rights in this mailbox"
        case .tooManyAnnotations: "too many annotations"
        case .messageUnavailable: "message is not available"
        case .messagesGone: "some of the messages no longer exist"
        }
    }
}

extension String {
    var capitalizedASCII: String { prefix(1).uppercased() + dropFirst() }
}
