package import Blobs
import SQLEngine

/// A message's identifier in UIDL: 1 to 70 octets from 0x21 to 0x7E. RFC 1939 §7
package struct POP3UniqueID: Hashable, Sendable {
    package let text: String

    /// nil for what UIDL can't say.
    package init?(_ text: String) {
        guard (1...70).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        self.text = text
    }
}

/// A message as POP3 knows it.
package struct POP3Entry: Sendable, Hashable {
    package let uid: UID
    /// Octets.
    package let size: Int
    /// What another server called it; nil for messages that came here first.
    package let uniqueID: POP3UniqueID?
}

extension MailStore {
    /// The messages of a mailbox from a UID on, ascending, at most `limit`; ask again from the last UID + 1.
    package func pop3Entries(_ mailbox: MailboxID, from uid: UID, limit: Int) async throws -> [POP3Entry] {
        try await database.read { reader in
            try reader.query(MailStoreStatements.pop3Entries, mailbox, uid, limit) { row in
                POP3Entry(
                    uid: UID(rawValue: row.uint32(0)), size: row.int(1),
                    uniqueID: row.isNull(2) ? nil : POP3UniqueID(row.string(2)))
            }
        }
    }

    /// The bytes of a message; nil once it is not in the mailbox any more, though they are kept elsewhere or for a while.
    ///
    /// - Throws: `FileError` where the file is gone or damaged.
    package func openMessage(_ uid: UID, in mailbox: MailboxID) async throws -> BlobReader? {
        let found = try await database.readBriefly { reader -> (BlobID, Int)? in
            let key = try reader.first(MailStoreStatements.entryBlob, mailbox, uid) { BlobKey(rawValue: $0.int64(0)) }
            return try key.flatMap { try BlobRows.find(reader, $0) }
        }
        guard let (id, size) = found else { return nil }
        return try blobs.open(id, size: size)
    }

    /// Gives messages the identifiers that another server gave them: an importer that learns them later.
    ///
    /// UIDs that are not there are passed over. Long lists are cut into several units.
    package func setPOP3UIDLs(_ uidls: [(uid: UID, uniqueID: POP3UniqueID)], in mailbox: MailboxID) async throws {
        for part in uidls.chunks(of: Self.unitLimit) {
            try await database.write(.bulk) { writer in
                for (uid, uniqueID) in part {
                    try writer.execute(MailStoreStatements.setPOP3UIDL, mailbox, uid, uniqueID.text)
                }
            }
        }
    }
}
