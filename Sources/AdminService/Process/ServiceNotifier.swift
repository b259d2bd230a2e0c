import Glibc

/// Tells the service manager about the server's state, in the protocol of sd_notify(3): one datagram of `NAME=value` lines
/// to the socket that `NOTIFY_SOCKET` names. Without that variable nothing happens.
package struct ServiceNotifier: Sendable {
    private let socketPath: String?

    package init(environment: [String: String]) {
        let path = environment["NOTIFY_SOCKET"]
        // Only absolute paths and abstract names (`@…`) are defined.
        socketPath = path.flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
    }

    package func ready(_ status: String) {
        send("READY=1\nSTATUS=\(oneLine(status))\nMAINPID=\(getpid())")
    }

    package func reloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        send("RELOADING=1\nMONOTONIC_USEC=\(Int(time.tv_sec) &* 1_000_000 &+ Int(time.tv_nsec) / 1000)")
    }

    package func stopping() {
        send("STOPPING=1\nSTATUS=finishing what is under way")
    }

    private func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    private func send(_ message: String) {
        guard let socketPath, var address = UnixSocketAddress(path: socketPath) else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array(message.utf8)
        address.withSockAddr { pointer, length in
            _ = bytes.withUnsafeBytes {
                sendto(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL), pointer, length)
            }
        }
    }
}

/// A Unix-domain address; `@` at the start of the path means the abstract name space.
struct UnixSocketAddress {
    private var storage = sockaddr_un()
    private let length: socklen_t

    /// Nil when the path is empty or too long (108 octets with its final zero).
    init?(path: String) {
        var bytes = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: storage.sun_path)
        guard let first = bytes.first, bytes.count < capacity, !bytes.contains(0) else { return nil }
        let isAbstract = first == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        storage.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &storage.sun_path) { $0.copyBytes(from: bytes) }
        let used = MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1)
        length = socklen_t(used)
    }

    mutating func withSockAddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result) rethrows -> Result
    {
        let length = length
        return try withUnsafePointer(to: &storage) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, length) }
        }
    }
}
