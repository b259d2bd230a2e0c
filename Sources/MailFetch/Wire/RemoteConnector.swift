package import MailSyntax
package import NIOCore
package import NetTransport
import Synchronization

/// Opens connections to other mail servers.
package struct RemoteConnector: Sendable {
    let group: any EventLoopGroup
    let contexts: ClientTLSContexts
    let limits: RemoteLimits
    let makeID: @Sendable () -> MailID

    package init(
        group: any EventLoopGroup, contexts: ClientTLSContexts, limits: RemoteLimits = RemoteLimits(),
        makeID: @escaping @Sendable () -> MailID
    ) {
        self.group = group
        self.contexts = contexts
        self.limits = limits
        self.makeID = makeID
    }

    /// Connects to one of the host's addresses and runs `body`.
    ///
    /// - Throws: `RemoteFailure`, `CancellationError`, or what `body` throws.
    func with<Result: Sendable>(
        _ remote: RemoteHost, body: @Sendable (Connection<ChunkFramer>) async throws -> Result
    ) async throws -> Result {
        let addresses = try await HostLookup.addresses(of: remote.host)
        let tls = try remote.security == .tls ? self.tls(remote) : nil
        var last: any Error = RemoteFailure(.connect, "\(remote.shown) can't be reached")
        for address in addresses {
            let isConnected = Mutex(false)
            do {
                return try await ClientConnection.with(
                    to: address, port: remote.port, id: makeID(), framer: ChunkFramer(), timeout: limits.connect,
                    implicitTLS: tls, group: group
                ) { connection in
                    isConnected.withLock { $0 = true }
                    return try await body(connection)
                }
            } catch let error as RemoteFailure {
                throw error
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                try Task.checkCancellation()
                guard !isConnected.withLock({ $0 }) else { throw error }
                last = RemoteFailure(
                    .connect, "no connection to \(remote.shown): \(PeerText.clean("\(error)", limit: 200))")
            }
        }
        throw last
    }

    /// The octets of a connection, and TLS where it begins with that.
    func wire(_ connection: Connection<ChunkFramer>, _ remote: RemoteHost) async throws -> RemoteWire {
        try await RemoteWire(connection, host: remote.shown, limits: limits)
    }

    func tls(_ remote: RemoteHost) throws -> ClientTLS {
        do {
            return try contexts.tls(
                ClientTLSRequest(
                    serverName: remote.host, verification: remote.verifies ? .names([remote.host]) : .none,
                    authorities: remote.authorities))
        } catch {
            throw RemoteFailure(.tls, "\(error)", remedy: "name a file with authorities that this process can read")
        }
    }
}
