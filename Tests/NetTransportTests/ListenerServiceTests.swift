import Glibc
import Logging
import MailSyntax
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing

@testable import NetTransport

/// A listener that echoes lines, and a client of the same kind.
struct Echo {
    static let loopback = IPAddress(bytes: [127, 0, 0, 1])

    static func store() throws -> TLSStore {
        let folder = "/tmp/martlet-tls-\(UInt64.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        let files = CertificateFiles(certificateChain: folder + "/cert.pem", privateKey: folder + "/key.pem")
        let name = try #require(DomainName("mail.example.org"))
        try SelfSignedCertificate.write(
            names: [name],
            addresses: [try #require(loopback)],
            now: Timestamp(microseconds: 1_790_000_000_000_000),
            to: files
        )
        var status = stat()
        #expect(stat(files.privateKey, &status) == 0 && status.st_mode & 0o777 == 0o600)
        return try TLSStore([files])
    }

    @Sendable static func session(_ connection: Connection<LineFramer>) async {
        var events = connection.events()
        try? await connection.send(bytes: ByteBuffer(string: "HELLO\r\n"))
        while true {
            switch await events.next() {
            case .frame("STARTTLS"):
                try? await connection.send(.upgradeTLS(reply: ByteBuffer(string: "GO\r\n")))
            case .frame("QUIT"):
                try? await connection.send(bytes: ByteBuffer(string: "BYE\r\n"))
                return
            case .frame("WAKE"):
                connection.wake()
            case .frame(let line):
                try? await connection.send([.expect(true), .bytes(ByteBuffer(string: line + "\r\n"))])
            case .tlsEstablished(let info):
                try? await connection.send(bytes: ByteBuffer(string: "TLS \(info.version) \(info.bits)\r\n"))
            case .tlsFailed(let failure):
                try? await connection.send(bytes: ByteBuffer(string: "FAILED \(failure)\r\n"))
                return
            case .deadlineReached:
                try? await connection.send(bytes: ByteBuffer(string: "TIMEOUT\r\n"))
                return
            case .shuttingDown:
                try? await connection.send(bytes: ByteBuffer(string: "STOPPING\r\n"))
                return
            case .woken:
                try? await connection.send(bytes: ByteBuffer(string: "WOKEN\r\n"))
            case .inputClosed:
                try? await connection.send(bytes: ByteBuffer(string: "EOF\r\n"))
                return
            case .closed:
                return
            }
        }
    }

    static func service(
        _ tls: ListenerTLS,
        address: ListenAddress? = nil,
        limiter: ConnectionLimiter = ConnectionLimiter(total: 100, perPeer: 100),
        executor: SessionExecutor = .shared,
        handshake: Duration = .seconds(30),
        session: @escaping ListenerService<LineFramer>.Session = session,
        configure: (inout ListenerConfiguration) -> Void = { _ in }
    ) throws -> ListenerService<LineFramer> {
        var configuration = ListenerConfiguration(
            name: "echo",
            addresses: [address ?? ListenAddress(address: .thisMachine, port: 0)],
            tls: tls,
            limiter: limiter,
            refusal: "TOO MANY\r\n"
        )
        configuration.executor = executor
        configuration.handshakeDeadline = { handshake }
        configure(&configuration)
        let next = Mutex(Int64(0))
        return ListenerService(
            configuration: configuration,
            group: .singletonMultiThreadedEventLoopGroup,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            makeID: {
                MailID(
                    rawValue: next.withLock {
                        $0 += 1; return $0
                    })
            },
            makeFramer: { LineFramer() },
            session: session
        )
    }

    /// Runs `body` against a running service, then stops it and waits for its end.
    static func running(
        _ service: ListenerService<LineFramer>,
        _ body: (Int) async throws -> Void
    ) async throws {
        let port = try #require(try await service.bind().first).port
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            try await body(port)
            service.stop(drainTime: .seconds(5))
            try await group.waitForAll()
        }
    }

    static func client<Result: Sendable>(
        _ port: Int,
        tls: ClientTLS? = nil,
        _ body: @Sendable (Connection<LineFramer>) async throws -> Result
    ) async throws -> Result {
        try await ClientConnection.with(
            to: try #require(loopback),
            port: port,
            id: MailID(rawValue: 1),
            framer: LineFramer(),
            timeout: .seconds(60),
            implicitTLS: tls,
            group: MultiThreadedEventLoopGroup.singleton,
            body: body
        )
    }
}

