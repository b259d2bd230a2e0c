import MailConfig
import MailSyntax
import OutboundQueue
import SMTPDelivery
import Testing

@Suite("Hostile and broken next hops")
struct HostileServerTests {
    typealias Act = RawServer.Act

    static let capabilities = ["PIPELINING", "8BITMIME", "AUTH PLAIN LOGIN XOAUTH2", "DSN"]

    static func visit(
        greeting: [Act] = [.say("220 raw.test ESMTP\r\n")], _ script: @escaping RawServer.Script,
        letter: SessionProbe.Letter? = nil, change: (inout SessionPlan) -> Void = { _ in }
    ) async throws -> (report: SessionProbe.Report, heard: RawServer.Memory) {
        let server = try await RawServer(greeting: greeting, script: script)
        let report = try await Probe.run(
            try Probe.plan(server, change), letter: try letter ?? Probe.letter(to: "a@one.example", "b@one.example"))
        await server.stop()
        return (report, server.heard)
    }

    static let badGreetings: [(String, String)] = [
        ("HTTP/1.1 400 Bad Request\r\n", "4.5.0"), ("\u{0}\u{1}\u{16}\u{3}\r\n", "4.5.0"),
        ("554 5.7.1 go away\r\n", "5.7.1"), ("421 4.3.2 later\r\n", "4.3.2"), ("354 what\r\n", "4.5.0"),
        (String(repeating: "220-more\r\n", count: 300), "4.5.0"), (String(repeating: "x", count: 200_000), "4.5.0"),
        ("220-a\r\n221 b\r\n", "4.5.0"), ("", "4.4.2"),
    ]

    @Test("A greeting that is none ends the visit, and the mail waits", arguments: Self.badGreetings)
    func greetings(_ text: String, _ status: String) async throws {
        let (report, heard) = try await Self.visit(
            greeting: [.say(text), .close], RawServer.scripted(Self.capabilities))
        #expect(report.failure?.scope == .host)
        #expect(report.failure.map { "\($0.reply.status)" } == status)
        #expect(report.results.isEmpty)
        #expect(heard.lines.isEmpty || heard.lines == ["QUIT"])
    }

    @Test("Silence ends the visit, wherever it begins", arguments: ["", "EHLO", "MAIL", "RCPT", "DATA", "."])
    func silence(_ stage: String) async throws {
        let (report, _) = try await Self.visit(
            greeting: stage.isEmpty ? [] : [.say("220 hello\r\n")],
            RawServer.scripted(["8BITMIME"], [stage: []])
        ) {
            $0.timeouts.command = .milliseconds(200); $0.timeouts.final = .milliseconds(200)
        }
        #expect(report.failure?.scope == .host && report.failure?.permanence == .temporary)
        #expect(report.failure?.reply.status == EnhancedStatusCode(4, 4, 2))
        #expect(report.failure?.reply.text.hasPrefix("timed out while") == true)
        #expect(report.results.isEmpty)
    }

    @Test("An early end leaves the mail waiting", arguments: ["EHLO", "MAIL", "RCPT", "DATA", "."], [true, false])
    func lost(_ stage: String, _ byReset: Bool) async throws {
        let (report, _) = try await Self.visit(
            RawServer.scripted(["8BITMIME"], [stage: [byReset ? .reset : .close]]))
        #expect(report.failure?.scope == .host && report.failure?.permanence == .temporary)
        #expect(report.failure?.reply.text.hasPrefix("lost connection while") == true)
        #expect(report.results.isEmpty)
    }

    struct Refusal: Sendable {
        var stage: String
        var answer: String
        /// nil: the whole host fails.
        var outcome: String?

        init(_ stage: String, _ answer: String, _ outcome: String?) {
            (self.stage, self.answer, self.outcome) = (stage, answer, outcome)
        }
    }

