import Glibc

/// The file in which messages travel to whoever keeps them: written by a command, read by the store, emptied after each
/// batch. It goes with its last user; what a killed command leaves is removed with the next one's start.
package final class StagingFile {
    package let name: String
    private let path: String
    private let descriptor: Int32
    package private(set) var size = 0

    /// - Parameter folder: made where it is missing; its owner may read the file.
    package init(folder: String) throws {
        if mkdir(folder, 0o700) == 0 {
            Self.follow(owner: String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)]), folder)
        }
        Self.removeLeftovers(folder)
        name = "\(getpid())-\(UInt64.random(in: 0...UInt64.max)).batch"
        path = "\(folder)/\(name)"
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure("make \(path)") }
        Self.follow(owner: folder, path)
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    package func append(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(size + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("write \(path)") }
            done += count
        }
        size += done
    }

    /// Takes back what was appended after `length` octets.
    package func truncate(to length: Int) throws {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw Self.failure("shorten \(path)") }
        size = length
    }

    /// Files of commands that are no more.
    private static func removeLeftovers(_ folder: String) {
        for name in FolderListing.names(folder) where name.hasSuffix(".batch") {
            guard let owner = name.split(separator: "-").first.flatMap({ pid_t($0) }) else { continue }
            if kill(owner, 0) != 0, errno == ESRCH { unlink("\(folder)/\(name)") }
        }
    }

    /// What root makes is given to the owner of what is around it.
    private static func follow(owner folder: String, _ path: String) {
        var status = stat()
        guard getuid() == 0, stat(folder, &status) == 0 else { return }
        _ = chown(path, status.st_uid, status.st_gid)
    }

    static func failure(_ what: String) -> MoveError {
        MoveError("\(what): \(String(cString: strerror(errno)))")
    }
}

/// Names in folders.
enum FolderListing {
    /// Calls `body` with each name but `.` and `..`, as octets, in the order of the disk. No folder has no names.
    static func forEach(_ folder: String, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        guard let handle = opendir(folder) else { return }
        defer { closedir(handle) }
        while let entry = readdir(handle) {
            try withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                let start = UnsafeRawPointer(pointer)
                let length = strlen(start.assumingMemoryBound(to: CChar.self))
                let bytes = UnsafeRawBufferPointer(start: start, count: length)
                if bytes.elementsEqual([0x2E]) || bytes.elementsEqual([0x2E, 0x2E]) { return }
                try body(bytes)
            }
        }
    }

    static func names(_ folder: String) -> [String] {
        var names: [String] = []
        forEach(folder) { names.append(String(decoding: $0, as: UTF8.self)) }
        return names.sorted()
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
