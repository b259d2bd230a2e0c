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

/// Mail from users, through the real backend.
@Suite struct SubmissionTests {
    private static func plain(_ login: String, _ password: String = "secret") -> String {
        "AUTH PLAIN " + Base64.encode(Array("\0\(login)\0\(password)".utf8))
    }

    private static func greeted(_ login: String = "alice@example.org") -> String {
        "S: (tls)\nS: 220\nC: EHLO c\nS: 250\nC: \(plain(login))\nS: 235 2.7.0\n"
    }

    private func submit(
        _ room: MailRoom,
        _ message: String,
        mail: String = "MAIL FROM:<alice@example.org>",
        to recipient: String = "x@elsewhere.example"
    ) async throws -> String {
        try await room.run(.submission, tls: .implicit(try TestServer.store())) { client, _ in
            await client.play(
                Self.greeted() + "C: \(mail)\nS: 250\nC: RCPT TO:<\(recipient)>\nS: 250\nC: DATA\nS: 354")
            await client.send(message + ".\r\n")
            await client.play("S: 250 2.0.0")
        }
        return try await room.queued().text
    }

    @Test(arguments: [
        ("alice@example.org", "secret", "235 2.7.0"),
        ("ALICE@example.org", "secret", "235 2.7.0"),
        ("alice@example.org", "Secret", "535 5.7.8"),
        ("alice@example.org", "", "5"),
        ("nobody@example.org", "secret", "535 5.7.8"),
        ("team@example.org", "secret", "535 5.7.8"),
        ("carol@example.org", "secret", "535 5.7."),
    ])
    func `a login is judged by the directory`(_ test: (String, String, String)) async throws {
        let room = try await MailRoom()
        try await room.run(.submission, tls: .implicit(try TestServer.store())) { client, _ in
            await client.play(
                """
                S: (tls)
                S: 220
                C: EHLO c
                S: 250
                C: \(Self.plain(test.0, test.1))
                S: \(test.2)
                """)
        }
    }

    @Test(arguments: [
        ("<alice@example.org>", "250"),
        ("<alice+tag@example.org>", "250"),
        ("<team@example.org>", "553 5.7.1"),
        ("<postmaster@example.org>", "250"),
        ("<>", "250"),
        ("<FBI>", "250"),
        ("<bob@example.org>", "553 5.7.1"),
        ("<alice@remote.example>", "553 5.7.1"),
        ("<any@catch.example>", "553 5.7.1"),
    ])
    func `the reverse-path is one of the login's`(_ test: (String, String)) async throws {
        let room = try await MailRoom()
        try await room.run(.submission, tls: .implicit(try TestServer.store())) { client, _ in
            await client.play(Self.greeted() + "C: MAIL FROM:\(test.0)\nS: \(test.1)")
        }
    }

