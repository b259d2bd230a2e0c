import CZlib

/// Decompresses one DEFLATE stream or gzip member from octets at hand, a piece at a time. // RFC 1951, RFC 1952
final class Inflater {
    enum Form {
        /// Bare, as in zip.
        case raw
        /// With header and trailer, whose checksum is compared.
        case gzip
    }

    private static let chunk = 64 * 1024

    private var stream = z_stream()
    private(set) var rest: ArraySlice<UInt8>
    private(set) var hasEnded = false

    init(_ input: ArraySlice<UInt8>, _ form: Form) throws(ArchiveError) {
        rest = input
        guard martlet_inflate_start(&stream, form == .gzip ? 15 + 16 : -15) == Z_OK else {
            throw ArchiveError(.broken, "zlib could not begin")
        }
    }

    deinit {
        inflateEnd(&stream)
    }

    /// The next piece; nil after the last.
    func next() throws(ArchiveError) -> [UInt8]? {
        while !hasEnded {
            let (code, piece) = step()
            switch code {
            case Z_STREAM_END: hasEnded = true
            case Z_OK: break
            case Z_BUF_ERROR: throw ArchiveError(.broken, "the compressed content ends early")
            case Z_MEM_ERROR: throw ArchiveError(.broken, "zlib ran out of memory")
            default: throw ArchiveError(.broken, "the compressed content is damaged")
            }
            if !piece.isEmpty { return piece }
        }
        return nil
    }

    /// Makes ready for another member at the place where this one ended.
    func restart() throws(ArchiveError) {
        guard inflateReset(&stream) == Z_OK else { throw ArchiveError(.broken, "zlib could not begin again") }
        hasEnded = false
    }

    private func step() -> (code: Int32, piece: [UInt8]) {
        var code = Z_OK
        var used = 0
        let piece = rest.withUnsafeBufferPointer { source in
            [UInt8](unsafeUninitializedCapacity: Self.chunk) { space, filled in
                // zlib counts in 32 bits, and takes its input by a pointer that it doesn't write to.
                let given = uInt(clamping: source.count)
                stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                stream.avail_in = given
                stream.next_out = space.baseAddress
                stream.avail_out = uInt(space.count)
                code = inflate(&stream, Z_NO_FLUSH)
                filled = space.count - Int(stream.avail_out)
                used = Int(given - stream.avail_in)
                stream.next_in = nil
                stream.next_out = nil
            }
        }
        rest = rest.dropFirst(used)
        // With input left and room made there is progress to come.
        if code == Z_BUF_ERROR, used > 0 || !piece.isEmpty { code = Z_OK }
        return (code, piece)
    }

    /// CRC-32, continued. // RFC 1952 §8
    static func checksum(_ sum: UInt, _ piece: [UInt8]) -> UInt {
        UInt(crc32(uLong(sum), piece, uInt(clamping: piece.count)))
    }
}
