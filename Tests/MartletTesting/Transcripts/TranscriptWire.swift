package import NIOCore
package import NIOEmbedded
import NIOPosix
import NIOSSL

/// Octets to and from a server, in plaintext or not.
package protocol TranscriptWire: AnyObject {
    func send(_ octets: ByteBuffer) async throws
    /// nil: the server has closed.
    func receive() async throws -> ByteBuffer?
}

/// A client on a wire, with TLS on top from the moment it is begun.
package final class WirePeer: TranscriptPeer {
    private let wire: any TranscriptWire
    private var tls: ClientTLSEngine?

    private init(_ wire: any TranscriptWire) {
        self.wire = wire
    }

    package func send(_ octets: [UInt8]) async throws {
        let buffer = ByteBuffer(bytes: octets)
        guard let tls else { return try await wire.send(buffer) }
        try await tls.write(buffer)
        try await sendWhatTLSSays()
    }

    package func receive() async throws -> [UInt8]? {
        while true {
            if let plaintext = try await tls?.read() { return Array(plaintext.readableBytesView) }
            if tls?.isOver == true { return nil }
            guard let octets = try await wire.receive() else { return nil }
            guard let tls else { return Array(octets.readableBytesView) }
            try await tls.received(octets)
            try await sendWhatTLSSays()
        }
    }

    package func startTLS() async throws {
        tls = try await ClientTLSEngine()
        try await sendWhatTLSSays()
    }

    /// Plays a case on a new connection.
    ///
    /// - Throws: ``TranscriptError`` at the first line where the server leaves the transcript.
    package static func play(
        _ played: TranscriptCase,
        from state: TranscriptState,
        over wire: any TranscriptWire,
        words: TranscriptWords
    ) async throws {
        let peer = WirePeer(wire)
        let result: Result<Void, any Error>
        do {
            try await TranscriptPlayer.play(played, from: state, on: peer, words: words)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await peer.tls?.finish()
        try result.get()
    }

    private func sendWhatTLSSays() async throws {
        while let octets = try await tls?.output() { try await wire.send(octets) }
    }
}

/// The client's side of TLS without a socket: ciphertext in and out by hand. It trusts any certificate.
private final class ClientTLSEngine {
    private let channel = NIOAsyncTestingChannel()

    init() async throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        let context = try NIOSSLContext(configuration: configuration)
        let channel = channel
        try await channel.testingEventLoop.executeInContext {
            let handler = try NIOSSLClientHandler(context: context, serverHostname: nil)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1))
        await channel.testingEventLoop.run()
    }

    func write(_ plaintext: ByteBuffer) async throws {
        // Before the end of the handshake it waits in the handler.
        channel.writeAndFlush(plaintext, promise: nil)
        await channel.testingEventLoop.run()
    }

    func received(_ ciphertext: ByteBuffer) async throws {
        do {
            _ = try await channel.writeInbound(ciphertext)
        } catch {
            // What goes wrong while both sides say goodbye is the end all the same.
            guard isOver else { throw error }
        }
        await channel.testingEventLoop.run()
    }

    /// The server has said that it closes.
    var isOver: Bool { !channel.isActive }

    func read() async throws -> ByteBuffer? { try await channel.readInbound() }
    func output() async throws -> ByteBuffer? { try await channel.readOutbound() }

    func finish() async {
        channel.close(promise: nil)
        await channel.testingEventLoop.advanceTime(by: .hours(1))
    }
}

/// A connection over a channel without a socket, whose time stands still unless it is advanced.
package final class ChannelWire: TranscriptWire {
    private let channel: NIOAsyncTestingChannel

    /// Plays against the session that `serve` runs on the channel it is given, which it must have set up when it returns.
    ///
    /// - Parameter body: its error is thrown when the session has ended.
    package static func with(
        adopting adopt: (any Channel) async throws -> (@Sendable () async -> Void)?,
        _ body: (ChannelWire, NIOAsyncTestingChannel) async throws -> Void
    ) async throws {
        let channel = NIOAsyncTestingChannel()
        channel.localAddress = try SocketAddress(ipAddress: "127.0.0.1", port: 25)
        channel.remoteAddress = try SocketAddress(ipAddress: "127.0.0.1", port: 40_000)
        guard let session = try await adopt(channel) else { throw ChannelError.ioOnClosedChannel }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 25))
        let guardian = Guardian(channel)
        defer { guardian.dismiss() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await session() }
            let result: Result<Void, any Error>
            do {
                try await body(ChannelWire(channel), channel)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            // The end of TLS waits for the other side, in the channel's own time.
            channel.close(promise: nil)
            await channel.testingEventLoop.advanceTime(by: .hours(1))
            try await group.waitForAll()
            try result.get()
        }
    }

    private init(_ channel: NIOAsyncTestingChannel) {
        self.channel = channel
    }

    package func send(_ octets: ByteBuffer) async throws {
        guard channel.isActive else { return }
        _ = try await channel.writeInbound(octets)
        await channel.testingEventLoop.run()
    }

    package func receive() async throws -> ByteBuffer? {
        do {
            return try await channel.waitForOutboundWrite(as: ByteBuffer.self)
        } catch ChannelError.ioOnClosedChannel {
            // What was written before the end, and after we had begun to wait.
            return try await channel.readOutbound(as: ByteBuffer.self)
        }
    }
}

/// A connection over a socket of loopback.
package final class SocketWire: TranscriptWire {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    package static func with(port: Int, _ body: (SocketWire) async throws -> Void) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let guardian = Guardian(channel.channel)
        defer { guardian.dismiss() }
        try await channel.executeThenClose { inbound, outbound in
            try await body(SocketWire(inbound.makeAsyncIterator(), outbound))
        }
    }

    private init(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound
        self.outbound = outbound
    }

    package func send(_ octets: ByteBuffer) async throws {
        // A server that has closed is seen by what is read next.
        try? await outbound.write(octets)
    }

    package func receive() async throws -> ByteBuffer? {
        var iterator = inbound
        defer { inbound = iterator }
        // A reset after the last word is an end too.
        return try? await iterator.next(isolation: #isolation)
    }
}

/// Closes a channel whose dialogue hangs, so that the step it hangs at is told.
private struct Guardian {
    private let task: Scheduled<Void>

    init(_ channel: any Channel) {
        task = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .seconds(300)) {
            channel.close(promise: nil)
        }
    }

    func dismiss() { task.cancel() }
}
