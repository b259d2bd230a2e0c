import Crypto
import SQLEngine

/// The bytes of a message on its way to disk.
package enum BlobContent: Sendable {
    case bytes([UInt8])
    /// The final header, then the body as it was spooled.
    case joined(prefix: [UInt8], spool: SpoolFile)

    /// Size in octets.
    package var size: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .joined(let prefix, let spool): prefix.count + spool.size
        }
    }

    /// The same with octets on top.
    package func prepending(_ head: [UInt8]) -> BlobContent {
        switch self {
        case .bytes(let bytes): .bytes(head + bytes)
        case .joined(let prefix, let spool): .joined(prefix: head + prefix, spool: spool)
        }
    }

    /// Reads part of it, clamped to what is there. Blocks on the disk where it was spooled.
    package func read(_ range: Range<Int>) throws -> [UInt8] {
        switch self {
        case .bytes(let bytes): return Array(bytes[range.clamped(to: 0..<bytes.count)])
        case .joined(let prefix, let spool):
            let head = prefix[range.clamped(to: 0..<prefix.count)]
            let tail = max(range.lowerBound, prefix.count)..<max(range.upperBound, prefix.count)
            return Array(head) + (try spool.read((tail.lowerBound - prefix.count)..<(tail.upperBound - prefix.count)))
        }
    }
}

/// A blob with its name, ready to be written by a group commit.
package final class StagedBlob: StagedFile {
    package let id: BlobID
    package let size: Int
    package let sha256: [UInt8]
    private let content: BlobContent
    private let fileSystem: any FileSystem
    private let temporaryPath: String
    let finalPath: String

    init(id: BlobID, content: BlobContent, temporaryPath: String, finalPath: String, fileSystem: any FileSystem) throws
    {
        self.id = id
        self.content = content
        self.size = content.size
        self.sha256 = try Self.hash(content)
        self.temporaryPath = temporaryPath
        self.finalPath = finalPath
        self.fileSystem = fileSystem
    }

    package func writeTemporary() throws {
        let descriptor = try fileSystem.create(temporaryPath)
        do {
            switch content {
            case .bytes(let bytes): try bytes.withUnsafeBytes { try fileSystem.write(descriptor, $0) }
            case .joined(let prefix, let spool):
                try prefix.withUnsafeBytes { try fileSystem.write(descriptor, $0) }
                try fileSystem.copy(from: spool.descriptor, to: descriptor, count: size - prefix.count)
            }
        } catch {
            try? fileSystem.close(descriptor)  // the first error is the one to tell
            throw error
        }
        try fileSystem.close(descriptor)
    }

    package func publish() throws {
        try fileSystem.rename(temporaryPath, to: finalPath)
    }

    package func discard() {
        // What can't be removed now has no row and goes with the next sweep of orphans.
        try? fileSystem.remove(temporaryPath)
        try? fileSystem.remove(finalPath)
    }

    private static func hash(_ content: BlobContent) throws -> [UInt8] {
        var hasher = SHA256()
        switch content {
        case .bytes(let bytes): hasher.update(data: bytes)
        case .joined(let prefix, let spool):
            hasher.update(data: prefix)
            let size = spool.size
            var offset = 0
            while offset < size {
                let piece = try spool.read(offset..<min(size, offset + 262_144))
                guard !piece.isEmpty else { throw FileError(operation: "read", path: "spool", code: 5) }
                hasher.update(data: piece)
                offset += piece.count
            }
        }
        return Array(hasher.finalize())
    }
}