    static let refusals: [Refusal] = [
        Refusal("EHLO", "451 x", nil), Refusal("HELO", "550 x", "250"), Refusal("MAIL", "451 4.7.1 x", "retry 4.7.1"),
        Refusal("MAIL", "550 5.7.1 x", "bounce 5.7.1"), Refusal("MAIL", "421 4.3.2 x", nil),
        Refusal("RCPT", "450 x", "retry 4.0.0"), Refusal("RCPT", "421 x", nil), Refusal("RCPT", "354 x", "retry 4.5.0"),
        Refusal("RCPT", "551 5.1.6 please try <thief@evil.example>", "bounce 5.1.6"),
        Refusal("DATA", "554 5.5.1 x", "bounce 5.5.1"), Refusal("DATA", "250 x", "retry 4.5.0"),
        Refusal(".", "554 5.6.0 x", "bounce 5.6.0"), Refusal(".", "452 4.3.1 x", "retry 4.3.1"),
        Refusal(".", "354 x", "retry 4.5.0"),
    ]

    @Test("A refusal has its scope at every stage", arguments: Self.refusals, [true, false])
    func refused(_ refusal: Refusal, _ pipelining: Bool) async throws {
        let (report, heard) = try await Self.visit(
            RawServer.scripted(pipelining ? ["PIPELINING"] : [], [refusal.stage: [.say(refusal.answer + "\r\n")]]))
        #expect(report.outcomes == (refusal.outcome.map { [$0, $0] } ?? []))
        #expect((report.failure != nil) == (refusal.outcome == nil))
        #expect(!heard.lines.contains { $0.contains("evil") })
    }

    @Test("A host that knows no EHLO is greeted with HELO")
    func helo() async throws {
        let (report, heard) = try await Self.visit(
            RawServer.scripted([], ["EHLO": [.say("500 5.5.1 what\r\n")]]))
        #expect(report.outcomes == ["250", "250"])
        #expect(heard.lines.prefix(2) == ["EHLO mail.example.org", "HELO mail.example.org"])
    }

    /// More than the sockets hold.
    static let large =
        "Subject: x\r\n\r\n" + String(repeating: String(repeating: "y", count: 70) + "\r\n", count: 100_000)

    @Test("A host that closes in the middle of the text gets it again later")
    func closesInData() async throws {
        let (report, _) = try await Self.visit(
            RawServer.scripted([], ["DATA": [.say("354 go\r\n"), .close]]), letter: try Probe.letter(Self.large))
        #expect(report.failure?.scope == .host && report.failure?.permanence == .temporary)
        #expect(report.results.isEmpty)
    }

    @Test(
        "A refusal in the middle of the text counts, whether the host then closes or listens on",
        arguments: [true, false])
    func refusesInData(_ closes: Bool) async throws {
        let (report, _) = try await Self.visit(
            RawServer.scripted(
                [], ["DATA": [.say("354 go\r\n"), .say("552 5.3.4 enough\r\n")] + (closes ? [.close] : [])]),
            letter: try Probe.letter(closes ? "Subject: x\r\n\r\nx\r\n" : Self.large))
        #expect(report.outcomes == ["bounce 5.3.4"])
    }

    @Test("Answers that come too early never make a later message look delivered")
    func shifted() async throws {
        let (report, _) = try await Self.visit(
            RawServer.scripted([], ["DATA": [.say("354 go\r\n554 5.6.0 no\r\n")]])
        ) { $0.recipientLimit = 1 }
        #expect(report.outcomes.first == "bounce 5.6.0")
        #expect(report.outcomes.count < 2 || report.outcomes[1] != "250")
    }

    @Test(
        "Octets after the reply to STARTTLS are never taken for the other side of TLS",
        arguments: [TLSLevel.may, .encrypt])
    func injection(_ level: TLSLevel) async throws {
        let tls = try ScriptedSMTPServer.context()
        for injected in ["250-evil\r\n250 AUTH PLAIN\r\n", "250-ev"] {
            let (report, heard) = try await Self.visit(
                RawServer.scripted(["STARTTLS"], ["STARTTLS": [.say("220 go\r\n" + injected), .startTLS(tls)]])
            ) { $0.security = SessionSecurity(TLSRequirement(level: level), host: "raw.test") }
            #expect(report.tls == nil)
            if level == .may {
                #expect(report.outcomes == ["250", "250"])  // by a second connection, in clear
                #expect(heard.connections == 2)
            } else {
                #expect(report.failure?.reply.status == EnhancedStatusCode(4, 7, 5))
                #expect(heard.messages.isEmpty)
            }
        }
    }

