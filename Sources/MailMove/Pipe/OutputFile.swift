import Glibc

/// A file that is written from its begin or from a known place on, through a buffer.
final class OutputFile {
    private let descriptor: Int32
    private let path: String
    private var buffer: [UInt8] = []
    private(set) var size: Int

    /// - Parameter keeping: octets of what is there that stay.
    init(_ path: String, keeping: Int = 0) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StagingFile.failure("make \(path)") }
        size = keeping
        guard ftruncate(descriptor, off_t(keeping)) == 0, lseek(descriptor, off_t(keeping), SEEK_SET) >= 0 else {
            throw StagingFile.failure("write \(path)")
        }
    }

    deinit { close(descriptor) }

    func write(_ bytes: some Collection<UInt8>) throws {
        buffer.append(contentsOf: bytes)
        size += bytes.count
        if buffer.count >= 262_144 { try flush() }
    }

    func flush() throws {
        var done = 0
        while done < buffer.count {
            let count = buffer.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                return Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StagingFile.failure("write \(path)") }
            done += count
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Takes back what was written after `length` octets.
    func truncate(to length: Int) throws {
        try flush()
        guard ftruncate(descriptor, off_t(length)) == 0, lseek(descriptor, off_t(length), SEEK_SET) >= 0 else {
            throw StagingFile.failure("write \(path)")
        }
        size = length
    }

    /// Sets the time of the last change, in microseconds of UTC.
    func setTime(_ microseconds: Int64) throws {
        try flush()
        let seconds = microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(microseconds - seconds * 1_000_000) * 1000)
        guard futimens(descriptor, [time, time]) == 0 else { throw StagingFile.failure("write \(path)") }
    }

    func sync() throws {
        try flush()
        guard fsync(descriptor) == 0 else { throw StagingFile.failure("write \(path)") }
    }
}
