import Testing

@testable import IMAPServer

@Suite("IDLE that is kept alive")
struct IdleKeepaliveTests {
    @Test("a client in IDLE hears something again and again, selected or not", arguments: [true, false])
    func hears(isSelected: Bool) async throws {
        try await TestServer.run(settings: { $0.idleKeepalive = .milliseconds(20) }) { server in
            try await server.session { client in
                if isSelected { await client.command("SELECT INBOX") }
                await client.send("i IDLE\r\n")
                #expect(await client.next().hasPrefix("+ "))
                for _ in 0..<3 { #expect(await client.next() == "* OK Still here") }
                await client.send("DONE\r\n")
                #expect(await client.reply(to: "i").isOK)
                #expect(await client.command("NOOP").isOK)
            }
        }
    }
}
