import CZlib

/// Unpacks gzip that comes a piece at a time, such as a file that is read. Memory grows neither with what goes in nor with
/// what comes out. Once it has thrown it is of no more use. // RFC 1952
package final class GzipStream {
    private static let chunk = 64 * 1024

    /// In a place of its own: zlib keeps its address.
    private let stream: UnsafeMutablePointer<z_stream>
    private let limits: ArchiveLimits
    private var given = 0
    private var output = 0
    /// The last member has ended, and the next has not begun.
    private var isBetweenMembers = false

    package init(limits: ArchiveLimits) throws(ArchiveError) {
        self.limits = limits
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard martlet_inflate_start(stream, 15 + 16) == Z_OK else {
            throw ArchiveError(.broken, "zlib could not begin")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Unpacks the next octets.
    ///
    /// - Parameter body: gets what comes out, up to 64 KiB at a time.
    /// - Throws: `ArchiveError`, or what `body` throws.
    package func unpack(_ input: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        given += input.count
        var rest = input[...]
        try withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 16) { space in
            while !rest.isEmpty {
                if isBetweenMembers {
                    guard inflateReset(stream) == Z_OK else {
                        throw ArchiveError(.broken, "zlib could not begin again")
                    }
                    isBetweenMembers = false
                }
                rest = try member(rest, space, body)
            }
        }
    }

    /// To be called after the last octets.
    /// - Throws: where the content ends early.
    package func finish() throws(ArchiveError) {
        guard isBetweenMembers else { throw ArchiveError(.broken, "the compressed content ends early") }
    }

    /// Unpacks up to the end of a member or of the octets at hand; returns those that are left.
    private func member(
        _ input: Slice<UnsafeRawBufferPointer>, _ space: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Slice<UnsafeRawBufferPointer> {
        var rest = input
        while true {
            let source = UnsafeRawBufferPointer(rebasing: rest).bindMemory(to: UInt8.self)
            // zlib counts in 32 bits, and takes its input by a pointer that it doesn't write to.
            let available = uInt(clamping: source.count)
            stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            stream.pointee.avail_in = available
            stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.avail_out = uInt(clamping: space.count)
            let code = inflate(stream, Z_NO_FLUSH)
            let made = space.count - Int(stream.pointee.avail_out)
            rest = rest.dropFirst(Int(available - stream.pointee.avail_in))
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                throw ArchiveError(.broken, "the compressed content is damaged")
            }
            if made > 0 {
                try count(made)
                try body(UnsafeRawBufferPointer(rebasing: space[..<made]))
            }
            if code == Z_STREAM_END {
                isBetweenMembers = true
                return rest
            }
            // All is taken, and there was room for more than came out of it.
            if rest.isEmpty, made < space.count { return rest }
            guard code == Z_OK || made > 0 else {
                throw ArchiveError(.broken, "the compressed content is damaged")
            }
        }
    }

    private func count(_ octets: Int) throws(ArchiveError) {
        output += octets
        guard output <= limits.output else {
            throw ArchiveError(.tooLarge, "more than \(limits.output) octets come out of it")
        }
        guard output <= limits.ratioFree || output / limits.ratio <= given else {
            throw ArchiveError(.tooLarge, "it grows more than \(limits.ratio) times")
        }
    }
}
