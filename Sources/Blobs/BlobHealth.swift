import Crypto
import Glibc
package import SQLEngine

/// What became of a blob's file.
package enum BlobHealth: Sendable, Hashable {
    case intact
    case missing
    /// Shorter than it was, or other octets than were kept.
    case corrupt
}

extension BlobRows {
    /// A blob's file and what it was when it was kept; nil where it has no row.
    package static func record(_ reader: any SQLReader, _ key: BlobKey) throws -> BlobRecord? {
        try reader.first(BlobStatements.record, key) { row in
            BlobRecord(
                id: BlobID(key: key, random: UInt64(bitPattern: row.int64(0))), size: row.int(1), sha256: row.bytes(2))
        }
    }
}

/// What a blob's row says of its file.
package struct BlobRecord: Sendable {
    package let id: BlobID
    /// Octets.
    package let size: Int
    package let sha256: [UInt8]
}

extension BlobStore {
    /// Reads a whole blob and compares it with its row. Reads block on the disk.
    ///
    /// - Parameters:
    ///   - seen: what is made of the octets while they are read.
    ///   - look: gets them piece by piece.
    /// - Throws: `FileError` where the file is there and can't be read.
    @concurrent
    package func health<Seen: Sendable>(
        of record: BlobRecord, _ seen: Seen, _ look: @Sendable (inout Seen, [UInt8]) -> Void
    ) async throws -> (BlobHealth, Seen) {
        var seen = seen
        let reader: BlobReader
        do {
            reader = try open(record.id, size: record.size)
        } catch let error as FileError where error.code == ENOENT {
            return (.missing, seen)
        } catch let error as FileError where error.code == ENODATA || error.code == EIO {
            return (.corrupt, seen)
        }
        var hasher = SHA256()
        var offset = 0
        while offset < record.size {
            let piece: [UInt8]
            do {
                piece = try reader.read(offset..<min(record.size, offset + 262_144))
            } catch let error as FileError where error.code == EIO {
                // The disk has lost these octets: for the message that is the same as other ones.
                return (.corrupt, seen)
            }
            guard !piece.isEmpty else { return (.corrupt, seen) }
            hasher.update(data: piece)
            look(&seen, piece)
            offset += piece.count
        }
        return (Array(hasher.finalize()) == record.sha256 ? .intact : .corrupt, seen)
    }
}
