package import Directory
package import MailSyntax
package import SQLEngine

/// Statements about copies of what was sent.
package enum SentCopyStatements {
    static let sentMailbox = SQLStatement(
        "SELECT id FROM mailbox WHERE account_id = $1 AND special_use = 'sent' AND selectable = 1")
    static let insertCopy = SQLStatement(
        """
        INSERT INTO sent_copy (mailbox_id, hash, uid, saved_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (mailbox_id, hash) DO UPDATE SET uid = excluded.uid, saved_at = excluded.saved_at
        """)
    static let purgeCopies = SQLStatement("DELETE FROM sent_copy WHERE mailbox_id = $1 AND saved_at < $2")
    static let findCopy = SQLStatement(
        """
        SELECT entry.uid, mailbox.uid_validity FROM sent_copy
        JOIN entry ON entry.mailbox_id = sent_copy.mailbox_id AND entry.uid = sent_copy.uid
        JOIN mailbox ON mailbox.id = sent_copy.mailbox_id
        WHERE sent_copy.mailbox_id = $1 AND sent_copy.hash = $2 AND sent_copy.saved_at >= $3
        """)

    package static let all = [sentMailbox, insertCopy, purgeCopies, findCopy]
}

extension MailStore {
    /// How long after a message was sent a client's own copy of it counts as the same.
    private static let memory = Duration.seconds(86_400)

    /// Where an account keeps what it sent; nil when it has no such mailbox.
    package func sentMailbox(_ account: AccountID) async throws -> MailboxID? {
        try await database.read { reader in
            try reader.first(SentCopyStatements.sentMailbox, account) { MailboxID(rawValue: $0.int64(0)) }
        }
    }

    /// Files what an account sends, as read, inside the caller's transaction, whose blob row exists with its reference.
    package func fileSent(
        _ writer: any SQLWriter, _ message: PreparedMessage, email: EmailID, account: AccountID, mailbox: MailboxID,
        now: Timestamp
    ) throws -> Delivered {
        let delivered = try deliver(
            writer, message, email: email, account: account, mailbox: mailbox, flags: .seen, internalDate: now, now: now
        )
        if let hash = message.ownReference {
            try writer.execute(SentCopyStatements.purgeCopies, mailbox, now.adding(.zero - Self.memory))
            try writer.execute(SentCopyStatements.insertCopy, mailbox, hash, delivered.uid, now)
        }
        return delivered
    }

    /// The copy that the server itself made of a message that a client now puts into the same mailbox; nil for none.
    package func sentCopy(messageID: String, in mailbox: MailboxID) async throws -> AppendResult? {
        let since = clock.now().adding(.zero - Self.memory)
        return try await database.readBriefly { reader in
            try reader.first(SentCopyStatements.findCopy, mailbox, PreparedMessage.hash(messageID), since) { row in
                AppendResult(uidValidity: UIDValidity(rawValue: row.uint32(1)), uids: [UID(rawValue: row.uint32(0))])
            }
        }
    }
}
