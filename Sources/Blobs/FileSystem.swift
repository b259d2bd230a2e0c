import CLinux
import Glibc

/// A system call on a file that failed.
package struct FileError: Error, Equatable, CustomStringConvertible {
    package let operation: String
    package let path: String
    package let code: Int32

    package init(operation: String, path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// What went wrong and what to do about it.
    package var description: String {
        // The one code that is ours: a message whose file lost its end.
        let reason = code == ENODATA ? "the file is shorter than the database says" : String(cString: strerror(code))
        return "\(operation) \(path): \(reason)" + (remedy.map { " (\($0))" } ?? "")
    }

    private var remedy: String? {
        switch code {
        case ENOSPC, EDQUOT: "make room on the disk; what is put off until then is taken by itself"
        case EROFS: "mount the file system writable; the kernel's log says why it is not"
        case EACCES, EPERM: "let the server's user (server.user) read and write the data directory"
        case ENOENT, ENODATA: "restore the file from a backup"
        case EIO: "look at the kernel's log: the disk may be failing; have a backup at hand"
        case EMFILE, ENFILE: "raise the limit of open files (LimitNOFILE= in the systemd unit)"
        default: nil
        }
    }
}

extension FileError {
    /// The same error with the path of an open file.
    fileprivate func naming(_ descriptor: Int32) -> FileError {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            return start.map { readlink("/proc/self/fd/\(descriptor)", $0, bytes.count) } ?? 0
        }
        let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return FileError(operation: operation, path: path, code: code)
    }
}

/// The file operations of the write path, so that faults and lost syncs can be injected.
///
/// Every method throws `FileError`.
package protocol FileSystem: Sendable {
    /// Creates a file that must not exist, mode 0600, open for writing.
    func create(_ path: String) throws -> Int32
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws
    /// Copies `count` octets between two open files, from the start of `source` to the end of `target`.
    func copy(from source: Int32, to target: Int32, count: Int) throws
    func close(_ descriptor: Int32) throws
    func rename(_ from: String, to: String) throws
    func remove(_ path: String) throws
    /// Makes a folder, mode 0700; one that exists is fine.
    func makeFolder(_ path: String) throws
    func openFolder(_ path: String) throws -> Int32
    /// Syncs the whole file system that holds `descriptor`; false where the kernel can't.
    func syncFileSystem(_ descriptor: Int32) throws -> Bool
    /// Syncs one file or folder by name.
    func sync(_ path: String) throws
}

/// The host's file system.
package struct HostFileSystem: FileSystem {
    package init() {}

    package func create(_ path: String) throws -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(operation: "create", path: path, code: errno) }
        return descriptor
    }

    package func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw FileError(operation: "write", path: "", code: errno).naming(descriptor)
            }
            rest = rest.dropFirst(written)
        }
    }

    package func copy(from source: Int32, to target: Int32, count: Int) throws {
        var offset: off_t = 0
        while Int(offset) < count {
            let copied = linux_copy_file_range(source, &offset, target, count - Int(offset))
            if copied > 0 { continue }
            if copied < 0, errno == EINTR { continue }
            guard copied < 0, [EXDEV, ENOSYS, EINVAL, EOPNOTSUPP].contains(errno) else {
                throw FileError(operation: "copy", path: "", code: copied == 0 ? EIO : errno).naming(target)
            }
            return try copyThroughMemory(from: source, at: offset, to: target, count: count - Int(offset))
        }
    }

    private func copyThroughMemory(from source: Int32, at start: off_t, to target: Int32, count: Int) throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var offset = start
        var left = count
        while left > 0 {
            let taken = pread(source, &buffer, min(left, buffer.count), offset)
            if taken < 0, errno == EINTR { continue }
            guard taken > 0 else { throw FileError(operation: "read", path: "", code: taken == 0 ? EIO : errno) }
            try buffer.withUnsafeBytes { try write(target, UnsafeRawBufferPointer(rebasing: $0[..<taken])) }
            offset += off_t(taken)
            left -= taken
        }
    }

    package func close(_ descriptor: Int32) throws {
        guard Glibc.close(descriptor) == 0 else { throw FileError(operation: "close", path: "", code: errno) }
    }

    package func rename(_ from: String, to: String) throws {
        guard Glibc.rename(from, to) == 0 else { throw FileError(operation: "rename", path: to, code: errno) }
    }

    package func remove(_ path: String) throws {
        guard unlink(path) == 0 else { throw FileError(operation: "remove", path: path, code: errno) }
    }

    package func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw FileError(operation: "make folder", path: path, code: errno)
        }
    }

    package func openFolder(_ path: String) throws -> Int32 {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open folder", path: path, code: errno) }
        return descriptor
    }

    package func syncFileSystem(_ descriptor: Int32) throws -> Bool {
        if linux_syncfs(descriptor) == 0 { return true }
        if [ENOSYS, EOPNOTSUPP, EINVAL].contains(errno) { return false }
        throw FileError(operation: "sync file system", path: "", code: errno)
    }

    package func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open to sync", path: path, code: errno) }
        defer { _ = Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError(operation: "sync", path: path, code: errno) }
    }
}
