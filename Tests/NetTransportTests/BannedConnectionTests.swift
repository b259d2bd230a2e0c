import MailSyntax
import NIOCore
import Testing

@testable import NetTransport

/// Bans at the door.
@Suite struct BannedConnectionTests {
    private static func table() -> BanTable { BanTable(rules: BanRules()) { Timestamp(seconds: 1_800_000_000) } }

    private static func service(_ table: BanTable, tls: ListenerTLS = .none) throws -> ListenerService<LineFramer> {
        try Echo.service(
            tls,
            configure: { configuration in
                configuration.bans = table
                configuration.banRefusal = "BANNED\r\n"
                configuration.proxies = [IPNetwork("127.0.0.2")].compactMap(\.self)
            })
    }

    @Test func `who is banned is refused, and its open connections end`() async throws {
        let table = Self.table()
        let loopback = try #require(IPNetwork("127.0.0.1"))
        try await Echo.running(Self.service(table)) { port in
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "HELLO")
                table.add(loopback, for: nil, reason: "test")
                #expect(["(eof)", "(closed)"].contains(await events.line()))
            }
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "BANNED")
                #expect(await events.line() == "(eof)")
            }
            #expect(table.remove(loopback))
            try await Echo.client(port) { connection in
                var events = connection.events()
                #expect(await events.line() == "HELLO")
            }
        }
    }

    @Test func `with implicit TLS nothing is said`() async throws {
        let table = Self.table()
        table.add(try #require(IPNetwork("127.0.0.0/8")), for: .seconds(10), reason: "test")
        let tls = try ClientTLSContexts().tls(serverName: nil, verification: .none)
        try await Echo.running(Self.service(table, tls: .implicit(try Echo.store()))) { port in
            try await Echo.client(port, tls: tls) { connection in
                var events = connection.events()
                #expect(await events.line() != "(tls)")
            }
        }
    }
}
