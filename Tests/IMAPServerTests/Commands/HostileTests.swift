import NetTransport
import Testing

@testable import IMAPServer

@Suite("Clients that mean no good", .timeLimit(.minutes(10)))
struct HostileTests {
    @Test("garbage is answered with BAD and then with BYE")
    func garbage() async throws {
        try await TestServer.run(settings: { $0.maximumBadCommands = 5 }) { server in
            try await server.client { client, _ in
                var answers: [String] = []
                for _ in 0..<5 {
                    await client.send("GET / HTTP/1.1\r\n")
                    answers.append(await client.next())
                }
                #expect(answers.allSatisfy { $0.contains("BAD") })
                #expect(await client.next().hasPrefix("* BYE"))
                #expect(await client.next() == "(closed)")
            }
        }
    }

    @Test("a good command forgives the bad ones before it")
    func forgiving() async throws {
        try await TestServer.run(settings: { $0.maximumBadCommands = 3 }) { server in
            try await server.client { client, _ in
                for _ in 0..<4 {
                    for _ in 0..<2 { #expect(await client.command("NONSENSE").tagged.hasPrefix("BAD")) }
                    #expect(await client.command("NOOP").isOK)
                }
            }
        }
    }

    @Test(
        "an endless line, huge literals and binary are refused",
        arguments: [
            "a NOOP " + String(repeating: "x", count: 200_000) + "\r\n",
            "a LOGIN {99999999999}\r\n",
            "a LOGIN {2000000}\r\n",
            "a LOGIN \"\0\u{1}\u{7f}\" x\r\n",
            "a SEARCH " + String(repeating: "(", count: 5000) + "\r\n",
            "a FETCH 1:99999999999999 FLAGS\r\n",
            "\r\n\r\n\r\n",
            "a AUTHENTICATE PLAIN\r\n" + String(repeating: "A", count: 50_000) + "\r\n",
        ])
    func refused(octets: String) async throws {
        try await TestServer.run { server in
            try await server.client { client, _ in
                await client.send(octets)
                let answer = await client.next()
                #expect(answer.contains("BAD") || answer.hasPrefix("* BYE") || answer.hasPrefix("+ "), "\(answer)")
            }
            // The service stands.
            try await server.inbox { client in #expect(await client.command("NOOP").isOK) }
        }
    }

    @Test(
        "leaving at any moment harms nobody",
        arguments: [
            "a LOG", "a LOGIN ann@example.org {6}\r\n", "a AUTHENTICATE PLAIN\r\n",
            "a LOGIN ann@example.org secret\r\nb IDLE\r\n",
            "a LOGIN ann@example.org secret\r\nb SELECT INBOX\r\nc IDLE\r\n",
            "a LOGIN ann@example.org secret\r\nb APPEND INBOX {100}\r\nabc",
            "a LOGIN ann@example.org secret\r\nb SELECT INBOX\r\nc FETCH 1:* BODY[]\r\n",
        ])
    func earlyClose(octets: String) async throws {
        try await TestServer.run { server in
            try await server.session { client in
                for number in 0..<3 {
                    await client.append(sampleMessage("m\(number)", body: String(repeating: "z\r\n", count: 30_000)))
                }
            }
            for _ in 0..<3 {
                try await server.client { client, _ in
                    await client.send(octets)
                    client.connection.abort()
                }
            }
            try await server.inbox { client in #expect(await client.command("NOOP").isOK) }
        }
    }

    @Test("who does not log in in time is shown the door")
    func slowLogin() async throws {
        try await TestServer.run(settings: { $0.loginDeadline = .milliseconds(50) }) { server in
            try await server.client { client, _ in
                #expect(await client.next().hasPrefix("* BYE"))
                #expect(await client.next() == "(closed)")
            }
        }
    }

    @Test("who is silent for too long is shown the door, in IDLE too", arguments: ["NOOP", "IDLE"])
    func inactivity(command: String) async throws {
        try await TestServer.run(settings: { $0.inactivityDeadline = .milliseconds(50) }) { server in
            try await server.client { client, _ in
                await client.send("a LOGIN ann@example.org secret\r\nb \(command)\r\n")
                let reply = await client.reply(to: "c")
                #expect(reply.untagged.last?.hasPrefix("* BYE") == true)
            }
        }
    }
}
