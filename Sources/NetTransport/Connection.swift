package import NIOCore
import Synchronization

/// One connection as its session task sees it: who it is, what to send, what comes in.
///
/// It is valid until the session closure returns; after that what was sent is written out, then the socket is closed
/// without a reset that could destroy the last reply.
package struct Connection<Framer: ConnectionFramer>: Sendable {
    package typealias Item = Outbound<Framer.Mode>

    package let info: ConnectionInfo
    /// The loop the connection lives on.
    package let eventLoop: any EventLoop
    let channel: any Channel
    let inbound: NIOAsyncChannelInboundStream<WireEvent>
    let outbound: NIOAsyncChannelOutboundWriter<WireItem>
    let wakeFlag = WakeFlag()
    let window = SendWindow()

    /// The events of this connection. Call it once: there is one stream.
    package func events() -> ConnectionEvents<Framer.Frame> {
        ConnectionEvents(iterator: inbound.makeAsyncIterator(), wakeFlag: wakeFlag)
    }

    /// Sends items in order with one flush; suspends while the peer reads too slowly.
    ///
    /// - Throws: when the connection is closed or the task is cancelled. The session will see
    ///   ``ConnectionEvent/closed`` next, so `try?` is fine where nothing depends on delivery.
    package func send(_ items: [Item]) async throws {
        try await outbound.write(contentsOf: items.map { wire($0.erased) })
        await window.wait(for: channel)
    }

    /// Sends one item. See ``send(_:)-(Array)``.
    package func send(_ item: Item) async throws {
        try await outbound.write(wire(item.erased))
        await window.wait(for: channel)
    }

    /// Sends octets with one flush.
    package func send(bytes: ByteBuffer) async throws {
        try await outbound.write(wire(.bytes(bytes)))
        await window.wait(for: channel)
    }

    private func wire(_ item: Outbound<Erased>) -> WireItem {
        guard case .bytes(let bytes) = item, bytes.readableBytes >= SendWindow.bulk else { return .item(item) }
        window.left(bytes.readableBytes)
        return .bulk(bytes, window)
    }

    /// Puts one ``ConnectionEvent/woken`` into the events, from any task; calls coalesce until it was received.
    package func wake() { waker.wake() }

    /// For who has nothing else to do with the connection.
    package var waker: ConnectionWaker { ConnectionWaker(channel: channel, flag: wakeFlag) }

    /// Closes at once, dropping what was not written. A graceful end is to return from the session.
    package func abort() {
        channel.close(promise: nil)
    }

    /// Writes out, then closes without a reset. Called when the session has returned.
    func finish() async {
        try? await outbound.write(.finish)
        await withTaskCancellationHandler {
            try? await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}

/// The one stream of events of a connection. Not shareable: it belongs to the session task.
package struct ConnectionEvents<Frame: Sendable> {
    var iterator: NIOAsyncChannelInboundStream<WireEvent>.AsyncIterator
    let wakeFlag: WakeFlag
    private var isOver = false

    init(iterator: NIOAsyncChannelInboundStream<WireEvent>.AsyncIterator, wakeFlag: WakeFlag) {
        self.iterator = iterator
        self.wakeFlag = wakeFlag
    }

    /// The next event; ``ConnectionEvent/closed`` when the connection is gone or the task is cancelled, ever after.
    package mutating func next(
        isolation: isolated (any Actor)? = #isolation
    ) async -> ConnectionEvent<Frame> {
        guard !isOver else { return .closed }
        do {
            if let event = try await iterator.next(isolation: isolation) {
                if case .woken = event { wakeFlag.lower() }
                return event.typed()
            }
        } catch {
            // Whatever ended it, there is nothing left to read; the handler has logged transport errors.
        }
        isOver = true
        return .closed
    }
}

/// The way to wake a connection's session.
package struct ConnectionWaker: Sendable {
    let channel: any Channel
    let flag: WakeFlag

    /// As ``Connection/wake()``.
    package func wake() {
        guard flag.raise() else { return }
        channel.pipeline.fireUserInboundEventTriggered(TransportSignal.wake)
    }
}

/// Coalesces ``Connection/wake()``.
final class WakeFlag: Sendable {
    private let raised = Mutex(false)

    /// True for the caller that must deliver the event.
    func raise() -> Bool {
        raised.withLock { raised in
            defer { raised = true }
            return !raised
        }
    }

    func lower() {
        raised.withLock { $0 = false }
    }
}

/// A frame or mode of some protocol on its way across the bridge.
///
/// The channel's types are the same for all protocols, so that NIO's machinery is specialised once, here: with the
/// protocol's own types it ran unspecialised, and looking up generic metadata was a tenth of a message's cost.
struct Erased: Sendable {
    let value: any Sendable
}

/// What crosses the bridge inward.
typealias WireEvent = ConnectionEvent<Erased>

/// What crosses the bridge outward: the session's items, and the end of the session.
enum WireItem: Sendable {
    case item(Outbound<Erased>)
    /// Octets that count in the session's window.
    case bulk(ByteBuffer, SendWindow)
    case finish
}

extension WireEvent {
    /// The same event with the protocol's frame.
    func typed<Typed: Sendable>() -> ConnectionEvent<Typed> {
        switch self {
        case .frame(let frame):
            // The framer of this connection made it, so the type is right.
            if let frame = frame.value as? Typed { .frame(frame) } else { .closed }
        case .tlsEstablished(let info): .tlsEstablished(info)
        case .tlsFailed(let failure): .tlsFailed(failure)
        case .deadlineReached(let deadline): .deadlineReached(deadline)
        case .shuttingDown: .shuttingDown
        case .woken: .woken
        case .inputClosed: .inputClosed
        case .closed: .closed
        }
    }
}

extension Outbound {
    /// The same item with the mode erased.
    var erased: Outbound<Erased> {
        switch self {
        case .bytes(let bytes): .bytes(bytes)
        case .expect(let mode): .expect(Erased(value: mode))
        case .upgradeTLS(let reply): .upgradeTLS(reply: reply)
        case .startClientTLS(let client): .startClientTLS(client)
        case .startCompression(let reply): .startCompression(reply: reply)
        case .deadline(let duration): .deadline(duration)
        case .totalDeadline(let duration): .totalDeadline(duration)
        }
    }
}

/// Told to a connection's handler from outside its session.
enum TransportSignal: Sendable {
    case wake
    case shutDown
}
