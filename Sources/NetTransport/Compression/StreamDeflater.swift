import CZlib
import NIOCore

/// Compresses one direction of a connection; keeps memory only while there is something to send. // RFC 1951
///
/// What is given out always ends on a whole octet with all input in it, so that the peer can read it at once, and so
/// that a compressor may be dropped and another go on behind it: it merely knows nothing of what was sent before.
final class StreamDeflater {
    /// Fast rather than small: answers of IMAP shrink to a third at any level.
    private static let level: Int32 = 3
    /// 8 KiB of window and as much memory as goes with it: 64 KiB in all, a quarter of zlib's usual.
    private static let windowBits: Int32 = 13
    private static let memoryLevel: Int32 = 6

    /// In a place of its own: zlib keeps its address.
    private var stream: UnsafeMutablePointer<z_stream>?

    var holdsMemory: Bool { stream != nil }

    deinit {
        release()
    }

    /// Lets go of the memory. The next octets are compressed without the help of the last ones.
    func release() {
        guard let stream else { return }
        deflateEnd(stream)
        stream.deallocate()
        self.stream = nil
    }

    /// The octets, compressed; nil when zlib has no memory.
    func compress(_ input: ByteBuffer, allocator: ByteBufferAllocator) -> ByteBuffer? {
        guard let stream = begin() else { return nil }
        var output = allocator.buffer(capacity: input.readableBytes / 2 + 64)
        let isDone = input.withUnsafeReadableBytes { source in
            // zlib takes its input by a pointer that it doesn't write to.
            let start = source.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
            stream.pointee.avail_in = uInt(clamping: source.count)
            defer { stream.pointee.next_in = nil }
            return drain(stream, into: &output)
        }
        return isDone ? output : nil
    }

    private func begin() -> UnsafeMutablePointer<z_stream>? {
        if let stream { return stream }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard martlet_deflate_raw_start(stream, Self.level, Self.windowBits, Self.memoryLevel) == Z_OK else {
            stream.deallocate()
            return nil
        }
        self.stream = stream
        return stream
    }

    private func drain(_ stream: UnsafeMutablePointer<z_stream>, into output: inout ByteBuffer) -> Bool {
        var code = Z_OK
        repeat {
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: 4096) { space in
                let room = uInt(clamping: space.count)
                stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                stream.pointee.avail_out = room
                code = deflate(stream, Z_SYNC_FLUSH)
                stream.pointee.next_out = nil
                return Int(room - stream.pointee.avail_out)
            }
            // No room left means that there may be more.
        } while code == Z_OK && stream.pointee.avail_out == 0
        return (code == Z_OK || code == Z_BUF_ERROR) && stream.pointee.avail_in == 0
    }
}