    @Test func `what was granted may be sent as from then on, and not when it was taken back`() async throws {
        let room = try await MailRoom()
        @Sendable func grant(_ sender: String, _ senders: AliasSenders) async throws {
            try await room.directory.setSenders(
                of: try #require(GrantedSender(sender)), senders, author: "test")
        }
        let alice = try #require(EmailAddress("alice@example.org"))
        try await room.run(.submission, tls: .implicit(try TestServer.store())) { client, _ in
            let refused = "C: MAIL FROM:<team@example.org>\nS: 553 5.7.1\n"
            await client.play(Self.greeted() + refused)
            try await grant("team@example.org", AliasSenders(members: true, accounts: []))
            try await grant("@catch.example", AliasSenders(members: false, accounts: [alice]))
            let taken = ["team@example.org", "team+x@example.org", "any@catch.example"].map {
                "C: MAIL FROM:<\($0)>\nS: 250\nC: RSET\nS: 250\n"
            }
            await client.play(taken.joined())
            try await grant("team@example.org", AliasSenders(members: false, accounts: []))
            await client.play(refused)
        }
    }

    @Test func `a complete header is passed on octet by octet, but for Bcc`() async throws {
        let room = try await MailRoom()
        let before = "From: =?utf-8?q?Al=C3=AC?= <alice@example.org>\r\nX-Odd:kept  as\r\n\tit is \r\n"
        let after = "date: Mon, 1 Jun 2026 10:00:00 +0200\r\nMESSAGE-ID: <a@b>\r\n\r\nBcc: not a field\r\n"
        let text = try await submit(
            room, "\(before)Bcc: hidden@x.example,\r\n other@x.example\r\nbcc: third@x.example\r\n\(after)")
        #expect(try MailRoom.withoutTrace(text) == before + after)
        #expect(text.contains(" with ESMTPSA id "))
        #expect(text.contains("(Authenticated sender: alice@example.org)"))
        let (entry, _) = try await room.queued()
        #expect(entry.message.reversePath.description == "alice@example.org")
        #expect(entry.message.signFor?.domain?.ascii == "example.org")
    }

    @Test func `what a device leaves out is completed`() async throws {
        let room = try await MailRoom()
        let text = try await submit(
            room, "From: FBI\r\nTo: x@elsewhere.example\r\n\r\nhello\r\n", mail: "MAIL FROM:<FBI>")
        let (entry, _) = try await room.queued()
        #expect(entry.message.reversePath.description == "alice@example.org")
        let date = InternetDate.format(room.state.clock.now())
        let expected =
            "From: FBI@example.org\r\nTo: x@elsewhere.example\r\nDate: \(date)\r\n"
            + "Message-ID: <\(entry.id)@mx.example.org>\r\nSender: alice@example.org\r\n\r\nhello\r\n"
        #expect(try MailRoom.withoutTrace(text) == expected)
        let steps = try #require(try await room.state.rows("SELECT steps FROM trace", columns: 1).first)
        for rule in ["sender-qualify", "header-complete", "header-add"] { #expect(steps.contains(rule)) }
    }

    @Test(arguments: [
        ("From: alice@example.org\r\n", ""),
        ("From: alice+x@example.org\r\nSender: ALICE@example.org\r\n", ""),
        ("From: postmaster@example.org\r\n", ""),
        ("From: Bob <bob@example.org>\r\n", "Sender: alice@example.org\r\n"),
        ("From: alice@example.org, bob@example.org\r\n", "Sender: alice@example.org\r\n"),
        ("From: undisclosed:;\r\n", "Sender: alice@example.org\r\n"),
    ])
    func `who writes in another's name is named in Sender`(_ test: (String, String)) async throws {
        let rest = "Date: Mon, 1 Jun 2026 10:00:00 +0200\r\nMessage-ID: <a@b>\r\n"
        let text = try await submit(try await MailRoom(), test.0 + rest + "\r\nx\r\n")
        #expect(try MailRoom.withoutTrace(text) == test.0 + rest + test.1 + "\r\nx\r\n")
    }

    @Test func `a Sender that is somebody else's is replaced`() async throws {
        let room = try await MailRoom()
        let header = "From: alice@example.org\r\nDate: x\r\nMessage-ID: <a@b>\r\n"
        let text = try await submit(room, "Sender: bob@example.org\r\n\(header)Bcc: x@y.example\r\n\r\nx\r\n")
        #expect(try MailRoom.withoutTrace(text) == header + "Sender: alice@example.org\r\n\r\nx\r\n")
        let steps = try #require(try await room.state.rows("SELECT steps FROM trace", columns: 1).first)
        for rule in ["sender-field", "header-remove"] { #expect(steps.contains(rule)) }
    }

    @Test func `several authors without a domain get one each`() async throws {
        let text = try await submit(try await MailRoom(), "From: FBI, \"C. A.\" <cia>, a@b.example\r\n\r\nx\r\n")
        #expect(text.contains("\r\nFrom: FBI@example.org, \"C. A.\" <cia@example.org>, a@b.example\r\n"))
    }

    @Test func `a message with two authors' fields is refused`() async throws {
        let room = try await MailRoom()
        try await room.run(.submission, tls: .implicit(try TestServer.store())) { client, _ in
            await client.play(
                Self.greeted() + "C: MAIL FROM:<alice@example.org>\nS: 250\nC: RCPT TO:<bob@example.org>\nS: 250")
            await client.play(
                """
                C: DATA
                S: 354
                C: From: alice@example.org
                C: from: bob@example.org
                C:\u{20}
                C: .
                S: 554 5.6.0
                """)
        }
        #expect(try await room.inbox(room.bob).isEmpty)
    }

    @Test func `text without any header is not taken for one`() async throws {
        let room = try await MailRoom()
        let text = try await submit(room, "Open the door!\r\nNow: or never\r\n")
        let parts = try MailRoom.withoutTrace(text).split(separator: "\r\n\r\n", maxSplits: 1)
        #expect(parts.first?.hasPrefix("From: alice@example.org\r\nDate: ") == true)
        #expect(parts.last == "Open the door!\r\nNow: or never\r\n")
        let steps = try #require(try await room.state.rows("SELECT steps FROM trace", columns: 1).first)
        #expect(steps.contains("header-end"))
    }

    @Test func `mail from user to user is local, completed and not signed`() async throws {
        let room = try await MailRoom()
        try await room.run(.submission, tls: .implicit(try TestServer.store())) { client, _ in
            await client.play(
                Self.greeted() + "C: MAIL FROM:<alice@example.org>\nS: 250\nC: RCPT TO:<bob@example.org>\nS: 250")
            await client.play("C: DATA\nS: 354\nC: Subject: x\nC: \nC: y\nC: .\nS: 250")
        }
        let text = try #require(try await room.inbox(room.bob).first)
        #expect(text.hasPrefix("Return-Path: <alice@example.org>\r\n"))
        #expect(text.contains("\r\nFrom: alice@example.org\r\n") && text.contains("\r\nMessage-ID: <"))
        #expect(try await room.queue.list().isEmpty)
    }

    @Test func `guessing ends the session`() async throws {
        let room = try await MailRoom()
        let wrong = Self.plain("alice@example.org", "wrong")
        try await room.run(
            .submission, tls: .implicit(try TestServer.store()), adjust: { $0.limits.loginFailures = 3 }
        ) { client, _ in
            await client.play("S: (tls)\nS: 220\nC: EHLO c\nS: 250\nC: \(wrong)\nS: 535\nC: \(wrong)\nS: 535")
            await client.play("C: \(wrong)\nS: 421 4.7.0\n# close")
        }
        #expect(room.events.names == ["login", "login", "login", "disconnected"])
        #expect(!room.log.lines.joined().contains("wrong"))
    }
}