    @Test("A handshake that never comes about is given up")
    func handshake() async throws {
        let (report, _) = try await Self.visit(
            RawServer.scripted(["STARTTLS"], ["STARTTLS": [.say("220 go\r\n")]])
        ) { plan in
            plan.security = SessionSecurity(TLSRequirement(level: .encrypt), host: "raw.test")
            plan.timeouts.connect = .seconds(2)
        }
        #expect(report.failure?.reply.text == "TLS failed: the handshake timed out")
    }

    @Test(
        "A host that wants no TLS after all is refused where TLS is required",
        arguments: ["454 4.7.0 x", "500 x", "421 x"])
    func refusesTLS(_ answer: String) async throws {
        let (report, heard) = try await Self.visit(
            RawServer.scripted(["STARTTLS"], ["STARTTLS": [.say(answer + "\r\n")]])
        ) { $0.security = SessionSecurity(TLSRequirement(level: .verify), host: "raw.test") }
        #expect(report.failure?.scope == .host && heard.messages.isEmpty)
    }

    @Test("Capabilities full of nonsense are passed over")
    func capabilities() async throws {
        let (report, heard) = try await Self.visit(
            RawServer.scripted([
                "", " ", "=", "SIZE=x", "SIZE 99999999999999999999999", "AUTH", "\u{7}\u{1b}[2J", "8BITMIME",
            ]))
        #expect(report.outcomes == ["250", "250"])
        #expect(heard.lines.contains("MAIL FROM:<sender@example.org> SIZE=27"))
        let shown = report.events.map { "\($0)" }.joined()
        #expect(!shown.unicodeScalars.contains { $0.value < 0x20 })
    }

    /// Everything that a session without a login may ever say.
    static func isHarmless(_ line: String) -> Bool {
        let prefixes = [
            "EHLO mail.example.org", "HELO mail.example.org", "MAIL FROM:<sender@example.org>", "RCPT TO:<",
        ]
        return prefixes.contains { line.hasPrefix($0) }
            || ["DATA", ".", "RSET", "QUIT", "STARTTLS"].contains(line)
    }

    @Test("A route without a login says nothing but its envelope, whatever a host offers or asks")
    func everyOctet() async throws {
        let lures: [(String, [String: [Act]])] = [
            ("AUTH PLAIN LOGIN", [:]), ("AUTH=LOGIN", ["MAIL": [.say("530 5.7.0 Authentication required\r\n")]]),
            ("AUTH XOAUTH2 OAUTHBEARER", ["EHLO": [.say("250-raw\r\n250-AUTH PLAIN\r\n250 AUTH=PLAIN\r\n334 \r\n")]]),
            ("AUTH CRAM-MD5", ["RCPT": [.say("334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+\r\n")]]),
            ("AUTH PLAIN", ["DATA": [.say("334 VXNlcm5hbWU6\r\n")]]),
            ("AUTH PLAIN", [".": [.say("334 UGFzc3dvcmQ6\r\n")]]),
            ("AUTH PLAIN", ["MAIL": [.say("535 5.7.8 wrong\r\n"), .say("334 \r\n")]]),
            ("AUTH PLAIN", ["QUIT": [.say("334 \r\n")]]),
        ]
        for (offer, answers) in lures {
            for pipelining in [true, false] {
                let (_, heard) = try await Self.visit(
                    RawServer.scripted([offer] + (pipelining ? ["PIPELINING"] : []), answers))
                #expect(heard.lines.allSatisfy(Self.isHarmless), "\(heard.lines)")
                let spoken = heard.lines.joined(separator: "\r\n").utf8.count + heard.messages.joined().count
                // Nothing was said beside the lines: line ends and dots stuffed are all that is more.
                #expect(heard.octets.count <= spoken + 2 * heard.lines.count + 2)
                #expect(!String(decoding: heard.octets, as: UTF8.self).uppercased().contains("AUTH"))
            }
        }
    }
}
