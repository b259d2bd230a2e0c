import MailConfig
import MilterCore
import NIOCore
import NIOPosix

/// A connection to a milter: packets out, packets in, each with a time limit. Nothing is read that nobody waits for.
struct MilterLink {
    private let channel: any Channel
    private let inbox: NIOLoopBound<MilterInbox>

    /// - Throws: when it can't be reached in time.
    static func connect(
        _ endpoint: Manifest.Milter.Endpoint, timeout: Duration, loop: any EventLoop
    ) async throws
        -> MilterLink
    {
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.init(timeout))
            .channelOption(.autoRead, value: false)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        let initializer = { @Sendable (channel: any Channel) in
            channel.eventLoop.makeCompletedFuture { () throws -> MilterLink in
                let inbox = MilterInbox()
                try channel.pipeline.syncOperations.addHandler(inbox)
                return MilterLink(channel: channel, inbox: NIOLoopBound(inbox, eventLoop: channel.eventLoop))
            }
        }
        switch endpoint {
        case .tcp(let host, let port):
            return try await bootstrap.connect(host: host, port: port, channelInitializer: initializer)
        case .unix(let path):
            let plain = ClientBootstrap(group: loop).connectTimeout(.init(timeout))
                .channelOption(.autoRead, value: false)
            return try await plain.connect(unixDomainSocketPath: path, channelInitializer: initializer)
        }
    }

    /// Writes octets out. A milter that doesn't read them in time loses its connection.
    func send(_ bytes: ByteBuffer, timeout: Duration) async throws {
        let channel = channel
        let overdue = channel.eventLoop.scheduleTask(in: .init(timeout)) { channel.close(promise: nil) }
        defer { overdue.cancel() }
        try await withTaskCancellationHandler {
            try await channel.writeAndFlush(bytes)
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// The next packet.
    ///
    /// - Throws: `MilterError` when there is none in time, or what came is none.
    func next(timeout: Duration) async throws -> MilterPacket {
        let promise = channel.eventLoop.makePromise(of: MilterPacket.self)
        let inbox = inbox
        let channel = channel
        channel.eventLoop.execute { inbox.value.wait(promise, .init(timeout)) }
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    func close() { channel.close(promise: nil) }

    /// Writes a last packet and closes, without waiting for either.
    func quit() {
        var buffer = channel.allocator.buffer(capacity: 5)
        MilterPacket("Q").write(to: &buffer)
        let channel = channel
        channel.writeAndFlush(buffer).whenComplete { _ in channel.close(promise: nil) }
    }
}

/// Keeps what has come in until somebody asks; runs on the channel's loop.
private final class MilterInbox: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var framer = MilterFramer()
    private var context: ChannelHandlerContext?
    private var waiting: EventLoopPromise<MilterPacket>?
    private var overdue: Scheduled<Void>?
    private var isClosed = false

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func wait(_ promise: EventLoopPromise<MilterPacket>, _ timeout: TimeAmount) {
        waiting = promise
        if deliver() { return }
        guard let context, !isClosed else { return fail(MilterError("it closed the connection")) }
        overdue = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in
            self?.fail(MilterError("it didn't answer in time"))
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        framer.append(unwrapInboundIn(data))
        _ = deliver()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if waiting != nil { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        fail(MilterError("it closed the connection"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isClosed = true
        fail(error)
        context.close(promise: nil)
    }

    /// Hands the next packet over, when it is whole and somebody waits.
    private func deliver() -> Bool {
        guard let promise = waiting else { return false }
        do throws(MilterError) {
            guard let packet = try framer.next() else { return false }
            settle()
            promise.succeed(packet)
        } catch {
            fail(error)
            context?.close(promise: nil)
        }
        return true
    }

    private func settle() {
        overdue?.cancel()
        overdue = nil
        waiting = nil
    }

    private func fail(_ error: any Error) {
        guard let promise = waiting else { return }
        settle()
        promise.fail(error)
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        self = .nanoseconds(overflow ? .max : scaled &+ attoseconds / 1_000_000_000)
    }
}
