import Blobs
import IMAPCore
import Logging
import MailMessage
import MailStore
import Telemetry

// BINARY and BINARY.SIZE. RFC 3516 §4.2, §4.3
//
// How large a part is when decoded is known only when it has been decoded, and the size goes first. So the part is read
// twice: once to count, once to send. Small ones are kept from the first time.
extension IMAPSession {
    func answer(
        _ fetch: BinaryFetch, _ message: FetchedMessage, _ reader: inout BlobReader?, _ progress: inout FetchProgress
    ) async throws {
        guard let source = binary(fetch.part, of: message) else { return encoder.fetchBinaryNil(fetch) }
        guard let decoder = source.decoder else {
            progress.undecodable += 1
            return encoder.fetchBinaryNil(fetch)
        }
        do {
            let open = try await openReader(reader, of: message)
            reader = open
            var part = DecodedPart(
                range: source.range.clamped(to: 0..<max(0, open.size)), decoder: decoder, window: fetch.partial)
            let measure = try await part.measure(open, piece: service.settings.bodyPiece)
            messagesTold += 1
            encoder.fetchBinaryLiteral(fetch, size: measure.size, hasNUL: measure.hasNUL)
            if let octets = measure.octets {
                encoder.binaryOctets(octets)
                return try await flushIfLarge()
            }
            try await stream(&part, of: open)
        } catch let end as SessionEnd {
            throw end
        } catch {
            tellUnreadable(error, &progress)
            encoder.fetchBinaryNil(fetch)
        }
    }

    /// Of a part that isn't there the size is 0: the grammar knows nothing else. Of one whose size can't be known nothing is told.
    func answer(
        sizeOf part: [Int], _ message: FetchedMessage, _ reader: inout BlobReader?, _ progress: inout FetchProgress
    ) async throws {
        guard let source = binary(part, of: message) else { return encoder.fetchBinarySize(part, 0) }
        // RFC 3516 §4.3: the request fails, and no number would be true
        guard let decoder = source.decoder else { return progress.undecodable += 1 }
        do {
            let open = try await openReader(reader, of: message)
            reader = open
            var decoded = DecodedPart(
                range: source.range.clamped(to: 0..<max(0, open.size)), decoder: decoder, window: nil)
            encoder.fetchBinarySize(part, try await decoded.measure(open, piece: service.settings.bodyPiece).size)
        } catch {
            tellUnreadable(error, &progress)
        }
    }

    /// Where a part is, and what undoes its encoding; no decoder for an encoding that is not known.
    ///
    /// The message as a whole (`BINARY[]`) has no encoding: that of its header is its body's.
    private func binary(_ part: [Int], of message: FetchedMessage) -> (range: Range<Int>, decoder: TransferDecoder?)? {
        if part.isEmpty { return (0..<max(0, message.row.size), TransferDecoder(nil)) }
        guard let found = message.index?.structure.part(part) else { return nil }
        return (found.bodyRange, TransferDecoder(found))
    }

    private func stream(_ part: inout DecodedPart, of reader: BlobReader) async throws {
        part.rewind()
        do {
            while let octets = try part.next(reader, piece: service.settings.bodyPiece) {
                encoder.binaryOctets(octets)
                try await flushIfLarge()
            }
        } catch let error where !(error is SessionEnd) {
            // The literal is announced, and there is no way to say that it can't be read.
            logger.error("message can't be read to its end", metadata: [LogKey.error: "\(error)"])
            throw SessionEnd.connectionLost
        }
    }
}

/// A part of a stored message with its encoding undone, read piece by piece.
struct DecodedPart {
    struct Measure {
        /// Octets in the window.
        var size = 0
        var hasNUL = false
        /// All of them, where they are few.
        var octets: [UInt8]? = []
    }

    private static let small = 64 * 1024

    private let range: Range<Int>
    private let fresh: TransferDecoder
    private let window: FetchPartial?
    private var decoder: TransferDecoder
    private var offset: Int
    private var decoded = 0
    private var hasEnded = false

    /// - Parameters:
    ///   - range: octets of the message as stored.
    ///   - window: of the decoded octets; nil is all.
    init(range: Range<Int>, decoder: TransferDecoder, window: FetchPartial?) {
        self.range = range
        self.window = window
        self.decoder = decoder
        fresh = decoder
        offset = range.lowerBound
    }

    mutating func rewind() {
        decoder = fresh
        offset = range.lowerBound
        decoded = 0
        hasEnded = false
    }

    /// Decoded octets of the window; nil after the last.
    /// - Throws: `FileError`, also where the file is shorter than the message.
    mutating func next(_ reader: BlobReader, piece: Int) throws -> ArraySlice<UInt8>? {
        while !hasEnded {
            let octets: [UInt8]
            if offset < range.upperBound {
                let read = try reader.read(offset..<min(range.upperBound, offset + max(1, piece)))
                guard !read.isEmpty else { throw FileError(operation: "read", path: "message", code: 5) }
                offset += read.count
                octets = decoder.decode(read)
            } else {
                octets = decoder.finish()
                hasEnded = true
            }
            let kept = inWindow(octets)
            decoded += octets.count
            if let window, decoded - window.offset >= window.count { hasEnded = true }
            if !kept.isEmpty { return kept }
        }
        return nil
    }

    private func inWindow(_ octets: [UInt8]) -> ArraySlice<UInt8> {
        guard let window else { return octets[...] }
        let start = min(max(0, window.offset - decoded), octets.count)
        // How much of the window was before this piece.
        let before = max(0, decoded - window.offset)
        return octets[start...].prefix(max(0, window.count - before))
    }

    /// Reads it through once.
    mutating func measure(_ reader: BlobReader, piece: Int) async throws -> Measure {
        var measure = Measure()
        var pieces = 0
        while let octets = try next(reader, piece: piece) {
            measure.size += octets.count
            if !measure.hasNUL, octets.contains(0) { measure.hasNUL = true }
            if measure.size <= Self.small { measure.octets? += octets } else { measure.octets = nil }
            pieces += 1
            // A thread that decodes fifty megabytes has others waiting.
            if pieces.isMultiple(of: 16) { await Task.yield() }
        }
        return measure
    }
}
