import Blobs
import Glibc
import MailConfig
import MailIntake
import MailMessage
import MailPolicy
import MailSyntax
import NIOCore
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPServer
import SQLEngine
import Telemetry
import Testing

@Suite struct SMTPConversationTests {
    @Test func `a message is received, stored and acknowledged`() async throws {
        let server = TestServer(backend: FakeBackend())
        try await server.run(.mx) { client, _ in
            await client.play(
                """
                S: 220 mx.example.org ESMTP
                C: EHLO client.example
                S: 250-mx.example.org 250-PIPELINING
                C: MAIL FROM:<bob@remote.example> SIZE=100
                S: 250 2.1.0
                C: RCPT TO:<alice@example.org>
                S: 250 2.1.5
                C: RCPT TO:<nobody@example.org>
                S: 550 5.1.1
                C: RCPT TO:<x@elsewhere.example>
                S: 554 5.7.1
                C: RCPT TO:<full@example.org>
                S: 452 4.2.2
                C: RCPT TO:<Postmaster>
                S: 250 2.1.5
                C: DATA
                S: 354
                C: Return-Path: <forged@remote.example>
                C: Subject: hello
                C: 
                C: ..dot
                C: .
                S: 250 2.0.0 Ok: queued as
                C: QUIT
                S: 221 2.0.0
                # close
                """)
        }
        let message = try #require(server.backend.messages.first)
        #expect(message.reversePath.description == "bob@remote.example")
        #expect(message.local.count == 1)
        let text = try server.backend.text(0)
        #expect(text.hasPrefix("Received: from client.example (client.example [127.0.0.1])\r\n\tby mx.example.org"))
        #expect(text.contains(" with ESMTP id \(message.id)"))
        #expect(text.hasSuffix("\r\nSubject: hello\r\n\r\n.dot\r\n"))
        #expect(!text.contains("forged"))
        #expect(message.index.size == text.utf8.count)
        #expect(server.events.names == ["rejected", "rejected", "tempfailed", "accepted", "delivered", "disconnected"])
    }

