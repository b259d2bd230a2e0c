import Glibc
import NIOCore

/// Who a socket's file is given to.
package struct UnixSocketOwner: Sendable, Hashable {
    package var userID: UInt32
    package var groupID: UInt32

    package init(userID: UInt32, groupID: UInt32) {
        self.userID = userID
        self.groupID = groupID
    }
}

/// The file of a Unix-domain socket.
enum UnixSocketFile {
    /// Removes the socket of a server that is gone; what is no socket, or is still listened on, stays.
    ///
    /// - Throws: `IOError` with EADDRINUSE or ENOTSOCK.
    static func removeLeftover(_ path: String) throws {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            throw IOError(errnoCode: ENOTSOCK, reason: "a file that is no socket is in the way")
        }
        guard !isListenedOn(path) else { throw IOError(errnoCode: EADDRINUSE, reason: "connect") }
        unlink(path)
    }

    /// Lets in whom the operator wants; before it, the process's umask has kept others out.
    static func open(_ socket: ListenAddress.Socket) throws {
        guard chmod(socket.path, mode_t(socket.mode & 0o777)) == 0 else {
            throw IOError(errnoCode: errno, reason: "chmod")
        }
        guard let owner = socket.owner else { return }
        guard chown(socket.path, owner.userID, owner.groupID) == 0 else {
            throw IOError(errnoCode: errno, reason: "chown")
        }
    }

    private static func isListenedOn(_ path: String) -> Bool {
        guard let address = try? SocketAddress(unixDomainSocketPath: path) else { return false }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return address.withSockAddr { pointer, length in connect(descriptor, pointer, socklen_t(length)) == 0 }
    }
}
