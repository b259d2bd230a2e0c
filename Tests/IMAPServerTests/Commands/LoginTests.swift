import NIOCore
import NetTransport
import Telemetry
import Testing

@testable import IMAPServer

@Suite("Logging in", .timeLimit(.minutes(10)))
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
}
