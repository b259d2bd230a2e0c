import MailSyntax
import NIOCore
import Testing

@testable import NetTransport

/// Connections that a proxy makes for clients.
@Suite struct ProxiedConnectionTests {
    private static let header = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n"

    /// A server that requires the header from loopback, and greets with what it knows of the client.
    private static func running(
        _ tls: ListenerTLS = .none, limiter: ConnectionLimiter = ConnectionLimiter(total: 100, perPeer: 1),
        patience: Duration = .seconds(60), _ body: (Int) async throws -> Void
    ) async throws {
        let service = try Echo.service(
            tls, limiter: limiter,
            session: { connection in
                let info = connection.info
                let proxy = info.proxy.map { " by \($0)" } ?? ""
                let text = "\(info.remote) \(info.remotePort) at \(info.local) \(info.localPort)\(proxy)\r\n"
                try? await connection.send(bytes: ByteBuffer(string: text))
                await Echo.session(connection)
            },
            configure: { configuration in
                configuration.proxies = [IPNetwork("127.0.0.0/8")].compactMap(\.self)
                configuration.proxyPatience = patience
            })
        try await Echo.running(service, body)
    }

    @Test func `the client is who the proxy says, and what follows the header is its`() async throws {
        try await Self.running { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                try await connection.send(bytes: ByteBuffer(string: Self.header + "one\r\nQUIT\r\n"))
                #expect(await events.line() == "192.0.2.1 56324 at 198.51.100.2 25 by 127.0.0.1")
                #expect(await events.line() == "HELLO")
                #expect(await events.line() == "one")
                #expect(await events.line() == "BYE")
            }
        }
    }

    @Test func `a header may come octet by octet`() async throws {
        try await Self.running { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                for byte in Self.header.utf8 { try await connection.send(bytes: ByteBuffer(bytes: [byte])) }
                #expect(await events.line().hasPrefix("192.0.2.1 56324 "))
            }
        }
    }

    @Test func `the proxy is not counted, its clients are`() async throws {
        try await Self.running { port in
            try await Echo.client(port) { first in
                var events = first.events()
                try await first.send(bytes: ByteBuffer(string: Self.header))
                #expect(await events.line().hasPrefix("192.0.2.1 "))
                try await Echo.client(port) { second in
                    var events = second.events()
                    try await second.send(bytes: ByteBuffer(string: "PROXY TCP4 192.0.2.9 192.0.2.2 1 2\r\n"))
                    #expect(await events.line().hasPrefix("192.0.2.9 "))
                    for _ in 0..<2 {
                        try await Echo.client(port) { check in
                            var events = check.events()
                            try await check.send(bytes: ByteBuffer(string: "PROXY UNKNOWN\r\n"))
                            #expect(await events.line().hasPrefix("127.0.0.1 "))
                        }
                    }
                    try await Echo.client(port) { third in
                        var events = third.events()
                        try await third.send(bytes: ByteBuffer(string: Self.header))
                        #expect(await events.line() == "TOO MANY")
                        #expect(await events.line() == "(eof)")
                    }
                }
            }
        }
    }

    @Test(arguments: ["EHLO x\r\n", "PROXY TCP4 nonsense\r\n", "\r\n\r\n\0\r\nQUIT\n\u{11}\u{11}\0\0"])
    func `without a good header nothing is answered`(text: String) async throws {
        let limiter = ConnectionLimiter(total: 2, perPeer: 1)
        try await Self.running(limiter: limiter) { port in
            for _ in 0..<3 {
                try await Echo.client(port) { connection in
                    var events = connection.events()
                    try await connection.send(bytes: ByteBuffer(string: text))
                    #expect(["(eof)", "(closed)"].contains(await events.line()))
                }
            }
        }
        #expect(limiter.count == 0)
    }

    @Test func `a header that does not come, or comes in half, ends the connection`() async throws {
        try await Self.running(patience: .milliseconds(50)) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(["(eof)", "(closed)"].contains(await events.line()))
            }
        }
        try await Self.running { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                try await connection.send(bytes: ByteBuffer(string: "PROXY TCP4 192"))
                try await connection.channel.close(mode: .output)
                #expect(["(eof)", "(closed)"].contains(await events.line()))
            }
        }
    }

    @Test func `the header stands before TLS`() async throws {
        let contexts = try ClientTLSContexts()
        let tls = try contexts.tls(serverName: "mail.example.org", verification: .none)
        try await Self.running(.implicit(try Echo.store())) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                try await connection.send([.bytes(ByteBuffer(string: Self.header)), .startClientTLS(tls)])
                #expect(await events.line() == "(tls)")
                #expect(await events.line() == "192.0.2.1 56324 at 198.51.100.2 25 by 127.0.0.1")
            }
        }
        try await Self.running(.startTLS(try Echo.store())) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                try await connection.send(bytes: ByteBuffer(string: Self.header + "STARTTLS\r\n"))
                #expect(await events.line().hasPrefix("192.0.2.1 "))
                #expect(await events.line() == "HELLO")
                #expect(await events.line() == "GO")
                try await connection.send(.startClientTLS(tls))
                #expect(await events.line() == "(tls)")
            }
        }
    }
}
