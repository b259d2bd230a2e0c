import Glibc

/// Files read whole or a line after the other.
package enum SmallFile {
    private static let limit = 16 << 20

    /// A file's octets; nil where there is none or it is too long.
    static func read(_ path: String) -> [UInt8]? {
        var result: [UInt8] = []
        var reader = LineReader(path)
        while let line = reader?.next() {
            result += line
            result.append(0x0A)
            if result.count > limit { return nil }
        }
        return reader == nil ? nil : result
    }

    /// Writes a file beside its place and moves it there, so that it is there whole or not at all.
    static func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = "\(path).\(getpid()).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StagingFile.failure("make \(path)") }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
                return Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                close(descriptor)
                unlink(temporary)
                throw StagingFile.failure("write \(path)")
            }
            done += count
        }
        guard fsync(descriptor) == 0, close(descriptor) == 0, rename(temporary, path) == 0 else {
            throw StagingFile.failure("write \(path)")
        }
    }
}

/// The lines of a file, one after the other, without their line ends. A line over 64 KiB is cut.
struct LineReader: ~Copyable {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false
    private static let limit = 65_536

    init?(_ path: String) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    mutating func next() -> [UInt8]? {
        while true {
            if let end = buffer[position...].firstIndex(of: 0x0A) {
                defer { position = end + 1 }
                return Array(buffer[position..<end])
            }
            if isAtEnd || buffer.count - position > Self.limit {
                guard position < buffer.count else { return nil }
                defer { position = buffer.count }
                return Array(buffer[position...])
            }
            more()
        }
    }

    private mutating func more() {
        buffer.removeFirst(position)
        position = 0
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        if count > 0 { buffer.append(contentsOf: chunk.prefix(count)) } else { isAtEnd = true }
    }
}
