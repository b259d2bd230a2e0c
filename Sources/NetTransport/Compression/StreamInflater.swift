import CZlib
import NIOCore

/// Decompresses one direction of a connection, a bounded piece at a time. // RFC 1951
///
/// Between two flushes of the peer nothing is needed but its last 32 KiB of octets, so ``release()`` keeps those alone.
final class StreamInflater {
    /// What can't be decompressed, or octets behind the end.
    struct Damaged: Error, CustomStringConvertible {
        let description = "the compressed stream is damaged"
    }

    private static let largestWindow = 32_768

    /// In a place of its own: zlib keeps its address.
    private var stream: UnsafeMutablePointer<z_stream>?
    /// What the peer may refer to, while there is no stream.
    private var window: [UInt8] = []
    /// Whether the peer's octets end between two blocks, with no bit left over.
    private var isBetweenBlocks = true
    /// There may be more to give out without more input.
    private(set) var hasMore = false

    /// The peer has ended its stream, behind which nothing may come.
    private var hasEnded = false

    var holdsMemory: Bool { stream != nil }

    deinit {
        end()
    }

    /// Takes from the front of `input` and gives at most `limit` octets; none when more input is needed.
    func decompress(_ input: inout ByteBuffer, limit: Int, allocator: ByteBufferAllocator) throws(Damaged) -> ByteBuffer
    {
        guard !hasEnded || input.readableBytes == 0, let stream = begin() else { throw Damaged() }
        // What is typed is small: the buffer need not be as large as the limit.
        var output = allocator.buffer(capacity: min(limit, max(1024, input.readableBytes * 8)))
        var code = Z_OK
        var taken = 0
        input.withUnsafeReadableBytes { source in
            let given = uInt(clamping: source.count)
            let start = source.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
            stream.pointee.avail_in = given
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { space in
                let room = uInt(clamping: min(space.count, limit))
                stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                stream.pointee.avail_out = room
                code = inflate(stream, Z_SYNC_FLUSH)
                hasMore = stream.pointee.avail_out == 0
                stream.pointee.next_out = nil
                return Int(room - stream.pointee.avail_out)
            }
            taken = Int(given - stream.pointee.avail_in)
            stream.pointee.next_in = nil
        }
        input.moveReaderIndex(forwardBy: taken)
        // 128: at the end of a block; the low bits count what is left of the last octet.
        isBetweenBlocks = stream.pointee.data_type == 128
        if code == Z_STREAM_END {
            hasEnded = true
            hasMore = false
        } else if code != Z_OK, code != Z_BUF_ERROR {
            throw Damaged()
        }
        return output
    }

    /// Lets go of all memory but what the peer may refer to. Does nothing in the middle of a block.
    func release() {
        guard let stream, isBetweenBlocks, !hasMore else { return }
        var count: uInt = 0
        let kept = [UInt8](unsafeUninitializedCapacity: Self.largestWindow) { space, filled in
            if inflateGetDictionary(stream, space.baseAddress, &count) == Z_OK { filled = Int(count) }
        }
        // The array was as large as it might have had to be.
        window = Array(kept[...])
        end()
    }

    private func begin() -> UnsafeMutablePointer<z_stream>? {
        if let stream { return stream }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard martlet_inflate_start(stream, -15) == Z_OK else {
            stream.deallocate()
            return nil
        }
        self.stream = stream
        guard window.isEmpty || inflateSetDictionary(stream, window, uInt(clamping: window.count)) == Z_OK else {
            end()
            return nil
        }
        window = []
        return stream
    }

    private func end() {
        guard let stream else { return }
        inflateEnd(stream)
        stream.deallocate()
        self.stream = nil
    }
}
