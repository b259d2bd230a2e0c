import Glibc
package import MailSyntax
package import SQLEngine

/// Deletes what nobody refers to any more.
///
/// Only the writer deletes rows, an hour after the last reference went, and checks again in its transaction. Files without
/// a row go too once they are an hour old: what a crash between rename and commit left.
package struct BlobSweep: Sendable {
    /// How long an unreferenced blob or a file without a row is left alone.
    package static let grace: Duration = .seconds(3600)

    private let store: BlobStore
    private let database: any Database

    package init(store: BlobStore, database: any Database) {
        self.store = store
        self.database = database
    }

    /// Removes blobs whose hour is over; returns how many.
    package func removeUnreferenced(now: Timestamp) async throws -> Int {
        let limit = now.adding(.zero - Self.grace)
        var removed = 0
        while true {
            let batch = try await database.write(.bulk) { writer -> [BlobID] in
                let found = try writer.query(BlobStatements.expired, limit, 200) {
                    BlobID(key: BlobKey(rawValue: $0.int64(0)), random: UInt64(bitPattern: $0.int64(1)))
                }
                return try found.filter { try writer.execute(BlobStatements.delete, $0.key, limit) == 1 }
            }
            // The rows are gone for good; a file that stays behind is an orphan for the other sweep.
            for id in batch { try store.remove(id) }
            removed += batch.count
            if batch.count < 200 { return removed }
        }
    }

    /// Removes files that no row names and that are older than the grace; returns how many.
    @concurrent
    package func removeOrphans(now: Timestamp) async throws -> Int {
        var removed = 0
        let limit = now.adding(.zero - Self.grace).seconds
        for outer in try BlobStore.entries(of: store.root) where Self.isFolder(outer) {
            for inner in try BlobStore.entries(of: "\(store.root)/\(outer)") where Self.isFolder(inner) {
                let folder = "\(store.root)/\(outer)/\(inner)"
                let old = try BlobStore.entries(of: folder).compactMap(BlobID.init(fileName:)).filter { id in
                    var status = stat()
                    return stat("\(folder)/\(id)", &status) == 0 && Int64(status.st_mtim.tv_sec) < limit
                }
                guard !old.isEmpty else { continue }
                let orphans = try await database.read { reader in
                    try old.filter { try BlobRows.find(reader, $0.key)?.id != $0 }
                }
                for id in orphans { try store.remove(id) }
                removed += orphans.count
            }
        }
        return removed
    }

    /// Whether a name is one of ours; what somebody else left there is not looked into.
    private static func isFolder(_ name: String) -> Bool {
        name.utf8.count >= 3 && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
