// RFC 5465 §3.1
package enum NotifyCommand: Hashable, Sendable {
    /// Nothing is wanted, not even of the selected mailbox.
    case none
    /// Takes the place of what was wanted before.
    /// - Parameter status: whether the mailboxes of which messages are wanted are described by STATUS first.
    case set([NotifyGroup], status: Bool)
}

// RFC 5465 §6
/// Which mailboxes, and what of them.
package struct NotifyGroup: Hashable, Sendable {
    package enum Mailboxes: Hashable, Sendable {
        case selected
        case selectedDelayed
        case inboxes
        case personal
        case subscribed
        /// Each of these and all below.
        case subtree([IMAPMailboxName])
        case named([IMAPMailboxName])
    }

    package let mailboxes: Mailboxes
    /// Empty for NONE.
    package let events: [NotifyEvent]

    package init(_ mailboxes: Mailboxes, _ events: [NotifyEvent]) {
        self.mailboxes = mailboxes
        self.events = events
    }
}

// RFC 5465 §5
package enum NotifyEvent: Hashable, Sendable {
    /// With what is to be fetched of each new message of the selected mailbox.
    case messageNew([FetchItem])
    case messageExpunge
    case flagChange
    case mailboxName
    case subscriptionChange
    case mailboxMetadataChange
    case serverMetadataChange
    /// One that is not known here, AnnotationChange among them: answer NO [BADEVENT].
    case unsupported(String)

    /// The names of those that are known here.
    package static let supportedNames = [
        "MessageNew", "MessageExpunge", "FlagChange", "MailboxName", "SubscriptionChange", "MailboxMetadataChange",
        "ServerMetadataChange",
    ]
}
