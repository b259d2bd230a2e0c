package import MailSyntax
package import NIOCore
import NIOPosix

/// Where a connection goes.
package enum ClientEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// `source` is the local address to send from.
    case tcp(IPAddress, port: Int, source: IPAddress? = nil)
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let address, let port, _): "\(address.isV6 ? "[\(address)]" : "\(address)"):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Outgoing connections with the same shape as incoming ones.
package enum ClientConnection {
    /// Connects to an address. See ``with(_:id:framer:timeout:implicitTLS:group:body:)``.
    ///
    /// - Parameter source: the local address to send from.
    package static func with<Framer: ConnectionFramer, Result: Sendable>(
        to address: IPAddress,
        port: Int,
        from source: IPAddress? = nil,
        id: MailID,
        framer: Framer,
        timeout: Duration,
        implicitTLS tls: ClientTLS? = nil,
        group: any EventLoopGroup,
        body: @Sendable (Connection<Framer>) async throws -> Result
    ) async throws -> Result {
        try await with(
            .tcp(address, port: port, source: source), id: id, framer: framer, timeout: timeout, implicitTLS: tls,
            group: group, body: body)
    }

    /// Connects, runs `body`, then writes out and closes gracefully (or at once when `body` throws).
    ///
    /// - Parameters:
    ///   - timeout: for the connection alone.
    ///   - tls: for TLS from the first octet; the first event is then `.tlsEstablished` or `.tlsFailed`. STARTTLS is
    ///     ``Outbound/startClientTLS(_:)``.
    /// - Throws: `IOError` or `ChannelError` from connecting, else what `body` throws.
    package static func with<Framer: ConnectionFramer, Result: Sendable>(
        _ endpoint: ClientEndpoint,
        id: MailID,
        framer: Framer,
        timeout: Duration,
        implicitTLS tls: ClientTLS? = nil,
        group: any EventLoopGroup,
        body: @Sendable (Connection<Framer>) async throws -> Result
    ) async throws -> Result {
        let channel = try await connect(to: endpoint, timeout: timeout, group: group) { channel in
            channel.eventLoop.makeCompletedFuture {
                try Self.setUp(channel, framer: framer, tls: tls)
            }
        }
        let info = try info(of: channel.channel, endpoint: endpoint, id: id, hasImplicitTLS: tls != nil)
        return try await channel.executeThenClose { inbound, outbound in
            let connection = Connection<Framer>(
                info: info,
                eventLoop: channel.channel.eventLoop,
                channel: channel.channel,
                inbound: inbound,
                outbound: outbound
            )
            let result = try await body(connection)
            await connection.finish()
            return result
        }
    }

    private static func connect<Output: Sendable>(
        to endpoint: ClientEndpoint,
        timeout: Duration,
        group: any EventLoopGroup,
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
    ) async throws -> Output {
        var bootstrap = ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(timeout))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 65536))
        let target: SocketAddress
        switch endpoint {
        case .unix(let path): target = try SocketAddress(unixDomainSocketPath: path)
        case .tcp(let address, let port, let source):
            bootstrap =
                bootstrap
                .channelOption(.socketOption(.so_reuseaddr), value: 1)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            if let source {
                bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source.description, port: 0))
            }
            target = try SocketAddress(ipAddress: address.description, port: port)
        }
        return try await bootstrap.connect(to: target, channelInitializer: initializer)
    }

    /// A Unix-domain socket has no addresses: it stands as loopback with port 0.
    private static func info(
        of channel: any Channel, endpoint: ClientEndpoint, id: MailID, hasImplicitTLS: Bool
    ) throws -> ConnectionInfo {
        let remote: IPAddress
        var remotePort = 0
        switch endpoint {
        case .tcp(let address, let port, _): (remote, remotePort) = (address, port)
        case .unix:
            guard let loopback = IPAddress("127.0.0.1") else { throw ChannelError.unknownLocalAddress }
            remote = loopback
        }
        let (local, localPort) = SocketPeer.parts(of: channel.localAddress)
        return ConnectionInfo(
            id: id,
            remote: remote,
            remotePort: remotePort,
            local: local ?? remote,
            localPort: localPort,
            listener: "",
            hasImplicitTLS: hasImplicitTLS
        )
    }

    private static func setUp<Framer: ConnectionFramer>(
        _ channel: any Channel,
        framer: Framer,
        tls: ClientTLS?
    ) throws -> NIOAsyncChannel<WireEvent, WireItem> {
        let handlers = try tls.map { try TLSHandlers.client($0) }
        try handlers?.insert(into: channel.pipeline)
        let framing = FramingHandler(
            framer: framer,
            tls: nil,
            hello: handlers?.hello,
            idle: nil,
            timing: .init(drain: .seconds(5), linger: .milliseconds(100))
        )
        try channel.pipeline.syncOperations.addHandler(framing)
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(backPressureStrategy: .init(lowWatermark: 4, highWatermark: 16))
        )
    }
}
