import NIOCore
import NetTransport
import Testing

@testable import IMAPServer

@Suite("COMPRESS", .timeLimit(.minutes(10)))
struct CompressTests {
    private func compress(_ client: IMAPTestClient) async throws {
        #expect(await client.command("COMPRESS DEFLATE").isOK)
        // The same handler serves the client's side.
        try await client.connection.send(.startCompression(reply: ByteBuffer()))
    }

    @Test(
        "everything behind the answer is compressed, in both directions",
        arguments: [TestServer.Listener.open, .implicitTLS])
    func bothWays(listener: TestServer.Listener) async throws {
        try await TestServer.run(listener) { server in
            try await server.client(tls: listener == .open ? nil : TestServer.clientTLS()) { client, _ in
                await client.login()
                await client.command("SELECT INBOX")
                #expect(await client.command("CAPABILITY").untagged.first?.contains(" COMPRESS=DEFLATE") == true)
                try await compress(client)
                #expect(await client.command("CAPABILITY").untagged.first?.contains("COMPRESS") == false)
                #expect(await client.command("COMPRESS DEFLATE").tagged.hasPrefix("NO [COMPRESSIONACTIVE]"))
                let body = (1...20_000).map { "line \($0)\r\n" }.joined()
                let message = sampleMessage("big", body: body)
                #expect(await client.append(message).isOK)
                let reply = await client.command("FETCH 1 BODY.PEEK[]").untagged.last
                #expect(reply == "* 1 FETCH (BODY[] {\(message.utf8.count)}\r\n\(message))")
                await client.send("i IDLE\r\n")
                #expect(await client.next().hasPrefix("+ "))
                try await server.deliver(sampleMessage("new"))
                #expect(await client.next() == "* 2 EXISTS")
                await client.send("DONE\r\n")
                #expect(await client.reply(to: "i").isOK)
                #expect(await client.command("LOGOUT").isOK)
            }
        }
    }

    @Test("what is no mechanism, or not the time for it, is refused, and the session goes on")
    func refused() async throws {
        try await TestServer.run { server in
            try await server.client { client, _ in
                #expect(await client.command("COMPRESS DEFLATE").tagged.hasPrefix("BAD"))
                await client.login()
                for arguments in [" GZIP", "", " DEFLATE NOW", " (DEFLATE)"] {
                    #expect(await client.command("COMPRESS\(arguments)").tagged.hasPrefix("BAD"))
                }
                #expect(await client.command("NOOP").isOK)
            }
        }
    }

    @Test("a client that sends octet by octet")
    func octetByOctet() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                try await compress(client)
                for octet in "a APPEND INBOX {5}\r\n".utf8 { await client.send(octets: [octet]) }
                #expect(await client.next().hasPrefix("+ "))
                for octet in "hello\r\n".utf8 { await client.send(octets: [octet]) }
                #expect(await client.reply(to: "a").isOK)
            }
        }
    }

    @Test("many commands in one piece are all answered, the last before the end of input")
    func pipelined() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                try await compress(client)
                let commands = (0..<1000).map { "p\($0) NOOP\r\n" }.joined()
                await client.send(commands + "z LOGOUT\r\n")
                for number in 0..<1000 { #expect(await client.reply(to: "p\(number)").isOK) }
                #expect(await client.reply(to: "z").isOK)
            }
        }
    }

    @Test("what is not compressed ends the connection, and nothing of it is carried out")
    func damaged() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                #expect(await client.command("COMPRESS DEFLATE").isOK)
                await client.send("a CREATE Injected\r\n" + String(repeating: "\u{7F}", count: 1000))
                #expect(await client.next() == "(closed)")
            }
            try await server.session { client in
                #expect(await client.command("LIST \"\" Injected").untagged.isEmpty)
            }
        }
    }

    @Test("octets that mean a thousand times as many are answered like the line they make")
    func bomb() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                try await compress(client)
                await client.send(String(repeating: "A", count: 20_000_000))
                #expect(await client.next().hasPrefix("* BYE"))
            }
        }
    }
}
