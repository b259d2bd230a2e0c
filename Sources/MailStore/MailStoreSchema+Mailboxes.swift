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
}
