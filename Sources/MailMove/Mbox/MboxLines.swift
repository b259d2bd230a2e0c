import Glibc

/// An mbox's lines with their line ends; pieces of at most 64 KiB of longer ones.
final class MboxLines {
    private let descriptor: Int32
    private let path: String
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false
    /// Octets of the file before `buffer`.
    private var before = 0
    let size: Int
    private static let longest = 65_536
    private static let piece = 262_144

    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StagingFile.failure("read \(path)") }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw MoveError("\(path) is not a file", remedy: "name one mbox file")
        }
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Where the next line begins.
    var offset: Int { before + position }

    func next() throws -> [UInt8]? {
        while true {
            let rest = buffer.count - position
            let end = buffer.withUnsafeBytes { bytes -> Int? in
                guard rest > 0, let base = bytes.baseAddress,
                    let found = memchr(base + position, 0x0A, min(rest, Self.longest))
                else { return nil }
                return UnsafeRawPointer(found) - base + 1
            }
            if let end = end ?? (rest >= Self.longest ? position + Self.longest : isAtEnd ? buffer.count : nil) {
                guard end > position else { return nil }
                defer { position = end }
                return Array(buffer[position..<end])
            }
            try more()
        }
    }

    /// The next octets, whatever they are; nil at the end.
    func take(_ count: Int) throws -> [UInt8]? {
        if position == buffer.count, !isAtEnd { try more() }
        let end = min(buffer.count, position + min(count, Self.piece))
        guard end > position else { return nil }
        defer { position = end }
        return Array(buffer[position..<end])
    }

    /// A few octets further on.
    func peek(at offset: Int, count: Int) -> [UInt8] {
        guard offset >= 0, offset < size else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        return Array(bytes.prefix(max(0, got)))
    }

    private func more() throws {
        before += position
        buffer.removeFirst(position)
        position = 0
        var chunk = [UInt8](repeating: 0, count: Self.piece)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StagingFile.failure("read \(path)") }
            if count == 0 { isAtEnd = true } else { buffer.append(contentsOf: chunk.prefix(count)) }
            return
        }
    }
}
