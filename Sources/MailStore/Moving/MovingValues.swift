/// A mailbox of elsewhere, about to be taken in.
package struct IncomingMailbox: Sendable {
    /// Where it goes: levels separated by `/`.
    package var path: String
    /// Tells one place that mail comes from from another; the same in each run.
    package var source: Int64
    /// What clients know it by; nil where the source has none.
    package var uidValidity: UIDValidity?
    /// The UID that the source would give next.
    package var uidNext: UID?
    package var specialUse: SpecialUse?

    package init(
        path: String, source: Int64, uidValidity: UIDValidity? = nil, uidNext: UID? = nil,
        specialUse: SpecialUse? = nil
    ) {
        self.path = path
        self.source = source
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.specialUse = specialUse
    }
}

/// Where the messages of an ``IncomingMailbox`` go.
package struct IncomingTarget: Sendable, Hashable {
    package var mailbox: MailboxID
    package var source: Int64
    /// Messages keep the UIDs that they had.
    package var keepsUIDs: Bool
    package var uidValidity: UIDValidity

    package init(mailbox: MailboxID, source: Int64, keepsUIDs: Bool, uidValidity: UIDValidity) {
        self.mailbox = mailbox
        self.source = source
        self.keepsUIDs = keepsUIDs
        self.uidValidity = uidValidity
    }
}

/// A message of elsewhere.
package struct IncomingMessage: Sendable {
    /// Tells it from the others of its source and mailbox; the same in each run.
    package var item: Int64
    /// The UID that it had.
    package var uid: UID?
    package var message: NewMessage

    package init(item: Int64, uid: UID?, message: NewMessage) {
        self.item = item
        self.uid = uid
        self.message = message
    }
}

/// What became of a number of incoming messages.
package struct IncomingCount: Sendable, Hashable {
    package var added = 0
    /// They had come before.
    package var known = 0
}

/// A message as it leaves: its row, and where its octets are.
package struct OutgoingMessage: Sendable {
    package var row: EntryRow
    /// The file that holds it whole.
    package var file: String
}
