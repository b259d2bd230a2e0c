import Logging
import MailSyntax
import NIOPosix
import NetTransport
import SMTPCore
import Telemetry
import Testing

@Suite struct ConnectionLimitTests {
    /// Runs `body` with a first client, greeted, of a server with these limits.
    private static func run(
        _ limiter: ConnectionLimiter, _ body: @Sendable (inout TestClient) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await TestServer.run(
            backend: FakeBackend(), events: RecordingEventSink(), logger: logger, .mx, limiter: limiter
        ) { client, _ in
            await client.play("S: 220")
            try await body(&client)
        }
    }

    /// What another client is told first.
    private static func greeting(_ port: Int) async throws -> String {
        try await ClientConnection.with(
            to: try #require(TestServer.loopback), port: port, id: MailID(rawValue: 2), framer: ReplyFramer(),
            timeout: .seconds(120), group: MultiThreadedEventLoopGroup.singleton
        ) { connection in
            var client = TestClient(connection)
            return await client.reply()
        }
    }

    @Test func `a peer that has its share of connections is told to come back`() async throws {
        try await Self.run(ConnectionLimiter(total: 10, perPeer: 1)) { client in
            let greeting = try await Self.greeting(client.connection.info.remotePort)
            #expect(greeting == "421 4.7.0 Too many connections")
            await client.play("C: NOOP\nS: 250")
        }
    }

    @Test func `clients beyond the total are greeted as soon as a session ends`() async throws {
        let limiter = ConnectionLimiter(total: 1, perPeer: 10)
        try await Self.run(limiter) { client in
            let port = client.connection.info.remotePort
            async let second = Self.greeting(port)
            async let third = Self.greeting(port)
            // Whatever the others do, the one inside is served.
            await client.play("C: EHLO c\nS: 250\nC: NOOP\nS: 250\nC: QUIT\nS: 221\n# close")
            let greetings = try await [second, third]
            #expect(greetings.allSatisfy { $0.hasPrefix("220 ") })
        }
    }
}
