import MailConfig
import MailSyntax
import OutboundQueue
import SMTPDelivery
import Testing

@Suite("What one transaction says")
struct TransactionTests {
    static func visit(
        _ capabilities: [String], _ answers: [String: [RawServer.Act]] = [:], letter: SessionProbe.Letter,
        change: (inout SessionPlan) -> Void = { _ in }
    ) async throws -> (report: SessionProbe.Report, heard: RawServer.Memory) {
        try await HostileServerTests.visit(RawServer.scripted(capabilities, answers), letter: letter, change: change)
    }

    @Test("DSN parameters go to a host that offers them, and nowhere else", arguments: [true, false])
    func dsn(_ offers: Bool) async throws {
        var letter = try Probe.letter(to: "a@one.example", "b@one.example", "c@one.example") { message in
            message.dsnReturn = .headers
            message.envelopeID = "QQ+314=159"
        }
        letter.recipients[0].notify = [.success, .failure]
        letter.recipients[0].originalRecipient = "rfc822;old+tag@example.net"
        letter.recipients[1].notify = .never
        letter.recipients[2].originalRecipient = "utf-8;gr\u{fc}n@example.net"
        let (report, heard) = try await Self.visit(offers ? ["DSN", "PIPELINING"] : [], letter: letter)
        #expect(report.relaysDSN == offers)
        #expect(report.outcomes == ["250", "250", "250"])
        let envelope = heard.lines.filter { $0.hasPrefix("MAIL") || $0.hasPrefix("RCPT") }
        let expected =
            offers
            ? [
                "MAIL FROM:<sender@example.org> RET=HDRS ENVID=QQ+2B314+3D159",
                "RCPT TO:<a@one.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;old+2Btag@example.net",
                "RCPT TO:<b@one.example> NOTIFY=NEVER",
                "RCPT TO:<c@one.example> NOTIFY=FAILURE,DELAY ORCPT=utf-8;gr\\x{FC}n@example.net",
            ]
            : [
                "MAIL FROM:<sender@example.org>", "RCPT TO:<a@one.example>", "RCPT TO:<b@one.example>",
                "RCPT TO:<c@one.example>",
            ]
        #expect(envelope == expected)
    }

