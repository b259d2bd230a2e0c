package import Blobs
package import Directory
package import MailMessage
package import MailPolicy
package import MailStore
package import MailSyntax
package import OutboundQueue

/// Everything that is known of a message at the moment it is accepted.
package struct Acceptance: Sendable {
    /// The message's id, which its Received field names; also its queue id.
    package var id: MailID
    package var reversePath: ReversePath
    /// What leaves goes from this address instead; nil: from `reversePath`.
    package var forwardedFrom: EmailAddress?
    /// The whole message with its final header, without Return-Path.
    package var content: BlobContent
    /// What was scanned of exactly that content.
    package var index: MessageIndex
    /// Accounts that keep it; no account twice.
    package var local: [LocalDelivery]
    /// Recipients elsewhere.
    package var remote: [NewQueueRecipient]
    /// What is reported to the sender in the same commit.
    package var notices: [SuccessNotice] = []
    package var trace: [TraceStep]
    package var origin: AcceptanceOrigin
    package var bodyType: MessageBodyType
    package var smtpUTF8: Bool
    package var envelopeID: String?
    package var dsnReturn: DSNReturn?
    /// The author that the DKIM signature of what leaves speaks for; nil for none.
    package var signFor: EmailAddress?
    /// A bounce of ours.
    package var isBounce: Bool
    /// The account that sends it keeps a copy.
    package var sentCopy: SentCopy?
    /// Accounts keep it where they keep junk.
    package var isJunk = false
    /// What the checks of a stranger's message have found, for the log: `spf=pass dkim=pass dmarc=pass`.
    package var authentication: String?
    /// What its seal says as it leaves; nil for a message that is not sealed.
    package var seal: QueuedSeal?
    /// It is kept until an operator releases it.
    package var held = false
    /// Whom it is counted for; nil for senders without a limit.
    package var metered: MeteredMessage?
    /// Which lane of the queue it takes.
    package var lane = QueueLane.interactive
    /// It is neither sent nor filed earlier. // RFC 4865 §4.2
    package var notBefore: Timestamp?
    /// What the sender asked for with HOLDFOR or HOLDUNTIL, as reports give it back: `for;3600`. // RFC 4865 §5.1.2
    package var futureRelease: String?
    /// What the sender asks of TLS on the way out. // RFC 8689 §4.1
    package var tlsDemand = TLSDemand.none

    package init(
        id: MailID, reversePath: ReversePath, content: BlobContent, index: MessageIndex, local: [LocalDelivery],
        remote: [NewQueueRecipient], trace: [TraceStep] = [], origin: AcceptanceOrigin,
        bodyType: MessageBodyType = .sevenBit, smtpUTF8: Bool = false, envelopeID: String? = nil,
        dsnReturn: DSNReturn? = nil, signFor: EmailAddress? = nil, isBounce: Bool = false
    ) {
        self.id = id
        self.reversePath = reversePath
        self.content = content
        self.index = index
        self.local = local
        self.remote = remote
        self.trace = trace
        self.origin = origin
        self.bodyType = bodyType
        self.smtpUTF8 = smtpUTF8
        self.envelopeID = envelopeID
        self.dsnReturn = dsnReturn
        self.signFor = signFor
        self.isBounce = isBounce
    }
}

/// The copy of a message for who sends it.
package struct SentCopy: Sendable, Hashable {
    package var account: AccountID
    /// Whole fields that its recipients don't see: Bcc.
    package var hiddenFields: [UInt8]

    package init(account: AccountID, hiddenFields: [UInt8] = []) {
        self.account = account
        self.hiddenFields = hiddenFields
    }
}

/// A message for one account.
package struct LocalDelivery: Sendable, Hashable {
    package var account: AccountID
    /// The recipient it is for, as the client gave it.
    package var recipient: EmailAddress
    /// The `tag` of `user+tag`.
    package var tag: String?
    /// What the sender wants to hear. // RFC 3461 §4.1
    package var notify: DSNNotify
    /// The ORCPT parameter with its type.
    package var originalRecipient: String?
    /// Where it goes in the account; nil for INBOX, or where junk goes.
    package var mailbox: MailboxID?

    package init(
        account: AccountID, recipient: EmailAddress, tag: String? = nil, notify: DSNNotify = .standard,
        originalRecipient: String? = nil
    ) {
        self.account = account
        self.recipient = recipient
        self.tag = tag
        self.notify = notify
        self.originalRecipient = originalRecipient
    }
}

/// What the sender asked to hear of a recipient and nobody but this server can tell. // RFC 3461 §4.1
package struct SuccessNotice: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        /// In the mailbox of an account. Where it waits for that, the queue tells of it.
        case delivered(AccountID)
        /// On its way to the several whom the recipient stands for.
        case expanded
    }

    /// As the client gave it.
    package var recipient: EmailAddress
    /// The ORCPT parameter with its type.
    package var originalRecipient: String?
    package var outcome: Outcome

    package init(recipient: EmailAddress, originalRecipient: String?, outcome: Outcome) {
        self.recipient = recipient
        self.originalRecipient = originalRecipient
        self.outcome = outcome
    }
}

/// Who handed the message over.
package struct AcceptanceOrigin: Sendable, Hashable {
    /// The listener's name, or `internal` for bounces and the program's own mail.
    package var listener: String
    package var client: String?
    package var helo: String?
    package var login: String?
    package var tls: String?

    package init(
        listener: String, client: String? = nil, helo: String? = nil, login: String? = nil, tls: String? = nil
    ) {
        self.listener = listener
        self.client = client
        self.helo = helo
        self.login = login
        self.tls = tls
    }

    package static let `internal` = AcceptanceOrigin(listener: "internal")
}

/// What was kept, once it is durable.
package struct Accepted: Sendable {
    package let id: MailID
    /// What is in a mailbox now; the others wait.
    package let filed: [LocalDelivery]
    package let queued: Int
    /// Why the sender has no copy of its own, where it should have one; the trace tells it too.
    package let sentTrouble: String?
}
