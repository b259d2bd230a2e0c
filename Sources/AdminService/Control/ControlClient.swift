import Glibc

/// Speaks to a running server over its control socket, with plain blocking calls: a command does one thing and leaves.
package struct ControlClient: ~Copyable {
    private let descriptor: Int32

    /// Why there is no connection.
    package enum Unreachable: Error, Equatable {
        /// No socket, or nobody behind it: no server runs.
        case notRunning
        /// The socket belongs to somebody else.
        case forbidden
        case failed(SystemError)
    }

    /// Connects to the socket at `path`.
    ///
    /// - Parameter timeout: seconds to wait for an answer.
    package init(path: String, timeout: Int = 120) throws(Unreachable) {
        guard var address = UnixSocketAddress(path: path) else {
            throw .failed(SystemError("connect \(path)", code: ENAMETOOLONG))
        }
        let opened = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard opened >= 0 else { throw .failed(SystemError("socket")) }
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        setsockopt(opened, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(opened, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let code = address.withSockAddr { connect(opened, $0, $1) == 0 ? 0 : errno }
        guard code == 0 else {
            close(opened)
            switch code {
            case ENOENT, ECONNREFUSED, ENOTDIR: throw .notRunning
            case EACCES, EPERM: throw .forbidden
            default: throw .failed(SystemError("connect \(path)", code: code))
            }
        }
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// Sends a request and waits for its answer.
    package borrowing func perform(_ request: AdminRequest) throws -> AdminResponse {
        let frame = ControlFraming.frame(try ControlCoding.encode(request))
        try send(frame)
        let prefix = try receive(4)
        guard let length = try ControlFraming.length(prefix, limit: ControlFraming.maximumResponse) else {
            throw AdminError(.protocolError, "the server closed the control connection without an answer")
        }
        return try ControlCoding.decode(AdminResponse.self, from: try receive(length))
    }

    private borrowing func send(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer.dropFirst(done))
                return Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("send to the control socket")
            }
            done += count
        }
    }

    private borrowing func receive(_ length: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: length)
        var done = 0
        while done < length {
            let count = bytes.withUnsafeMutableBytes { buffer in
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer.dropFirst(done))
                return recv(descriptor, rest.baseAddress, rest.count, 0)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("receive from the control socket")
            }
            guard count > 0 else {
                throw AdminError(.temporary, "the server closed the control connection", remedy: "look at its log")
            }
            done += count
        }
        return bytes
    }
}
