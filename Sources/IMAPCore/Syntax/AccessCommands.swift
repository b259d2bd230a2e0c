/// SETACL. RFC 4314 §3.1
package struct SetACLCommand: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        case replace
        case add
        case remove
    }

    package let mailbox: IMAPMailboxName
    package let identifier: String
    package let action: Action
    /// The letters, not yet looked at; may be empty.
    package let letters: String

    package init(mailbox: IMAPMailboxName, identifier: String, action: Action, letters: String) {
        self.mailbox = mailbox
        self.identifier = identifier
        self.action = action
        self.letters = letters
    }
}

/// DELETEACL and LISTRIGHTS. RFC 4314 §3.2, §3.4
package struct IdentifierCommand: Hashable, Sendable {
    package let mailbox: IMAPMailboxName
    package let identifier: String

    package init(mailbox: IMAPMailboxName, identifier: String) {
        self.mailbox = mailbox
        self.identifier = identifier
    }
}
