import NIOCore
import NetTransport
import Telemetry
import Testing

@testable import IMAPServer

@Suite("Logging in", .timeLimit(.minutes(1)))
struct LoginTests {
    @Test("the greeting says the capabilities of the state")
    func greeting() async throws {
        try await TestServer.run(.startTLS) { server in
            try await server.client { client, greeting in
                #expect(greeting.hasPrefix("* OK [CAPABILITY IMAP4rev1 "))
                #expect(greeting.contains(" STARTTLS") && greeting.contains(" LOGINDISABLED"))
                #expect(!greeting.contains("AUTH="))
                let reply = await client.command("CAPABILITY")
                #expect(reply.untagged.first?.hasPrefix("* CAPABILITY IMAP4rev1 ") == true)
            }
        }
    }

    @Test("before TLS neither LOGIN nor AUTHENTICATE works, whatever the password")
    func privacyRequired() async throws {
        try await TestServer.run(.startTLS) { server in
            try await server.client { client, _ in
                let login = await client.command("LOGIN ann@example.org secret")
                #expect(login.tagged.hasPrefix("NO [PRIVACYREQUIRED]"))
                let plain = await client.command("AUTHENTICATE PLAIN")
                #expect(plain.tagged.hasPrefix("NO [PRIVACYREQUIRED]"))
                #expect(plain.untagged.isEmpty)
            }
        }
    }

    @Test("STARTTLS, then LOGIN, each with its own capabilities")
    func startTLS() async throws {
        try await TestServer.run(.startTLS) { server in
            try await server.client { client, _ in
                #expect(await client.command("STARTTLS").isOK)
                try await client.connection.send(.startClientTLS(try TestServer.clientTLS()))
                #expect(await client.next() == "(tls)")
                let words = await client.command("CAPABILITY").untagged.first ?? ""
                #expect(words.contains(" AUTH=PLAIN AUTH=LOGIN"))
                #expect(!words.contains("STARTTLS") && !words.contains("LOGINDISABLED"))
                #expect(await client.command("STARTTLS").tagged.hasPrefix("BAD"))
                let login = await client.command("LOGIN ann@example.org secret")
                #expect(login.tagged.hasPrefix("OK [CAPABILITY IMAP4rev1 "))
                #expect(!login.tagged.contains("AUTH="))
            }
        }
    }

    @Test("what stands behind STARTTLS in plaintext ends the session")
    func injection() async throws {
        try await TestServer.run(.startTLS) { server in
            try await server.client { client, _ in
                await client.send("a STARTTLS\r\nb CAPABILITY\r\n")
                let reply = await client.reply(to: "a")
                #expect(reply.tagged == "(closed)")
                #expect(reply.untagged.allSatisfy { $0.hasPrefix("* BYE") })
            }
        }
    }

    @Test("implicit TLS needs no STARTTLS")
    func implicit() async throws {
        try await TestServer.run(.implicitTLS) { server in
            try await server.client(tls: try TestServer.clientTLS()) { client, greeting in
                #expect(greeting.contains("AUTH=PLAIN") && !greeting.contains("STARTTLS"))
                await client.login()
            }
            let login = server.events.events.compactMap { event -> MailEvent.Login? in
                if case .login(let login) = event { login } else { nil }
            }.first
            #expect(login?.outcome == .success)
            #expect(login?.service == "imap")
            #expect(login?.peer.tls == "TLSv1.3")
        }
    }

    @Test(
        "AUTHENTICATE in all its forms",
        arguments: [
            ["AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ="],
            ["AUTHENTICATE PLAIN", "AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ="],
            ["AUTHENTICATE LOGIN", "YW5uQGV4YW1wbGUub3Jn", "c2VjcmV0"],
            ["AUTHENTICATE LOGIN YW5uQGV4YW1wbGUub3Jn", "c2VjcmV0"],
            ["authenticate plain", "AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ="],
        ])
    func authenticate(lines: [String]) async throws {
        try await TestServer.run { server in
            try await server.client { client, _ in
                await client.send("a \(lines[0])\r\n")
                for line in lines.dropFirst() {
                    #expect(await client.next().hasPrefix("+ "))
                    await client.send(line + "\r\n")
                }
                let reply = await client.reply(to: "a")
                #expect(reply.isOK, "\(reply)")
                #expect(await client.command("SELECT INBOX").isOK)
            }
        }
    }

