package import SQLEngine

package enum DirectorySchema {
    package static let migrations = [
        Migration(
            "directory-1", [domain, account, alias, aliasTarget, credential, credentialIndex, dkimKey, revision]),
        Migration("directory-2", [membersSend, sendGrant]),
        Migration("directory-3", [domainKind]),
        Migration("directory-4", keyRotation),
        Migration("directory-login-1", [serverSecret]),
    ]

    /// Random octets that this server, and every node of it, makes things with that must stay the same.
    private static let serverSecret = SchemaChange.createTable(
        Table(
            "server_secret", columns: [.text("name"), .text("value"), .int("created_at")], primaryKey: ["name"]))

    /// Whether those who get an alias' mail may send as it.
    private static let membersSend = SchemaChange.addColumn(
        .int("members_send").defaulting(to: "0").checking("members_send IN (0, 1)"), to: "alias")

    /// What an account may send as beside its own addresses: an address, or `@domain`.
    private static let sendGrant = SchemaChange.createTable(
        Table(
            "send_grant",
            columns: [
                .int("account_id").belonging(to: "account"), .text("folded_sender"), .text("sender"),
                .int("created_at"),
            ],
            primaryKey: ["account_id", "folded_sender"]))

    private static let domain = SchemaChange.createTable(
        Table(
            "domain",
            columns: [.identity("id"), .text("name"), .text("catch_all").nullable, .int("created_at")],
            unique: [["name"]]))

    private static let domainKind = SchemaChange.addColumn(
        .text("kind").defaulting(to: "'hosted'").checking("kind IN ('hosted', 'send-only')"), to: "domain")

    private static let account = SchemaChange.createTable(
        Table(
            "account",
            columns: [
                .identity("id"),
                .int("domain_id").referencing("domain"),
                .text("folded_address"),
                .text("address"),
                .text("name").nullable,
                .int("enabled").checking("enabled IN (0, 1)"),
                .int("quota").nullable.checking("quota >= 0"),
                .int("created_at"),
            ],
            unique: [["folded_address"]]))

    private static let alias = SchemaChange.createTable(
        Table(
            "alias",
            columns: [
                .identity("id"),
                .int("domain_id").referencing("domain"),
                .text("folded_address"),
                .text("address"),
                .int("created_at"),
            ],
            unique: [["folded_address"]]))

    private static let aliasTarget = SchemaChange.createTable(
        Table(
            "alias_target",
            columns: [.int("alias_id").belonging(to: "alias"), .int("position"), .text("address")],
            primaryKey: ["alias_id", "position"]))

    private static let credential = SchemaChange.createTable(
        Table(
            "credential",
            columns: [
                .identity("id"),
                .int("account_id").belonging(to: "account"),
                .text("kind").checking("kind IN ('password', 'scram-sha-256')"),
                .text("value"),
                .text("label"),
                .int("created_at"),
                .int("last_used_at").nullable,
            ]))

    private static let credentialIndex = SchemaChange.createIndex(
        "credential_account", on: "credential", columns: ["account_id"])

    private static let dkimKey = SchemaChange.createTable(
        Table(
            "dkim_key",
            columns: [
                .identity("id"),
                .int("domain_id").belonging(to: "domain"),
                .text("selector"),
                .text("algorithm").checking("algorithm IN ('rsa', 'ed25519')"),
                .text("private_key"),
                .int("active").checking("active IN (0, 1)"),
                .int("created_at"),
            ],
            unique: [["domain_id", "selector"]]))

    /// The life of a key instead of a flag; what the DNS last said of it. A domain has one next key of an algorithm.
    private static let keyRotation: [SchemaChange] = [
        .addColumn(
            .text("state").defaulting(to: "'active'")
                .checking("state IN ('next', 'active', 'retiring', 'retired')"), to: "dkim_key"),
        .addColumn(.int("state_since").defaulting(to: "0"), to: "dkim_key"),
        .addColumn(.text("public_record").defaulting(to: "''"), to: "dkim_key"),
        .addColumn(.int("seen_at").nullable, to: "dkim_key"),
        .addColumn(.text("seen_answer").nullable, to: "dkim_key"),
        .addColumn(.int("seen_absent").defaulting(to: "0").checking("seen_absent IN (0, 1)"), to: "dkim_key"),
        .run(
            SQLStatement(
                """
                UPDATE dkim_key SET state_since = created_at,
                state = CASE WHEN active = 1 THEN 'active' ELSE 'retiring' END
                """)),
        .run(SQLStatement("ALTER TABLE dkim_key DROP COLUMN active")),
        .createIndex(
            "dkim_key_next", on: "dkim_key", columns: ["domain_id", "algorithm"], unique: true, where: "state = 'next'"
        ),
    ]

    private static let revision = SchemaChange.createTable(
        Table(
            "directory_revision",
            columns: [.identity("id"), .text("author"), .text("change"), .int("created_at")]))
}

