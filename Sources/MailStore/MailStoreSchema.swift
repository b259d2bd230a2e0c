package import SQLEngine

package enum MailStoreSchema {
    package static let migrations = [
        Migration(
            "mailstore-1",
            [
                accountState, mailbox, mailboxName, subscription, email, emailAccount, entry, entryModSeq, entryEmail,
                entryKeyword, expunged, expungedModSeq, threadReference,
            ]),
        Migration("mailstore-pop3-1", [entryUIDL]),
        Migration("mailstore-mailboxes-1", mailboxesAccess),
        Migration("mailstore-moving-1", MovingSchema.changes),
        Migration("mailstore-mailboxes-2", mailboxesAnnotations),
        Migration(
            "mailstore-search-1",
            [
                .createTable(SortKeyRows.narrow), .createTable(SortKeyRows.wide), .createTable(SortKeyRows.progress),
            ]),
        Migration("mailstore-perf-1", [emailText, entryUnseen]),
        Migration("mailstore-perf-2", [.run(SQLStatement("DROP INDEX entry_unseen")), entryUnread]),
        Migration("mailstore-sent-1", [sentCopy]),
        Migration("mailstore-mailboxes-3", RemovedSchema.changes),
        Migration("mailstore-perf-3", structuresApart),
    ]

    /// Copies that the server itself made of what was sent, by a hash of the message's id, for a day.
    private static let sentCopy = SchemaChange.createTable(
        Table(
            "sent_copy",
            columns: [.int("mailbox_id").belonging(to: "mailbox"), .int("hash"), .int("uid"), .int("saved_at")],
            primaryKey: ["mailbox_id", "hash"], clustered: true))

    /// The unique id that another server gave POP3 clients, of messages that came from it.
    private static let entryUIDL = SchemaChange.addColumn(.text("pop3_uidl").nullable, to: "entry")

    private static let accountState = SchemaChange.createTable(
        Table(
            "account_state",
            columns: [
                .int("account_id").belonging(to: "account"),
                .int("modseq"),
                .int("used").checking("used >= 0"),
                .int("messages").checking("messages >= 0"),
                .int("last_uid_validity"),
                .int("purged_through"),
            ],
            primaryKey: ["account_id"]))

    // Counts stand in the mailbox's row: each change of an entry moves them in the same transaction.
    private static let mailbox = SchemaChange.createTable(
        Table(
            "mailbox",
            columns: [
                .identity("id"),
                .int("account_id").belonging(to: "account"),
                .int("parent_id").defaulting(to: "0"),
                .text("name"),
                .text("special_use").nullable,
                .int("selectable").checking("selectable IN (0, 1)"),
                .int("uid_validity"),
                .int("uid_next").checking("uid_next BETWEEN 1 AND 4294967296"),
                .int("recent_from"),
                .int("messages").checking("messages >= 0"),
                .int("unseen").checking("unseen >= 0"),
                .int("deleted").checking("deleted >= 0"),
                .int("size").checking("size >= 0"),
                .int("highest_modseq"),
                .int("created_modseq"),
                .int("changed_modseq"),
            ],
            unique: [["account_id", "parent_id", "name"]]))

    private static let mailboxName = SchemaChange.createIndex(
        "mailbox_special_use", on: "mailbox", columns: ["account_id", "special_use"], unique: true,
        where: "special_use IS NOT NULL")

    private static let subscription = SchemaChange.createTable(
        Table(
            "subscription",
            columns: [.int("account_id").belonging(to: "account"), .text("path")],
            primaryKey: ["account_id", "path"], clustered: true))

    private static let email = SchemaChange.createTable(
        Table(
            "email",
            columns: [
                .int("id"),
                .int("account_id").belonging(to: "account"),
                .int("thread_id"),
                .int("blob_id"),
                .int("size").checking("size >= 0"),
                .int("sent_at").nullable,
                .blob("header"),
                .blob("parsed"),
            ],
            primaryKey: ["id"]))

    // What FETCH tells of a whole mailbox, as it is sent. Apart from the email, whose header makes its rows wide: two of
    // them fill a page, of these eight. Rows of older emails, or of another version, are made when they are asked for.
    private static let emailText = SchemaChange.createTable(
        Table(
            "email_text",
            columns: [.int("email_id").belonging(to: "email"), .int("version"), .blob("envelope"), .blob("structure")],
            primaryKey: ["email_id"]))

    // Structures are asked for alone, and are short: twenty of them fill a page, of rows with both texts five.
    private static let structuresApart: [SchemaChange] = [
        .createTable(
            Table(
                "email_structure",
                columns: [.int("email_id").belonging(to: "email"), .int("version"), .blob("structure")],
                primaryKey: ["email_id"])),
        .run(
            SQLStatement(
                """
                INSERT INTO email_structure (email_id, version, structure)
                SELECT email_id, version, structure FROM email_text
                """)),
        .run(SQLStatement("ALTER TABLE email_text DROP COLUMN structure")),
        .run(SQLStatement("ALTER TABLE email_text RENAME TO email_envelope")),
    ]

    // Unread mail is what clients ask for most, and there is little of it.
    private static let entryUnseen = SchemaChange.createIndex(
        "entry_unseen", on: "entry", columns: ["mailbox_id", "uid"], where: "(flags & 1) = 0")

    // With the flags in it: an index that leads back to the row for them is passed over for the rows themselves.
    private static let entryUnread = SchemaChange.createIndex(
        "entry_unread", on: "entry", columns: ["mailbox_id", "uid", "flags"], where: "(flags & 1) = 0")

    private static let emailAccount = SchemaChange.createIndex(
        "email_account", on: "email", columns: ["account_id", "id"])

    private static let entry = SchemaChange.createTable(
        Table(
            "entry",
            columns: [
                .int("mailbox_id").belonging(to: "mailbox"),
                .int("uid").checking("uid BETWEEN 1 AND 4294967295"),
                .int("email_id").referencing("email"),
                .int("thread_id"),
                .int("flags"),
                .int("modseq"),
                .int("created_modseq"),
                .int("internal_date"),
                .int("zone"),
                .int("saved_at"),
                .int("size"),
            ],
            primaryKey: ["mailbox_id", "uid"], clustered: true))

    private static let entryModSeq = SchemaChange.createIndex(
        "entry_modseq", on: "entry", columns: ["mailbox_id", "modseq"])
    private static let entryEmail = SchemaChange.createIndex("entry_email", on: "entry", columns: ["email_id"])

    private static let entryKeyword = SchemaChange.createTable(
        Table(
            "entry_keyword",
            columns: [.int("mailbox_id").belonging(to: "mailbox"), .int("uid"), .text("keyword")],
            primaryKey: ["mailbox_id", "uid", "keyword"], clustered: true))

    private static let expunged = SchemaChange.createTable(
        Table(
            "expunged",
            columns: [.int("mailbox_id").belonging(to: "mailbox"), .int("uid"), .int("modseq")],
            primaryKey: ["mailbox_id", "uid"], clustered: true))

    private static let expungedModSeq = SchemaChange.createIndex(
        "expunged_modseq", on: "expunged", columns: ["mailbox_id", "modseq"])

    // A 64-bit hash of each message-id seen in an account, and its thread.
    private static let threadReference = SchemaChange.createTable(
        Table(
            "thread_reference",
            columns: [.int("account_id").belonging(to: "account"), .int("hash"), .int("thread_id")],
            primaryKey: ["account_id", "hash"], clustered: true))
}
