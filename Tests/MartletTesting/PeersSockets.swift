import Glibc

/// The few calls on sockets that the harness needs.
enum LoopbackSocket {
    private static func address(_ port: Int, _ host: String) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(truncatingIfNeeded: port)).bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return address
    }

    private static func open(datagram: Bool) -> Int32 {
        let type = datagram ? SOCK_DGRAM : SOCK_STREAM
        return socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    private static func with(
        _ port: Int,
        _ host: String = "127.0.0.1",
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: address(port, host)) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    static func canBind(_ port: Int, datagram: Bool) -> Bool {
        let descriptor = open(datagram: datagram)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return with(port) { bind(descriptor, $0, $1) } == 0
    }

    static func canConnect(_ port: Int, host: String = "127.0.0.1") -> Bool {
        let descriptor = open(datagram: false)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return with(port, host) { connect(descriptor, $0, $1) } == 0
    }
}

/// The other end of `sd_notify`: hears that a server is ready.
final class NotificationSocket: Sendable {
    let path: String
    private let descriptor: Int32

    init(path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw ProcessFailure("no socket at \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let bound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw ProcessFailure("no socket at \(path): \(errno)") }
        // As a service manager's: a server that gave up its privileges writes to it too.
        chmod(path, 0o666)
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// The next message, if one comes within a moment.
    func next(milliseconds: Int32) -> String? {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, milliseconds) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }
}
