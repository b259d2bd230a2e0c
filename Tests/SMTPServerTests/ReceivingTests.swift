import Blobs
import Directory
import MailStore
import MailSyntax
import MartletTesting
import NIOCore
import NetTransport
import OutboundQueue
import SMTPCore
import SQLEngine
import Telemetry
import Testing

@testable import SMTPServer

/// Mail from strangers, through the real backend.
@Suite struct ReceivingTests {
    private static let hello = "S: 220\nC: EHLO c\nS: 250\n"

    /// A transaction up to the answer to DATA.
    private static func begin(_ recipients: String..., mail: String = "MAIL FROM:<bob@remote.example>") -> String {
        let lines = recipients.map { "C: RCPT TO:<\($0)>\nS: 250 2.1.5\n" }.joined()
        return "C: \(mail)\nS: 250 2.1.0\n\(lines)C: DATA\nS: 354\n"
    }

    @Test(arguments: [
        ("alice@example.org", "250 2.1.5"),
        ("ALICE@Example.ORG", "250 2.1.5"),
        ("alice+shop@example.org", "250 2.1.5"),
        ("\"alice\"@example.org", "250 2.1.5"),
        ("@a.example,@b.example:alice@example.org", "250 2.1.5"),
        ("Postmaster", "250 2.1.5"),
        ("postmaster@example.org", "250 2.1.5"),
        ("abuse@example.org", "250 2.1.5"),
        ("whoever@catch.example", "250 2.1.5"),
        ("team@example.org", "250 2.1.5"),
        ("bob@example.org", "452 4.2.2"),
        ("carol@example.org", "550 5.2.1"),
        ("nobody@example.org", "550 5.1.1"),
        ("alice%elsewhere.example@example.org", "550 5.1.1"),
        ("elsewhere.example!alice@example.org", "550 5.1.1"),
        ("x@elsewhere.example", "554 5.7.1"),
        ("alice@sub.example.org", "554 5.7.1"),
        ("alice@[127.0.0.1]", "554 5.7.1"),
        ("\"x@elsewhere.example\"@example.org", "550 5.1.1"),
        ("alice", "501 5.1.3"),
        ("", "501 5.1.3"),
        ("älice@example.org", "553 5.6.7"),
    ])
    func `a recipient is answered by what the directory says`(_ test: (String, String)) async throws {
        let room = try await MailRoom()
        try await room.run { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C: MAIL FROM:<b@remote.example> SIZE=2000
                S: 250
                C: RCPT TO:<\(test.0)>
                S: \(test.1)
                """)
        }
    }

    @Test func `accepted recipients get it once each, and whoever is elsewhere is queued`() async throws {
        let room = try await MailRoom()
        let text = "Subject: hello\r\nX-Odd:kept  as\r\n\tit is \r\n\r\nBody\r\n"
        try await room.run { client, _ in
            await client.play(
                """
                \(Self.hello)C: MAIL FROM:<bob@remote.example>
                S: 250
                C: RCPT TO:<alice+tag@example.org>
                S: 250
                C: RCPT TO:<nobody@example.org>
                S: 550
                C: RCPT TO:<team@example.org>
                S: 250
                C: RCPT TO:<x@elsewhere.example>
                S: 554
                C: DATA
                S: 354
                """)
            await client.send("Return-Path: <a@forged.example>\r\nRETURN-PATH:\r\n <b@forged.example>\r\n\(text).\r\n")
            await client.play("S: 250 2.0.0 Ok: queued as")
        }
        for account in [room.alice, room.bob] {
            let whole = try #require(try await room.inbox(account).first)
            let trace = "Return-Path: <bob@remote.example>\r\nReceived: from c (client.example [127.0.0.1])"
            #expect(whole.hasPrefix(trace))
            #expect(try await room.onlyMessage(account) == text)
            #expect(!whole.contains("forged") && !whole.contains("Delivered-To") && !whole.contains("X-Original-To"))
        }
        let (entry, queued) = try await room.queued()
        #expect(entry.recipients.map(\.address.description) == ["ext@remote.example"])
        #expect(entry.message.signFor == nil)
        #expect(queued.hasPrefix("Received: "))
        #expect(try MailRoom.withoutTrace(queued) == text)
        #expect(queued.contains(" id \(entry.id);") || queued.contains(" id \(entry.id)\r\n"))
        #expect(room.events.names == ["rejected", "rejected", "accepted", "delivered", "delivered", "disconnected"])
        let recipients = try await room.state.rows("SELECT reverse_path, recipients FROM trace", columns: 2)
        #expect(recipients.count == 1 && recipients.first?.contains("ext@remote.example") == true)
    }

    @Test func `quota is judged with the declared size, and never after RCPT`() async throws {
        let room = try await MailRoom()
        try await room.run { client, _ in
            await client.play(
                """
                \(Self.hello)C: MAIL FROM:<> SIZE=1001
                S: 250
                C: RCPT TO:<bob@example.org>
                S: 452 4.2.2
                C: RCPT TO:<team@example.org>
                S: 250
                C: RSET
                S: 250
                C: MAIL FROM:<> SIZE=1000
                S: 250
                C: RCPT TO:<bob@example.org>
                S: 250
                C: DATA
                S: 354
                C: Subject: \(String(repeating: "long", count: 500))
                C: .
                S: 250
                C: MAIL FROM:<>
                S: 250
                C: RCPT TO:<bob@example.org>
                S: 452 4.2.2
                """)
        }
        #expect(try await room.inbox(room.bob).count == 1)
    }

    @Test(arguments: ["DATA", "BDAT"])
    func `a large message is kept octet by octet`(command: String) async throws {
        let room = try await MailRoom()
        var text = "Subject: large\r\n\r\n"
        for number in 0..<12_000 { text += "\(number % 7 == 0 ? "." : "")line \(number) of a large message\r\n" }
        text += "..\r\n.\r\nend\r\n"
        let sent = text
        try await room.run { client, _ in
            let mail = "C: MAIL FROM:<> SIZE=\(sent.utf8.count)\nS: 250\nC: RCPT TO:<alice@example.org>\nS: 250"
            await client.play(Self.hello + mail)
            if command == "DATA" {
                await client.play("C: DATA\nS: 354")
                await client.send(sent.replacing("\r\n.", with: "\r\n..") + ".\r\n")
            } else {
                let octets = Array(sent.utf8)
                for start in stride(from: 0, to: octets.count, by: 50_001) {
                    let piece = octets[start..<min(octets.count, start + 50_001)]
                    await client.send("BDAT \(piece.count)\r\n" + String(decoding: piece, as: UTF8.self))
                    await client.play("S: 250 2.0.0 \(piece.count) octets")
                }
                await client.send("BDAT 0 LAST\r\n")
            }
            await client.play("S: 250 2.0.0 Ok: queued as")
        }
        #expect(try await room.onlyMessage(room.alice) == text)
        let files = room.state.blobFiles
        #expect(files.count == 1, "no temporary is left: \(files)")
    }

    @Test func `chunks after an error are thrown away until the last, and the session goes on`() async throws {
        let room = try await MailRoom()
        try await room.run(adjust: { $0.limits.messageSize = 20 }) { client, _ in
            await client.play(
                """
                \(Self.hello)C| BDAT 3\\r\\nabcNOOP\\r\\n
                S: 503
                S: 250
                C: MAIL FROM:<>
                S: 250
                C| BDAT 2 LAST\\r\\n\\r\\n
                S: 503
                C: MAIL FROM:<>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C| BDAT 6\\r\\nA: b\\r\\nBDAT 30\\r\\n\(String(repeating: "x", count: 30))BDAT 2 LAST\\r\\n\\r\\n
                S: 250 2.0.0 6 octets
                S: 552 5.3.4
                S: 552 5.3.4
                C: MAIL FROM:<>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C: BDAT 4
                C| a\\nbcDATA\\r\\n
                S: 554 5.6.0
                S: 503
                C: RCPT TO:<alice@example.org>
                S: 503
                C: RSET
                S: 250
                C: MAIL FROM:<>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C| BDAT 8 LAST\\r\\nA: b\\r\\n\\r\\n
                S: 250 2.0.0 Ok
                C: BDAT x LAST
                S: 501
                C: BDAT 1 MORE
                S: 501
                """)
        }
        #expect(try await room.onlyMessage(room.alice) == "A: b\r\n\r\n")
    }

    @Test(arguments: ["\0\r.\n\u{1}\r", "", "\n.\r\nMAIL FROM:<>\r\n", "x"])
    func `a binary message is kept octet for octet`(body: String) async throws {
        let room = try await MailRoom()
        let text = "Subject: x\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body
        try await room.run(.submission, adjust: { $0.offersClearTextAuthentication = true }) { client, _ in
            let plain = Base64.encode(Array("\0alice@example.org\0secret".utf8))
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C: AUTH PLAIN \(plain)
                S: 235
                C: MAIL FROM:<alice@example.org> BODY=BINARYMIME
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C: RCPT TO:<x@elsewhere.example>
                S: 250
                """)
            // In two chunks, the first of which ends within the line end that ends the header.
            let first = text.utf8.prefix(text.utf8.count - body.utf8.count - 1)
            let rest = text.utf8.dropFirst(first.count)
            await client.send("BDAT \(first.count)\r\n" + String(decoding: first, as: UTF8.self))
            await client.play("S: 250")
            await client.send("BDAT \(rest.count) LAST\r\n" + String(decoding: rest, as: UTF8.self))
            await client.play("S: 250 2.0.0\nC: NOOP\nS: 250")
        }
        let filed = try #require(try await room.inbox(room.alice).first)
        let (entry, queued) = try await room.queued()
        #expect(entry.message.bodyType == .binaryMIME)
        for kept in [filed, queued] {
            #expect(Array(kept.utf8.suffix(body.utf8.count + 4)) == Array(("\r\n\r\n" + body).utf8))
        }
    }

    @Test(arguments: [
        ("MAIL FROM:<> SIZE=101", "552 5.3.4"),
        ("MAIL FROM:<> SIZE=99999999999999999999", "552 5.3.4"),
        ("MAIL FROM:<> SIZE=100", "250"),
        ("MAIL FROM:<> SIZE=0000000000000000100", "250"),
        ("MAIL FROM:<> SIZE=-1", "501"),
        ("MAIL FROM:<> SIZE=", "501"),
        ("MAIL FROM:<> SIZE=1 SIZE=1", "501 5.5.4"),
        ("MAIL FROM:<> BODY=8BITMIME SMTPUTF8", "250"),
        ("MAIL FROM:<> BODY=BINARYMIME", "250"),
        ("MAIL FROM:<> SMTPUTF8=yes", "501 5.5.4"),
        ("MAIL FROM:<> RET=FULL", "555"),
        ("MAIL FROM:<jürgen@remote.example>", "553 5.6.7"),
        ("MAIL FROM:<jürgen@remote.example> SMTPUTF8", "250"),
        ("MAIL FROM:<FBI>", "501 5.1.7"),
        ("mail from: <a@remote.example>  ", "250"),
        ("MAIL  FROM:<a@remote.example>", "250"),
        ("MAIL FROM:a@remote.example", "501"),
        ("MAIL FROM:<a@remote.example>x", "501"),
        ("MAIL TO:<a@remote.example>", "501"),
    ])
    func `MAIL is answered by its parameters`(_ test: (String, String)) async throws {
        let room = try await MailRoom()
        try await room.run(adjust: { $0.limits.messageSize = 100 }) { client, _ in
            await client.play("\(Self.hello)C: \(test.0)\nS: \(test.1)")
        }
    }

    @Test func `limits hold at their number and not below`() async throws {
        let room = try await MailRoom()
        let body = String(repeating: "0123456789abcdef\r\n", count: 5)
        let header = "Subject: \(String(repeating: "x", count: 87))\r\n"
        let adjust: (inout SMTPServerSettings) -> Void = { settings in
            settings.limits.messageSize = 200
            settings.limits.headerSize = 100
            settings.limits.hops = 2
        }
        try await room.run(adjust: adjust) { client, _ in
            await client.play(Self.hello + Self.begin("alice@example.org"))
            await client.send("\(header)\r\n\(body).\r\n")
            await client.play("S: 250 2.0.0\n" + Self.begin("alice@example.org"))
            await client.send("X\(header)\r\n\(body).\r\n")
            await client.play("S: 552 5.3.4\n" + Self.begin("alice@example.org"))
            await client.send("A: b\r\n\r\n\(body)\(body)\(body).\r\n")
            await client.play("S: 552 5.3.4\n" + Self.begin("alice@example.org"))
            await client.send("Received: a\r\nreceived: b\r\n\r\n.\r\n")
            await client.play("S: 250 2.0.0\n" + Self.begin("alice@example.org"))
            await client.send("Received: a\r\nreceived: b\r\nReceived: c\r\n\r\n.\r\n")
            await client.play("S: 554 5.4.6\n" + Self.begin("alice@example.org"))
            await client.send("A: b\r\n\r\nno \n line\r\n.\r\n")
            await client.play("S: 554 5.6.0")
        }
        #expect(try await room.inbox(room.alice).count == 2)
        #expect(room.state.blobFiles.count == 2)
    }

    @Test(arguments: [
        "", "\r\n", "only a body, no header\r\n", "\r\nbody\r\n", "Subject: \r\n\r\n", "a: b\r\n.: c\r\n",
    ])
    func `odd messages are kept as they are`(text: String) async throws {
        let room = try await MailRoom()
        try await room.run { client, _ in
            await client.play(Self.hello + Self.begin("alice@example.org"))
            await client.send((text.hasPrefix(".") ? "." : "") + text.replacing("\r\n.", with: "\r\n..") + ".\r\n")
            await client.play("S: 250 2.0.0")
        }
        let kept = try await room.onlyMessage(room.alice)
        #expect(kept == text || kept == "\r\n" + text)
    }

    @Test(arguments: [
        ("Return-Path: <a@b>\r\n\r\n", true), ("A: b\r\nRETURN-PATH:x\r\n\r\n", true), ("return-path", true),
        ("A: b\nreturn-path : x\n", true), ("", false), ("Return-Pat", false), ("X-Return-Path: <>\r\n\r\n", false),
        ("A: b\r\n Return-Path: <>\r\n\r\n", false), ("Subject: Return-Path: x\r\nReturn\r\n\r\n", false),
    ])
    func `a line that begins like Return-Path is found`(_ test: (String, Bool)) {
        #expect(SMTPConversation.mayHold(Array("return-path".utf8), Array(test.0.utf8)) == test.1)
    }
}
