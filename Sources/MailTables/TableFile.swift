import Glibc

/// What tells one state of a file from another.
struct FileSignature: Sendable, Hashable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    /// Nanoseconds.
    var modified: Int64
    var changed: Int64

    /// nil with the reason where there is no such file, or it is no regular one.
    static func of(_ path: String) -> Result<FileSignature, TableFileError> {
        var info = stat()
        guard stat(path, &info) == 0 else { return .failure(TableFileError(errno: errno)) }
        return signature(info)
    }

    static func signature(_ info: stat) -> Result<FileSignature, TableFileError> {
        guard info.st_mode & S_IFMT != S_IFDIR else { return .failure(TableFileError(errno: EISDIR)) }
        guard info.st_mode & S_IFMT == S_IFREG else {
            return .failure(TableFileError("is not a regular file", remedy: "name a file"))
        }
        return .success(
            FileSignature(
                device: UInt64(info.st_dev), inode: UInt64(info.st_ino), size: Int64(info.st_size),
                modified: nanoseconds(info.st_mtim), changed: nanoseconds(info.st_ctim)))
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        let (scaled, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : scaled &+ Int64(time.tv_nsec)
    }
}

struct TableFileError: Error, Hashable {
    var message: String
    var remedy: String

    init(_ message: String, remedy: String) {
        self.message = message
        self.remedy = remedy
    }

    init(errno code: Int32) {
        switch code {
        case ENOENT: self.init("there is no such file", remedy: "make the file, or remove the table from the manifest")
        case EISDIR: self.init("is a directory", remedy: "name a file")
        case EACCES, EPERM:
            self.init("may not be read", remedy: "let the server's user (server.user) read it, such as by its group")
        default:
            self.init("can't be read: \(String(cString: strerror(code)))", remedy: "see what the kernel's log says")
        }
    }
}

enum TableFile {
    /// Larger tables belong into a database.
    static let mostOctets: Int64 = 256 << 20

    /// Reads a whole file, and the state in which it was read.
    ///
    /// - Parameter check: looks at what the file is before it is read.
    static func read(
        _ path: String, check: (stat) throws(TableFileError) -> Void = { _ throws(TableFileError) in }
    ) throws(TableFileError) -> (octets: [UInt8], signature: FileSignature) {
        // A FIFO without a writer must not keep anybody waiting.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw TableFileError(errno: errno) }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw TableFileError(errno: errno) }
        let signature = try FileSignature.signature(info).get()
        try check(info)
        guard signature.size <= mostOctets else {
            throw TableFileError("is larger than 256 MiB", remedy: "put it into an SQLite database (`sqlite:PATH`)")
        }
        var octets: [UInt8] = []
        octets.reserveCapacity(Int(signature.size) + 1)
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while octets.count <= Int(mostOctets) {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw TableFileError(errno: errno) }
            guard count > 0 else { break }
            octets += chunk[..<count]
        }
        return (octets, signature)
    }

    private static let compiledSuffixes = [".db", ".lmdb", ".cdb", ".pag", ".dir"]

    /// The compiled form that lies beside a text file, as `postmap` makes it.
    static func compiledForm(of path: String) -> (path: String, signature: FileSignature)? {
        for suffix in compiledSuffixes {
            if case .success(let signature) = FileSignature.of(path + suffix) { return (path + suffix, signature) }
        }
        return nil
    }

    /// Whether a path names the compiled form itself.
    static func isCompiledName(_ path: String) -> Bool { compiledSuffixes.contains { path.hasSuffix($0) } }

    /// Whether all of `samples` stand in a file. All `postmap` formats keep keys as they are.
    static func contains(_ samples: [String], in path: String) -> Bool {
        guard let (octets, _) = try? read(path) else { return false }
        return octets.withUnsafeBytes { hay in
            samples.allSatisfy { sample in
                var sample = sample
                return sample.withUTF8 { Self.contains($0, in: hay) }
            }
        }
    }

    private static func contains(_ needle: UnsafeBufferPointer<UInt8>, in hay: UnsafeRawBufferPointer) -> Bool {
        guard let first = needle.first, let wanted = needle.baseAddress else { return true }
        var rest = hay
        while rest.count >= needle.count, let start = rest.baseAddress {
            guard let found = memchr(start, Int32(first), rest.count - needle.count + 1) else { return false }
            if memcmp(found, wanted, needle.count) == 0 { return true }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(UnsafeRawPointer(found) - start + 1))
        }
        return false
    }
}
