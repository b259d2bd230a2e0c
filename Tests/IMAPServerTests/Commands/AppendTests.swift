import IMAPCore
import NIOCore
import Testing

@testable import IMAPServer

@Suite("APPEND", .timeLimit(.minutes(10)))
struct AppendTests {
    @Test("a header with UTF-8 needs ENABLE UTF8=ACCEPT, where nothing else is said")
    func eightBitHeaders() async throws {
        let message = "Subject: Grüße\r\n\r\nx\r\n"
        try await TestServer.run(settings: { $0.workarounds = [] }) { server in
            try await server.session { client in
                #expect(await client.append(message).tagged.hasPrefix("NO [CANNOT]"))
                #expect(await client.append("Subject: x\r\n\r\nGrüße\r\n").isOK)
                await client.command("ENABLE UTF8=ACCEPT")
                #expect(await client.append(message).isOK)
            }
        }
        try await TestServer.run { server in
            try await server.session { client in #expect(await client.append(message).isOK) }
        }
    }

    @Test("with a synchronising literal, answered with APPENDUID")
    func synchronising() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                let message = sampleMessage("one")
                await client.send("a APPEND INBOX (\\Seen) {\(message.utf8.count)}\r\n")
                #expect(await client.next().hasPrefix("+ "))
                await client.send(message + "\r\n")
                let reply = await client.reply(to: "a")
                #expect(reply.tagged.hasPrefix("OK [APPENDUID ") && reply.tagged.contains(" 1]"))
                #expect(reply.untagged == ["* 1 EXISTS", "* 1 RECENT"])
                #expect(await client.command("FETCH 1 FLAGS").untagged == ["* 1 FETCH (FLAGS (\\Seen \\Recent))"])
            }
        }
    }

    @Test(
        "what is refused is refused before the message is sent",
        arguments: [
            ("APPEND Nowhere", "NO [TRYCREATE]"),
            ("APPEND INBOX (\\Recent)", "BAD"),
            ("APPEND INBOX (\\Odd)", "BAD"),
            ("APPEND INBOX \"99-Nov-2026 00:00:00 +0000\"", "BAD"),
            ("APPEND INBOX NIL", "BAD"),
        ], [0, 12])
    func early(refused: (command: String, expected: String), unasked: Int) async throws {
        let (command, expected) = refused
        try await TestServer.run(settings: { $0.limits.appendUnasked = unasked }) { server in
            try await server.session { client in
                await client.send("a \(command) {10}\r\n")
                let reply = await client.reply(to: "a")
                #expect(reply.tagged.hasPrefix(expected), "\(reply)")
                #expect(!reply.untagged.contains { $0.hasPrefix("+") })
                // A non-synchronising literal is on its way already: it is read and never taken for a command.
                await client.send("b \(command) {12+}\r\nc LOGOUT\r\n\r\n\r\n")
                #expect(await client.reply(to: "b").tagged.hasPrefix(expected))
                #expect(await client.command("NOOP").isOK)
            }
        }
    }

    @Test(
        "what comes in unasked behind a refusal is never taken for commands",
        arguments: [
            // The first message is refused, the second is asked for or not.
            "APPEND Nowhere {12+}\r\nc LOGOUT\r\n\r\n {12+}\r\nc LOGOUT\r\n\r\n\r\n",
            "APPEND Nowhere {12+}\r\nc LOGOUT\r\n\r\n {13+}\r\nc  LOGOUT\r\n\r\n\r\n",
            "APPEND Nowhere {12+}\r\nc LOGOUT\r\n\r\n {12}\r\n",
            "APPEND Nowhere {12+}\r\nc LOGOUT\r\n\r\n {13+}\r\nc  LOGOUT\r\n\r\n {9}\r\n",
            // The second is.
            "APPEND INBOX {12+}\r\nS: x\r\n\r\nab\r\n (\\Odd) {12+}\r\nc LOGOUT\r\n\r\n\r\n",
            "APPEND INBOX {12+}\r\nS: x\r\n\r\na\0\r\n (\\Seen) {12+}\r\nc LOGOUT\r\n\r\n\r\n",
            "APPEND INBOX {12+}\r\nS: x\r\n\r\na\0\r\n {13+}\r\nc  LOGOUT\r\n\r\n\r\n",
            "APPEND Nowhere {0+}\r\n {0+}\r\n\r\n",
            "APPEND Nowhere CATENATE (TEXT {12+}\r\nc LOGOUT\r\n\r\n URL {10+}\r\nc LOGOUT\r\n TEXT {2+}\r\nab)\r\n",
            "APPEND INBOX CATENATE (URL /nowhere TEXT {12+}\r\nc LOGOUT\r\n\r\n)\r\n",
            "REPLACE 1 INBOX {12+}\r\nc LOGOUT\r\n\r\n\r\n",
        ])
    func unasked(command: String) async throws {
        try await TestServer.run(settings: { $0.limits.appendUnasked = 12 }) { server in
            try await server.inbox { client in
                await client.send("a \(command)b NOOP\r\n")
                let refusal = await client.reply(to: "a")
                #expect(refusal.tagged.hasPrefix("NO") || refusal.tagged.hasPrefix("BAD"), "\(refusal)")
                #expect(!refusal.untagged.contains { $0.hasPrefix("+") })
                #expect(await client.reply(to: "b").isOK)
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 0)"])
            }
        }
    }

    @Test("messages that come in unasked are kept, and counted against the quota when they are")
    func unaskedAndKept() async throws {
        try await TestServer.run(quota: 100) { server in
            try await server.inbox { client in
                await client.send("a APPEND INBOX {12+}\r\nS: x\r\n\r\nab\r\n (\\Seen) {12+}\r\nS: y\r\n\r\ncd\r\n\r\n")
                #expect(await client.reply(to: "a").tagged.contains(" 1:2]"))
                #expect(
                    await client.command("FETCH 1:2 BODY.PEEK[TEXT]").untagged
                        == ["* 1 FETCH (BODY[TEXT] {4}\r\nab\r\n)", "* 2 FETCH (BODY[TEXT] {4}\r\ncd\r\n)"])
                let large = "S: x\r\n\r\n" + String(repeating: "z", count: 90)
                await client.send("b APPEND INBOX {\(large.utf8.count)+}\r\n\(large)\r\n")
                #expect(await client.reply(to: "b").tagged.hasPrefix("NO [OVERQUOTA]"))
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 2)"])
            }
        }
    }

    @Test("a header over its limit is refused, at it taken")
    func headerLimit() async throws {
        try await TestServer.run(settings: { $0.headerSize = 100 }) { server in
            try await server.session { client in
                for (padding, expected) in [(100 - 13, "OK"), (100 - 12, "NO [LIMIT]")] {
                    // "Subject: " with its CR LF, and the empty line, are 13 octets.
                    let message = "Subject: " + String(repeating: "x", count: padding) + "\r\n\r\nbody\r\n"
                    await client.send("a APPEND INBOX {\(message.utf8.count)+}\r\n\(message)\r\n")
                    let reply = await client.reply(to: "a")
                    #expect(reply.tagged.hasPrefix(expected), "\(padding): \(reply)")
                }
                #expect(await client.command("NOOP").isOK)
            }
        }
    }

    @Test("before login nothing is appended")
    func notLoggedIn() async throws {
        try await TestServer.run { server in
            try await server.client { client, _ in
                await client.send("a APPEND INBOX {10}\r\n")
                #expect(await client.next().hasPrefix("+ "))
                await client.send("0123456789\r\n")
                #expect(await client.reply(to: "a").tagged.hasPrefix("BAD"))
                await client.login()
            }
        }
    }

    @Test("lone LF becomes CRLF, NUL and nothing at all are refused")
    func contents() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                #expect(await client.append("Subject: unix\n\nline\r\nlast\n").isOK)
                let reply = await client.command("FETCH 1 BODY.PEEK[]").untagged
                #expect(reply == ["* 1 FETCH (BODY[] {29}\r\nSubject: unix\r\n\r\nline\r\nlast\r\n)"])
                #expect(await client.append("Subject: nul\r\n\r\na\0b\r\n").tagged.hasPrefix("NO"))
                #expect(await client.append("").tagged.hasPrefix("NO"))
                #expect(await client.append(sampleMessage("after")).isOK)
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 2)"])
            }
        }
    }

    @Test("a message at, and one octet above, what is kept in memory", arguments: [4096, 4097, 70_000])
    func spooled(size: Int) async throws {
        try await TestServer.run(settings: { $0.appendInMemory = 4096 }) { server in
            try await server.inbox { client in
                let head = sampleMessage("big", body: "")
                let message = head + String(repeating: "y", count: size - head.utf8.count - 2) + "\r\n"
                #expect(await client.append(message).isOK)
                let reply = await client.command("FETCH 1 (BODY.PEEK[])").untagged
                #expect(reply == ["* 1 FETCH (BODY[] {\(size)}\r\n\(message))"])
                #expect(await client.command("SEARCH SUBJECT big").untagged == ["* SEARCH 1"])
            }
        }
    }

    @Test("what follows the message is an error")
    func trailing() async throws {
        try await TestServer.run { server in
            try await server.inbox { client in
                let message = sampleMessage("one")
                await client.send("a APPEND INBOX {\(message.utf8.count)+}\r\n\(message) more\r\n")
                #expect(await client.reply(to: "a").tagged.hasPrefix("BAD"))
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 0)"])
            }
        }
    }

    @Test("a client that leaves in the middle leaves nothing behind")
    func abandoned() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                await client.send("a APPEND INBOX {1000+}\r\nSubject: half")
            }
            try await server.session { client in
                #expect(await client.command("STATUS INBOX (MESSAGES)").untagged == ["* STATUS INBOX (MESSAGES 0)"])
            }
        }
    }

    @Test("the piece-wise normaliser agrees with the whole, at every split")
    func splits() {
        let octets = Array("a\nb\r\nc\r\r\n\n".utf8)
        for split in 0...octets.count {
            var lines = LineEndings()
            let first = lines.normalise(ByteBuffer(bytes: octets[..<split]))
            let second = lines.normalise(ByteBuffer(bytes: octets[split...]))
            #expect(String(decoding: first + second, as: UTF8.self) == "a\r\nb\r\nc\r\r\n\r\n")
        }
    }
}
