import MailSyntax
import NIOCore
import Synchronization

/// The live connections of one listener, so that they can be told to end.
final class ConnectionRegistry: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Whose they are, where that matters.
        var clients: [ObjectIdentifier: IPAddress] = [:]
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
            self.state.withLock { state in
                state.channels[id] = nil
                state.clients[id] = nil
            }
        }
        if late { Self.announce(channel) }
    }

    /// Remembers whose a channel is, until it closes.
    func identify(_ channel: any Channel, as client: IPAddress) {
        let id = ObjectIdentifier(channel)
        state.withLock { $0.clients[id] = client }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.clients[id] = nil } }
    }

    /// Closes the connections of some clients.
    func close(where isMeant: (IPAddress) -> Bool) {
        let (clients, channels) = state.withLock { ($0.clients, $0.channels) }
        for (id, client) in clients where isMeant(client) { channels[id]?.close(promise: nil) }
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
