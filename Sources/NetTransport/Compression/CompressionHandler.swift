import NIOCore

// Between TLS (or the socket) and the framing handler: what comes in is compressed, what goes out will be.
// RFC 4978 §3: compression first, encryption around it.
//
// Invariants:
// - Nothing is decompressed that was not asked for: one piece for each demand, so that a few octets that mean a gigabyte
//   cost one piece of memory, and the loop's other connections wait for one piece at most.
// - Whatever is written leaves with everything in it: a peer never waits for the end of an answer.
// - After a while without traffic only what the peer may still refer to is kept.

/// Compresses and decompresses a connection from the moment it is added.
final class CompressionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Octets decompressed for one demand.
    static let piece = 32 * 1024

    private let inflater = StreamInflater()
    private let deflater = StreamDeflater()
    private let patience: TimeAmount
    private var input: ByteBuffer
    private var isDamaged = false
    private var isScheduled = false
    private var inputEnded = false
    private var lastUse = NIODeadline.distantPast
    private var rest: Scheduled<Void>?

    /// - Parameters:
    ///   - early: octets that came behind the command which asked for compression.
    ///   - patience: how long without traffic until memory is given back.
    init(early: ByteBuffer = ByteBuffer(), patience: TimeAmount = .seconds(10)) {
        input = early
        self.patience = patience
    }

    var holdsMemory: Bool { inflater.holdsMemory || deflater.holdsMemory }

    private var hasPending: Bool { !isDamaged && (input.readableBytes > 0 || inflater.hasMore) }

    func handlerRemoved(context: ChannelHandlerContext) {
        rest?.cancel()
        rest = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        rest?.cancel()
        rest = nil
        context.fireChannelInactive()
    }

    // MARK: inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDamaged else { return }
        let wasPending = hasPending
        var incoming = Self.unwrapInboundIn(data)
        if input.readableBytes == 0 { input = incoming } else { input.writeBuffer(&incoming) }
        if !wasPending { emit(context: context) }
    }

    func read(context: ChannelHandlerContext) {
        guard hasPending else { return context.read() }
        guard !isScheduled else { return }
        isScheduled = true
        // Not from within the reader's own call, which may still be in the middle of a piece.
        context.eventLoop.assumeIsolated().execute {
            self.isScheduled = false
            self.continueReading(context: context)
        }
    }

    private func continueReading(context: ChannelHandlerContext) {
        guard hasPending else { return context.read() }
        emit(context: context)
        context.fireChannelReadComplete()
        // Through the whole pipeline again, so that those who hold demand back are asked.
        context.channel.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event, hasPending {
            inputEnded = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Gives one piece on.
    private func emit(context: ChannelHandlerContext) {
        touch(context: context)
        do throws(StreamInflater.Damaged) {
            let piece = try inflater.decompress(&input, limit: Self.piece, allocator: context.channel.allocator)
            if input.readableBytes == 0 { input = ByteBuffer() }
            if piece.readableBytes > 0 { context.fireChannelRead(Self.wrapInboundOut(piece)) }
        } catch {
            isDamaged = true
            input = ByteBuffer()
            context.fireErrorCaught(error)
        }
        if inputEnded, !hasPending {
            inputEnded = false
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
    }

    // MARK: outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = Self.unwrapOutboundIn(data)
        guard bytes.readableBytes > 0 else { return context.write(data, promise: promise) }
        touch(context: context)
        guard let compressed = deflater.compress(bytes, allocator: context.channel.allocator) else {
            promise?.fail(StreamInflater.Damaged())
            context.close(promise: nil)
            return
        }
        context.write(Self.wrapOutboundOut(compressed), promise: promise)
    }

    // MARK: memory

    private func touch(context: ChannelHandlerContext) {
        lastUse = context.eventLoop.now
        if rest == nil { scheduleRest(in: patience, context: context) }
    }

    private func scheduleRest(in delay: TimeAmount, context: ChannelHandlerContext) {
        rest = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.rest = nil
            let left = self.lastUse + self.patience - context.eventLoop.now
            if left > .nanoseconds(0) {
                self.scheduleRest(in: left, context: context)
            } else {
                self.deflater.release()
                self.inflater.release()
            }
        }
    }
}
