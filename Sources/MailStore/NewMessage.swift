package import Blobs
import IMAPCore
package import MailMessage
package import MailSyntax

/// A message to be kept.
package struct NewMessage: Sendable {
    package let content: BlobContent
    package let index: MessageIndex
    package let flags: MessageFlags
    package let keywords: [String]
    package let internalDate: Timestamp
    /// Minutes east of UTC that the internal date is shown in.
    package let zoneMinutes: Int
    /// What another server said in UIDL for a message that comes from there; nil gives it one of ours.
    package let pop3UIDL: POP3UniqueID?

    package init(
        content: BlobContent, index: MessageIndex, flags: MessageFlags = [], keywords: [String] = [],
        internalDate: Timestamp, zoneMinutes: Int = 0, pop3UIDL: POP3UniqueID? = nil
    ) {
        self.pop3UIDL = pop3UIDL
        self.content = content
        self.index = index
        self.flags = flags
        self.keywords = keywords
        self.internalDate = internalDate
        self.zoneMinutes = zoneMinutes
    }
}

/// A message as its rows want it, made before the transaction.
package struct PreparedMessage: Sendable {
    package let blob: BlobKey
    package let size: Int
    package let header: [UInt8]
    package let parsed: [UInt8]
    /// What FETCH tells most, as it is sent.
    let envelopeText: [UInt8]
    let structureText: [UInt8]
    package let sentAt: Timestamp?
    /// Hash of the message's own id, then those it refers to.
    package let ownReference: Int64?
    package let references: [Int64]
    let keys: SortKeys

    package init(blob: BlobKey, index: MessageIndex) {
        self.blob = blob
        self.size = index.size
        self.header = index.headerBlock
        self.parsed = index.encode()
        self.envelopeText = FetchText.envelope(index.envelope)
        self.structureText = FetchText.structure(index.structure)
        self.sentAt = index.sentDate
        self.ownReference = index.messageID.map(Self.hash)
        // Threads of hundreds of messages cite hundreds; the nearest are the last. RFC 5256 §3
        self.references = index.references.suffix(32).map(Self.hash)
        self.keys = SortKeys(index)
    }

    /// FNV-1a: stable across versions, since it is stored.
    static func hash(_ text: String) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(bitPattern: hash)
    }
}

/// Where a message went.
package struct Delivered: Sendable {
    package let mailbox: MailboxID
    package let uid: UID
    package let uidValidity: UIDValidity
    package let email: EmailID
}