extension ConnectionEvents where Frame == String {
    mutating func line() async -> String {
        switch await next() {
        case .frame(let line): line
        case .tlsEstablished: "(tls)"
        case .tlsFailed(let failure): "(\(failure))"
        case .inputClosed: "(eof)"
        case .closed: "(closed)"
        default: "(other)"
        }
    }
}

@Suite struct ListenerServiceTests {
    @Test(arguments: [SessionExecutor.shared, .eventLoop])
    func `pipelined lines are echoed in order and QUIT closes`(executor: SessionExecutor) async throws {
        try await Echo.running(try Echo.service(.none, executor: executor)) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "HELLO")
                let lines = (0..<500).map { "line \($0)" }
                try await connection.send(bytes: ByteBuffer(string: lines.map { $0 + "\r\n" }.joined() + "QUIT\r\n"))
                for line in lines { #expect(await events.line() == line) }
                #expect(await events.line() == "BYE")
                #expect(await events.line() == "(eof)")
            }
        }
    }

    @Test func `STARTTLS upgrades both sides`() async throws {
        let client = try ClientTLSContexts().tls(serverName: "mail.example.org", verification: .none)
        try await Echo.running(try Echo.service(.startTLS(try Echo.store()))) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "HELLO")
                try await connection.send(bytes: ByteBuffer(string: "STARTTLS\r\n"))
                #expect(await events.line() == "GO")
                try await connection.send(.startClientTLS(client))
                #expect(await events.line() == "(tls)")
                let greeting = await events.line()
                #expect(greeting.hasPrefix("TLS TLSv1.3 ") && greeting != "TLS TLSv1.3 0")
                try await connection.send(bytes: ByteBuffer(string: "QUIT\r\n"))
                #expect(await events.line() == "BYE")
            }
        }
    }

    @Test func `octets after STARTTLS are an attack`() async throws {
        try await Echo.running(try Echo.service(.startTLS(try Echo.store()))) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "HELLO")
                try await connection.send(bytes: ByteBuffer(string: "STARTTLS\r\nINJECTED\r\n"))
                #expect(await events.line() == "FAILED plaintext after STARTTLS")
                #expect(await events.line() == "(eof)")
            }
        }
    }

    @Test func `implicit TLS works and a self-signed certificate fails full verification`() async throws {
        let store = try Echo.store()
        try await Echo.running(try Echo.service(.implicit(store))) { port in
            let contexts = try ClientTLSContexts()
            let open = try contexts.tls(serverName: "mail.example.org", verification: .none)
            try await Echo.client(port, tls: open) { connection in
                var events = connection.events()
                #expect(await events.line() == "(tls)")
                #expect(await events.line() == "HELLO")
            }
            let strict = try contexts.tls(serverName: "mail.example.org", verification: .names(["mail.example.org"]))
            try await Echo.client(port, tls: strict) { connection in
                var events = connection.events()
                #expect(await events.line().contains("the certificate is self-signed"))
            }
            let file = try #require(store.certificates.first).files.certificateChain
            let trusting = try ClientTLSContexts(additionalRoots: [file])
                .tls(serverName: "mail.example.org", verification: .names(["mail.example.org"]))
            try await Echo.client(port, tls: trusting) { connection in
                var events = connection.events()
                #expect(await events.line() == "(tls)")
            }
        }
    }

    @Test func `a handshake under way doesn't hold up the end`() async throws {
        let service = try Echo.service(.startTLS(try Echo.store()), handshake: .seconds(600))
        try await Echo.running(service) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "HELLO")
                try await connection.send(bytes: ByteBuffer(string: "STARTTLS\r\n"))
                #expect(await events.line() == "GO")
                try await connection.send(.deadline(.seconds(10)))
                service.stop(drainTime: .seconds(600))
                #expect(["(eof)", "(closed)"].contains(await events.line()))
            }
        }
    }

    @Test func `certificates can be replaced by others`() async throws {
        let store = try Echo.store()
        let other = try #require(try Echo.store().certificates.first).files
        try store.reload([other])
        #expect(store.certificates.map(\.files) == [other])
        #expect(throws: TLSStoreError.self) {
            try store.reload([CertificateFiles(certificateChain: "/nowhere", privateKey: "/nowhere")])
        }
        #expect(store.certificates.map(\.files) == [other])
    }

    @Test func `a half-closed peer gets its answers`() async throws {
        try await Echo.running(try Echo.service(.none)) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "HELLO")
                try await connection.send(bytes: ByteBuffer(string: "one\r\nPAUSE\r\ntwo\r\n"))
                try await connection.channel.close(mode: .output)
                #expect(await events.line() == "one")
                #expect(await events.line() == "PAUSE")
            }
        }
    }

    @Test func `STARTTLS of a peer that has closed its side is refused`() throws {
        let store = try Echo.store()
        let channel = EmbeddedChannel(
            handler: FramingHandler(
                framer: LineFramer(), tls: ServerTLSSource { store.serverContext }, hello: nil, idle: nil))
        try channel.writeInbound(ByteBuffer(string: "STARTTLS\r\n"))
        guard case .frame? = try channel.readInbound(as: WireEvent.self) else { return #expect(Bool(false)) }
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        let upgrade = Outbound<Bool>.upgradeTLS(reply: ByteBuffer(string: "GO\r\n"))
        try channel.writeOutbound(WireItem.item(upgrade.erased))
        guard case .tlsFailed(.unavailable)? = try channel.readInbound(as: WireEvent.self) else {
            return #expect(Bool(false))
        }
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        try channel.writeOutbound(WireItem.item(Outbound<Bool>.expect(true).erased))
        guard case .inputClosed? = try channel.readInbound(as: WireEvent.self) else { return #expect(Bool(false)) }
    }

    @Test func `wake-up and shutdown reach the session`() async throws {
        let service = try Echo.service(.none)
        try await Echo.running(service) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "HELLO")
                try await connection.send(bytes: ByteBuffer(string: "WAKE\r\n"))
                #expect(await events.line() == "WOKEN")
            }
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "HELLO")
                service.stop(drainTime: .seconds(5))
                #expect(await events.line() == "STOPPING")
                #expect(await events.line() == "(eof)")
            }
        }
    }

    @Test func `a peer over its limit is told`() async throws {
        let limiter = ConnectionLimiter(total: 10, perPeer: 1)
        try await Echo.running(try Echo.service(.none, limiter: limiter)) { port in
            try await Echo.client(port) { first in
                var events = first.events()
                #expect(await events.line() == "HELLO")
                try await Echo.client(port) { second in
                    var events = second.events()
                    #expect(await events.line() == "TOO MANY")
                    #expect(await events.line() == "(eof)")
                }
                #expect(limiter.count == 1)
            }
        }
    }

    @Test func `at the total, connections wait for room`() async throws {
        let limiter = ConnectionLimiter(total: 1, perPeer: 10)
        try await Echo.running(try Echo.service(.none, limiter: limiter)) { port in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<5 {
                    group.addTask {
                        try await Echo.client(port) { connection in
                            var events = connection.events()
                            #expect(await events.line() == "HELLO")
                            try await connection.send(bytes: ByteBuffer(string: "QUIT\r\n"))
                            #expect(await events.line() == "BYE")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// NIO ends the process when a channel is dropped that nobody ran, as of a client that comes in this moment.
    @Test func `clients may come while the listener stops`() async throws {
        for _ in 0..<20 {
            let service = try Echo.service(.none)
            try await Echo.running(service) { port in
                await withDiscardingTaskGroup { group in
                    for number in 0..<16 {
                        group.addTask {
                            if number == 8 { service.stop(drainTime: .zero) }
                            // Whether it still got in is chance.
                            try? await Echo.client(port) { connection in
                                var events = connection.events()
                                _ = await events.next()
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func `a port in use is an error with a remedy`() async throws {
        try await Echo.running(try Echo.service(.none)) { port in
            var configuration = ListenerConfiguration(
                name: "smtp",
                addresses: [ListenAddress(address: try #require(Echo.loopback), port: port)],
                tls: .none,
                limiter: ConnectionLimiter(total: 1, perPeer: 1),
                refusal: ""
            )
            configuration.drainTime = .zero
            let second = ListenerService(
                configuration: configuration,
                group: .singletonMultiThreadedEventLoopGroup,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                makeID: { MailID(rawValue: 1) },
                makeFramer: { LineFramer() },
                session: { _ in }
            )
            let error = await #expect(throws: ListenError.self) { try await second.bind() }
            #expect(error?.description.contains("127.0.0.1:\(port): the port is in use") == true)
        }
    }
}
