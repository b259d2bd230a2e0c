import Glibc

/// The file that a command has left messages in.
final class StagedFileReader {
    private let descriptor: Int32

    /// - Parameter name: of the operator's command; leads nowhere else.
    init(folder: String, name: String) throws {
        guard name.hasSuffix(".batch"), name.utf8.allSatisfy({ $0 != 0x2F && $0 > 0x20 && $0 < 0x7F }) else {
            throw AdminError(.data, "\"\(name)\" is no staging file")
        }
        let opened = open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        let code = errno
        descriptor = opened
        guard opened >= 0 else {
            throw AdminError(
                .noInput, SystemError("read \(folder)/\(name)", code: code).description,
                remedy: "run the command as root or as the server's user, on the server's machine")
        }
    }

    deinit { close(descriptor) }

    /// Exactly so many octets.
    func read(_ offset: Int, _ length: Int) throws -> [UInt8] {
        guard offset >= 0, length >= 0 else { throw AdminError(.data, "a range of the staging file is wrong") }
        var bytes = [UInt8](repeating: 0, count: length)
        var done = 0
        while done < length {
            let count = bytes.withUnsafeMutableBytes { buffer in
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                return pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw AdminError(.ioError, "the staging file is shorter than it should be") }
            done += count
        }
        return bytes
    }
}
