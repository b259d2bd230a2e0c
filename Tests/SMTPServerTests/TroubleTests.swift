import Blobs
import Directory
import MailStore
import MailSyntax
import MartletTesting
import NIOCore
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPServer
import SQLEngine
import Telemetry
import Testing

/// Bad days of a receiving server, with the real backend.
@Suite struct TroubleTests {
    private static let transaction = """
        C: MAIL FROM:<a@remote.example>
        S: 250
        C: RCPT TO:<alice@example.org>
        S: 250
        C: RCPT TO:<team@example.org>
        S: 250
        C: DATA
        S: 354

        """

    @Test func `a file system that fails is a temporary refusal that the log explains, and keeps nothing`() async throws
    {
        let room = try await MailRoom()
        let body = String(repeating: "0123456789abcdef\r\n", count: 20_000)
        try await room.run { client, _ in
            await client.play("S: 220\nC: EHLO c\nS: 250")
            var failures = 0
            // Every call in turn fails, until one message gets through without coming to it.
            for call in 0..<100 {
                await client.play(Self.transaction)
                room.state.fileSystem.reset(failing: call)
                await client.send("Subject: x\r\n\r\n\(body).\r\n")
                let reply = await client.reply()
                let isReached = room.state.fileSystem.calls.count > call
                room.state.fileSystem.reset()
                if reply.hasPrefix("250 2.0.0") {
                    if !isReached { break }
                    continue
                }
                failures += 1
                #expect(reply.hasPrefix("451 4.3.0 Local error in processing, id "))
                let id = try #require(reply.split(separator: " ").last)
                let explained = room.log.lines.contains { $0.hasPrefix("error ") && $0.contains(id) }
                #expect(explained)
                #expect(try await room.inbox(room.alice).isEmpty)
                #expect(try await room.queue.list().isEmpty)
                #expect(try await room.state.number("SELECT COUNT(*) FROM blob") == 0)
            }
            #expect(failures > 5)
        }
        #expect(try await room.inbox(room.alice).count >= 1)
        #expect(try await room.inbox(room.alice).count == room.inbox(room.bob).count)
        #expect(try await room.inbox(room.alice).count == room.queue.list().count)
    }

    @Test func `a client that hangs up before its reply has delivered`() async throws {
        let room = try await MailRoom()
        try await room.run { client, _ in
            await client.play("S: 220\nC: EHLO c\nS: 250\n" + Self.transaction)
            await client.send("Subject: x\r\n\r\nbody\r\n.\r\n")
            client.connection.abort()
        }
        let count = try await room.inbox(room.alice).count
        #expect(count <= 1)
        #expect(try await room.queue.list().count == count, "all or nothing")
    }

    @Test(arguments: ["DATA", "BDAT"])
    func `a client that hangs up in the middle has delivered nothing`(command: String) async throws {
        let room = try await MailRoom()
        let large = String(repeating: "0123456789abcdef\r\n", count: 20_000)
        try await room.run { client, _ in
            let envelope = "C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<alice@example.org>\nS: 250"
            await client.play("S: 220\nC: EHLO c\nS: 250\n" + envelope)
            if command == "DATA" {
                await client.play("C: DATA\nS: 354")
                await client.send("Subject: x\r\n\r\n" + large)
            } else {
                let text = "Subject: x\r\n\r\n" + large
                await client.send("BDAT \(text.utf8.count)\r\n\(text)")
                await client.play("S: 250")
                await client.send("BDAT 100 LAST\r\nabc")
            }
        }
        #expect(try await room.inbox(room.alice).isEmpty)
        #expect(room.state.blobFiles.isEmpty, "no temporary is left")
        #expect(room.events.names == ["disconnected"])
    }

    @Test func `the envelope's options reach the queue`() async throws {
        let room = try await MailRoom()
        try await room.run { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C: MAIL FROM:<jürgen@bücher.example> BODY=8BITMIME SMTPUTF8
                S: 250
                C: RCPT TO:<team@example.org>
                S: 250
                C: DATA
                S: 354
                C: Subject: Grüße
                C: 
                C: schön
                C: .
                S: 250
                """)
        }
        let (entry, text) = try await room.queued()
        #expect(entry.message.bodyType == .eightBitMIME)
        #expect(entry.message.smtpUTF8)
        #expect(entry.message.reversePath.description == "jürgen@xn--bcher-kva.example")
        #expect(text.contains(" with UTF8SMTP id "))
        #expect(text.hasSuffix("Subject: Grüße\r\n\r\nschön\r\n"))
    }
}