    @Test(
        "AUTHENTICATE that comes to nothing",
        arguments: [
            (["AUTHENTICATE PLAIN", "*"], "BAD"),
            (["AUTHENTICATE PLAIN", "%%%"], "BAD"),
            (["AUTHENTICATE PLAIN", "AGFubkBleGFtcGxlLm9yZwB3cm9uZw=="], "NO [AUTHENTICATIONFAILED]"),
            (["AUTHENTICATE PLAIN ="], "NO [AUTHENTICATIONFAILED]"),
            (["AUTHENTICATE GSSAPI"], "NO"),
        ])
    func refusals(lines: [String], expected: String) async throws {
        try await TestServer.run { server in
            try await server.client { client, _ in
                await client.send("a \(lines[0])\r\n")
                for line in lines.dropFirst() {
                    _ = await client.next()
                    await client.send(line + "\r\n")
                }
                let reply = await client.reply(to: "a")
                #expect(reply.tagged.hasPrefix(expected), "\(reply)")
                // The session goes on, in its old state.
                #expect(await client.command("SELECT INBOX").tagged.hasPrefix("BAD"))
                await client.login()
            }
        }
    }

    @Test("a client that only guesses is shown the door")
    func guessing() async throws {
        try await TestServer.run(settings: { $0.maximumLoginFailures = 3 }) { server in
            try await server.client { client, _ in
                for _ in 0..<2 {
                    let reply = await client.command("LOGIN ann@example.org wrong")
                    #expect(reply.tagged.hasPrefix("NO [AUTHENTICATIONFAILED]"))
                }
                let last = await client.command("LOGIN nobody@example.org wrong")
                #expect(last.untagged.last?.hasPrefix("* BYE") == true)
                #expect(last.tagged == "(closed)")
            }
        }
    }

    @Test("commands that need a login say so")
    func notYet() async throws {
        try await TestServer.run { server in
            try await server.client { client, _ in
                for command in [
                    "SELECT INBOX", "LIST \"\" *", "IDLE", "NAMESPACE", "FETCH 1 FLAGS", "ENABLE CONDSTORE",
                ] {
                    #expect(await client.command(command).tagged.hasPrefix("BAD"), "\(command)")
                }
                await client.login()
                for command in ["LOGIN ann@example.org secret", "AUTHENTICATE PLAIN", "STARTTLS"] {
                    #expect(await client.command(command).tagged.hasPrefix("BAD"), "\(command)")
                }
                for command in ["FETCH 1 FLAGS", "CLOSE", "UID SEARCH ALL", "EXPUNGE", "UNSELECT", "CHECK"] {
                    #expect(await client.command(command).tagged.hasPrefix("BAD"), "\(command)")
                }
            }
        }
    }

    @Test("LOGOUT says BYE, then OK, then closes")
    func logout() async throws {
        try await TestServer.run { server in
            try await server.session { client in
                let reply = await client.command("LOGOUT")
                #expect(reply.untagged.first?.hasPrefix("* BYE") == true)
                #expect(reply.isOK)
                #expect(await client.next() == "(closed)")
            }
        }
        // The whole dialogue in one packet, answered in order.
        try await TestServer.run { server in
            try await server.client { client, _ in
                await client.send("a LOGIN ann@example.org secret\r\nb SELECT INBOX\r\nc NOOP\r\nd LOGOUT\r\n")
                for tag in ["a", "b", "c", "d"] { #expect(await client.reply(to: tag).isOK) }
            }
        }
    }
}
