package import Blobs
package import MailSyntax
package import SQLEngine

/// One recipient of a message in the queue.
package struct RecipientID: Hashable, Sendable, Comparable, SQLBindable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    package var sqlValue: SQLValue { .integer(rawValue) }

    package static func < (a: RecipientID, b: RecipientID) -> Bool { a.rawValue < b.rawValue }
}

/// The BODY parameter of MAIL. // RFC 6152 §2
package enum MessageBodyType: String, Sendable, Hashable, CaseIterable {
    case sevenBit = "7BIT"
    case eightBitMIME = "8BITMIME"
    case binaryMIME = "BINARYMIME"
}

/// How much of a message a bounce gives back: the RET parameter of MAIL. // RFC 3461 §4.3
package enum DSNReturn: String, Sendable, Hashable, CaseIterable {
    case full = "FULL"
    case headers = "HDRS"
}

/// When a recipient's sender wants to hear: the NOTIFY parameter of RCPT. // RFC 3461 §4.1
package struct DSNNotify: OptionSet, Sendable, Hashable {
    package let rawValue: Int

    package init(rawValue: Int) {
        self.rawValue = rawValue
    }

    package static let success = DSNNotify(rawValue: 1)
    package static let failure = DSNNotify(rawValue: 2)
    package static let delay = DSNNotify(rawValue: 4)
    package static let never = DSNNotify(rawValue: 8)

    /// What holds where nothing was asked for. // RFC 3461 §4.1
    package static let standard: DSNNotify = [.failure, .delay]
}

/// Who goes first where both wait for the same site.
package enum QueueLane: Int, Sendable, Hashable, CaseIterable, Comparable {
    /// What a person has written and waits for.
    case interactive = 0
    /// Newsletters, lists, what many get.
    case bulk = 1

    package static func < (a: QueueLane, b: QueueLane) -> Bool { a.rawValue < b.rawValue }
}

/// The mailbox here that a queued recipient is for.
package struct QueuedMailbox: Sendable, Hashable {
    /// The account's number in the directory; it may be gone when the message is due.
    package var account: Int64
    /// The `tag` of `user+tag`.
    package var tag: String?

    package init(account: Int64, tag: String? = nil) {
        self.account = account
        self.tag = tag
    }
}

/// A recipient to be queued.
package struct NewQueueRecipient: Sendable, Hashable {
    package var address: EmailAddress
    /// The ORCPT parameter with its type, such as `rfc822;user@example.org`.
    package var originalRecipient: String?
    package var notify: DSNNotify
    /// The name of the route that was found when the message was accepted; nil where none was looked for.
    package var route: String?
    /// Kept until released, as a route of kind `hold` wants it.
    package var held: Bool
    /// For an account here, which gets it when it is due; nil for what leaves.
    package var mailbox: QueuedMailbox?

    package init(
        address: EmailAddress, originalRecipient: String? = nil, notify: DSNNotify = .standard, route: String? = nil,
        held: Bool = false, mailbox: QueuedMailbox? = nil
    ) {
        self.address = address
        self.originalRecipient = originalRecipient
        self.notify = notify
        self.route = route
        self.held = held
        self.mailbox = mailbox
    }
}

/// A message to be queued.
package struct NewQueueEntry: Sendable {
    /// The message's id; it is the queue id too.
    package var id: MailID
    package var reversePath: ReversePath
    /// A blob that has its row in the same transaction or an earlier one.
    package var blob: BlobID
    /// Octets.
    package var size: Int
    package var createdAt: Timestamp
    /// When trying ends; nil for the queue's own lifetime.
    package var expiresAt: Timestamp?
    /// At least one.
    package var recipients: [NewQueueRecipient]
    package var bodyType: MessageBodyType
    /// The envelope or the header needs SMTPUTF8.
    package var smtpUTF8: Bool
    /// The ENVID parameter, decoded.
    package var envelopeID: String?
    package var dsnReturn: DSNReturn?
    /// The author that its signature speaks for; nil for none. Which keys sign is found out when it leaves.
    package var signFor: EmailAddress?
    /// A bounce of ours.
    package var isBounce: Bool
    /// The sender is one of us and is told, once, when delivery takes long.
    package var wantsDelayReport: Bool
    /// Not delivered until released.
    package var held: Bool
    /// Who submitted it: an account's address or a device's name; nil for nobody who logged in.
    package var login: String?
    package var lane: QueueLane
    /// Not tried earlier, as the sender wishes. Its lifetime begins then. // RFC 4865 §4
    package var notBefore: Timestamp?
    /// The reverse-path of what is filed here, where what leaves has another.
    package var localPath: ReversePath?
    /// What the sender asked for with HOLDFOR or HOLDUNTIL, as reports give it back: `for;3600`. // RFC 4865 §5.1.2
    package var futureRelease: String?
    /// nil: it is not sealed.
    package var seal: QueuedSeal?
    /// What waits for mailboxes here is filed as junk.
    package var isJunk = false
    package var tlsDemand = TLSDemand.none

    package init(
        id: MailID,
        reversePath: ReversePath,
        blob: BlobID,
        size: Int,
        createdAt: Timestamp,
        expiresAt: Timestamp? = nil,
        recipients: [NewQueueRecipient],
        bodyType: MessageBodyType = .sevenBit,
        smtpUTF8: Bool = false,
        envelopeID: String? = nil,
        dsnReturn: DSNReturn? = nil,
        signFor: EmailAddress? = nil,
        isBounce: Bool = false,
        wantsDelayReport: Bool = false,
        held: Bool = false,
        login: String? = nil,
        lane: QueueLane = .interactive,
        notBefore: Timestamp? = nil
    ) {
        self.id = id
        self.reversePath = reversePath
        self.blob = blob
        self.size = size
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.recipients = recipients
        self.bodyType = bodyType
        self.smtpUTF8 = smtpUTF8
        self.envelopeID = envelopeID
        self.dsnReturn = dsnReturn
        self.signFor = signFor
        self.isBounce = isBounce
        self.wantsDelayReport = wantsDelayReport
        self.held = held
        self.login = login
        self.lane = lane
        self.notBefore = notBefore
    }
}

