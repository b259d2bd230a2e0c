package import SQLEngine

extension SearchIndex {
    package static let migrations = [
        Migration(
            "search-1",
            [
                .createTable(
                    Table("signature", columns: [.int("email_id"), .blob("bits")], primaryKey: ["email_id"]))
            ]),
        // The first form knew trigrams of octets, which say little of Chinese, and no accounts.
        Migration(
            "search-2",
            [
                .run(SQLStatement("DROP TABLE signature")),
                .createTable(
                    Table(
                        "indexed_email", columns: [.int("account_id"), .int("email_id")],
                        primaryKey: ["account_id", "email_id"], clustered: true)),
                .createTable(
                    Table(
                        "text_signature",
                        columns: [.int("account_id"), .int("width"), .int("email_id"), .blob("bits")],
                        primaryKey: ["account_id", "width", "email_id"], clustered: true)),
                .createTable(
                    Table(
                        "signature_block",
                        columns: [
                            .identity("id"), .int("account_id"), .int("width"), .int("first_email"), .int("last_email"),
                            .blob("emails"),
                        ])),
                .createIndex("signature_block_account", on: "signature_block", columns: ["account_id", "first_email"]),
                .createTable(
                    Table("signature_slice", columns: [.int("id"), .blob("bits")], primaryKey: ["id"])),
                .createTable(
                    Table("index_progress", columns: [.text("name"), .int("value")], primaryKey: ["name"])),
            ]),
    ]
}

/// Every statement of the text index, and those it asks of the mail store's tables.
package enum SearchIndexStatements {
    static let insertKnown = SQLStatement(
        """
        INSERT INTO indexed_email (account_id, email_id) VALUES ($1, $2)
        ON CONFLICT (account_id, email_id) DO NOTHING
        """)
    static let isKnown = SQLStatement("SELECT 1 FROM indexed_email WHERE account_id = $1 AND email_id = $2")
    static let deleteKnown = SQLStatement("DELETE FROM indexed_email WHERE account_id = $1 AND email_id = $2")
    static let countKnown = SQLStatement("SELECT COUNT(*) FROM indexed_email WHERE account_id = $1")
    static let clearKnown = SQLStatement(
        """
        DELETE FROM indexed_email WHERE account_id = $1
            AND email_id IN (SELECT email_id FROM indexed_email WHERE account_id = $1 LIMIT $2)
        """)
    static let insertSignature = SQLStatement(
        """
        INSERT INTO text_signature (account_id, width, email_id, bits) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id, width, email_id) DO NOTHING
        """)
    static let countSignatures = SQLStatement(
        "SELECT COUNT(*) FROM text_signature WHERE account_id = $1 AND width = $2")
    static let signatures = SQLStatement(
        """
        SELECT email_id, bits FROM text_signature WHERE account_id = $1 AND width = $2 ORDER BY email_id LIMIT $3
        """)
    static let signatureRange = SQLStatement(
        """
        SELECT email_id, bits FROM text_signature
        WHERE account_id = $1 AND width = $2 AND email_id >= $3 AND email_id <= $4 ORDER BY email_id
        """)
    static let deleteSignature = SQLStatement(
        "DELETE FROM text_signature WHERE account_id = $1 AND width = $2 AND email_id = $3")
    static let clearSignatures = SQLStatement(
        """
        DELETE FROM text_signature WHERE account_id = $1
            AND email_id IN (SELECT email_id FROM text_signature WHERE account_id = $1 LIMIT $2)
        """)
    static let insertBlock = SQLStatement(
        """
        INSERT INTO signature_block (account_id, width, first_email, last_email, emails) VALUES ($1, $2, $3, $4, $5)
        RETURNING id
        """)
    static let blocks = SQLStatement(
        """
        SELECT id, width, emails FROM signature_block
        WHERE account_id = $1 AND last_email >= $2 AND first_email <= $3 ORDER BY first_email
        """)
    static let deleteBlock = SQLStatement("DELETE FROM signature_block WHERE id = $1")
    static let insertSlice = SQLStatement(
        "INSERT INTO signature_slice (id, bits) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET bits = excluded.bits")
    static let slice = SQLStatement("SELECT bits FROM signature_slice WHERE id = $1")
    static let slices = SQLStatement("SELECT id, bits FROM signature_slice WHERE id >= $1 AND id < $2 ORDER BY id")
    static let deleteSlices = SQLStatement("DELETE FROM signature_slice WHERE id >= $1 AND id < $2")
    static let readProgress = SQLStatement("SELECT value FROM index_progress WHERE name = $1")
    static let writeProgress = SQLStatement(
        """
        INSERT INTO index_progress (name, value) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """)

    // In the mail store's database
    static let countEmails = SQLStatement("SELECT COUNT(*) FROM email WHERE account_id = $1")
    static let accountEmailsAfter = SQLStatement(
        "SELECT id FROM email WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3")

    package static let all = [
        insertKnown, isKnown, deleteKnown, countKnown, clearKnown, insertSignature, countSignatures, signatures,
        signatureRange, deleteSignature, clearSignatures, insertBlock, blocks, deleteBlock, insertSlice, slice, slices,
        deleteSlices, readProgress, writeProgress, countEmails, accountEmailsAfter,
    ]
}