    @Test func `a pipelined group of several messages is answered in order`() async throws {
        let server = TestServer(backend: FakeBackend())
        try await server.run(.mx) { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C| MAIL FROM:<a@r.example>\\r\\nRCPT TO:<alice@example.org>\\r\\nDATA\\r\\n
                S: 250 2.1.0
                S: 250 2.1.5
                S: 354
                C| S: 1\\r\\n\\r\\n1\\r\\n.\\r\\nMAIL FROM:<a@r.example>\\r\\nRCPT TO:<alice@example.org>\\r\\nDATA\\r\\nS: 2\\r\\n\\r\\nQUIT\\r\\n.\\r\\nQUIT\\r\\n
                S: 250 2.0.0
                S: 250 2.1.0
                S: 250 2.1.5
                S: 354
                S: 250 2.0.0
                S: 221
                # close
                """)
        }
        #expect(server.backend.messages.count == 2)
        #expect(try server.backend.text(1).hasSuffix("S: 2\r\n\r\nQUIT\r\n"))
    }

    @Test(arguments: [
        "\\n.\\n", "\\r.\\r", "\\n.\\r\\n", "\\r\\n.\\n", "\\r\\n.\\r", "\\r.\\r\\n",
        "\\n\\n.\\r\\n",
    ])
    func `no second message can be smuggled`(end: String) async throws {
        let server = TestServer(backend: FakeBackend())
        let smuggled = "MAIL FROM:<evil@r.example>\\r\\nRCPT TO:<alice@example.org>\\r\\nDATA\\r\\n"
        try await server.run(.mx) { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C: MAIL FROM:<a@r.example>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C: DATA
                S: 354
                C| A: b\\r\\n\\r\\ntext\(end)\(smuggled)x\\r\\n.\\r\\n
                S: 554 5.6.0
                """)
        }
        #expect(server.backend.messages.isEmpty)
    }

    @Test func `BDAT, endings without CRLF and loops`() async throws {
        let server = TestServer(backend: FakeBackend())
        let hop = "Received: x\\r\\n"
        try await server.run(.mx, adjust: { $0.limits.hops = 2 }) { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C: MAIL FROM:<>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C| BDAT 8\\r\\nA: b\\r\\n\\r\\nBDAT 4 LAST\\r\\ntext
                S: 250 2.0.0 8 octets
                S: 250 2.0.0 Ok: queued
                C: MAIL FROM:<>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C: DATA
                S: 354
                C| \(hop)\(hop)\(hop)\\r\\n.\\r\\n
                S: 554 5.4.6
                C: BDAT 5
                C| 12345BDAT 2 LAST\\r\\n12
                S: 503
                S: 503
                C: NOOP
                S: 250
                """)
        }
        #expect(try server.backend.text(0).hasSuffix("A: b\r\n\r\ntext\r\n"))
        #expect(server.backend.messages.count == 1)
    }

    @Test func `submission needs TLS, then a login, and completes the message`() async throws {
        let server = TestServer(backend: FakeBackend())
        let store = try TestServer.store()
        // alice@example.org, secret
        let plain = Base64.encode(Array("\0alice@example.org\0secret".utf8))
        let wrong = Base64.encode(Array("\0alice@example.org\0wrong".utf8))
        let login = (Base64.encode(Array("alice@example.org".utf8)), Base64.encode(Array("secret".utf8)))
        try await server.run(.submission, tls: .startTLS(store)) { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250-mx.example.org 250-PIPELINING 250-SIZE 50000000 250-STARTTLS
                C: AUTH PLAIN \(plain)
                S: 538 5.7.11
                C: MAIL FROM:<alice@example.org>
                S: 530 5.7.0 Must issue
                C: STARTTLS
                S: 220 2.0.0
                # tls
                C: EHLO c
                S: 250-mx.example.org 250-PIPELINING 250-SIZE 50000000 250-AUTH SCRAM-SHA-256 PLAIN LOGIN
                C: MAIL FROM:<alice@example.org>
                S: 530 5.7.0 Auth
                C: AUTH PLAIN \(wrong)
                S: 535 5.7.8
                C: AUTH PLAIN
                S: 334
                C: *
                S: 501 5.7.0
                C: AUTH LOGIN
                S: 334 VXNlcm5hbWU6
                C: !!!
                S: 501 5.5.2
                C: AUTH LOGIN \(login.0)
                S: 334 UGFzc3dvcmQ6
                C: \(login.1)
                S: 235 2.7.0
                C: MAIL FROM:<mallory@example.org>
                S: 553 5.7.1
                C: MAIL FROM:<FBI>
                S: 250 2.1.0
                C: RCPT TO:<x@elsewhere.example>
                S: 250 2.1.5
                C: DATA
                S: 354
                C: From: FBI
                C: Bcc: hidden@x.example
                C: Subject: x
                C: 
                C: hello
                C: .
                S: 250 2.0.0
                """)
        }
        let message = try #require(server.backend.messages.first)
        #expect(message.reversePath.description == "alice@example.org")
        #expect(message.remote.map(\.address.description) == ["x@elsewhere.example"])
        #expect(message.signFor?.domain?.ascii == "example.org")
        #expect(message.trace.contains { $0.rule == "sender-qualify" })
        let text = try server.backend.text(0)
        #expect(text.contains("From: FBI@example.org\r\n"))
        #expect(text.contains("\r\nDate: ") && text.contains("\r\nMessage-ID: <"))
        #expect(!text.contains("hidden"))
        #expect(text.contains("with ESMTPSA id") && text.contains("(using TLSv1.3 with cipher TLS_"))
        #expect(text.contains("(Authenticated sender: alice@example.org)"))
        #expect(text.utf8.count == message.index.size)
    }

    @Test(arguments: [
        (FakeBackend.StorageFailure() as any Error, "451 4.3.0 Local error in processing, id "),
        (DatabaseError.busy("locked"), "451 4.3.0 Local error in processing, id "),
        (DatabaseError.full("disk"), "452 4.3.1 Insufficient system storage, id "),
        (FileError(operation: "write", path: "x", code: ENOSPC), "452 4.3.1 Insufficient system storage, id "),
        (FileError(operation: "write", path: "x", code: EIO), "451 4.3.0 Local error in processing, id "),
    ])
    func `a store that fails is a temporary refusal with an id`(_ test: (any Error, String)) async throws {
        let server = TestServer(backend: FakeBackend(failure: test.0))
        try await server.run(.mx) { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C: MAIL FROM:<a@r.example>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C: DATA
                S: 354
                C: A: b
                C: .
                S: \(test.1)
                C: MAIL FROM:<a@r.example>
                S: 250
                """)
        }
    }

    @Test func `a large body whose temporary cannot be written is refused for now`() async throws {
        let server = TestServer(backend: FakeBackend())
        try await server.run(.mx, adjust: { $0.memoryLimit = 10 }) { client, _ in
            await client.play(
                """
                S: 220
                C: HELO c
                S: 250
                C: MAIL FROM:<a@r.example>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C: DATA
                S: 354
                C| A: b\\r\\n\\r\\n0123456789012345\\r\\n.\\r\\n
                S: 451 4.3.0
                """)
        }
    }

    @Test func `shutdown lets data finish, then says 421`() async throws {
        let server = TestServer(backend: FakeBackend())
        try await server.run(.mx) { client, service in
            await client.play(
                """
                S: 220
                C: HELO c
                S: 250
                C: MAIL FROM:<a@r.example>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C: DATA
                S: 354
                """)
            service.stop(drainTime: .seconds(5))
            await client.play(
                """
                C: A: b
                C: .
                S: 250 2.0.0 Ok: queued
                S: 421 4.3.2
                # close
                """)
        }
        #expect(server.backend.messages.count == 1)
    }

    @Test func `data that does not come to its end is told that the server stops`() async throws {
        let server = TestServer(backend: FakeBackend())
        try await server.run(.mx, adjust: { $0.drainPatience = .zero }) { client, service in
            await client.play("S: 220\nC: HELO c\nS: 250\nC: MAIL FROM:<a@r.example>\nS: 250")
            await client.play("C: RCPT TO:<alice@example.org>\nS: 250\nC: DATA\nS: 354\nC: half")
            service.stop(drainTime: .seconds(5))
            await client.play("S: 421 4.3.2\n# close")
        }
        #expect(server.backend.messages.isEmpty)
    }

    @Test func `a half-closed client gets its answers`() async throws {
        let server = TestServer(backend: FakeBackend())
        try await server.run(.mx) { client, _ in
            await client.send("EHLO c\r\nNOOP\r\nNOOP\r\n")
            await client.play("S: 220\nS: 250-mx\nS: 250 2.0.0\nS: 250 2.0.0")
        }
    }

    @Test func `a silent client is told and left`() async throws {
        let server = TestServer(backend: FakeBackend())
        try await server.run(.mx, adjust: { $0.timeouts.command = .milliseconds(1) }) { client, _ in
            await client.play("S: 220\nC: NOOP\nS: 250\nS: 421 4.4.2\n# close")
        }
    }
}
