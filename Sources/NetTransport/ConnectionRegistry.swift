import NIOCore
import Synchronization

/// The live connections of one listener, so that they can be told to end.
final class ConnectionRegistry: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isShutDown = false
    }

    private let state = Mutex(State())

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let late = state.withLock { state in
            state.channels[id] = channel
            return state.isShutDown
        }
        channel.closeFuture.whenComplete { _ in
            _ = self.state.withLock { $0.channels.removeValue(forKey: id) }
        }
        if late { Self.announce(channel) }
    }

    /// Sends `.shuttingDown` to each connection, and to any that was being accepted.
    func shutDown() {
        let channels = state.withLock { state in
            state.isShutDown = true
            return Array(state.channels.values)
        }
        for channel in channels { Self.announce(channel) }
    }

    func closeAll() {
        for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
    }

    private static func announce(_ channel: any Channel) {
        channel.eventLoop.execute {
            channel.pipeline.fireUserInboundEventTriggered(TransportSignal.shutDown)
        }
    }
}
