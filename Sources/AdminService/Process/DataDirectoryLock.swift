import Glibc
import Synchronization

/// The lock that says who works on a data directory. The kernel gives it back when the process ends, however it ends.
///
/// A server holds it for its whole life; a command of the operator holds it while it works on its own. The file's text
/// tells a person who holds it and plays no part in the locking.
package final class DataDirectoryLock: Sendable {
    /// Who else holds the lock, as the file says.
    package struct Held: Error, Equatable {
        package var holder: String
    }

    private let descriptor: Mutex<Int32?>

    /// Takes the lock without waiting. Makes the file when it is missing; the directory must exist.
    ///
    /// - Throws: `Held` when another process has it, `SystemError` when the file can't be opened.
    package init(directory: String, role: String) throws {
        let path = directory + "/martlet.lock"
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw SystemError("open \(path)") }
        // The folder is the server's user's, who could give a file of root's this name too.
        var info = stat()
        guard fstat(opened, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_nlink == 1 else {
            close(opened)
            throw SystemError("open \(path)", code: EMLINK)
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            let failure = SystemError("flock \(path)")
            let holder = Self.text(of: opened)
            close(opened)
            guard failure.code == EWOULDBLOCK else { throw failure }
            throw Held(holder: holder)
        }
        let line = Array("\(role) process \(getpid())\n".utf8)
        ftruncate(opened, 0)
        _ = line.withUnsafeBytes { pwrite(opened, $0.baseAddress, $0.count, 0) }
        descriptor = Mutex(opened)
    }

    deinit { release() }

    /// Gives the lock back; a second call does nothing.
    package func release() {
        descriptor.withLock { descriptor in
            guard let open = descriptor else { return }
            close(open)
            descriptor = nil
        }
    }

    private static func text(of descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 200)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        return String(text.prefix { $0.isASCII && !$0.isNewline })
    }
}
