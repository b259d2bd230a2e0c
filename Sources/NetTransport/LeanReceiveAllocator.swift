import NIOCore

/// Buffers for what is read from a socket, none of which outlives its use.
///
/// NIO keeps the buffers it reads into for the life of the connection, as large as they ever were; of ten thousand idle
/// connections each would hold kilobytes, and one that has sent a large message a quarter of a megabyte. It keeps no more
/// than `maxMessagesPerRead` of them and uses none again that may have to grow: with one message a read, only the first
/// stays, which is small.
struct LeanReceiveAllocator: RecvByteBufferAllocator {
    /// Octets of the first buffer, which stays with the connection.
    static let first = 64
    private static let least = 2048
    private static let most = 65536

    private var size = Self.first

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        allocator.buffer(capacity: size)
    }

    mutating func record(actualReadBytes octets: Int) -> Bool {
        if octets >= size {
            size = min(Self.most, max(Self.least, size * 4))
        } else if octets * 8 <= size || size < Self.least {
            size = max(Self.least, size / 4)
        }
        // "May grow" is "don't use the one you keep".
        return true
    }

    /// Nil is "don't keep any beyond the first".
    func nextBufferSize() -> Int? { nil }
}
