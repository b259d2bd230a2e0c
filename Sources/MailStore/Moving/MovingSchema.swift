import SQLEngine

/// What remembers which messages of elsewhere a mailbox has taken in, so that each comes once however often an import is
/// interrupted and begun again.
enum MovingSchema {
    static let changes: [SchemaChange] = [.createTable(source), .createTable(message)]

    private static let source = Table(
        "moving_source",
        columns: [
            .int("mailbox_id").belonging(to: "mailbox"),
            .int("source"),
            // The mailbox's when the import began: another one means that the mailbox was deleted and made again since.
            .int("uid_validity"),
            .int("keeps_uids").checking("keeps_uids IN (0, 1)"),
            // UIDs below are the source's.
            .int("reserved_next"),
        ],
        primaryKey: ["mailbox_id", "source"], clustered: true)

    private static let message = Table(
        "moved_message",
        columns: [
            .int("mailbox_id").belonging(to: "mailbox"), .int("source"), .int("item"), .int("uid"),
        ],
        primaryKey: ["mailbox_id", "source", "item"], clustered: true)
}

enum MovingStatements {
    static let source = SQLStatement(
        "SELECT uid_validity, keeps_uids, reserved_next FROM moving_source WHERE mailbox_id = $1 AND source = $2")
    static let setSource = SQLStatement(
        """
        INSERT INTO moving_source (mailbox_id, source, uid_validity, keeps_uids, reserved_next)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (mailbox_id, source) DO UPDATE SET uid_validity = excluded.uid_validity,
            keeps_uids = excluded.keeps_uids, reserved_next = excluded.reserved_next
        """)
    static let forgetMessages = SQLStatement("DELETE FROM moved_message WHERE mailbox_id = $1 AND source = $2")
    static let head = SQLStatement(
        "SELECT uid_validity, uid_next, messages, special_use FROM mailbox WHERE id = $1 AND selectable = 1")
    static let reserve = SQLStatement(
        """
        UPDATE mailbox SET uid_validity = $2, uid_next = $3, recent_from = $3, highest_modseq = $4, changed_modseq = $4
        WHERE id = $1
        """)
    static let raiseNext = SQLStatement("UPDATE mailbox SET uid_next = $2 WHERE id = $1 AND uid_next < $2")
    static let noteValidity = SQLStatement(
        "UPDATE account_state SET last_uid_validity = $2 WHERE account_id = $1 AND last_uid_validity < $2")
    static let dropTombstones = SQLStatement("DELETE FROM expunged WHERE mailbox_id = $1")
    static let holderOfUse = SQLStatement(
        "SELECT id, messages, uid_next FROM mailbox WHERE account_id = $1 AND special_use = $2")
    static let setUse = SQLStatement("UPDATE mailbox SET special_use = $2, changed_modseq = $3 WHERE id = $1")
    static let items = SQLStatement(
        """
        SELECT item FROM moved_message WHERE mailbox_id = $1 AND source = $2 AND item > $3 ORDER BY item LIMIT $4
        """)
    static let isKnown = SQLStatement(
        "SELECT 1 FROM moved_message WHERE mailbox_id = $1 AND source = $2 AND item = $3")
    static let note = SQLStatement(
        "INSERT INTO moved_message (mailbox_id, source, item, uid) VALUES ($1, $2, $3, $4)")
    static let isTaken = SQLStatement("SELECT 1 FROM entry WHERE mailbox_id = $1 AND uid = $2")
    static let takeUID = SQLStatement(
        "UPDATE mailbox SET uid_next = uid_next + 1 WHERE id = $1 AND selectable = 1 RETURNING uid_next")

    static let all = [
        source, setSource, forgetMessages, head, reserve, raiseNext, noteValidity, dropTombstones, holderOfUse, setUse,
        items, isKnown, note, isTaken, takeUID,
    ]
}
