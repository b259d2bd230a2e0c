package import Blobs
package import MailAuth
package import OutboundQueue
package import SQLEngine

/// A message as it goes out: what is put on top, then the blob in pieces.
package struct MessageContent: Sendable {
    /// The whole message is kept in memory up to this many octets; a larger one is read twice when it is signed.
    static let memoryLimit = 262_144
    static let pieceSize = 65_536
    /// A header that has not ended by here is sent without a signature.
    private static let maximumHeader = 1_048_576

    /// DKIM-Signature fields.
    package let prefix: [UInt8]
    /// The header holds octets beyond ASCII.
    package let hasUTF8Header: Bool
    private let source: Source

    private enum Source: Sendable {
        case bytes([UInt8])
        /// From an offset to the end.
        case reader(BlobReader, from: Int)
    }

    package var size: Int {
        switch source {
        case .bytes(let bytes): prefix.count + bytes.count
        case .reader(let reader, let start): prefix.count + reader.size - start
        }
    }

    /// A message that needs no signature, from memory.
    package init(bytes: [UInt8], prefix: [UInt8] = []) {
        self.prefix = prefix
        source = .bytes(bytes)
        hasUTF8Header = Self.header(of: bytes).contains { $0 >= 0x80 }
    }

    /// Reads and, with a signer, signs. Blocks on the disk and computes: runs off the caller's loop.
    @concurrent
    package static func prepare(
        _ message: QueuedMessage,
        reader: BlobReader,
        signer: DKIMSigner?,
        clock: any WallClock
    ) async throws -> MessageContent {
        let isSmall = reader.size <= memoryLimit
        let start = try reader.read(0..<(isSmall ? reader.size : min(reader.size, maximumHeader)))
        guard start.count == min(reader.size, isSmall ? memoryLimit : maximumHeader) else {
            throw ContentError.truncated
        }
        let skipped = Self.returnPathLength(start)
        let header = Self.header(of: start).dropFirst(skipped)
        var prefix: [UInt8] = []
        if let signer, header.count < maximumHeader {
            let hash = try bodyHash(reader, from: header.endIndex, start: start, signer: signer)
            var normalizer = LineNormalizer()
            let fields = normalizer.normalize(Array(header)) + normalizer.finish()
            prefix = try signer.sign(header: fields, bodyHash: hash, at: clock.now())
        }
        return MessageContent(
            prefix: prefix,
            hasUTF8Header: header.contains { $0 >= 0x80 },
            source: isSmall ? .bytes(Array(start.dropFirst(skipped))) : .reader(reader, from: skipped)
        )
    }

    private init(prefix: [UInt8], hasUTF8Header: Bool, source: Source) {
        self.prefix = prefix
        self.hasUTF8Header = hasUTF8Header
        self.source = source
    }

    private static func bodyHash(
        _ reader: BlobReader,
        from bodyStart: Int,
        start: [UInt8],
        signer: DKIMSigner
    ) throws -> [UInt8] {
        var hasher = signer.bodyHasher
        var normalizer = LineNormalizer()
        hasher.update(normalizer.normalize(Array(start[bodyStart...])))
        var offset = start.count
        while offset < reader.size {
            let piece = try reader.read(offset..<min(reader.size, offset + memoryLimit))
            guard !piece.isEmpty else { throw ContentError.truncated }
            hasher.update(normalizer.normalize(piece))
            offset += piece.count
        }
        hasher.update(normalizer.finish())
        return hasher.finish()
    }

    /// A piece of the blob of at most 64 KiB; empty at the end. Blocks on the disk for large messages.
    @concurrent
    func piece(at offset: Int) async throws -> [UInt8] {
        switch source {
        case .bytes(let bytes):
            return Array(bytes.dropFirst(offset).prefix(Self.pieceSize))
        case .reader(let reader, let start):
            let position = start + offset
            guard position < reader.size else { return [] }
            let piece = try reader.read(position..<min(reader.size, position + Self.pieceSize))
            guard !piece.isEmpty else { throw ContentError.truncated }
            return piece
        }
    }

    /// The length of a Return-Path field on top, which final delivery here has put there: it stays here.
    private static func returnPathLength(_ bytes: [UInt8]) -> Int {  // RFC 5321 §4.4
        let name = Array("return-path:".utf8)
        guard bytes.prefix(name.count).map({ (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }) == name else { return 0 }
        var end = 0
        while let feed = bytes[end...].firstIndex(of: 0x0A) {
            end = feed + 1
            guard end < bytes.count, bytes[end] == 0x20 || bytes[end] == 0x09 else { return end }
        }
        return 0
    }

    /// The header with the empty line that ends it; everything when there is none.
    static func header(of bytes: [UInt8]) -> ArraySlice<UInt8> {
        var lineStart = 0
        while let feed = bytes[lineStart...].firstIndex(of: 0x0A) {
            let line = bytes[lineStart..<feed]
            if line.isEmpty || (line.count == 1 && line.first == 0x0D) { return bytes[...feed] }
            lineStart = feed + 1
        }
        return bytes[...]
    }
}

/// A message that can't be read as its row says.
package enum ContentError: Error, Sendable, Hashable, CustomStringConvertible {
    case truncated

    package var description: String { "the message file is shorter than recorded" }
}
