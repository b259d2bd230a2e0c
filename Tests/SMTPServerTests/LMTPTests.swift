import Directory
import MailStore
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPServer
import Telemetry
import Testing

/// LMTP through the real backend: a reply for each recipient.
@Suite struct LMTPTests {
    private static let hello = "S: 220\nC: LHLO c\nS: 250\nC: MAIL FROM:<bob@remote.example>\nS: 250\n"

    @Test func `each recipient has a reply, in the order of RCPT, and the message once`() async throws {
        let room = try await MailRoom()
        try await room.run(.lmtp) { client, _ in
            await client.play(
                """
                \(Self.hello)C: RCPT TO:<alice@example.org>
                S: 250 2.1.5
                C: RCPT TO:<nobody@example.org>
                S: 550 5.1.1
                C: RCPT TO:<x@elsewhere.example>
                S: 554 5.7.1
                C: RCPT TO:<team@example.org>
                S: 250 2.1.5
                C: RCPT TO:<alice+tag@example.org>
                S: 250 2.1.5
                C: DATA
                S: 354
                C| Subject: each\\r\\n\\r\\ntext\\r\\n.\\r\\n
                S: 250 2.1.5 <alice@example.org> Ok
                S: 250 2.1.5 <team@example.org> Ok
                S: 250 2.1.5 <alice+tag@example.org> Ok
                C: QUIT
                S: 221
                """)
        }
        #expect(try await room.onlyMessage(room.alice) == "Subject: each\r\n\r\ntext\r\n")
        let whole = try #require(try await room.inbox(room.bob).first)
        #expect(whole.hasPrefix("Return-Path: <bob@remote.example>\r\nReceived: from c "))
        #expect(whole.contains(" with LMTP id "))
        let (entry, text) = try await room.queued()
        #expect(entry.recipients.map(\.address.description) == ["ext@remote.example"])
        #expect(try MailRoom.withoutTrace(text) == "Subject: each\r\n\r\ntext\r\n")
        let accepted = room.events.events.compactMap { if case .accepted(let one) = $0 { one } else { nil } }
        #expect(accepted.map(\.to) == [["alice@example.org", "team@example.org", "alice+tag@example.org"]])
        #expect(accepted.first?.local == 2 && accepted.first?.remote == 1)
    }

    @Test func `a recipient who goes away during the data leaves the others alone`() async throws {
        let room = try await MailRoom()
        try await room.run(.lmtp) { client, _ in
            await client.play(
                """
                \(Self.hello)C: RCPT TO:<alice@example.org>
                S: 250
                C: RCPT TO:<bob@example.org>
                S: 250
                C: DATA
                S: 354
                """)
            try await room.store.removeAccountMail(room.bob.id)
            await client.play(
                """
                C| Subject: two\\r\\n\\r\\ntext\\r\\n.\\r\\n
                S: 250 2.1.5 <alice@example.org>
                S: 451 4.3.0 <bob@example.org>
                C: MAIL FROM:<>
                S: 250
                """)
        }
        #expect(try await room.inbox(room.alice).count == 1)
        #expect(try await room.queue.list().isEmpty)
    }

    @Test func `the last chunk has a reply for each recipient, the others one`() async throws {
        let room = try await MailRoom()
        try await room.run(.lmtp) { client, _ in
            await client.play(
                """
                \(Self.hello)C: RCPT TO:<alice@example.org>
                S: 250
                C: RCPT TO:<whoever@catch.example>
                S: 250
                C| BDAT 14\\r\\nSubject: c\\r\\n\\r\\nBDAT 6 LAST\\r\\ntext\\r\\n
                S: 250 2.0.0 14 octets
                S: 250 2.1.5 <alice@example.org>
                S: 250 2.1.5 <whoever@catch.example>
                C: NOOP
                S: 250
                """)
        }
        #expect(try await room.onlyMessage(room.alice) == "Subject: c\r\n\r\ntext\r\n")
    }

    @Test func `what is wrong with the message is told to each`() async throws {
        let room = try await MailRoom()
        try await room.run(.lmtp) { client, _ in
            await client.play(
                """
                \(Self.hello)C: RCPT TO:<alice@example.org>
                S: 250
                C: RCPT TO:<bob@example.org>
                S: 250
                C: DATA
                S: 354
                C| bare\\nline\\r\\n.\\r\\n
                S: 554 5.6.0
                S: 554 5.6.0
                C: MAIL FROM:<b@remote.example>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C| BDAT 6 LAST\\r\\na\\nb\\nc\\n
                S: 554 5.6.0
                C: NOOP
                S: 250
                """)
        }
        #expect(try await room.inbox(room.alice).isEmpty)
    }

    @Test func `many unknown recipients of one client end no session`() async throws {
        let room = try await MailRoom()
        try await room.run(.lmtp) { client, _ in
            await client.play(Self.hello)
            for _ in 0..<50 { await client.play("C: RCPT TO:<nobody@example.org>\nS: 550 5.1.1") }
            await client.play("C: DATA\nS: 503 5.5.1\nC: QUIT\nS: 221")
        }
    }
}
