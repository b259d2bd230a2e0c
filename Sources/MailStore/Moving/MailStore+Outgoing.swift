package import Blobs
import SQLEngine

/// Mail on its way out of the store, as a whole.
extension MailStore {
    /// Messages after a UID, ascending, with the files that hold them. A file stays for an hour after its message is gone.
    ///
    /// - Throws: `MailStoreError.messageUnavailable` for a message whose bytes have no row.
    package func outgoing(_ mailbox: MailboxID, after uid: UInt32, limit: Int) async throws -> [OutgoingMessage] {
        guard uid < UInt32.max else { return [] }
        return try await database.read { [blobs] reader in
            var rows = try reader.query(
                MailStoreStatements.rows, mailbox, uid + 1, UInt32.max, ModSequence(rawValue: 0), limit
            ) { EntryRow($0) }
            try Self.addKeywords(to: &rows, mailbox, reader)
            return try rows.map { row in
                let key = try reader.first(MailStoreStatements.emailBlob, row.email) { BlobKey(rawValue: $0.int64(0)) }
                guard let key, let (id, _) = try BlobRows.find(reader, key) else {
                    throw MailStoreError.messageUnavailable(row.email)
                }
                return OutgoingMessage(row: row, file: blobs.path(of: id))
            }
        }
    }

    /// A temporary for a message that is too large for memory.
    package func makeSpool() throws -> SpoolFile { try blobs.makeSpool() }
}