    @Test("Where nobody asked for anything, no DSN parameter is written")
    func noDSN() async throws {
        let (_, heard) = try await Self.visit(["DSN"], letter: try Probe.letter())
        #expect(
            heard.lines.contains("MAIL FROM:<sender@example.org>") && heard.lines.contains("RCPT TO:<a@one.example>"))
    }

    @Test("Recipients are split by the route's limit")
    func limit() async throws {
        let many = (0..<5).map { "u\($0)@one.example" }
        let (report, heard) = try await Self.visit(
            ["PIPELINING"], letter: try Probe.letter(Array("Subject: x\r\n\r\nx\r\n".utf8), to: many)
        ) { $0.recipientLimit = 2 }
        #expect(report.outcomes == Array(repeating: "250", count: 5))
        #expect(heard.messages.count == 3)
    }

    @Test(
        "A host that takes fewer gets the rest in further transactions", arguments: ["452 4.5.3 x", "552 x", "452 x"])
    func tooMany(_ answer: String) async throws {
        let many = (0..<7).map { "u\($0)@one.example" }
        let server = try await RawServer { line, memory in
            if line.hasPrefix("MAIL") { memory.step = 0 }
            if line.hasPrefix("RCPT") {
                memory.step += 1
                if memory.step > 3 { return [.say(answer + "\r\n")] }
            }
            return RawServer.decent(["PIPELINING"], line, &memory)
        }
        let report = try await Probe.run(
            try Probe.plan(server), letter: try Probe.letter(Array("Subject: x\r\n\r\nx\r\n".utf8), to: many))
        #expect(report.outcomes == Array(repeating: "250", count: 7))
        #expect(server.heard.messages.count == 3)
        await server.stop()
    }

    @Test("452 for another reason is that recipient's alone")
    func overQuota() async throws {
        let (report, heard) = try await HostileServerTests.visit(
            { line, memory in
                line == "RCPT TO:<a@one.example>"
                    ? [.say("452 4.2.2 full\r\n")] : RawServer.decent([], line, &memory)
            })
        #expect(report.outcomes == ["retry 4.2.2", "250"])
        #expect(heard.messages.count == 1)
    }

    static let binary =
        Array(
            "MIME-Version: 1.0\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n".utf8)
        + [0, 10, 13, 0xFF, 46, 13, 10, 46, 13, 10]

    @Test("A binary message goes octet for octet in a chunk, or converted")
    func binary() async throws {
        let letter = try Probe.letter(Self.binary, to: ["a@one.example"]) { $0.bodyType = .binaryMIME }
        let (report, heard) = try await Self.visit(["CHUNKING", "BINARYMIME", "PIPELINING", "SIZE"], letter: letter)
        #expect(report.outcomes == ["250"] && heard.messages == [Self.binary])
        #expect(heard.lines.contains("MAIL FROM:<sender@example.org> SIZE=\(Self.binary.count) BODY=BINARYMIME"))
        #expect(heard.lines.contains("BDAT \(Self.binary.count) LAST"))
        for (offers, body) in [(["8BITMIME", "CHUNKING"], " BODY=8BITMIME"), ([], "")] {
            let (converted, plain) = try await Self.visit(offers, letter: letter)
            #expect(converted.outcomes == ["250"])
            #expect(plain.lines.contains("MAIL FROM:<sender@example.org>\(body)"))
            let text = String(decoding: plain.messages.first ?? [], as: UTF8.self)
            #expect(
                text.contains("Content-Transfer-Encoding: base64\r\n\r\n\(Base64.encode(Self.binary.suffix(10)))\r\n"))
        }
    }

    @Test("A chunk is not sent for nobody")
    func binaryToNobody() async throws {
        let letter = try Probe.letter(Self.binary, to: ["a@one.example"]) { $0.bodyType = .binaryMIME }
        let (report, heard) = try await Self.visit(
            ["CHUNKING", "BINARYMIME"], ["RCPT": [.say("550 5.1.1 no\r\n")]], letter: letter)
        #expect(report.outcomes == ["bounce 5.1.1"])
        #expect(!heard.lines.contains { $0.hasPrefix("BDAT") })
    }

    @Test("8-bit text goes as it is where it may, and in ASCII where it may not")
    func eightBit() async throws {
        let text = "Content-Type: text/plain; charset=utf-8\r\n\r\nGr\u{fc}n und so weiter\r\n"
        for declared in [MessageBodyType.eightBitMIME, .sevenBit] {
            let letter = try Probe.letter(text) { $0.bodyType = declared }
            let (_, raw) = try await Self.visit(["8BITMIME"], letter: letter)
            #expect(raw.messages == [Array(text.utf8)])
            #expect(raw.lines.contains { $0.contains("BODY=8BITMIME") } == (declared == .eightBitMIME))
            let (report, heard) = try await Self.visit([], letter: letter)
            #expect(report.outcomes == ["250"])
            #expect(!heard.lines.contains { $0.contains("BODY") })
            let ascii = String(decoding: heard.messages.first ?? [], as: UTF8.self)
            #expect(
                ascii.contains("\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BCn und so weiter\r\n"))
        }
    }

    @Test("What can't be converted comes back with the reason")
    func unconvertible() async throws {
        let text =
            "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\u{fc}\r\n--b\r\n\r\nx\r\n--b--\r\n"
        for (body, status) in [(MessageBodyType.eightBitMIME, "5.6.3"), (.binaryMIME, "5.6.1")] {
            let (report, heard) = try await Self.visit([], letter: try Probe.letter(text) { $0.bodyType = body })
            #expect(report.outcomes == ["bounce \(status)"])
            #expect(heard.messages.isEmpty && !heard.lines.contains { $0.hasPrefix("MAIL") })
        }
    }

    @Test("The size that counts is that of what is sent")
    func size() async throws {
        let text = "Subject: x\r\n\r\n" + String(repeating: "\u{fc}", count: 500) + "\r\n"
        let (report, _) = try await Self.visit(["SIZE 1100"], letter: try Probe.letter(text))
        #expect(report.outcomes == ["bounce 5.3.4"])
        let (fits, _) = try await Self.visit(["SIZE 1100", "8BITMIME"], letter: try Probe.letter(text))
        #expect(fits.outcomes == ["250"])
    }
}