/// A message in the queue.
package struct QueuedMessage: Sendable, Hashable {
    package var id: MailID
    package var reversePath: ReversePath
    package var blob: BlobID
    /// Octets.
    package var size: Int
    package var createdAt: Timestamp
    package var expiresAt: Timestamp
    package var bodyType: MessageBodyType
    package var smtpUTF8: Bool
    package var envelopeID: String?
    package var dsnReturn: DSNReturn?
    package var signFor: EmailAddress?
    package var isBounce: Bool
    /// The sender is to be told when delivery takes long, and has not been yet.
    package var wantsDelayReport = false
    /// Who submitted it.
    package var login: String?
    /// The reverse-path of what is filed here, where what leaves has another.
    package var localPath: ReversePath?
    /// What the sender asked for with HOLDFOR or HOLDUNTIL: `for;3600`. // RFC 4865 §5.1.2
    package var futureRelease: String?
    /// nil: it is not sealed.
    package var seal: QueuedSeal?
    /// What waits for mailboxes here is filed as junk.
    package var isJunk = false
    package var tlsDemand = TLSDemand.none
}

/// A recipient in the queue.
package struct QueuedRecipient: Sendable, Hashable, Identifiable {
    package var id: RecipientID
    package var message: MailID
    package var address: EmailAddress
    package var originalRecipient: String?
    package var notify: DSNNotify
    /// What deliveries are grouped by: the domain, or the address literal.
    package var destination: String
    package var nextAttemptAt: Timestamp
    /// Attempts made so far.
    package var attempts: Int
    package var lastAttemptAt: Timestamp?
    package var lastReply: DeliveryReply?
    package var held: Bool
    /// A courier has it at the moment.
    package var isLeased: Bool
    /// The route that was found when the message was accepted; each attempt looks again.
    package var route: String?
    /// The route that an operator wants instead of what is found.
    package var pinnedRoute: String?
    package var lane = QueueLane.interactive
    /// Not tried earlier, as the sender wishes.
    package var notBefore: Timestamp?
    /// The site it waits for, which is down or has all it can take. ``nextAttemptAt`` is then when it is looked at even
    /// so: at its expiry, or when its sender is to hear of the delay.
    package var parkedOn: String?
    /// The account here that it is for; nil for what leaves.
    package var mailbox: QueuedMailbox?

    /// It is filed here, unless an operator wants it to take a route.
    package var isLocal: Bool { mailbox != nil && pinnedRoute == nil }
}

/// A message with its recipients, for listings.
package struct QueueEntry: Sendable, Hashable, Identifiable {
    package var message: QueuedMessage
    package var recipients: [QueuedRecipient]

    package var id: MailID { message.id }
}

/// One message for one destination, leased to this node: the unit of work of a courier.
package struct DeliveryJob: Sendable, Hashable {
    package var message: QueuedMessage
    package var destination: String
    /// At least one, all of the destination.
    package var recipients: [QueuedRecipient]

    /// It is for mailboxes here.
    package var isLocal: Bool { recipients.first?.isLocal ?? false }

    package init(message: QueuedMessage, destination: String, recipients: [QueuedRecipient]) {
        self.message = message
        self.destination = destination
        self.recipients = recipients
    }
}

/// What became of a leased recipient.
package enum RecipientOutcome: Sendable, Hashable {
    /// The next host has it. The recipient leaves the queue.
    case delivered
    /// It failed for good and whoever had to know knows. The recipient leaves the queue.
    case failed
    /// It was tried and will be tried again.
    case deferred(until: Timestamp, DeliveryReply)
    /// A route keeps it until an operator releases it; attempts are not counted.
    case held(route: String, DeliveryReply)
    /// It was not tried; attempts are not counted.
    case postponed(until: Timestamp, DeliveryReply?)
}
