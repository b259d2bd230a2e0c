import Glibc
import MailSyntax
package import SQLEngine
import Synchronization

/// Message bytes as files: `blobs/OUTER/INNER/NAME` under the data folder.
///
/// If the database were lost the mail would still be there, each message a file as it would be read.
package final class BlobStore: FileSyncing {
    package let root: String
    private let incoming: String
    private let ids: IDGenerator
    private let fileSystem: any FileSystem
    private let rootDescriptor: Int32
    private let knownFolders = Mutex<Set<String>>([])

    /// Opens or makes the store in `root`, and removes temporaries that a crash left.
    ///
    /// - Throws: `FileError`.
    package init(root: String, ids: IDGenerator, fileSystem: any FileSystem = HostFileSystem()) throws {
        self.root = root
        self.incoming = "\(root)/incoming"
        self.ids = ids
        self.fileSystem = fileSystem
        try fileSystem.makeFolder(root)
        try fileSystem.makeFolder(incoming)
        self.rootDescriptor = try fileSystem.openFolder(root)
        for name in try Self.entries(of: incoming) { unlink("\(incoming)/\(name)") }
    }

    deinit {
        close(rootDescriptor)
    }

    /// A temporary for a body over 256 KiB.
    package func makeSpool() throws -> SpoolFile {
        try SpoolFile(folder: incoming)
    }

    /// Names and hashes the bytes; they are written by the group commit that is handed the result.
    ///
    /// Spooled content is read once more for its hash, off the caller's executor.
    package func stage(_ content: BlobContent) async throws -> StagedBlob {
        switch content {
        case .bytes: return try makeStaged(content)
        case .joined:
            // Named, because a session may run on an event loop, which a plain concurrent function would not leave.
            return try await withTaskExecutorPreference(globalConcurrentExecutor) { try makeStaged(content) }
        }
    }

    private func makeStaged(_ content: BlobContent) throws -> StagedBlob {
        let id = BlobID(id: ids.next())
        try makeFolders(for: id)
        return try StagedBlob(
            id: id, content: content, temporaryPath: "\(incoming)/\(id)", finalPath: path(of: id),
            fileSystem: fileSystem)
    }

    /// Opens a blob for reading.
    package func open(_ id: BlobID, size: Int) throws -> BlobReader {
        try BlobReader(below: rootDescriptor, place: id.place, size: size)
    }

    package func path(of id: BlobID) -> String {
        "\(root)/\(id.place)"
    }

    /// Removes a blob's file; one that is gone already is fine.
    package func remove(_ id: BlobID) throws {
        do {
            try fileSystem.remove(path(of: id))
        } catch let error as FileError where error.code == ENOENT {
            return
        }
    }

    package func syncAll(_ files: [any StagedFile]) throws {
        if try fileSystem.syncFileSystem(rootDescriptor) { return }
        var folders: Set<String> = [root]
        for case let file as StagedBlob in files {
            try fileSystem.sync(file.finalPath)
            let names = file.id.folders
            folders.insert("\(root)/\(names.outer)")
            folders.insert("\(root)/\(names.outer)/\(names.inner)")
        }
        for folder in folders.sorted() { try fileSystem.sync(folder) }
    }

    private func makeFolders(for id: BlobID) throws {
        let names = id.folders
        let inner = "\(root)/\(names.outer)/\(names.inner)"
        guard knownFolders.withLock({ !$0.contains(inner) }) else { return }
        try fileSystem.makeFolder("\(root)/\(names.outer)")
        try fileSystem.makeFolder(inner)
        knownFolders.withLock { known in
            if known.count > 64 { known.removeAll() }
            known.insert(inner)
        }
    }

    static func entries(of folder: String) throws -> [String] {
        guard let handle = opendir(folder) else {
            throw FileError(operation: "read folder", path: folder, code: errno)
        }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            // In place: entries are shorter than the 256 octets that a copy of the name would read.
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// An open blob. Reads block on the disk.
package final class BlobReader: Sendable {
    package let size: Int
    private let descriptor: Int32

    /// - Parameters:
    ///   - folder: a descriptor of the folder that `place` lies below.
    ///   - size: octets that there must be.
    init(below folder: Int32, place: String, size: Int) throws {
        descriptor = openat(folder, place, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: place, code: errno) }
        self.size = size
        // Before anything of it is said: half a message must not pass for a whole one.
        var status = stat()
        guard fstat(descriptor, &status) == 0, Int(status.st_size) >= size else {
            throw FileError(operation: "open", path: place, code: ENODATA)
        }
    }

    deinit {
        close(descriptor)
    }

    /// Lets the system fetch the first octets from the disk, up to so many, while the caller does something else.
    package func willRead(_ octets: Int) {
        // A hint: where it is not taken, reading waits as it would have.
        _ = posix_fadvise(descriptor, 0, off_t(min(octets, size)), POSIX_FADV_WILLNEED)
    }

    /// The octets of a range, clamped to the blob.
    package func read(_ range: Range<Int>) throws -> [UInt8] {
        try readRange(descriptor, range.clamped(to: 0..<max(0, size)))
    }

    /// Fills `space` with the octets from an offset on; less where the file ends.
    /// - Returns: how many octets there were.
    package func read(at offset: Int, into space: UnsafeMutableRawBufferPointer) throws -> Int {
        guard offset >= 0, offset <= size else { return 0 }
        return try fill(
            UnsafeMutableRawBufferPointer(rebasing: space.prefix(size - offset)), from: descriptor, at: offset)
    }
}
