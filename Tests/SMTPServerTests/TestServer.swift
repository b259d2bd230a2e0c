import Glibc
import Logging
import MailSyntax
import NIOCore
import NIOPosix
import NetTransport
import SMTPCore
import SMTPServer
import Telemetry
import Testing

/// Lines of a server, for a client that is a test.
struct ReplyFramer: ConnectionFramer {
    var isPaused: Bool { false }

    mutating func next(_ buffer: inout ByteBuffer) -> String? {
        let view = buffer.readableBytesView
        guard let end = view.firstIndex(of: 10) else { return nil }
        return buffer.readString(length: end - view.startIndex + 1).map { String($0.dropLast()) }
    }

    mutating func expect(_ mode: Bool) {}
    mutating func reset() {}
}

/// A client that plays transcripts.
struct TestClient {
    let connection: Connection<ReplyFramer>
    var events: ConnectionEvents<String>

    init(_ connection: Connection<ReplyFramer>) {
        self.connection = connection
        events = connection.events()
    }

    /// The next whole reply, its lines joined by newlines; "(closed)" when there is none.
    mutating func reply() async -> String {
        var lines: [String] = []
        while true {
            switch await events.next() {
            case .frame(let line):
                lines.append(line)
                if line.dropFirst(3).first != "-" { return lines.joined(separator: "\n") }
            case .tlsEstablished: return "(tls)"
            case .tlsFailed(let failure): return "(\(failure))"
            case .closed, .inputClosed: return "(closed)"
            default: continue
            }
        }
    }

    func send(_ text: String) async {
        try? await connection.send(bytes: ByteBuffer(string: text))
    }

    /// Plays `C:` and `S:` lines; `C|` is sent with `\n` and `\r` spelled out and nothing added.
    mutating func play(_ transcript: String) async {
        for line in transcript.split(separator: "\n") {
            let text = String(line.dropFirst(3))
            if line.hasPrefix("C: ") { await send(text + "\r\n") }
            if line.hasPrefix("C| ") {
                await send(text.replacing("\\r", with: "\r").replacing("\\n", with: "\n"))
            }
            if line.hasPrefix("S: ") {
                let reply = await reply()
                #expect(reply.replacing("\n", with: " ").hasPrefix(text), "\(line)")
            }
            if line.hasPrefix("# close") { #expect(await reply() == "(closed)") }
            if line.hasPrefix("# tls") {
                let tls = try? ClientTLSContexts().tls(serverName: nil, verification: .none)
                if let tls { try? await connection.send(.startClientTLS(tls)) }
                #expect(await reply() == "(tls)")
            }
        }
    }
}

struct TestServer: Sendable {
    let backend: FakeBackend
    let events = RecordingEventSink()

    static let loopback = IPAddress(bytes: [127, 0, 0, 1])

    static func store() throws -> TLSStore {
        let folder = "/tmp/martlet-smtp-\(UInt64.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        let files = CertificateFiles(certificateChain: folder + "/cert.pem", privateKey: folder + "/key.pem")
        try SelfSignedCertificate.write(
            names: [try #require(DomainName("mx.example.org"))],
            addresses: [],
            now: Timestamp(seconds: 1_790_000_000),
            to: files
        )
        return try TLSStore([files])
    }

    /// Runs `body` with a client of a running server.
    func run(
        _ role: SMTPSessionConfiguration.Role,
        tls: ListenerTLS = .none,
        adjust: (inout SMTPServerSettings) -> Void = { _ in },
        _ body: @Sendable (inout TestClient, ListenerService<SMTPServerFramer>) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await Self.run(backend: backend, events: events, logger: logger, role, tls: tls, adjust: adjust, body)
    }

    /// A server that is not running yet, with any backend and limits.
    static func service(
        backend: any SMTPBackend,
        events: any MailEventSink,
        logger: Logger,
        _ role: SMTPSessionConfiguration.Role,
        tls: ListenerTLS = .none,
        limiter: ConnectionLimiter = ConnectionLimiter(total: 100, perPeer: 100),
        adjust: (inout SMTPServerSettings) -> Void = { _ in }
    ) throws -> ListenerService<SMTPServerFramer> {
        let hostname = try #require(DomainName("mx.example.org"))
        var settings = SMTPServerSettings(hostname: hostname, role: role, listener: "test", offersTLS: true)
        settings.failedLoginDelay = .zero
        adjust(&settings)
        let adjusted = settings
        let loopback = try #require(Self.loopback)
        var configuration = ListenerConfiguration(
            name: "test",
            addresses: [ListenAddress(address: loopback, port: 0)],
            tls: tls,
            limiter: limiter,
            refusal: ""
        )
        // Tests that run side by side may keep each other waiting for longer than a client may be.
        configuration.handshakeDeadline = { .seconds(300) }
        return SMTPListener.makeService(
            configuration: configuration,
            settings: { adjusted },
            backend: backend,
            events: events,
            group: .singletonMultiThreadedEventLoopGroup,
            logger: logger
        )
    }

    /// Runs `body` with a client of a running server with any backend and limits.
    static func run(
        backend: any SMTPBackend,
        events: any MailEventSink,
        logger: Logger,
        _ role: SMTPSessionConfiguration.Role,
        tls: ListenerTLS = .none,
        limiter: ConnectionLimiter = ConnectionLimiter(total: 100, perPeer: 100),
        adjust: (inout SMTPServerSettings) -> Void = { _ in },
        _ body: @Sendable (inout TestClient, ListenerService<SMTPServerFramer>) async throws -> Void
    ) async throws {
        let service = try service(
            backend: backend, events: events, logger: logger, role, tls: tls, limiter: limiter, adjust: adjust)
        let loopback = try #require(Self.loopback)
        let port = try #require(try await service.bind().first).port
        var client: ClientTLS?
        if case .implicit = tls { client = try ClientTLSContexts().tls(serverName: nil, verification: .none) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            try await ClientConnection.with(
                to: loopback,
                port: port,
                id: MailID(rawValue: 1),
                framer: ReplyFramer(),
                timeout: .seconds(120),
                implicitTLS: client,
                group: MultiThreadedEventLoopGroup.singleton
            ) { connection in
                var client = TestClient(connection)
                try await body(&client, service)
            }
            service.stop(drainTime: .seconds(5))
            try await group.waitForAll()
        }
    }
}
