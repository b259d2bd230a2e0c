package import SQLEngine

/// Every statement of the mail store.
package enum MailStoreStatements {
    // Accounts
    static let insertAccountState = SQLStatement(
        """
        INSERT INTO account_state (account_id, modseq, used, messages, last_uid_validity, purged_through)
        VALUES ($1, 1, 0, 0, $2, 0) ON CONFLICT (account_id) DO NOTHING
        """)
    static let accountState = SQLStatement(
        "SELECT used, messages, modseq, purged_through FROM account_state WHERE account_id = $1")
    static let bumpModSeq = SQLStatement(
        """
        UPDATE account_state SET modseq = modseq + 1, used = used + $2, messages = messages + $3
        WHERE account_id = $1 RETURNING modseq
        """)
    static let nextUIDValidity = SQLStatement(
        """
        UPDATE account_state SET last_uid_validity =
            CASE WHEN last_uid_validity >= $2 THEN last_uid_validity + 1 ELSE CAST($2 AS BIGINT) END
        WHERE account_id = $1 RETURNING last_uid_validity
        """)

    // Mailboxes
    static let mailboxes = SQLStatement(
        """
        SELECT id, parent_id, name, special_use, selectable, uid_validity, uid_next, recent_from, messages, unseen,
            deleted, size, highest_modseq
        FROM mailbox WHERE account_id = $1 AND parent_id >= 0
        """)
    static let mailbox = SQLStatement(
        """
        SELECT account_id, uid_validity, uid_next, recent_from, messages, unseen, highest_modseq, selectable
        FROM mailbox WHERE id = $1
        """)
    static let inbox = SQLStatement(
        "SELECT id FROM mailbox WHERE account_id = $1 AND parent_id = 0 AND name = 'INBOX'")
    static let insertMailbox = SQLStatement(
        """
        INSERT INTO mailbox (account_id, parent_id, name, special_use, selectable, uid_validity, uid_next, recent_from,
            messages, unseen, deleted, size, highest_modseq, created_modseq, changed_modseq)
        VALUES ($1, $2, $3, $4, 1, $5, 1, 1, 0, 0, 0, 0, $6, $6, $6) RETURNING id
        """)
    // UIDs go on: a session that still has the old mailbox selected knows it by the same row, and must not find another
    // message behind a UID that it was told of.
    static let reviveMailbox = SQLStatement(
        """
        UPDATE mailbox SET selectable = 1, uid_validity = $2, special_use = $3, recent_from = uid_next,
            changed_modseq = $4 WHERE id = $1
        """)
    static let hideMailbox = SQLStatement(
        """
        UPDATE mailbox SET selectable = 0, special_use = NULL, messages = 0, unseen = 0, deleted = 0, size = 0,
            highest_modseq = $2, changed_modseq = $2 WHERE id = $1
        """)
    static let deleteMailbox = SQLStatement("DELETE FROM mailbox WHERE id = $1")
    static let deleteAccountMailboxes = SQLStatement("DELETE FROM mailbox WHERE account_id = $1")
    static let deleteAccountEmails = SQLStatement("DELETE FROM email WHERE account_id = $1")
    static let moveMailbox = SQLStatement(
        "UPDATE mailbox SET parent_id = $2, name = $3, changed_modseq = $4 WHERE id = $1")
    static let addToMailbox = SQLStatement(
        """
        UPDATE mailbox SET uid_next = uid_next + $2, messages = messages + $2, unseen = unseen + $3,
            deleted = deleted + $4, size = size + $5, highest_modseq = $6
        WHERE id = $1 AND selectable = 1 RETURNING uid_next, uid_validity
        """)
    static let adjustMailbox = SQLStatement(
        """
        UPDATE mailbox SET messages = messages + $2, unseen = unseen + $3, deleted = deleted + $4, size = size + $5,
            highest_modseq = $6
        WHERE id = $1
        """)
    static let claimRecent = SQLStatement("UPDATE mailbox SET recent_from = uid_next WHERE id = $1")
    static let subscribe = SQLStatement(
        "INSERT INTO subscription (account_id, path) VALUES ($1, $2) ON CONFLICT (account_id, path) DO NOTHING")
    static let unsubscribe = SQLStatement("DELETE FROM subscription WHERE account_id = $1 AND path = $2")
    static let subscriptions = SQLStatement("SELECT path FROM subscription WHERE account_id = $1 ORDER BY path")

    // Emails and entries
    static let insertEmail = SQLStatement(
        """
        INSERT INTO email (id, account_id, thread_id, blob_id, size, sent_at, header, parsed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """)
    static let emailBlob = SQLStatement("SELECT blob_id FROM email WHERE id = $1")
    static let accountBlobs = SQLStatement("SELECT blob_id FROM email WHERE account_id = $1")
    static let insertEntry = SQLStatement(
        """
        INSERT INTO entry (mailbox_id, uid, email_id, thread_id, flags, modseq, created_modseq, internal_date, zone,
            saved_at, size)
        VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10)
        """)
    static let insertKeyword = SQLStatement(
        "INSERT INTO entry_keyword (mailbox_id, uid, keyword) VALUES ($1, $2, $3)")
    static let deleteKeywords = SQLStatement("DELETE FROM entry_keyword WHERE mailbox_id = $1 AND uid = $2")
    static let flagScan = SQLStatement(
        """
        SELECT uid FROM entry
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND (flags & $4) = CAST($5 AS BIGINT) ORDER BY uid
        """)
    static let emailHeader = SQLStatement("SELECT header FROM email WHERE id = $1")
    static let sortRows = SQLStatement(
        """
        SELECT uid, email_id, internal_date, size FROM entry
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 ORDER BY uid
        """)
    static let uidScan = SQLStatement("SELECT uid, flags FROM entry WHERE mailbox_id = $1 ORDER BY uid")
    static let rows = SQLStatement(
        """
        SELECT uid, email_id, thread_id, flags, modseq, internal_date, zone, size, saved_at FROM entry
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND modseq > $4 ORDER BY uid LIMIT $5
        """)
    static let indexedRows = SQLStatement(
        """
        SELECT uid, email_id, entry.thread_id, flags, modseq, internal_date, zone, entry.size, saved_at, header, parsed
        FROM entry JOIN email ON email.id = entry.email_id
        WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3 AND modseq > $4 ORDER BY uid LIMIT $5
        """)
    // The numbers of a row that is compared are those of the index behind mailbox_id, so that a page is a walk of it.
    static let changedRows = SQLStatement(
        """
        SELECT uid, email_id, thread_id, flags, modseq, internal_date, zone, size, saved_at FROM entry
        WHERE mailbox_id = $1 AND (modseq, uid) > ($2, $3) AND modseq <= $4 AND uid <= $5
        ORDER BY modseq, uid LIMIT $6
        """)
    static let arrivals = SQLStatement("SELECT uid FROM entry WHERE mailbox_id = $1 AND uid > $2 ORDER BY uid")
    static let keywords = SQLStatement(
        """
        SELECT uid, keyword FROM entry_keyword WHERE mailbox_id = $1 AND uid >= $2 AND uid <= $3
        ORDER BY uid, keyword
        """)
    static let mailboxKeywords = SQLStatement(
        "SELECT keyword FROM mailbox_keyword WHERE mailbox_id = $1 ORDER BY keyword")
    static let setFlags = SQLStatement(
        "UPDATE entry SET flags = $3, modseq = $4 WHERE mailbox_id = $1 AND uid = $2")
    static let setPOP3UIDL = SQLStatement(
        "UPDATE entry SET pop3_uidl = $3 WHERE mailbox_id = $1 AND uid = $2")
    static let pop3Entries = SQLStatement(
        "SELECT uid, size, pop3_uidl FROM entry WHERE mailbox_id = $1 AND uid >= $2 ORDER BY uid LIMIT $3")
    static let entryBlob = SQLStatement(
        "SELECT blob_id FROM entry JOIN email ON email.id = entry.email_id WHERE mailbox_id = $1 AND uid = $2")
    // `uid + 0`: ordered by plain uid, SQLite walks the whole mailbox to save the sort instead of using the modseq index.
    static let expungedSince = SQLStatement(
        "SELECT uid FROM expunged WHERE mailbox_id = $1 AND modseq > $2 ORDER BY uid + 0")
    static let deletedUIDs = SQLStatement(
        "SELECT uid FROM entry WHERE mailbox_id = $1 AND (flags & 8) = 8 ORDER BY uid")
    static let emailsAfter = SQLStatement("SELECT id FROM email WHERE id > $1 ORDER BY id LIMIT $2")
    static let emailAccountsAfter = SQLStatement(
        "SELECT id, account_id FROM email WHERE id > $1 ORDER BY id LIMIT $2")
    static let emailForIndexing = SQLStatement("SELECT blob_id, header, parsed, account_id FROM email WHERE id = $1")

    // Threads
    static let findThread = SQLStatement(
        "SELECT thread_id FROM thread_reference WHERE account_id = $1 AND hash = $2")
    static let insertThreadReference = SQLStatement(
        """
        INSERT INTO thread_reference (account_id, hash, thread_id) VALUES ($1, $2, $3)
        ON CONFLICT (account_id, hash) DO NOTHING
        """)

    private static let general = [
        insertAccountState, accountState, bumpModSeq, nextUIDValidity, mailboxes, mailbox, inbox, insertMailbox,
        reviveMailbox, hideMailbox, deleteMailbox, deleteAccountMailboxes, deleteAccountEmails, moveMailbox,
        addToMailbox, adjustMailbox, claimRecent, subscribe, unsubscribe, subscriptions, insertEmail, emailBlob,
        accountBlobs, insertEntry, insertKeyword, deleteKeywords, uidScan, rows, indexedRows,
        changedRows, arrivals, keywords, mailboxKeywords, setFlags, expungedSince,
        deletedUIDs, emailsAfter, emailAccountsAfter, emailForIndexing, findThread, insertThreadReference, setPOP3UIDL,
        pop3Entries, entryBlob,
    ]

    package static let all =
        general + mailboxStatements + MovingStatements.all + SortKeyStatements.all
        + [sortRows, flagScan, emailHeader] + pageStatements + RemovedStatements.all + CheckStatements.all
}
