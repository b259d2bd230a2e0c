import CZlib

/// Compresses to gzip, piece by piece. // RFC 1952
///
/// The member has no name and no time: equal content gives equal octets.
package final class GzipEncoder {
    /// zlib can't be had: it ran out of memory.
    package struct Failure: Error, CustomStringConvertible {
        package let code: Int32

        package var description: String { "zlib could not compress (\(code))" }
    }

    private static let chunk = 16 * 1024

    private var stream = z_stream()
    private var hasEnded = false

    package init() throws(Failure) {
        let code = martlet_deflate_start(&stream, Z_DEFAULT_COMPRESSION)
        guard code == Z_OK else { throw Failure(code: code) }
    }

    deinit {
        deflateEnd(&stream)
    }

    /// What of the compressed content is ready after `bytes`; often nothing yet.
    package func encode(_ bytes: [UInt8]) throws(Failure) -> [UInt8] { try run(bytes, Z_NO_FLUSH) }

    /// The rest, with the checksum. Nothing can be encoded after it.
    package func finish() throws(Failure) -> [UInt8] {
        guard !hasEnded else { return [] }
        hasEnded = true
        return try run([], Z_FINISH)
    }

    /// All at once.
    package static func compress(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
        let encoder = try GzipEncoder()
        return try encoder.encode(bytes) + encoder.finish()
    }

    private func run(_ bytes: [UInt8], _ flush: Int32) throws(Failure) -> [UInt8] {
        var input = bytes
        var out: [UInt8] = []
        var code = Z_OK
        input.withUnsafeMutableBufferPointer { buffer in
            // zlib counts in 32 bits; a report is far below that.
            stream.next_in = buffer.baseAddress
            stream.avail_in = uInt(clamping: buffer.count)
            repeat {
                let piece = [UInt8](unsafeUninitializedCapacity: Self.chunk) { space, used in
                    stream.next_out = space.baseAddress
                    stream.avail_out = uInt(clamping: space.count)
                    code = deflate(&stream, flush)
                    used = space.count - Int(stream.avail_out)
                }
                out += piece
            } while code == Z_OK && stream.avail_out == 0
            stream.next_in = nil
        }
        // Z_BUF_ERROR: there was nothing to do.
        guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else { throw Failure(code: code) }
        return out
    }
}
