package import Blobs
package import MailAuth
package import MailMessage
package import MailPolicy
package import OutboundQueue
package import SQLEngine

/// A message as it goes out: what is put on top, then the blob in pieces.
package struct MessageContent: Sendable {
    /// The whole message is kept in memory up to this many octets; a larger one is read twice when it is signed.
    static let memoryLimit = 262_144
    static let pieceSize = 65_536
    /// A header that has not ended by here is sent without a signature.
    private static let maximumHeader = 1_048_576

    /// A seal, and DKIM-Signature fields.
    package let prefix: [UInt8]
    /// The header holds octets beyond ASCII.
    package let hasUTF8Header: Bool
    private let source: Source
    /// What it takes to sign and seal it again in another form; nil for a message that is neither here.
    private let signatures: OutgoingSignatures?

    /// nil: the addresses of the queue.
    package var envelope: OutgoingEnvelope?
    /// What was done to the message, for its history: its header rewritten, its signature made.
    package var steps: [TraceStep] = []

    private enum Source: Sendable {
        case bytes([UInt8])
        /// Another header, and the body from an offset to the end.
        case headed([UInt8], BlobReader, from: Int)
        /// From an offset to the end.
        case reader(BlobReader, from: Int)
        case spool(SpoolFile)
    }

    /// Makes a file without a name for a converted message that is too large for memory.
    package typealias SpoolMaker = @Sendable () throws -> SpoolFile
    private let spool: SpoolMaker?

    /// A signature of ours is on top.
    var isSigned: Bool { !prefix.isEmpty && signatures?.signer != nil }

    package var size: Int {
        switch source {
        case .bytes(let bytes): prefix.count + bytes.count
        case .reader(let reader, let start): prefix.count + reader.size - start
        case .headed(let header, let reader, let start): prefix.count + header.count + reader.size - start
        case .spool(let file): prefix.count + file.size
        }
    }

    /// What makes another header of one, and says what it did; the header comes with the empty line that ends it.
    package typealias HeaderChange = @Sendable (HeaderBlock) async throws -> (header: HeaderBlock, steps: [TraceStep])

    /// Who signs, and the steps to it: told the header as it was and as it leaves.
    package typealias SignerChoice =
        @Sendable (
            _ before: ArraySlice<UInt8>, _ after: ArraySlice<UInt8>
        ) async throws -> (signer: DKIMSigner?, steps: [TraceStep])

    /// A message that needs no signature, from memory.
    package init(bytes: [UInt8], prefix: [UInt8] = []) {
        self.prefix = prefix
        source = .bytes(bytes)
        signatures = nil
        spool = nil
        hasUTF8Header = Self.header(of: bytes).contains { $0 >= 0x80 }
    }

    /// Reads, changes the header, signs with a signer and seals with a seal. Blocks on the disk and computes: runs off the caller's loop.
    ///
    /// - Parameters:
    ///   - choose: says who signs, after all changes; nil: `signer` does.
    ///   - change: not asked about a header that doesn't end within a mebibyte.
    @concurrent
    package static func prepare(
        _ message: QueuedMessage,
        reader: BlobReader,
        signer: DKIMSigner? = nil,
        choose: SignerChoice? = nil,
        seal: MessageSeal? = nil,
        clock: any WallClock,
        spool: SpoolMaker? = nil,
        change: HeaderChange? = nil
    ) async throws -> MessageContent {
        let isSmall = reader.size <= memoryLimit
        let start = try reader.read(0..<(isSmall ? reader.size : min(reader.size, maximumHeader)))
        guard start.count == min(reader.size, isSmall ? memoryLimit : maximumHeader) else {
            throw ContentError.truncated
        }
        let skipped = Self.returnPathLength(start)
        var header = Self.header(of: start).dropFirst(skipped)
        let original = header
        let bodyStart = header.endIndex
        var source = isSmall ? Source.bytes(Array(start.dropFirst(skipped))) : .reader(reader, from: skipped)
        var steps: [TraceStep] = []
        if let change, header.count < maximumHeader {
            let result = try await change(HeaderBlock(parsing: Array(header)))
            steps = result.steps
            let changed = result.header.bytes
            if changed != Array(header) {
                header = changed[...]
                source = isSmall ? .bytes(changed + start[bodyStart...]) : .headed(changed, reader, from: bodyStart)
            }
        }
        let chosen = try await choose?(original, header)
        var signatures = OutgoingSignatures(signer: chosen?.signer ?? signer, seal: seal, clock: clock)
        signatures?.hashesLines = message.bodyType != .binaryMIME
        let made = try signatures?.make(header.count < maximumHeader ? Array(header) : nil) { take in
            take(Array(start[bodyStart...]))
            var offset = start.count
            while offset < reader.size {
                let piece = try reader.read(offset..<min(reader.size, offset + memoryLimit))
                guard !piece.isEmpty else { throw ContentError.truncated }
                take(piece)
                offset += piece.count
            }
        }
        var content = MessageContent(
            prefix: made?.fields ?? [],
            hasUTF8Header: header.contains { $0 >= 0x80 },
            source: source,
            signatures: signatures,
            spool: spool
        )
        content.steps = steps + (chosen?.steps ?? []) + (made?.steps ?? [])
        return content
    }

    /// The same for a message in memory.
    @concurrent
    package static func prepare(
        _ message: [UInt8], choose: SignerChoice? = nil, clock: any WallClock, change: HeaderChange? = nil
    ) async throws -> MessageContent {
        var bytes = message
        var steps: [TraceStep] = []
        let original = Self.header(of: bytes)
        if let change {
            let header = original
            let result = try await change(HeaderBlock(parsing: Array(header)))
            steps = result.steps
            bytes.replaceSubrange(..<header.endIndex, with: result.header.bytes)
        }
        let header = Self.header(of: bytes)
        let chosen = try await choose?(original, header)
        let signatures = OutgoingSignatures(signer: chosen?.signer, seal: nil, clock: clock)
        let made = try signatures?.make(Array(header)) { $0(Array(bytes[header.endIndex...])) }
        var content = MessageContent(
            prefix: made?.fields ?? [],
            hasUTF8Header: header.contains { $0 >= 0x80 },
            source: .bytes(bytes),
            signatures: signatures,
            spool: nil
        )
        content.steps = steps + (chosen?.steps ?? []) + (made?.steps ?? [])
        return content
    }

    private init(
        prefix: [UInt8], hasUTF8Header: Bool, source: Source, signatures: OutgoingSignatures?, spool: SpoolMaker?
    ) {
        self.prefix = prefix
        self.hasUTF8Header = hasUTF8Header
        self.source = source
        self.signatures = signatures
        self.spool = spool
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
        case .headed(let header, let reader, let start):
            if offset < header.count { return Array(header.dropFirst(offset).prefix(Self.pieceSize)) }
            let position = start + offset - header.count
            guard position < reader.size else { return [] }
            let piece = try reader.read(position..<min(reader.size, position + Self.pieceSize))
            guard !piece.isEmpty else { throw ContentError.truncated }
            return piece
        case .spool(let file):
            return try file.read(offset..<offset + Self.pieceSize)
        }
    }

    /// The same message for a path that carries less, signed again: what verifies has to be what is sent.
    ///
    /// - Throws: `ConversionError` when that can't be done without harm.
    @concurrent
    func converted(to path: TransferPath) async throws -> MessageContent {
        // RFC 6376 §5.3: converted first, then signed.
        let converter = try TransferConverter(to: path, size: size - prefix.count) { try self.read($0) }
        guard !converter.isIdentity else { return self }
        let converted: Source
        if let spool, size > Self.memoryLimit {
            let file = try spool()
            try converter.write { try file.append($0) }
            converted = .spool(file)
        } else {
            var bytes: [UInt8] = []
            try converter.write { bytes += $0 }
            converted = .bytes(bytes)
        }
        let unsigned = MessageContent(
            prefix: [], hasUTF8Header: hasUTF8Header, source: converted, signatures: signatures, spool: spool)
        guard var signatures, !prefix.isEmpty else { return unsigned.described(as: self) }
        signatures.hashesLines = true
        let header = Self.header(of: try unsigned.read(0..<min(unsigned.size, Self.maximumHeader)))
        let made = try signatures.make(Array(header)) { take in
            try TransferConverter.pieces(of: header.endIndex..<unsigned.size, unsigned.read, take)
        }
        let signed = MessageContent(
            prefix: made.fields, hasUTF8Header: hasUTF8Header, source: converted, signatures: signatures, spool: spool)
        return signed.described(as: self)
    }

    private func described(as other: MessageContent) -> MessageContent {
        var copy = self
        copy.envelope = other.envelope
        copy.steps = other.steps
        return copy
    }

    /// A part of the message below the prefix, clamped to what is there. Blocks on the disk.
    private func read(_ range: Range<Int>) throws -> [UInt8] {
        switch source {
        case .bytes(let bytes):
            return Array(bytes[min(range.lowerBound, bytes.count)..<min(range.upperBound, bytes.count)])
        case .reader(let reader, let start):
            let end = min(reader.size, start + range.upperBound)
            return try reader.read(min(end, start + range.lowerBound)..<end)
        case .headed(let header, let reader, let start):
            let head = header[min(range.lowerBound, header.count)..<min(range.upperBound, header.count)]
            let from = min(reader.size, start + max(0, range.lowerBound - header.count))
            let end = min(reader.size, start + max(0, range.upperBound - header.count))
            return from < end ? head + (try reader.read(from..<end)) : Array(head)
        case .spool(let file): return try file.read(range)
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
