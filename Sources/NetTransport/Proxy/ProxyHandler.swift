import NIOCore

/// Waits for the PROXY header of a connection that a proxy has made, tells it, and leaves the pipeline. It stands before
/// TLS: nothing behind it sees an octet before the client is known.
final class ProxyHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What becomes of a client that is known now.
    enum Verdict {
        case letIn
        /// Closed, with a last line if there is one.
        case turnAway(line: String?)
    }

    enum Failure: Error, CustomStringConvertible {
        case malformed(ProxyHeader.StaticText)
        case late
        case closed

        var description: String {
            switch self {
            case .malformed(let text): text.description
            case .late: "the PROXY header took too long"
            case .closed: "it was closed before its PROXY header"
            }
        }
    }

    private let patience: TimeAmount
    private let outcome: (Result<ProxyHeader, Failure>) -> Verdict
    private var pending = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isOver = false

    /// - Parameters:
    ///   - patience: until the whole header has come.
    ///   - outcome: called once, on the event loop, before anything is passed on. After a failure the connection is closed.
    init(patience: TimeAmount, outcome: @escaping (Result<ProxyHeader, Failure>) -> Verdict) {
        self.patience = patience
        self.outcome = outcome
    }

    func channelActive(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: patience) {
            self.end(.failure(.late), context: context)
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var incoming = Self.unwrapInboundIn(data)
        pending.writeBuffer(&incoming)
        switch ProxyHeader.parse(&pending) {
        case .incomplete: break
        case .header(let header): end(.success(header), context: context)
        case .malformed(let text): end(.failure(.malformed(text)), context: context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !isOver, case ChannelEvent.inputClosed? = event as? ChannelEvent {
            end(.failure(.closed), context: context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.failure(.closed), context: context)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(.failure(.closed), context: context)
    }

    private func end(_ result: Result<ProxyHeader, Failure>, context: ChannelHandlerContext) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        timer = nil
        switch (result, outcome(result)) {
        case (.success, .letIn): break
        case (.success, .turnAway(let line?)):
            let buffer = context.channel.allocator.buffer(string: line)
            context.writeAndFlush(Self.wrapOutboundOut(buffer)).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
            return
        case (.success, .turnAway(nil)), (.failure, _):
            context.close(promise: nil)
            return
        }
        if pending.readableBytes > 0 {
            context.fireChannelRead(Self.wrapInboundOut(pending))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
