import NIOCore
import NIOSSL
import NIOTLS

// Bytes ↔ frames, timers, TLS. No decision about mail is made here.
//
// Invariants:
// - `framer.next` is called only while the framer is not paused and fewer than `batch` frames were produced since the
//   session last asked (`read`), so a peer that pipelines a thousand commands costs one buffer, not a thousand frames.
// - `readWithheld` is true exactly when the async side has asked for more and we have not passed that on.
// - After `.finish` the phase is `.draining`: what comes in is thrown away, what is to be written is written, then the
//   output is closed and the peer gets a moment to close first, so that no reset destroys the last reply.

/// Where TLS contexts come from on this side.
struct ServerTLSSource: Sendable {
    var makeContext: @Sendable () -> ServerTLSContext?
}

/// The handler between the socket (or TLS) and the async channel of one connection.
final class FramingHandler<Framer: ConnectionFramer>: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = WireEvent
    typealias OutboundIn = WireItem
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case open
        case draining
        case closed
    }

    struct Timing: Sendable {
        /// How long a peer may not read at all while something waits to be written.
        var writeStall: TimeAmount = .seconds(300)
        /// How long the last reply may take to be written.
        var drain: TimeAmount = .seconds(30)
        /// How long the peer has to close first.
        var linger: TimeAmount = .seconds(2)
        /// The same when the server stops, which waits for everybody.
        var stopLinger: TimeAmount = .milliseconds(200)
    }

    private static var batch: Int { 32 }

    private var framer: Framer
    private let tls: ServerTLSSource?
    private let timing: Timing
    private var phase = Phase.open
    private var pending = ByteBuffer()
    private var readWithheld = false
    private var hasMore = false
    private var pumpScheduled = false
    private var inputEnded = false
    private var inputEndAnnounced = false
    private var tlsPending: Bool
    private var tlsOn: Bool
    private var hello: TLSHello?
    private var idle = DeadlineTimer(kind: .idle)
    private var total = DeadlineTimer(kind: .total)
    private var stallTimer: Scheduled<Void>?
    private var closeTimer: Scheduled<Void>?
    private var isStopping = false
    private var handshakeTimer: Scheduled<Void>?
    private let handshake: TimeAmount?

    /// - Parameters:
    ///   - hello: set when TLS begins with the connection.
    ///   - handshake: how long TLS may take to come about; nil leaves that to the session's deadline.
    init(
        framer: Framer,
        tls: ServerTLSSource?,
        hello: TLSHello?,
        idle: TimeAmount?,
        handshake: TimeAmount? = nil,
        timing: Timing = Timing()
    ) {
        self.framer = framer
        self.tls = tls
        self.hello = hello
        self.timing = timing
        self.handshake = handshake
        tlsPending = hello != nil
        tlsOn = hello != nil
        self.idle.duration = idle
    }

    // MARK: inbound

    func channelActive(context: ChannelHandlerContext) {
        idle.touch(context.eventLoop.now)
        arm(.idle, context: context)
        if tlsPending { awaitHandshake(context: context) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        cancelTimers()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        phase = .closed
        cancelTimers()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase == .open else { return }
        var incoming = Self.unwrapInboundIn(data)
        if pending.readableBytes == 0 {
            pending = incoming
        } else {
            pending.writeBuffer(&incoming)
        }
        if !hasMore { _ = pump(context: context) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if phase == .draining { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            inputEnded = true
            if phase == .draining {
                context.close(promise: nil)
            } else if pump(context: context) {
                context.fireChannelReadComplete()
            }
        case TLSUserEvent.handshakeCompleted:
            tlsPending = false
            handshakeTimer?.cancel()
            handshakeTimer = nil
            emit(.tlsEstablished(currentTLS(context: context)), context: context)
        case TLSUserEvent.shutdownCompleted:
            break
        case let signal as TransportSignal:
            if case .shutDown = signal { isStopping = true }
            guard phase == .open else { return }
            if case .shutDown = signal, tlsPending {
                // Nothing can be said before the handshake is over, and nothing was promised yet.
                context.close(promise: nil)
                return
            }
            switch signal {
            case .wake: emit(.woken, context: context)
            case .shutDown: emit(.shuttingDown, context: context)
            }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let tlsError = error as? NIOSSLError, case .uncleanShutdown = tlsError {
            return  // The peer left without close_notify, as most do; the end of input follows.
        }
        if tlsPending {
            tlsPending = false
            if let found = hello?.findings?.value, let distrust = found.distrust {
                let failure = TLSFailure.untrusted(
                    reason: distrust.description, problem: distrust.kind, chain: found.chain)
                emit(.tlsFailed(failure), context: context)
            } else {
                emit(.tlsFailed(.handshake(TLSHandlers.describe(error))), context: context)
            }
        }
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stallTimer?.cancel()
        stallTimer = nil
        if !context.channel.isWritable, phase != .closed {
            stallTimer = context.eventLoop.assumeIsolated().scheduleTask(in: timing.writeStall) {
                context.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    /// Makes frames of what is pending. Returns true when any event was produced.
    private func pump(context: ChannelHandlerContext) -> Bool {
        guard phase == .open else { return false }
        var produced = 0
        while produced < Self.batch, !framer.isPaused, let frame = framer.next(&pending) {
            context.fireChannelRead(Self.wrapInboundOut(.frame(Erased(value: frame))))
            produced += 1
        }
        hasMore = produced == Self.batch
        if produced > 0 { idle.touch(context.eventLoop.now) }
        if inputEnded, !hasMore, !framer.isPaused, !inputEndAnnounced {
            inputEndAnnounced = true
            context.fireChannelRead(Self.wrapInboundOut(.inputClosed))
            produced += 1
        }
        compact()
        return produced > 0
    }

    /// Gives memory back: an idle connection holds no large buffer for a few left-over octets.
    private func compact() {
        if pending.readableBytes == 0 {
            pending = ByteBuffer()
        } else if pending.readerIndex > 4096, pending.readerIndex > pending.readableBytes {
            pending = ByteBuffer(buffer: pending.slice())
        }
    }

    private func emit(_ event: InboundOut, context: ChannelHandlerContext) {
        context.fireChannelRead(Self.wrapInboundOut(event))
        context.fireChannelReadComplete()
    }

    // MARK: demand

    func read(context: ChannelHandlerContext) {
        guard phase == .open else {
            context.read()
            return
        }
        if hasMore, !framer.isPaused {
            readWithheld = true
            schedulePump(context: context)
        } else if framer.isPaused {
            readWithheld = true
        } else {
            context.read()
        }
    }

    private func schedulePump(context: ChannelHandlerContext) {
        guard !pumpScheduled else { return }
        pumpScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.pumpScheduled = false
            self.continueReading(context: context)
        }
    }

    /// Produces what can be produced, then passes on a withheld demand by asking through the whole pipeline again.
    private func continueReading(context: ChannelHandlerContext) {
        if pump(context: context) { context.fireChannelReadComplete() }
        if readWithheld, !framer.isPaused {
            readWithheld = false
            context.channel.read()
        }
    }

    // MARK: outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch Self.unwrapOutboundIn(data) {
        case .item(let item):
            perform(item, context: context)
        case .bulk(let bytes, let window):
            write(bytes, window, context: context)
        case .finish:
            drain(context: context)
        }
        promise?.succeed()
    }

    private func perform(_ item: Outbound<Erased>, context: ChannelHandlerContext) {
        guard phase == .open else { return }
        switch item {
        case .bytes(let bytes):
            idle.touch(context.eventLoop.now)
            context.write(Self.wrapOutboundOut(bytes), promise: nil)
        case .expect(let mode):
            if let mode = mode.value as? Framer.Mode { framer.expect(mode) }
            continueReading(context: context)
        case .upgradeTLS(let reply):
            upgradeServer(reply: reply, context: context)
        case .startClientTLS(let client):
            upgradeClient(client, context: context)
        case .startCompression(let reply):
            compress(reply: reply, context: context)
        case .deadline(let duration):
            set(.idle, to: duration, context: context)
        case .totalDeadline(let duration):
            set(.total, to: duration, context: context)
        }
    }

    private func write(_ bytes: ByteBuffer, _ window: SendWindow, context: ChannelHandlerContext) {
        let octets = bytes.readableBytes
        guard phase == .open else { return window.landed(octets) }
        idle.touch(context.eventLoop.now)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in window.landed(octets) }
        context.write(Self.wrapOutboundOut(bytes), promise: written)
    }

    // RFC 3207 §4.2, RFC 3207 §6: nothing the peer said before TLS may be taken as said after it.
    private func upgradeServer(reply: ByteBuffer, context: ChannelHandlerContext) {
        guard pending.readableBytes == 0 else {
            emit(.tlsFailed(.plaintextAfterUpgrade), context: context)
            return
        }
        // Who has closed its side has no handshake to make.
        guard !tlsOn, !inputEnded, let sslContext = tls?.makeContext() else {
            emit(.tlsFailed(.unavailable), context: context)
            return
        }
        context.writeAndFlush(Self.wrapOutboundOut(reply), promise: nil)
        begin(TLSHandlers.server(sslContext), context: context)
    }

    private func upgradeClient(_ client: ClientTLS, context: ChannelHandlerContext) {
        guard pending.readableBytes == 0 else {
            emit(.tlsFailed(.plaintextAfterUpgrade), context: context)
            return
        }
        do {
            begin(try TLSHandlers.client(client), context: context)
        } catch {
            emit(.tlsFailed(.handshake(TLSHandlers.describe(error))), context: context)
        }
    }

    private func compress(reply: ByteBuffer, context: ChannelHandlerContext) {
        context.writeAndFlush(Self.wrapOutboundOut(reply), promise: nil)
        let early = pending
        pending = ByteBuffer()
        hasMore = false
        do {
            try context.pipeline.syncOperations.addHandler(CompressionHandler(early: early), position: .before(self))
        } catch {
            context.close(promise: nil)
        }
    }

    private func begin(_ handlers: TLSHandlers, context: ChannelHandlerContext) {
        tlsOn = true
        tlsPending = true
        hello = handlers.hello
        framer.reset()
        hasMore = false
        do {
            try handlers.insert(into: context.pipeline)
        } catch {
            emit(.tlsFailed(.handshake(TLSHandlers.describe(error))), context: context)
            context.close(promise: nil)
            return
        }
        awaitHandshake(context: context)
        readWithheld = false
        context.channel.read()
    }

    /// A peer that begins TLS and then dawdles holds a socket, and a session that waits for it.
    private func awaitHandshake(context: ChannelHandlerContext) {
        guard let handshake else { return }
        handshakeTimer = context.eventLoop.assumeIsolated().scheduleTask(in: handshake) {
            guard self.tlsPending, self.phase != .closed else { return }
            self.tlsPending = false
            self.emit(.tlsFailed(.handshake("it took too long")), context: context)
            context.close(promise: nil)
        }
    }

    private func currentTLS(context: ChannelHandlerContext) -> TLSInfo {
        let operations = context.pipeline.syncOperations
        let version =
            (try? operations.handler(type: NIOSSLServerHandler.self))?.tlsVersion
            ?? (try? operations.handler(type: NIOSSLClientHandler.self))?.tlsVersion
        let suite = hello?.suite.flatMap(CipherSuite.init(code:)) ?? CipherSuite.unknown
        return TLSInfo(
            version: TLSHandlers.name(of: version),
            cipher: suite.name,
            bits: suite.bits,
            serverName: hello?.serverName,
            peer: hello?.findings.map { TLSPeer(chain: $0.value.chain, trust: $0.value.trust) },
            endPoint: hello?.endPoint
        )
    }

    /// The session has returned: write out, close our side, wait a little for the peer's.
    private func drain(context: ChannelHandlerContext) {
        guard phase == .open else { return }
        phase = .draining
        pending = ByteBuffer()
        idle.cancel()
        total.cancel()
        scheduleClose(in: timing.drain, context: context)
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer()), promise: written)
        written.futureResult.assumeIsolated().whenComplete { _ in
            guard self.phase == .draining else { return }
            if self.inputEnded {
                context.close(promise: nil)
                return
            }
            self.scheduleClose(in: self.isStopping ? self.timing.stopLinger : self.timing.linger, context: context)
            context.close(mode: .output, promise: nil)
            context.read()
        }
    }

    private func scheduleClose(in delay: TimeAmount, context: ChannelHandlerContext) {
        closeTimer?.cancel()
        closeTimer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            context.close(promise: nil)
        }
    }

    // MARK: deadlines

    private subscript(timer: Deadline) -> DeadlineTimer {
        get { timer == .idle ? idle : total }
        set { if timer == .idle { idle = newValue } else { total = newValue } }
    }

    private func set(_ timer: Deadline, to duration: Duration?, context: ChannelHandlerContext) {
        self[timer].duration = duration.map { TimeAmount($0) }
        self[timer].touch(context.eventLoop.now)
        arm(timer, context: context)
    }

    private func arm(_ timer: Deadline, context: ChannelHandlerContext) {
        guard phase == .open, let delay = self[timer].needsSchedule(now: context.eventLoop.now) else { return }
        self[timer].scheduled = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.fired(timer, context: context)
        }
    }

    private func fired(_ timer: Deadline, context: ChannelHandlerContext) {
        guard phase == .open else { return }
        self[timer].scheduled = nil
        let now = context.eventLoop.now
        if timer == .idle, !context.channel.isWritable {
            self[timer].touch(now)  // It is we who are waiting to write; the stall timer watches that.
        }
        if self[timer].isDue(now: now) {
            self[timer].duration = nil
            emit(.deadlineReached(timer), context: context)
        } else {
            arm(timer, context: context)
        }
    }

    private func cancelTimers() {
        idle.cancel()
        total.cancel()
        stallTimer?.cancel()
        closeTimer?.cancel()
        handshakeTimer?.cancel()
        stallTimer = nil
        closeTimer = nil
        handshakeTimer = nil
    }
}
