package import Logging
package import MailSyntax
package import NIOCore
package import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// A connection that was let in, before its session runs.
struct AcceptedConnection: Sendable {
    enum Client: Sendable {
        case known(ConnectionInfo)
        /// A proxy has not said yet who it is; nil when it never did, or the client is turned away.
        case proxied(EventLoopFuture<ConnectionInfo?>)
    }

    let child: UnclaimedChannel<WireEvent, WireItem>
    let client: Client
}

/// Accepts connections on some addresses and runs one session task for each.
///
/// ``bind()`` may be called first, so that errors stop the start and privileges can be dropped after it; ``run()`` binds
/// when that was not done. On graceful shutdown the listening sockets are closed, each session receives
/// ``ConnectionEvent/shuttingDown``, and what is left after the drain time is closed.
package final class ListenerService<Framer: ConnectionFramer>: Service {
    package typealias Session = @Sendable (Connection<Framer>) async -> Void

    private let configuration: ListenerConfiguration
    private let group: MultiThreadedEventLoopGroup
    private let logger: Logger
    private let makeID: @Sendable () -> MailID
    private let makeFramer: @Sendable () -> Framer
    private let session: Session
    private let registry = ConnectionRegistry()
    private let bound = Mutex<[NIOAsyncChannel<AcceptedConnection?, Never>]>([])

    /// - Parameters:
    ///   - makeID: gives each session its id.
    ///   - session: runs one connection; must return soon after `.closed` or `.shuttingDown`.
    package init(
        configuration: ListenerConfiguration,
        group: MultiThreadedEventLoopGroup,
        logger: Logger,
        makeID: @escaping @Sendable () -> MailID,
        makeFramer: @escaping @Sendable () -> Framer,
        session: @escaping Session
    ) {
        self.configuration = configuration
        self.group = group
        self.logger = logger
        self.makeID = makeID
        self.makeFramer = makeFramer
        self.session = session
        guard let bans = configuration.bans else { return }
        // A second later, so that most who get banned by what they did are still answered.
        bans.onBan { [registry, group] _ in
            group.any().scheduleTask(in: .seconds(1)) { registry.close { bans.bans($0) } }
        }
    }

    /// Opens the listening sockets; connections wait in the kernel until ``run()``.
    ///
    /// - Returns: the addresses with the ports that were really bound.
    /// - Throws: ``ListenError`` naming the address and what to do. Sockets that were opened are closed again.
    @discardableResult
    package func bind() async throws(ListenError) -> [ListenAddress] {
        var opened: [NIOAsyncChannel<AcceptedConnection?, Never>] = []
        for address in configuration.addresses {
            do {
                opened.append(try await open(address))
            } catch {
                for server in opened { try? await server.channel.close() }
                throw ListenError(listener: configuration.name, address: address, cause: error)
            }
        }
        bound.withLock { $0 = opened }
        return zip(configuration.addresses, opened).map { asked, server in
            asked.socket != nil
                ? asked
                : ListenAddress(address: asked.address, port: server.channel.localAddress?.port ?? asked.port)
        }
    }

    package func run() async throws {
        if bound.withLock(\.isEmpty) { try await bind() }
        let servers = bound.withLock { $0 }
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await withDiscardingTaskGroup { group in
                    for server in servers {
                        group.addTask { await self.serve(server) }
                    }
                }
            } onCancel: {
                self.stop(drainTime: .zero)
            }
        } onGracefulShutdown: {
            self.stop(drainTime: self.configuration.drainTime)
        }
    }

    /// Stops as on graceful shutdown; ``run()`` returns when the last session has.
    package func stop(drainTime: Duration? = nil) {
        for server in bound.withLock({ $0 }) { server.channel.close(promise: nil) }
        configuration.limiter.close()
        registry.shutDown()
        let registry = registry
        group.any().scheduleTask(in: TimeAmount(drainTime ?? configuration.drainTime)) { registry.closeAll() }
    }

    // MARK: accepting

    /// Sets up a channel that was made elsewhere as if it had been accepted: the same handlers, the same session.
    ///
    /// Tests give it a channel without a socket, whose time they hold.
    /// - Parameter channel: not active yet, with both addresses set.
    /// - Returns: what runs the session, once; nil where the limits refuse it.
    package func adopt(_ channel: any Channel) async throws -> (@Sendable () async -> Void)? {
        guard let accepted = try await channel.eventLoop.submit({ try self.setUp(channel) }).get() else { return nil }
        return {
            await self.configuration.limiter.begin()
            await self.run(accepted)
        }
    }

    private func open(_ address: ListenAddress) async throws -> NIOAsyncChannel<AcceptedConnection?, Never> {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelInitializer { [logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptErrorHandler(logger: logger))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: LeanReceiveAllocator())
        let backPressure = NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
            lowWatermark: 2, highWatermark: 16)
        if let socket = address.socket {
            try UnixSocketFile.removeLeftover(socket.path)
            let server = try await bootstrap.bind(
                unixDomainSocketPath: socket.path, serverBackPressureStrategy: backPressure
            ) { channel in
                channel.eventLoop.makeCompletedFuture { try self.setUp(channel) }
            }
            do {
                try UnixSocketFile.open(socket)
            } catch {
                // NIO ends the process over a channel that is dropped open.
                try? await server.channel.close()
                throw error
            }
            return server
        }
        return
            try await bootstrap
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .bind(
                to: SocketAddress(ipAddress: address.address.description, port: address.port),
                serverBackPressureStrategy: backPressure
            ) { channel in
                channel.eventLoop.makeCompletedFuture { try self.setUp(channel) }
            }
    }

    /// On the child's loop. `nil`: over the limit, and already being refused.
    private func setUp(_ channel: any Channel) throws -> AcceptedConnection? {
        let (remote, remotePort) = SocketPeer.parts(of: channel.remoteAddress, besides: channel.localAddress)
        let (local, localPort) = SocketPeer.parts(of: channel.localAddress)
        guard let remote, let local else {
            channel.close(promise: nil)
            return nil
        }
        let isProxy = configuration.proxies.contains { $0.contains(remote) }
        if !isProxy, case .turnAway(let line) = admit(remote, on: channel) {
            try refuse(channel, line)
            return nil
        }
        var implicit: TLSHandlers?
        var source: ServerTLSSource?
        switch configuration.tls {
        case .none: break
        case .startTLS(let store): source = ServerTLSSource { store.serverContext }
        case .implicit(let store): implicit = TLSHandlers.server(store.serverContext)
        }
        try implicit?.insert(into: channel.pipeline)
        let framing = FramingHandler(
            framer: makeFramer(),
            tls: source,
            hello: implicit?.hello,
            idle: TimeAmount(configuration.greetingDeadline),
            handshake: TimeAmount(configuration.handshakeDeadline())
        )
        try channel.pipeline.syncOperations.addHandler(framing)
        let child = UnclaimedChannel(
            try NIOAsyncChannel<WireEvent, WireItem>(
                wrappingChannelSynchronously: channel,
                configuration: .init(backPressureStrategy: .init(lowWatermark: 4, highWatermark: 16))
            ))
        registry.add(channel)
        var info = ConnectionInfo(
            id: makeID(),
            remote: remote,
            remotePort: remotePort,
            local: local,
            localPort: localPort,
            listener: configuration.name,
            hasImplicitTLS: implicit != nil
        )
        if case .unixDomainSocket = channel.localAddress { info.localPeer = LocalPeer(of: channel) }
        guard isProxy else { return AcceptedConnection(child: child, client: .known(info)) }
        return AcceptedConnection(child: child, client: .proxied(try awaitClient(info, on: channel)))
    }

    /// Puts the reader of the PROXY header before everything else.
    private func awaitClient(
        _ proxy: ConnectionInfo, on channel: any Channel
    ) throws -> EventLoopFuture<ConnectionInfo?> {
        let known = channel.eventLoop.makePromise(of: ConnectionInfo?.self)
        let handler = ProxyHandler(patience: TimeAmount(configuration.proxyPatience)) { [logger] result in
            switch result {
            case .failure(let failure):
                logger.notice(
                    "a proxy's connection was closed",
                    metadata: [
                        "listener": "\(proxy.listener)", "proxy": "\(proxy.remote)", "reason": "\(failure)",
                    ])
                known.succeed(nil)
                return .turnAway(line: nil)
            case .success(let header):
                // What a proxy asks for itself is never counted.
                guard let client = header.client else {
                    known.succeed(proxy)
                    return .letIn
                }
                let verdict = self.admit(client.source.address, on: channel)
                if case .turnAway = verdict { known.succeed(nil) } else { known.succeed(proxy.made(for: client)) }
                return verdict
            }
        }
        try channel.pipeline.syncOperations.addHandler(handler, position: .first)
        return known.futureResult
    }

    /// Counts a client in, until the channel closes.
    private func admit(_ remote: IPAddress, on channel: any Channel) -> ProxyHandler.Verdict {
        if let bans = configuration.bans {
            guard !bans.bans(remote) else { return .turnAway(line: isImplicitTLS ? nil : configuration.banRefusal) }
            registry.identify(channel, as: remote)
        }
        let limiter = configuration.limiter
        guard !configuration.uncounted.contains(where: { $0.contains(remote) }) else { return .letIn }
        guard limiter.admit(remote) else { return .turnAway(line: isImplicitTLS ? nil : configuration.refusal) }
        channel.closeFuture.whenComplete { _ in limiter.release(remote) }
        return .letIn
    }

    private var isImplicitTLS: Bool { if case .implicit = configuration.tls { true } else { false } }

    private func refuse(_ channel: any Channel, _ line: String?) throws {
        if let line {
            try channel.pipeline.syncOperations.addHandler(RefusalHandler(line: line))
        } else {
            channel.close(promise: nil)
        }
    }

    private func serve(_ server: NIOAsyncChannel<AcceptedConnection?, Never>) async {
        do {
            try await server.executeThenClose { inbound in
                await withDiscardingTaskGroup { group in
                    var accepted = inbound.makeAsyncIterator()
                    while let next = try? await accepted.next() {
                        guard let next else { continue }
                        await configuration.limiter.begin()
                        start(next, in: &group)
                    }
                }
            }
        } catch {
            logger.debug("listener closed", metadata: ["listener": "\(configuration.name)", "error": "\(error)"])
        }
    }

    private func start(_ accepted: AcceptedConnection, in group: inout DiscardingTaskGroup) {
        switch configuration.executor {
        case .shared:
            group.addTask(executorPreference: WorkerExecutor()) { await self.run(accepted) }
        case .eventLoop:
            group.addTask(executorPreference: EventLoopExecutor(accepted.child.channel.eventLoop)) {
                await self.run(accepted)
            }
        }
    }

    private func run(_ accepted: AcceptedConnection) async {
        let child = accepted.child.take()
        let channel = child.channel
        try? await child.executeThenClose { inbound, outbound in
            guard let info = await client(of: accepted) else {
                configuration.limiter.end()
                try? await channel.closeFuture.get()
                return
            }
            let connection = Connection<Framer>(
                info: info,
                eventLoop: channel.eventLoop,
                channel: channel,
                inbound: inbound,
                outbound: outbound
            )
            await session(connection)
            // The session is over: a peer that takes its time to close keeps nobody else waiting.
            configuration.limiter.end()
            await connection.finish()
        }
    }

    private func client(of accepted: AcceptedConnection) async -> ConnectionInfo? {
        switch accepted.client {
        case .known(let info): info
        case .proxied(let info): try? await info.get()
        }
    }
}
