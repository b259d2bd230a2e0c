import SQLEngine

// What walks over mailboxes read.
extension MailStoreStatements {
    static let flagRows = SQLStatement(
        """
        SELECT uid, flags, modseq FROM entry WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND modseq > $4
        ORDER BY uid
        """)
    static let narrowRows = SQLStatement(
        """
        SELECT uid, flags, modseq, internal_date, zone, size FROM entry
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND modseq > $4 ORDER BY uid
        """)
    static let structureRows = SQLStatement(
        """
        SELECT uid, flags, modseq, structure
        FROM entry LEFT JOIN email_text ON email_text.email_id = entry.email_id AND version = $5
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND modseq > $4 ORDER BY uid
        """)
    static let textRows = SQLStatement(
        """
        SELECT uid, flags, modseq, internal_date, zone, size, envelope, structure
        FROM entry LEFT JOIN email_text ON email_text.email_id = entry.email_id AND version = $5
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND modseq > $4 ORDER BY uid
        """)
    // As flagScan; answered by the index entry_unread, whose condition it repeats.
    static let unseenUIDs = SQLStatement(
        """
        SELECT uid FROM entry WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND (flags & 1) = 0
            AND (flags & $4) = CAST($5 AS BIGINT)
        ORDER BY uid
        """)
    static let emailsWithoutText = SQLStatement(
        """
        SELECT entry.email_id, parsed FROM entry JOIN email ON email.id = entry.email_id
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3
            AND NOT EXISTS (SELECT 1 FROM email_text WHERE email_text.email_id = entry.email_id AND version = $4)
        ORDER BY uid LIMIT $5
        """)
    static let insertText = SQLStatement(
        """
        INSERT INTO email_text (email_id, version, envelope, structure) VALUES ($1, $2, $3, $4)
        ON CONFLICT (email_id) DO UPDATE SET version = $2, envelope = $3, structure = $4
        """)
    static let emailPlace = SQLStatement(
        "SELECT blob.id, random, blob.size FROM email JOIN blob ON blob.id = email.blob_id WHERE email.id = $1")

    // Runs of messages that leave a mailbox.
    static let insertTombstones = SQLStatement(
        """
        INSERT INTO expunged (mailbox_id, uid, modseq)
        SELECT mailbox_id, uid, CAST($4 AS BIGINT) FROM entry WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3
        """)
    static let deleteEntryRun = SQLStatement("DELETE FROM entry WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3")
    static let deleteKeywordRun = SQLStatement(
        "DELETE FROM entry_keyword WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3")
    static let deleteUnusedEmail = SQLStatement(
        """
        DELETE FROM email WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM entry WHERE email_id = $1)
            AND NOT EXISTS (SELECT 1 FROM removed_entry WHERE email_id = $1) RETURNING blob_id
        """)

    static let pageStatements = [
        flagRows, narrowRows, structureRows, textRows, unseenUIDs, emailsWithoutText, insertText, emailPlace,
        insertTombstones, deleteEntryRun, deleteKeywordRun, deleteUnusedEmail,
    ]
}
