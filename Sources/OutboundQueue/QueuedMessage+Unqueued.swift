import Blobs
package import MailSyntax

extension QueuedMessage {
    /// A message that never stood in the queue, such as the test of a route.
    package init(
        unqueued id: MailID,
        reversePath: ReversePath,
        size: Int,
        bodyType: MessageBodyType = .sevenBit,
        smtpUTF8: Bool = false,
        envelopeID: String? = nil,
        dsnReturn: DSNReturn? = nil
    ) {
        self.init(
            id: id,
            reversePath: reversePath,
            blob: BlobID(key: BlobKey(rawValue: 0), random: 0),
            size: size,
            createdAt: Timestamp(seconds: 0),
            expiresAt: Timestamp(microseconds: .max),
            bodyType: bodyType,
            smtpUTF8: smtpUTF8,
            envelopeID: envelopeID,
            dsnReturn: dsnReturn,
            signFor: nil,
            isBounce: false,
            wantsDelayReport: false
        )
    }
}

extension QueuedRecipient {
    /// A recipient of such a message.
    ///
    /// - Parameter number: unlike those of its others.
    package init(
        unqueued number: Int64,
        message: MailID,
        address: EmailAddress,
        originalRecipient: String? = nil,
        notify: DSNNotify = .standard
    ) {
        self.init(
            id: RecipientID(rawValue: number),
            message: message,
            address: address,
            originalRecipient: originalRecipient,
            notify: notify,
            destination: address.domain?.ascii ?? "",
            nextAttemptAt: Timestamp(seconds: 0),
            attempts: 0,
            held: false,
            isLeased: true
        )
    }
}
