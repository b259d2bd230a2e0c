package import MailSyntax
package import SQLEngine

package enum BlobStatements {
    static let insert = SQLStatement(
        """
        INSERT INTO blob (id, random, sha256, size, stored_size, codec, key_id, reference_count, created_at)
        VALUES ($1, $2, $3, $4, $5, 'plain', NULL, $6, $7)
        """)
    static let retain = SQLStatement(
        "UPDATE blob SET reference_count = reference_count + $2, unreferenced_at = NULL WHERE id = $1")
    static let release = SQLStatement(
        """
        UPDATE blob SET reference_count = reference_count - 1,
            unreferenced_at = CASE WHEN reference_count = 1 THEN CAST($2 AS BIGINT) ELSE NULL END
        WHERE id = $1
        """)
    static let find = SQLStatement("SELECT random, size FROM blob WHERE id = $1")
    static let record = SQLStatement("SELECT random, size, sha256 FROM blob WHERE id = $1")
    static let expired = SQLStatement(
        """
        SELECT id, random FROM blob WHERE reference_count = 0 AND unreferenced_at < $1
        ORDER BY unreferenced_at LIMIT $2
        """)
    static let delete = SQLStatement("DELETE FROM blob WHERE id = $1 AND reference_count = 0 AND unreferenced_at < $2")

    package static let all = [insert, retain, release, find, record, expired, delete]
}

package enum BlobSchema {
    package static let migrations = [
        Migration(
            "blobs-1",
            [
                .createTable(
                    Table(
                        "blob",
                        columns: [
                            .int("id"),
                            .int("random"),
                            .blob("sha256"),
                            .int("size").checking("size >= 0"),
                            .int("stored_size").checking("stored_size >= 0"),
                            .text("codec"),
                            .int("key_id").nullable,
                            .int("reference_count").checking("reference_count >= 0"),
                            .int("unreferenced_at").nullable,
                            .int("created_at"),
                        ],
                        primaryKey: ["id"])),
                .createIndex(
                    "blob_unreferenced", on: "blob", columns: ["unreferenced_at"], where: "reference_count = 0"),
            ])
    ]
}

/// The rows behind the files: how often each blob is referred to.
///
/// Sharing is by reference only. A count of zero starts the hour after which the sweep deletes.
package enum BlobRows {
    /// Records a staged blob with its first references. Runs in the transaction that was handed the file.
    package static func insert(
        _ writer: any SQLWriter, _ blob: StagedBlob, references: Int, now: Timestamp
    ) throws {
        try writer.execute(
            BlobStatements.insert, blob.id.key, Int64(bitPattern: blob.id.random), blob.sha256, blob.size, blob.size,
            references, now)
    }

    /// Adds references to a blob that has a row.
    package static func retain(_ writer: any SQLWriter, _ key: BlobKey, count: Int = 1) throws {
        let changed = try writer.execute(BlobStatements.retain, key, count)
        guard changed == 1 else { throw DatabaseError.constraint("blob \(key.rawValue) has no row") }
    }

    /// Takes one reference away.
    package static func release(_ writer: any SQLWriter, _ key: BlobKey, now: Timestamp) throws {
        try writer.execute(BlobStatements.release, key, now)
    }

    /// The blob's file name and size in octets, or nil where it has no row.
    package static func find(_ reader: any SQLReader, _ key: BlobKey) throws -> (id: BlobID, size: Int)? {
        try reader.first(BlobStatements.find, key) {
            (BlobID(key: key, random: UInt64(bitPattern: $0.int64(0))), $0.int(1))
        }
    }
}
