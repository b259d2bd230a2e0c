/// APPEND, REPLACE or UID REPLACE up to its first message.
package struct AppendCommand: Hashable, Sendable {
    /// The message of the selected mailbox that the new one takes the place of. RFC 8508 §3
    package enum Replaced: Hashable, Sendable {
        case sequence(SequenceNumber)
        case uid(IMAPUID)
    }

    package let tag: String
    package let mailbox: IMAPMailboxName
    /// Nil for APPEND.
    package let replaced: Replaced?

    package init(tag: String, mailbox: IMAPMailboxName, replaced: Replaced? = nil) {
        self.tag = tag
        self.mailbox = mailbox
        self.replaced = replaced
    }
}

/// What stands behind the mailbox of APPEND and REPLACE, in order.
package enum AppendElement: Hashable, Sendable {
    /// A message begins. RFC 3501 §6.3.11
    case message(flags: [IMAPFlag], date: IMAPDateTime?)
    /// So many octets follow, which the framer streams; always the last of what is read at once.
    case literal(size: Int, AppendLiteral)
    /// A part of a message that is on this server already. RFC 4469 §3
    case url([UInt8])
    /// The message is whole.
    case end
}

/// What a literal of APPEND may hold.
package enum AppendLiteral: Hashable, Sendable {
    /// Any octets but NUL. RFC 3501 §9 (CHAR8)
    case text
    /// Any octets. RFC 3516 §4.4
    case binary
    /// A message with UTF-8 in its header. RFC 6855 §4
    case utf8
}
