import SQLEngine

/// Every statement of the checks.
enum CheckStatements {
    static let count = SQLStatement(
        """
        SELECT COUNT(*), COALESCE(SUM(1 - (flags & 1)), 0), COALESCE(SUM((flags & 8) / 8), 0), COALESCE(SUM(size), 0)
        FROM entry WHERE mailbox_id = $1
        """)
    static let stored = SQLStatement("SELECT messages, unseen, deleted, size FROM mailbox WHERE id = $1")
    static let setCounts = SQLStatement(
        "UPDATE mailbox SET messages = $2, unseen = $3, deleted = $4, size = $5 WHERE id = $1")
    static let usage = SQLStatement(
        """
        SELECT COALESCE(SUM(e.size), 0), COUNT(*) FROM entry e JOIN mailbox m ON m.id = e.mailbox_id
        WHERE m.account_id = $1
        """)
    static let setUsage = SQLStatement(
        """
        UPDATE account_state SET
            used = (SELECT COALESCE(SUM(e.size), 0) FROM entry e JOIN mailbox m ON m.id = e.mailbox_id
                WHERE m.account_id = $1),
            messages = (SELECT COUNT(*) FROM entry e JOIN mailbox m ON m.id = e.mailbox_id WHERE m.account_id = $1)
        WHERE account_id = $1
        """)

    // Mailboxes
    static let lostMailboxes = SQLStatement(
        """
        SELECT id, name, messages FROM mailbox m WHERE account_id = $1 AND parent_id > 0
            AND NOT EXISTS (SELECT 1 FROM mailbox p WHERE p.id = m.parent_id AND p.account_id = m.account_id)
        ORDER BY id
        """)
    static let numbersAreWrong = SQLStatement(
        """
        SELECT 1 FROM mailbox m WHERE id = $1 AND (
            uid_next <= COALESCE((SELECT MAX(uid) FROM entry WHERE mailbox_id = $1), 0)
            OR uid_next <= COALESCE((SELECT MAX(uid) FROM expunged WHERE mailbox_id = $1), 0)
            OR highest_modseq < COALESCE((SELECT MAX(modseq) FROM entry WHERE mailbox_id = $1), 0))
        """)
    static let setNumbers = SQLStatement(
        """
        UPDATE mailbox SET
            uid_next = (SELECT MAX(n) FROM (
                SELECT uid_next AS n FROM mailbox WHERE id = $1
                UNION ALL SELECT COALESCE(MAX(uid), 0) + 1 FROM entry WHERE mailbox_id = $1
                UNION ALL SELECT COALESCE(MAX(uid), 0) + 1 FROM expunged WHERE mailbox_id = $1) AS numbers),
            highest_modseq = (SELECT MAX(n) FROM (
                SELECT highest_modseq AS n FROM mailbox WHERE id = $1
                UNION ALL SELECT COALESCE(MAX(modseq), 0) FROM entry WHERE mailbox_id = $1) AS numbers)
        WHERE id = $1
        """)
    static let accountNumbersAreWrong = SQLStatement(
        """
        SELECT 1 FROM account_state WHERE account_id = $1 AND (
            modseq < COALESCE((SELECT MAX(highest_modseq) FROM mailbox WHERE account_id = $1), 0)
            OR last_uid_validity < COALESCE((SELECT MAX(uid_validity) FROM mailbox WHERE account_id = $1), 0))
        """)
    static let setAccountNumbers = SQLStatement(
        """
        UPDATE account_state SET
            modseq = (SELECT MAX(n) FROM (
                SELECT modseq AS n FROM account_state WHERE account_id = $1
                UNION ALL SELECT COALESCE(MAX(highest_modseq), 0) FROM mailbox WHERE account_id = $1) AS numbers),
            last_uid_validity = (SELECT MAX(n) FROM (
                SELECT last_uid_validity AS n FROM account_state WHERE account_id = $1
                UNION ALL SELECT COALESCE(MAX(uid_validity), 0) FROM mailbox WHERE account_id = $1) AS numbers)
        WHERE account_id = $1
        """)
    static let keywordsAreWrong = SQLStatement(
        """
        SELECT 1 FROM entry_keyword k WHERE mailbox_id = $1 AND (
            NOT EXISTS (SELECT 1 FROM entry e WHERE e.mailbox_id = k.mailbox_id AND e.uid = k.uid)
            OR NOT EXISTS (
                SELECT 1 FROM mailbox_keyword m WHERE m.mailbox_id = k.mailbox_id AND m.folded = lower(k.keyword)))
        LIMIT 1
        """)
    static let deleteStrayKeywords = SQLStatement(
        """
        DELETE FROM entry_keyword WHERE mailbox_id = $1 AND NOT EXISTS (
            SELECT 1 FROM entry e WHERE e.mailbox_id = entry_keyword.mailbox_id AND e.uid = entry_keyword.uid)
        """)
    static let noteKeywords = SQLStatement(
        """
        INSERT INTO mailbox_keyword (mailbox_id, folded, keyword)
        SELECT mailbox_id, lower(keyword), MIN(keyword) FROM entry_keyword WHERE mailbox_id = $1
        GROUP BY mailbox_id, lower(keyword)
        ON CONFLICT (mailbox_id, folded) DO NOTHING
        """)

    // Messages
    static let emails = SQLStatement(
        """
        SELECT e.id, e.blob_id, e.thread_id, e.size, e.sent_at, e.header, e.parsed, b.reference_count
        FROM email e LEFT JOIN blob b ON b.id = e.blob_id
        WHERE e.account_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3
        """)
    static let places = SQLStatement("SELECT mailbox_id, uid, size, thread_id FROM entry WHERE email_id = $1")
    static let removedPlaces = SQLStatement("SELECT path, uid FROM removed_entry WHERE email_id = $1")
    static let text = SQLStatement(
        """
        SELECT envelope, structure FROM email_envelope e JOIN email_structure s ON s.email_id = e.email_id
        WHERE e.email_id = $1 AND e.version = $2 AND s.version = $2
        """)
    static let setEmail = SQLStatement(
        "UPDATE email SET size = $2, sent_at = $3, header = $4, parsed = $5 WHERE id = $1")
    static let setEntries = SQLStatement("UPDATE entry SET size = $2, thread_id = $3 WHERE email_id = $1")
    static let holdBlob = SQLStatement(
        "UPDATE blob SET reference_count = 1, unreferenced_at = NULL WHERE id = $1 AND reference_count = 0")
    static let savedBefore = SQLStatement(
        "SELECT uid FROM entry WHERE mailbox_id = $1 AND saved_at < $2 AND uid > $3 ORDER BY uid LIMIT $4")

    static let all = [
        count, stored, setCounts, usage, setUsage, lostMailboxes, numbersAreWrong, setNumbers, accountNumbersAreWrong,
        setAccountNumbers, keywordsAreWrong, deleteStrayKeywords, noteKeywords, emails, places, removedPlaces, text,
        setEmail, setEntries, holdBlob, savedBefore,
    ]
}
