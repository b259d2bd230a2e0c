/// What an operator does to the mailboxes of an account, and to what was expunged from them.
package enum MailboxRequest: Codable, Sendable, Equatable {
    case list(account: String)
    case create(account: String, path: String, specialUse: String?)
    case remove(account: String, path: String)
    case rename(account: String, from: String, to: String)
    /// Counts, and a page of files after an email. `removes`: damaged messages leave their mailboxes.
    case check(account: String, after: Int64?, repairs: Bool, removes: Bool)
    case recount(account: String)
    /// At most a page; the answer's `more` says whether to ask again.
    case expunge(account: String, mailbox: String, olderThan: Int)
    case rights(account: String, path: String)
    /// `who`: an account or `anyone`, behind a `-` to take rights away; `rights`: letters, behind `+` or `-` to change.
    case share(account: String, path: String, who: String, rights: String)
    case removed(account: String, RemovedQuestion, after: Int64)
    case restore(account: String, RemovedQuestion, after: Int64, to: String?)
}

/// Which expunged messages.
package struct RemovedQuestion: Codable, Sendable, Equatable {
    /// The path that the mailbox had.
    package var mailbox: String?
    /// Seconds before now; nil for any time.
    package var since: Int?
    package var messageIDs: [String]

    package init(mailbox: String? = nil, since: Int? = nil, messageIDs: [String] = []) {
        self.mailbox = mailbox
        self.since = since
        self.messageIDs = messageIDs
    }
}

/// The answers to these.
package enum MailboxAnswer: Codable, Sendable, Equatable {
    case list([MailboxSummary])
    case check(MailboxCheckReport)
    case rights([RightsSummary])
    case removed([RemovedSummary], next: Int64?)
    /// How many, and where to go on; nil at the end.
    case count(Int, next: Int64?)
}

package struct MailboxSummary: Codable, Sendable, Equatable {
    package var path: String
    package var messages: Int
    package var unseen: Int
    /// Octets.
    package var size: Int
    package var subscribed: Bool
    package var specialUse: String?
    /// Whether it holds messages, and not only other mailboxes.
    package var selectable: Bool
}

package struct MailboxCheckReport: Codable, Sendable, Equatable {
    package var messages = 0
    /// A line for each thing that is wrong, or was put right.
    package var problems: [String] = []
    /// Of the problems, those put right.
    package var repaired = 0
    /// Of the problems, messages that can't be read any more and stand in their mailboxes.
    package var lost = 0
    package var next: Int64?
}

package struct RightsSummary: Codable, Sendable, Equatable {
    package var who: String
    /// RFC 4314 §2.1
    package var rights: String
}

package struct RemovedSummary: Codable, Sendable, Equatable {
    package var id: Int64
    package var mailbox: String
    package var removed: String
    package var from: String
    package var subject: String
    package var messageID: String?
    package var size: Int
}
