import Glibc

/// What lines of exported messages end in.
package enum LineEndStyle: String, Sendable, CaseIterable {
    /// Every octet as it is kept: CRLF.
    case stored
    /// As most programs keep messages in files.
    case lf
}

/// A stored message, read in pieces with the line ends that are wanted.
struct MessageReader: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private let style: LineEndStyle
    private var rest: Int
    private var pendingCR = false

    /// - Parameter size: octets; the file must have them.
    /// - Throws: `UnreadableFile` where the file or a part of it is lost; `MoveError` where no file can be read.
    init(_ path: String, size: Int, style: LineEndStyle) throws {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let code = errno
            guard code != ENOENT, code != EIO else {
                throw UnreadableFile(path, "can't be read (\(String(cString: strerror(code))))", remedy: Self.remedy)
            }
            throw MoveError(
                "the message file \(path) can't be read: \(String(cString: strerror(code)))",
                remedy: code == EACCES ? "run this as root or as the server's user" : "look at the disk and its log")
        }
        var status = stat()
        // Before anything of it is written.
        guard fstat(descriptor, &status) == 0, Int(status.st_size) >= size else {
            close(descriptor)
            throw UnreadableFile(path, "is shorter than it was", remedy: Self.remedy)
        }
        self.path = path
        self.style = style
        rest = size
    }

    private static let remedy = "see: martlet mailbox check"

    deinit { close(descriptor) }

    mutating func next() throws -> [UInt8]? {
        while rest > 0 {
            var piece = [UInt8](repeating: 0, count: min(rest, 262_144))
            let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw UnreadableFile(
                    path, count == 0 ? "is shorter than it was" : "can't be read (\(String(cString: strerror(errno))))",
                    remedy: Self.remedy)
            }
            rest -= count
            piece.removeLast(piece.count - count)
            guard style == .lf else { return piece }
            let converted = LineEnds.unix(piece, pendingCR: &pendingCR)
            if !converted.isEmpty { return converted }
        }
        guard pendingCR else { return nil }
        pendingCR = false
        return [0x0D]
    }
}
