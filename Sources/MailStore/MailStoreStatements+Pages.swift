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
        FROM entry LEFT JOIN email_structure s ON s.email_id = entry.email_id AND s.version = $5
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND modseq > $4 ORDER BY uid
        """)
    static let envelopeRows = SQLStatement(
        """
        SELECT uid, flags, modseq, internal_date, zone, size, envelope
        FROM entry LEFT JOIN email_envelope e ON e.email_id = entry.email_id AND e.version = $5
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND modseq > $4 ORDER BY uid
        """)
    static let textRows = SQLStatement(
        """
        SELECT uid, flags, modseq, internal_date, zone, size, envelope, structure
        FROM entry LEFT JOIN email_envelope e ON e.email_id = entry.email_id AND e.version = $5
            LEFT JOIN email_structure s ON s.email_id = entry.email_id AND s.version = $5
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
            AND (NOT EXISTS (SELECT 1 FROM email_envelope e WHERE e.email_id = entry.email_id AND e.version = $4)
                OR NOT EXISTS (SELECT 1 FROM email_structure s WHERE s.email_id = entry.email_id AND s.version = $4))
        ORDER BY uid LIMIT $5
        """)
    static let insertEnvelope = SQLStatement(
        """
        INSERT INTO email_envelope (email_id, version, envelope) VALUES ($1, $2, $3)
        ON CONFLICT (email_id) DO UPDATE SET version = $2, envelope = $3
        """)
    static let insertStructure = SQLStatement(
        """
        INSERT INTO email_structure (email_id, version, structure) VALUES ($1, $2, $3)
        ON CONFLICT (email_id) DO UPDATE SET version = $2, structure = $3
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
        flagRows, narrowRows, structureRows, envelopeRows, textRows, unseenUIDs, emailsWithoutText, insertEnvelope,
        insertStructure, emailPlace,
        insertTombstones, deleteEntryRun, deleteKeywordRun, deleteUnusedEmail,
    ]
}
