/// What IMAP's ENVELOPE shows, as octets of the message: encoded words are not decoded.
package struct Envelope: Sendable, Equatable {
    /// nil when the field is missing, empty when it is there without a value.
    package var date: [UInt8]?
    package var subject: [UInt8]?
    package var from: [EnvelopeAddress] = []
    /// RFC 3501 §7.4.2: the same as `from` when the field is missing or empty.
    package var sender: [EnvelopeAddress] = []
    /// RFC 3501 §7.4.2: the same as `from` when the field is missing or empty.
    package var replyTo: [EnvelopeAddress] = []
    package var to: [EnvelopeAddress] = []
    package var cc: [EnvelopeAddress] = []
    package var bcc: [EnvelopeAddress] = []
    package var inReplyTo: [UInt8]?
    package var messageID: [UInt8]?

    package init() {}
}

/// An address, or the start (only `mailbox`) or the end (nothing at all) of a group.
package struct EnvelopeAddress: Sendable, Equatable {
    /// Display name without quotes, or the comment that stands for it.
    package var name: [UInt8]?
    /// Obsolete source route: `@a,@b`.
    package var route: [UInt8]?
    /// Local part without quotes.
    package var mailbox: [UInt8]?
    package var host: [UInt8]?

    package init(name: [UInt8]? = nil, route: [UInt8]? = nil, mailbox: [UInt8]? = nil, host: [UInt8]? = nil) {
        self.name = name
        self.route = route
        self.mailbox = mailbox
        self.host = host
    }

    package var isGroupStart: Bool { mailbox != nil && host == nil }
    package var isGroupEnd: Bool { mailbox == nil && host == nil }

    /// Stands for a host that is not there, since IMAP keeps NIL for groups; the same word as other servers use.
    static let missingHost = Array("MISSING_DOMAIN".utf8)
    static let missingMailbox = Array("MISSING_MAILBOX".utf8)

    /// A name alone, as programs of a host write `root`.
    package var isWithoutDomain: Bool { host == Self.missingHost && mailbox != Self.missingMailbox }

    /// True when the address has a local part and a domain.
    package var isComplete: Bool {
        mailbox != nil && host != nil && host != Self.missingHost && mailbox != Self.missingMailbox
    }
}
