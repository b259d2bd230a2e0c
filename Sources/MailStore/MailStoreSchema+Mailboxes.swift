import SQLEngine

/// What mailboxes have beside their messages.
extension MailStoreSchema {
    /// Who else may use a mailbox, and what finds messages marked \Deleted without reading the others.
    static let mailboxesAccess: [SchemaChange] = [
        .createTable(
            Table(
                "mailbox_acl",
                columns: [
                    .int("mailbox_id").belonging(to: "mailbox"),
                    // 0 is anyone.
                    .int("grantee_id"),
                    // Whether the rights are taken away instead. RFC 4314 §2
                    .int("negative").checking("negative IN (0, 1)"),
                    .int("rights"),
                ],
                primaryKey: ["mailbox_id", "grantee_id", "negative"], clustered: true)),
        .createIndex("mailbox_acl_grantee", on: "mailbox_acl", columns: ["grantee_id", "mailbox_id"]),
        .createIndex(
            "entry_deleted", on: "entry", columns: ["mailbox_id", "uid", "size"], where: "(flags & 8) = 8"),
    ]

    /// Annotations (RFC 5464), and which keywords a mailbox knows.
    static let mailboxesAnnotations: [SchemaChange] = [
        .createTable(
            Table(
                "mailbox_annotation",
                columns: [
                    .int("mailbox_id").belonging(to: "mailbox"),
                    // Whose private value it is; 0 is everybody's.
                    .int("account_id"),
                    .text("entry"),
                    .blob("value"),
                ],
                primaryKey: ["mailbox_id", "account_id", "entry"])),
        .createTable(
            Table(
                "server_annotation",
                columns: [.int("account_id").belonging(to: "account"), .text("entry"), .blob("value")],
                primaryKey: ["account_id", "entry"])),
        // What FLAGS lists, so that nobody looks through the messages for it.
        .createTable(
            Table(
                "mailbox_keyword",
                columns: [.int("mailbox_id").belonging(to: "mailbox"), .text("folded"), .text("keyword")],
                primaryKey: ["mailbox_id", "folded"], clustered: true)),
        .run(
            SQLStatement(
                """
                INSERT INTO mailbox_keyword (mailbox_id, folded, keyword)
                SELECT mailbox_id, lower(keyword), MIN(keyword) FROM entry_keyword GROUP BY mailbox_id, lower(keyword)
                """)),
    ]
}