package enum DirectoryStatements {
    static let domains = SQLStatement("SELECT id, name, catch_all, created_at, kind FROM domain ORDER BY id")
    static let accounts = SQLStatement(
        "SELECT id, address, name, enabled, quota, created_at FROM account ORDER BY id")
    static let aliases = SQLStatement(
        """
        SELECT alias.id, alias.address, alias_target.address, alias.members_send FROM alias
        JOIN alias_target ON alias_target.alias_id = alias.id
        ORDER BY alias.id, alias_target.position
        """)
    static let dkimKeys = SQLStatement(
        """
        SELECT dkim_key.id, domain.name, selector, algorithm, private_key, public_record, state, state_since,
        dkim_key.created_at FROM dkim_key JOIN domain ON domain.id = dkim_key.domain_id ORDER BY dkim_key.id
        """)
    static let latestRevision = SQLStatement("SELECT COALESCE(MAX(id), 0) FROM directory_revision")
    static let insertRevision = SQLStatement(
        "INSERT INTO directory_revision (author, change, created_at) VALUES ($1, $2, $3)")
    static let insertDomain = SQLStatement(
        "INSERT INTO domain (name, catch_all, kind, created_at) VALUES ($1, $2, $3, $4) RETURNING id")
    static let findDomain = SQLStatement("SELECT id FROM domain WHERE name = $1")
    static let setKind = SQLStatement("UPDATE domain SET kind = $2 WHERE name = $1")
    static let setCatchAll = SQLStatement("UPDATE domain SET catch_all = $2 WHERE name = $1")
    static let deleteDomain = SQLStatement("DELETE FROM domain WHERE name = $1")
    static let insertAccount = SQLStatement(
        """
        INSERT INTO account (domain_id, folded_address, address, name, enabled, quota, created_at)
        VALUES ($1, $2, $3, $4, 1, $5, $6) RETURNING id
        """)
    static let setEnabled = SQLStatement("UPDATE account SET enabled = $2 WHERE id = $1")
    static let setQuota = SQLStatement("UPDATE account SET quota = $2 WHERE id = $1")
    static let deleteAccount = SQLStatement("DELETE FROM account WHERE id = $1")
    static let insertAlias = SQLStatement(
        """
        INSERT INTO alias (domain_id, folded_address, address, members_send, created_at)
        VALUES ($1, $2, $3, $4, $5) RETURNING id
        """)
    static let insertAliasTarget = SQLStatement(
        "INSERT INTO alias_target (alias_id, position, address) VALUES ($1, $2, $3)")
    static let setMembersSend = SQLStatement("UPDATE alias SET members_send = $2 WHERE id = $1")
    static let sendGrants = SQLStatement("SELECT account_id, sender FROM send_grant ORDER BY account_id, folded_sender")
    static let insertSendGrant = SQLStatement(
        """
        INSERT INTO send_grant (account_id, folded_sender, sender, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id, folded_sender) DO NOTHING
        """)
    static let deleteSendGrant = SQLStatement("DELETE FROM send_grant WHERE account_id = $1 AND folded_sender = $2")
    static let deleteGrantsOfSender = SQLStatement("DELETE FROM send_grant WHERE folded_sender = $1")
    static let deleteAlias = SQLStatement("DELETE FROM alias WHERE id = $1")
    static let insertKey = SQLStatement(
        """
        INSERT INTO dkim_key (domain_id, selector, algorithm, private_key, state, state_since, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6)
        """)
    static let setKeyState = SQLStatement("UPDATE dkim_key SET state = $2, state_since = $3 WHERE id = $1")
    static let retireKey = SQLStatement(
        """
        UPDATE dkim_key SET state = 'retired', state_since = $2, private_key = '', public_record = $3,
        seen_at = NULL, seen_answer = NULL, seen_absent = 0 WHERE id = $1
        """)
    static let deleteKey = SQLStatement("DELETE FROM dkim_key WHERE id = $1")
    static let noteKeySeen = SQLStatement(
        "UPDATE dkim_key SET seen_at = $2, seen_answer = $3, seen_absent = $4 WHERE id = $1")
    static let keysSeen = SQLStatement(
        "SELECT id, seen_at, seen_answer, seen_absent FROM dkim_key WHERE seen_at IS NOT NULL ORDER BY id")
    static let credentials = SQLStatement(
        "SELECT id, kind, value, label, created_at, last_used_at FROM credential WHERE account_id = $1 ORDER BY id")
    static let insertCredential = SQLStatement(
        """
        INSERT INTO credential (account_id, kind, value, label, created_at) VALUES ($1, $2, $3, $4, $5)
        RETURNING id
        """)
    static let deleteCredential = SQLStatement("DELETE FROM credential WHERE id = $1")
    static let deleteLabelled = SQLStatement("DELETE FROM credential WHERE account_id = $1 AND label = $2")
    static let insertSecret = SQLStatement(
        "INSERT INTO server_secret (name, value, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING")
    static let secret = SQLStatement("SELECT value FROM server_secret WHERE name = $1")
    static let touchCredential = SQLStatement("UPDATE credential SET last_used_at = $2 WHERE id = $1")

    package static let all = [
        domains, accounts, aliases, dkimKeys, latestRevision, insertRevision, insertDomain, findDomain, setKind,
        setCatchAll, deleteDomain, insertAccount, setEnabled, setQuota, deleteAccount, insertAlias, insertAliasTarget,
        deleteAlias, setMembersSend, sendGrants, insertSendGrant, deleteSendGrant, deleteGrantsOfSender, insertKey,
        setKeyState, retireKey, deleteKey, noteKeySeen, keysSeen, credentials, insertCredential, deleteCredential,
        deleteLabelled, touchCredential, insertSecret, secret,
    ]
}
