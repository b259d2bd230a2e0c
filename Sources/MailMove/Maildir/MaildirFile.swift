import Archives
import Glibc

/// A message's file of a Maildir: as it is, or compressed by Dovecot's zlib plugin, which shows by its first octets.
enum MaildirFile {
    /// What may come out of one compressed message: whoever sent it also chose what it says.
    private static let limits = ArchiveLimits(output: 1 << 30, ratio: 1100)
    /// Of what this program can't unpack.
    private static let others: [(name: String, head: [UInt8])] = [
        ("zstd", [0x28, 0xB5, 0x2F, 0xFD]), ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A]), ("bzip2", [0x42, 0x5A, 0x68]),
        ("LZ4", Array("Dovecot-LZ4".utf8)),
    ]

    /// Hands over a file's octets, unpacked.
    ///
    /// - Throws: `UnreadableFile`, or what `body` throws.
    static func read(_ descriptor: Int32, _ path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var stream: GzipStream?
        var isFirst = true
        do {
            try pieces(descriptor, path) { piece in
                if isFirst {
                    isFirst = false
                    if piece.starts(with: [0x1F, 0x8B]) { stream = try GzipStream(limits: limits) }
                    if let other = others.first(where: { piece.starts(with: $0.head) }) {
                        throw UnreadableFile(
                            path, "is compressed with \(other.name)", remedy: "unpack it and run the import again")
                    }
                }
                if let stream { try stream.unpack(piece, body) } else { try body(piece) }
            }
            try stream?.finish()
        } catch let error as ArchiveError {
            throw UnreadableFile(path, "can't be unpacked (\(error))")
        }
    }

    private static func pieces(
        _ descriptor: Int32, _ path: String, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try withUnsafeTemporaryAllocation(byteCount: 262_144, alignment: 16) { buffer in
            while true {
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else {
                    // One file on a failing disk must not keep the others.
                    throw UnreadableFile(path, "can't be read (\(String(cString: strerror(errno))))")
                }
                guard count > 0 else { return }
                try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
    }
}
