import CLinux
import Glibc

/// A body that is too large to hold in memory, on its way in. The file has no name and is gone with its last user.
///
/// One task appends; after that it is only read.
package final class SpoolFile: Sendable {
    let descriptor: Int32

    /// - Throws: `FileError`.
    init(folder: String) throws {
        let descriptor = linux_open_temporary(folder)
        guard descriptor >= 0 else { throw FileError(operation: "create spool in", path: folder, code: errno) }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Octets appended so far.
    package var size: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Appends to the end. Blocks on the disk.
    package func append(_ bytes: UnsafeRawBufferPointer) throws {
        try HostFileSystem().write(descriptor, bytes)
    }

    package func append(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try append($0) }
    }

    /// Reads part of it, clamped to what is there.
    package func read(_ range: Range<Int>) throws -> [UInt8] {
        try readRange(descriptor, range)
    }
}

/// Reads a range of an open file; shorter where the file ends.
func readRange(_ descriptor: Int32, _ range: Range<Int>) throws -> [UInt8] {
    guard !range.isEmpty, range.lowerBound >= 0 else { return [] }
    return try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, initialized in
        let space = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<range.count]))
        initialized = try fill(space, from: descriptor, at: range.lowerBound)
    }
}

/// Reads until the space is full or the file ends; says how many octets there were.
func fill(_ space: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int) throws -> Int {
    var filled = 0
    while filled < space.count {
        let taken = pread(
            descriptor, space.baseAddress.map { $0 + filled }, space.count - filled, off_t(offset + filled))
        if taken < 0, errno == EINTR { continue }
        guard taken >= 0 else { throw FileError(operation: "read", path: "", code: errno) }
        if taken == 0 { break }
        filled += taken
    }
    return filled
}
