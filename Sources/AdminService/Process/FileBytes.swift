import Glibc

/// Small files whole.
enum FileBytes {
    /// Reads a file.
    ///
    /// - Throws: `AdminError` with `noInput` when it can't be read or is longer than `limit` octets.
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path) }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: chunk.prefix(count))
            guard bytes.count <= limit else { throw AdminError(.noInput, "\(path) is longer than \(limit) octets") }
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether this user may use a folder.
    static func mayEnter(_ folder: String) -> Bool { access(folder, R_OK | X_OK) == 0 }

    /// Writes a new file beside its place, syncs it and moves it there, so that it is there whole or not at all.
    static func write(_ text: String, to path: String, mode: mode_t) throws {
        let temporary = "\(path).\(getpid()).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw cannotCreate(path) }
        var text = text
        let isWritten = text.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count }
        guard isWritten, fsync(descriptor) == 0, close(descriptor) == 0, rename(temporary, path) == 0 else {
            let error = cannotCreate(path)
            unlink(temporary)
            throw error
        }
    }

    /// Makes a directory with exactly `mode`, and those above it that are missing so that everybody may pass through them:
    /// the server's user has to reach what root makes for it. One that is there stays as it is.
    static func makeDirectory(_ path: String, mode: mode_t) throws {
        let parts = path.split(separator: "/")
        var made = path.hasPrefix("/") ? "" : "."
        for (index, part) in parts.enumerated() {
            made += "/" + part
            if mkdir(made, 0o700) == 0 {
                let wanted = index == parts.count - 1 ? mode : 0o755
                guard chmod(made, wanted) == 0 else { throw cannotCreate(made) }
            } else if errno != EEXIST {
                throw cannotCreate(made)
            }
        }
        guard kind(of: path) == S_IFDIR else {
            throw AdminError(.cannotCreate, SystemError("make \(path)", code: ENOTDIR).description)
        }
    }

    /// What a path leads to (`S_IFDIR`, `S_IFSOCK` …), links followed; nil when there is nothing.
    static func kind(of path: String) -> mode_t? {
        var info = stat()
        return stat(path, &info) == 0 ? info.st_mode & S_IFMT : nil
    }

    /// The octets before the first line end of what comes from a descriptor, without those of a byte order mark.
    ///
    /// - Throws: `AdminError` when it can't be read or the line is longer than `limit` octets.
    static func firstLine(from descriptor: Int32, named name: String, limit: Int) throws -> [UInt8] {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count <= limit {
            let count = Glibc.read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(name) }
            if count == 0 || byte == 0x0A || byte == 0x0D { return withoutMark(line) }
            line.append(byte)
        }
        throw AdminError(.data, "the first line of \(name) is longer than \(limit) octets")
    }

    /// Editors of Windows put a byte order mark in front of UTF-8.
    private static func withoutMark(_ line: [UInt8]) -> [UInt8] {
        line.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(line.dropFirst(3)) : line
    }

    /// An absolute form of a path, without asking the file system about links.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard let current = getcwd(&buffer, buffer.count) else { return path }
        let parts = (String(cString: current) + "/" + path).split(separator: "/").filter { $0 != "." }
        return "/" + parts.joined(separator: "/")
    }

    private static func unreadable(_ path: String) -> AdminError {
        AdminError(.noInput, SystemError("read \(path)").description)
    }

    private static func cannotCreate(_ path: String) -> AdminError {
        AdminError(.cannotCreate, SystemError("make \(path)").description)
    }
}
