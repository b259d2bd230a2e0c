import SQLEngine

/// What is kept of messages after their removal, for as long as the settings say.
enum RemovedSchema {
    static let changes: [SchemaChange] = [
        .createTable(
            Table(
                "removed_entry",
                columns: [
                    .identity("id"),
                    .int("account_id").belonging(to: "account"),
                    // The mailbox it was in, which may be gone, and the path that had at the time.
                    .int("mailbox_id"),
                    .text("path"),
                    .int("uid"),
                    .int("email_id").referencing("email"),
                    .int("flags"),
                    // Separated by spaces.
                    .text("keywords"),
                    .int("internal_date"),
                    .int("zone"),
                    .int("size"),
                    .int("removed_at"),
                ])),
        .createIndex("removed_entry_account", on: "removed_entry", columns: ["account_id", "id"]),
        .createIndex("removed_entry_email", on: "removed_entry", columns: ["email_id"]),
        .createIndex("removed_entry_time", on: "removed_entry", columns: ["removed_at"]),
        // Which change number an account had at a time: tombstones have no time of their own.
        .createTable(
            Table(
                "modseq_mark",
                columns: [.int("account_id").belonging(to: "account"), .int("marked_at"), .int("modseq")],
                primaryKey: ["account_id", "marked_at"], clustered: true)),
        .createIndex("email_thread", on: "email", columns: ["account_id", "thread_id"]),
    ]
}

enum RemovedStatements {
    static let parent = SQLStatement("SELECT parent_id, name FROM mailbox WHERE id = $1")
    static let insert = SQLStatement(
        """
        INSERT INTO removed_entry (account_id, mailbox_id, path, uid, email_id, flags, keywords, internal_date, zone,
            size, removed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """)
    static let list = SQLStatement(
        """
        SELECT r.id, r.path, r.mailbox_id, r.email_id, e.thread_id, r.flags, r.keywords, r.internal_date, r.zone,
            r.size, r.removed_at, e.header, e.parsed, r.uid
        FROM removed_entry r JOIN email e ON e.id = r.email_id
        WHERE r.account_id = $1 AND r.id > $2 AND r.removed_at >= $3 AND r.removed_at <= $4 ORDER BY r.id LIMIT $5
        """)
    static let find = SQLStatement(
        """
        SELECT r.path, r.mailbox_id, r.email_id, e.thread_id, r.flags, r.keywords, r.internal_date, r.zone, r.size
        FROM removed_entry r JOIN email e ON e.id = r.email_id WHERE r.id = $1 AND r.account_id = $2
        """)
    static let delete = SQLStatement("DELETE FROM removed_entry WHERE id = $1")
    static let deleteAccount = SQLStatement("DELETE FROM removed_entry WHERE account_id = $1")
    static let expired = SQLStatement(
        "SELECT id, email_id FROM removed_entry WHERE removed_at < $1 ORDER BY removed_at LIMIT $2")

    // Tombstones
    static let accounts = SQLStatement(
        "SELECT account_id, modseq, purged_through FROM account_state WHERE account_id > $1 ORDER BY account_id LIMIT $2"
    )
    static let lastMark = SQLStatement(
        "SELECT marked_at, modseq FROM modseq_mark WHERE account_id = $1 ORDER BY marked_at DESC LIMIT 1")
    static let dueMark = SQLStatement(
        """
        SELECT modseq FROM modseq_mark WHERE account_id = $1 AND marked_at <= $2 ORDER BY marked_at DESC LIMIT 1
        """)
    static let insertMark = SQLStatement(
        """
        INSERT INTO modseq_mark (account_id, marked_at, modseq) VALUES ($1, $2, $3)
        ON CONFLICT (account_id, marked_at) DO UPDATE SET modseq = excluded.modseq
        """)
    static let deleteMarks = SQLStatement("DELETE FROM modseq_mark WHERE account_id = $1 AND modseq < $2")
    static let setPurged = SQLStatement(
        "UPDATE account_state SET purged_through = $2 WHERE account_id = $1 AND purged_through < $2")
    static let hasTombstones = SQLStatement(
        """
        SELECT 1 FROM expunged e JOIN mailbox m ON m.id = e.mailbox_id
        WHERE m.account_id = $1 AND e.modseq <= $2 LIMIT 1
        """)
    static let deleteTombstones = SQLStatement(
        """
        DELETE FROM expunged WHERE (mailbox_id, uid) IN (
            SELECT e.mailbox_id, e.uid FROM expunged e JOIN mailbox m ON m.id = e.mailbox_id
            WHERE m.account_id = $1 AND e.modseq <= $2 LIMIT $3)
        """)

    // Mailboxes that are gone, but for their tombstones
    static let countTombstones = SQLStatement(
        "SELECT COUNT(*) FROM (SELECT 1 FROM expunged WHERE mailbox_id = $1 LIMIT $2) AS found")
    static let bury = SQLStatement(
        """
        UPDATE mailbox SET parent_id = -1, name = CAST(id AS TEXT), selectable = 0, special_use = NULL, messages = 0,
            unseen = 0, deleted = 0, size = 0, highest_modseq = $2, changed_modseq = $2 WHERE id = $1
        """)
    static let buried = SQLStatement("SELECT id FROM mailbox WHERE parent_id = -1 ORDER BY id LIMIT 1")
    static let clearBuried = SQLStatement(
        """
        DELETE FROM expunged WHERE (mailbox_id, uid) IN (
            SELECT mailbox_id, uid FROM expunged WHERE mailbox_id = $1 LIMIT $2)
        """)

    // Threads
    static let references = SQLStatement(
        """
        SELECT account_id, hash, thread_id FROM thread_reference
        WHERE account_id = $1 AND hash > $2 ORDER BY hash LIMIT $3
        """)
    static let threadIsUsed = SQLStatement("SELECT 1 FROM email WHERE account_id = $1 AND thread_id = $2 LIMIT 1")
    static let deleteReference = SQLStatement("DELETE FROM thread_reference WHERE account_id = $1 AND hash = $2")

    static let all = [
        parent, insert, list, find, delete, deleteAccount, expired, accounts, lastMark, dueMark, insertMark,
        deleteMarks, setPurged, hasTombstones, deleteTombstones, countTombstones, bury, buried, clearBuried,
        references, threadIsUsed, deleteReference,
    ]
}
