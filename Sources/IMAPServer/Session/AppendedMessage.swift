import Blobs
import MailMessage
import NIOCore

/// An APPEND message on its way in: normalised, scanned once, in memory while small and in a temporary file after that.
struct AppendedMessage: ~Copyable {
    enum Refusal: Error {
        /// RFC 3501 §9 (CHAR8): NUL is in no literal
        case containsNUL
        case empty
        case headerTooLarge
    }

    private let blobs: BlobStore
    private let memoryLimit: Int
    private let headerLimit: Int
    private var isHeaderTooLarge = false
    private var scanner = MessageScanner()
    private var memory: [UInt8] = []
    private var spool: SpoolFile?
    private var lines = LineEndings()
    private var size = 0

    /// - Parameters:
    ///   - memoryLimit: octets kept in memory; one more and the message goes to a file.
    ///   - headerLimit: octets of the header.
    init(blobs: BlobStore, memoryLimit: Int, headerLimit: Int) {
        self.blobs = blobs
        self.memoryLimit = memoryLimit
        self.headerLimit = headerLimit
    }

    /// Takes the next piece. After a NUL, or too large a header, the rest is taken and dropped.
    /// - Throws: `FileError` when the temporary file can't be written.
    mutating func consume(_ piece: ByteBuffer) throws {
        guard !lines.foundNUL, !isHeaderTooLarge else { return }
        let octets = lines.normalise(piece)
        guard !lines.foundNUL else {
            memory = []
            spool = nil
            return
        }
        scanner.consume(octets)
        guard scanner.headerOctets <= headerLimit else {
            isHeaderTooLarge = true
            memory = []
            spool = nil
            return
        }
        size += octets.count
        if let spool {
            try spool.append(octets)
        } else if memory.count + octets.count <= memoryLimit {
            memory += octets
        } else {
            let file = try blobs.makeSpool()
            try file.append(memory)
            try file.append(octets)
            memory = []
            spool = file
        }
    }

    /// The whole message.
    /// - Throws: ``Refusal``.
    consuming func finish() throws(Refusal) -> (content: BlobContent, index: MessageIndex) {
        if lines.foundNUL { throw .containsNUL }
        if isHeaderTooLarge { throw .headerTooLarge }
        if size == 0 { throw .empty }
        let index = scanner.finish()
        if let spool { return (.joined(prefix: [], spool: spool), index) }
        return (.bytes(memory), index)
    }
}

/// Lone LF becomes CRLF, as in every message kept here: clients that read Unix files append them as they are.
struct LineEndings {
    private var previous: UInt8 = 0
    /// Whether a NUL has been seen.
    private(set) var foundNUL = false

    mutating func normalise(_ piece: ByteBuffer) -> [UInt8] {
        piece.withUnsafeReadableBytes { octets in
            var missing = 0
            var last = previous
            for octet in octets {
                if octet == 0 { foundNUL = true }
                if octet == UInt8(ascii: "\n"), last != UInt8(ascii: "\r") { missing += 1 }
                last = octet
            }
            defer { previous = last }
            guard missing > 0 else { return Array(octets) }
            var output: [UInt8] = []
            output.reserveCapacity(octets.count + missing)
            var before = previous
            for octet in octets {
                if octet == UInt8(ascii: "\n"), before != UInt8(ascii: "\r") { output.append(UInt8(ascii: "\r")) }
                output.append(octet)
                before = octet
            }
            return output
        }
    }
}
