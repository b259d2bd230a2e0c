import Blobs
import IMAPCore
import MailMessage
import NIOCore

/// A message of APPEND on its way in: scanned once, in memory while small and in a temporary file after that.
///
/// It may come in parts, some of them octets that are kept here already (RFC 4469).
struct AppendedMessage {
    enum Refusal: Error {
        /// RFC 3501 §9 (CHAR8): NUL is in no literal
        case containsNUL
        case empty
        case headerTooLarge
        /// It holds NUL where BODY could not show it, and can't be encoded without harm. RFC 3516 §4.4, §6
        case binary(ConversionError)
    }

    private let blobs: BlobStore
    private let memoryLimit: Int
    private let headerLimit: Int
    private var isHeaderTooLarge = false
    private var hasForbiddenNUL = false
    private var hasNUL = false
    private var scanner = MessageScanner()
    private var memory: [UInt8] = []
    private var spool: SpoolFile?
    private var lines = LineEndings()
    /// Octets so far.
    private(set) var size = 0

    /// - Parameters:
    ///   - memoryLimit: octets kept in memory; one more and the message goes to a file.
    ///   - headerLimit: octets of the header.
    init(blobs: BlobStore, memoryLimit: Int, headerLimit: Int) {
        self.blobs = blobs
        self.memoryLimit = memoryLimit
        self.headerLimit = headerLimit
    }

    /// Takes the next piece. After a NUL where none may be, or too large a header, the rest is taken and dropped.
    /// - Throws: `FileError` when the temporary file can't be written.
    mutating func consume(_ piece: ByteBuffer, as kind: AppendLiteral) throws {
        guard !isSpoilt else { return }
        switch kind {
        // RFC 3516 §4.4: nothing of binary content may be lost, its line ends least of all.
        case .binary: try take(lines.pass(piece))
        case .utf8: try take(lines.normalise(piece))
        case .text:
            let octets = lines.normalise(piece)
            if octets.contains(0) { hasForbiddenNUL = true }
            try take(octets)
        }
    }

    /// Takes octets of a message that is kept here, unchanged. RFC 4469 §3
    mutating func consume(stored octets: [UInt8]) throws {
        guard !isSpoilt else { return }
        try take(lines.pass(ByteBuffer(bytes: octets)))
    }

    private var isSpoilt: Bool { isHeaderTooLarge || hasForbiddenNUL }

    private mutating func take(_ octets: [UInt8]) throws {
        guard !hasForbiddenNUL else { return drop() }
        if !hasNUL, octets.contains(0) { hasNUL = true }
        scanner.consume(octets)
        guard scanner.headerOctets <= headerLimit else {
            isHeaderTooLarge = true
            return drop()
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

    private mutating func drop() {
        memory = []
        spool = nil
    }

    /// The whole message.
    /// - Throws: ``Refusal``, `FileError`.
    func finish() throws -> (content: BlobContent, index: MessageIndex) {
        if hasForbiddenNUL { throw Refusal.containsNUL }
        if isHeaderTooLarge { throw Refusal.headerTooLarge }
        if size == 0 { throw Refusal.empty }
        let content: BlobContent = spool.map { .joined(prefix: [], spool: $0) } ?? .bytes(memory)
        if hasNUL { return try encoded(content) }
        var scanner = scanner
        return (content, scanner.finish())
    }

    // RFC 3516 §6: BODY and BODYSTRUCTURE describe content that a plain IMAP client can take.
    /// The same message with the parts that hold NUL in base64.
    private func encoded(_ content: BlobContent) throws -> (content: BlobContent, index: MessageIndex) {
        var encoded = AppendedMessage(blobs: blobs, memoryLimit: memoryLimit, headerLimit: headerLimit)
        do {
            let converter = try TransferConverter(to: .eightBit, size: content.size, source: content.read)
            try converter.write { octets in
                if octets.contains(0) { encoded.hasForbiddenNUL = true }
                try encoded.take(octets)
            }
        } catch let error as ConversionError {
            throw Refusal.binary(error)
        }
        return try encoded.finish()
    }
}

/// Lone LF becomes CRLF, as in every message kept here: clients that read Unix files append them as they are.
struct LineEndings {
    private var previous: UInt8 = 0

    /// The octets as they are, remembered for what comes next.
    mutating func pass(_ piece: ByteBuffer) -> [UInt8] {
        let octets = Array(piece.readableBytesView)
        previous = octets.last ?? previous
        return octets
    }

    mutating func normalise(_ piece: ByteBuffer) -> [UInt8] {
        piece.withUnsafeReadableBytes { octets in
            var missing = 0
            var last = previous
            for octet in octets {
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
