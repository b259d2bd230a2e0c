package import MailSyntax
package import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// How a client checks the certificate it is shown.
package enum CertificateVerification: Sendable, Hashable {
    /// Encryption without authentication: opportunistic TLS. // RFC 7435 §3
    case none
    /// A chain to a trusted root and a name that matches.
    case full
}

/// TLS for one outgoing connection.
package struct ClientTLS: Sendable {
    let context: NIOSSLContext
    /// Sent as SNI, and what the certificate must name; `nil` for an address literal.
    package let serverName: String?
    package let verification: CertificateVerification
}

/// The two client contexts of a process; each is made once, since reading the trust store costs milliseconds.
package final class ClientTLSContexts: Sendable {
    private let cached = Mutex<[CertificateVerification: NIOSSLContext]>([:])
    private let additionalRoots: [NIOSSLCertificate]

    /// - Parameter additionalRoots: PEM files with roots that are trusted beside the system's.
    /// - Throws: when one of the files cannot be read.
    package init(additionalRoots files: [String] = []) throws {
        additionalRoots = try files.flatMap { try NIOSSLCertificate.fromPEMFile($0) }
    }

    /// - Parameter serverName: the host name; names that are not host names (address literals) are not sent.
    package func tls(serverName: String?, verification: CertificateVerification) throws -> ClientTLS {
        let context = try cached.withLock { cached in
            if let context = cached[verification] { return context }
            let context = try makeContext(verification)
            cached[verification] = context
            return context
        }
        let name = serverName.flatMap { IPAddress($0) == nil && !$0.isEmpty && $0.utf8.count <= 255 ? $0 : nil }
        return ClientTLS(context: context, serverName: name, verification: verification)
    }

    private func makeContext(_ verification: CertificateVerification) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = TLSHandlers.shutdownTimeout
        switch verification {
        case .none:
            configuration.certificateVerification = .none
        case .full:
            configuration.certificateVerification = .fullVerification
            if !additionalRoots.isEmpty {
                configuration.additionalTrustRoots = [.certificates(additionalRoots)]
            }
        }
        return try NIOSSLContext(configuration: configuration)
    }
}

/// Outgoing connections with the same shape as incoming ones.
package enum ClientConnection {
    /// Connects, runs `body`, then writes out and closes gracefully (or at once when `body` throws).
    ///
    /// - Parameters:
    ///   - source: the local address to send from.
    ///   - timeout: for the TCP connection alone.
    ///   - tls: for TLS from the first octet; the first event is then `.tlsEstablished` or `.tlsFailed`. STARTTLS is
    ///     ``Outbound/startClientTLS(_:)``.
    /// - Throws: `IOError` or `ChannelError` from connecting, else what `body` throws.
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
        var bootstrap = ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(timeout))
            .channelOption(.socketOption(.so_reuseaddr), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 65536))
        if let source {
            bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source.description, port: 0))
        }
        let target = try SocketAddress(ipAddress: address.description, port: port)
        let channel = try await bootstrap.connect(to: target) { channel in
            channel.eventLoop.makeCompletedFuture {
                try Self.setUp(channel, framer: framer, tls: tls)
            }
        }
        let (local, localPort) = SocketPeer.parts(of: channel.channel.localAddress)
        let info = ConnectionInfo(
            id: id,
            remote: address,
            remotePort: port,
            local: local ?? address,
            localPort: localPort,
            listener: "",
            hasImplicitTLS: tls != nil
        )
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
