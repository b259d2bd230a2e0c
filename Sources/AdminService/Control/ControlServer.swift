import Glibc
import Logging
package import NIOCore
import NIOPosix
import NetTransport
import ServiceLifecycle
import Telemetry

/// Listens on the control socket. Who may open the socket is an operator: the file's permissions are the only guard.
package struct ControlServer: Service {
    private typealias Connection = UnclaimedChannel<ByteBuffer, ByteBuffer>

    private let server: UnclaimedChannel<Connection, Never>
    private let path: String
    private let logger: Logger
    private let perform: @Sendable (AdminRequest) async -> AdminResponse

    /// Binds the socket, in place of a leftover of a server that is gone. The caller holds the lock of the data directory,
    /// so that there is no other server.
    ///
    /// - Parameters:
    ///   - mode: permission bits of the socket file.
    ///   - owner: who shall own it; nil leaves it to this process's user.
    package init(
        path: String,
        mode: Int,
        owner: ServerUser?,
        group: any EventLoopGroup,
        backend: LogBackend,
        perform: @escaping @Sendable (AdminRequest) async -> AdminResponse
    ) async throws {
        self.path = path
        self.perform = perform
        logger = backend.logger("control")
        try Self.removeLeftover(path)
        do {
            server = UnclaimedChannel(
                try await ServerBootstrap(group: group)
                    .serverChannelOption(.backlog, value: 16)
                    .bind(unixDomainSocketPath: path) { child in
                        child.eventLoop.makeCompletedFuture {
                            Connection(try NIOAsyncChannel(wrappingChannelSynchronously: child))
                        }
                    })
        } catch {
            let reason = (error as? IOError).map { SystemError("bind", code: $0.errnoCode).reason } ?? "\(error)"
            throw AdminError(
                .cannotCreate, "the control socket \(path) can't be made: \(reason)",
                remedy: "make its folder, or correct control.socket")
        }
        guard chmod(path, mode_t(mode & 0o777)) == 0 else { throw SystemError("chmod \(path)") }
        if let owner, chown(path, owner.userID, owner.groupID) != 0 { throw SystemError("chown \(path)") }
    }

    /// Removes a socket, and nothing that a slip of the pen in the manifest could name.
    private static func removeLeftover(_ path: String) throws {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            throw AdminError(
                .config, "control.socket names \(path), which is there and is not a socket",
                remedy: "name a path that is free")
        }
        unlink(path)
    }

    package func run() async throws {
        defer { unlink(path) }
        try await withGracefulShutdownHandler {
            try await server.take().executeThenClose { inbound in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in inbound {
                        group.addTask { await serve(connection.take()) }
                    }
                }
            }
        } onGracefulShutdown: {
            server.channel.close(promise: nil)
        }
    }

    private func serve(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async {
        do {
            try await withShutdownClosing(connection) { inbound, outbound in
                var framer = ControlFramer(limit: ControlFraming.maximumRequest)
                for try await buffer in inbound {
                    framer.append(buffer.readableBytesView)
                    while let body = try framer.next() {
                        let answer = await answer(body)
                        try await outbound.write(ByteBuffer(bytes: ControlFraming.frame(answer)))
                    }
                }
            }
        } catch {
            logger.debug("a control connection ended with an error", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// A connection that waits for another request does not keep the server from stopping; a request under way is answered.
    private func withShutdownClosing(
        _ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>,
        _ body: (NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws ->
            Void
    ) async throws {
        let channel = connection.channel
        try await connection.executeThenClose { inbound, outbound in
            try await withGracefulShutdownHandler {
                try await body(inbound, outbound)
            } onGracefulShutdown: {
                channel.close(mode: .input, promise: nil)
            }
        }
    }

    private func answer(_ body: [UInt8]) async -> [UInt8] {
        let response: AdminResponse
        do {
            let request = try ControlCoding.decode(AdminRequest.self, from: body)
            response = await perform(request)
        } catch {
            response = .failed(
                AdminError(
                    .protocolError,
                    "the server does not know this request",
                    remedy: "use the martlet command of the server's own version"
                )
            )
        }
        // Responses are plain values that always encode; the client takes no octets for a broken answer.
        return (try? ControlCoding.encode(response)) ?? []
    }
}
