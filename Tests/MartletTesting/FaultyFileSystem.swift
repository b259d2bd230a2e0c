import Blobs
import Glibc
import Synchronization

/// The host's file system with a log of its calls, of which one may fail.
package final class FaultyFileSystem: FileSystem {
    private struct State {
        var calls: [String] = []
        var failing: Int?
        var supportsFileSystemSync = true
    }

    private let state = Mutex(State())
    private let host = HostFileSystem()

    package init() {}

    /// The names of the calls so far, in order.
    package var calls: [String] { state.withLock { $0.calls } }

    /// Forgets the log and fails the call with this number from now, counted from 0; nil fails none.
    package func reset(failing: Int? = nil) {
        state.withLock { state in
            state.calls = []
            state.failing = failing
        }
    }

    package func setFileSystemSync(supported: Bool) {
        state.withLock { $0.supportsFileSystemSync = supported }
    }

    private func record(_ call: String) throws {
        let fails = state.withLock { state in
            state.calls.append(call)
            return state.failing == state.calls.count - 1
        }
        if fails { throw FileError(operation: call, path: "injected", code: EIO) }
    }

    package func create(_ path: String) throws -> Int32 {
        try record("create")
        return try host.create(path)
    }

    package func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws {
        try record("write")
        try host.write(descriptor, bytes)
    }

    package func copy(from source: Int32, to target: Int32, count: Int) throws {
        try record("copy")
        try host.copy(from: source, to: target, count: count)
    }

    package func close(_ descriptor: Int32) throws {
        // A close that fails has closed the descriptor all the same.
        try host.close(descriptor)
        try record("close")
    }

    package func rename(_ from: String, to: String) throws {
        try record("rename")
        try host.rename(from, to: to)
    }

    package func remove(_ path: String) throws {
        try record("remove")
        try host.remove(path)
    }

    package func makeFolder(_ path: String) throws {
        try record("makeFolder")
        try host.makeFolder(path)
    }

    package func openFolder(_ path: String) throws -> Int32 {
        try record("openFolder")
        return try host.openFolder(path)
    }

    package func syncFileSystem(_ descriptor: Int32) throws -> Bool {
        try record("syncFileSystem")
        guard state.withLock({ $0.supportsFileSystemSync }) else { return false }
        return try host.syncFileSystem(descriptor)
    }

    package func sync(_ path: String) throws {
        try record("sync")
        try host.sync(path)
    }
}
