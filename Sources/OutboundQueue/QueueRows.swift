import Blobs
import MailSyntax
import SQLEngine

/// Rows to values.
enum QueueRows {
    /// A message whose blob has no row is left out: there is nothing that could be sent.
    static func message(_ reader: any SQLReader, _ id: MailID) throws -> QueuedMessage? {
        guard let found = try reader.first(QueueStatements.message, id, map: { unresolved($0) }) else { return nil }
        return try resolved(reader, found)
    }

    static func messages(_ reader: any SQLReader, after id: MailID, limit: Int) throws -> [QueuedMessage] {
        let found = try reader.query(QueueStatements.messages, id, limit, map: { unresolved($0) })
        return try found.compactMap { try resolved(reader, $0) }
    }

    static func recipients(_ reader: any SQLReader, of id: MailID) throws -> [QueuedRecipient] {
        try reader.query(QueueStatements.recipients, id, map: { recipient($0) }).compactMap(\.self)
    }

    /// nil for an address that this version can't read, which no version writes.
    static func recipient(_ row: borrowing SQLRow) -> QueuedRecipient? {
        guard let address = EmailAddress(row.string(2)) else { return nil }
        var reply: DeliveryReply?
        if let text = row.optionalString(11) {
            let status = row.optionalString(10).flatMap { EnhancedStatusCode(parsing: $0) }
            reply = DeliveryReply(
                code: row.optionalInt64(9).map { Int($0) },
                status: status ?? EnhancedStatusCode(4, 0, 0),
                text: text,
                host: row.optionalString(12)
            )
        }
        return QueuedRecipient(
            id: RecipientID(rawValue: row.int64(0)),
            message: MailID(rawValue: row.int64(1)),
            address: address,
            originalRecipient: row.optionalString(3),
            notify: DSNNotify(rawValue: row.int(4)),
            destination: row.string(5),
            nextAttemptAt: row.timestamp(6),
            attempts: row.int(7),
            lastAttemptAt: row.optionalTimestamp(8),
            lastReply: reply,
            held: row.bool(13),
            isLeased: !row.isNull(14),
            route: row.optionalString(15),
            pinnedRoute: row.optionalString(16),
            lane: QueueLane(rawValue: row.int(17)) ?? .interactive,
            notBefore: row.optionalTimestamp(18),
            parkedOn: row.optionalString(19),
            mailbox: row.optionalInt64(20).map { QueuedMailbox(account: $0, tag: row.optionalString(21)) }
        )
    }

    private typealias Unresolved = (message: QueuedMessage, blob: BlobKey)

    private static func unresolved(_ row: borrowing SQLRow) -> Unresolved {
        let key = BlobKey(rawValue: row.int64(11))
        let message = QueuedMessage(
            id: MailID(rawValue: row.int64(0)),
            reversePath: ReversePath(row.string(1)) ?? .null,
            blob: BlobID(key: key, random: 0),
            size: row.int(2),
            createdAt: row.timestamp(3),
            expiresAt: row.timestamp(4),
            bodyType: MessageBodyType(rawValue: row.string(5)) ?? .eightBitMIME,
            smtpUTF8: row.bool(6),
            envelopeID: row.optionalString(7),
            dsnReturn: row.optionalString(8).flatMap { DSNReturn(rawValue: $0) },
            signFor: row.optionalString(9).flatMap(Self.author),
            isBounce: row.bool(10),
            wantsDelayReport: row.bool(12),
            login: row.optionalString(13),
            localPath: row.optionalString(14).flatMap { ReversePath($0) },
            futureRelease: row.optionalString(15),
            seal: seal(row),
            isJunk: row.bool(16),
            tlsDemand: TLSDemand(rawValue: row.int64(20)) ?? .required
        )
        return (message, key)
    }

    private static func seal(_ row: borrowing SQLRow) -> QueuedSeal? {
        guard let domain = row.optionalString(17).flatMap({ DomainName($0) }) else { return nil }
        return QueuedSeal(domain: domain, chain: row.optionalString(18), results: row.optionalString(19) ?? "")
    }

    /// Rows of earlier versions have the domain alone.
    private static func author(_ text: String) -> EmailAddress? {
        EmailAddress(text) ?? DomainName(text).map { EmailAddress(localPart: "postmaster", domain: $0) }
    }

    private static func resolved(_ reader: any SQLReader, _ found: Unresolved) throws -> QueuedMessage? {
        guard let blob = try BlobRows.find(reader, found.blob) else { return nil }
        var message = found.message
        message.blob = blob.id
        return message
    }
}
