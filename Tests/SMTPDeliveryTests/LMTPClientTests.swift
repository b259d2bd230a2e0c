import MailConfig
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPDelivery
import Testing

@Suite("LMTP as a client")
struct LMTPClientTests {
    static let many = ["a@one.example", "b@one.example", "c@one.example", "d@one.example"]

    static func letter() throws -> SessionProbe.Letter {
        try Probe.letter(Array("Subject: x\r\n\r\nx\r\n".utf8), to: many)
    }

    static func plan(_ server: RawServer) throws -> SessionPlan {
        try Probe.plan(server) { plan in
            plan.kind = .lmtp
            plan.security = .clear
        }
    }

    // RFC 2033 §4.2
    @Test("Each recipient has an answer of its own", arguments: [true, false])
    func mixed(_ pipelining: Bool) async throws {
        let server = try await RawServer { line, memory in
            switch line {
            case "RCPT TO:<b@one.example>": [.say("550 5.1.1 unknown\r\n")]
            case ".": [.say("250 2.0.0 kept\r\n452 4.2.2 full\r\n"), .say("554 5.7.1 no\r\n")]
            default: RawServer.decent(pipelining ? ["PIPELINING"] : [], line, &memory)
            }
        }
        let report = try await Probe.run(try Self.plan(server), letter: try Self.letter())
        #expect(report.outcomes == ["250", "bounce 5.1.1", "retry 4.2.2", "bounce 5.7.1"])
        #expect(server.heard.lines.first == "LHLO mail.example.org")
        await server.stop()
    }

    @Test("Who was answered has it, and the others wait, when the host goes away in between")
    func lostInBetween() async throws {
        let server = try await RawServer(
            script: RawServer.scripted([], [".": [.say("250 2.0.0 kept\r\n250 2.0.0 kept\r\n"), .close]]))
        let report = try await Probe.run(try Self.plan(server), letter: try Self.letter())
        #expect(report.outcomes == ["250", "250", "retry 4.4.2", "retry 4.4.2"])
        #expect(server.heard.messages.count == 1)
        await server.stop()
    }

    @Test("When nobody is taken nothing is sent, or the connection is not used again")
    func nobody() async throws {
        for capabilities in [[], ["PIPELINING"]] {
            let server = try await RawServer(
                script: RawServer.scripted(capabilities, ["RCPT": [.say("550 5.1.1 unknown\r\n")]]))
            let report = try await Probe.run(try Self.plan(server), letter: try Self.letter())
            #expect(report.outcomes == Array(repeating: "bounce 5.1.1", count: 4))
            #expect(server.heard.messages.joined().isEmpty)
            await server.stop()
        }
    }

    @Test("EHLO is not tried, and HELO neither")
    func noFallback() async throws {
        let server = try await RawServer(script: RawServer.scripted([], ["LHLO": [.say("500 5.5.1 what\r\n")]]))
        let report = try await Probe.run(try Self.plan(server), letter: try Self.letter())
        #expect(report.failure?.scope == .host)
        #expect(server.heard.lines == ["LHLO mail.example.org", "QUIT"])
        await server.stop()
    }

    @Test("A Unix-domain socket is a next hop; one that is missing is a failure to connect")
    func unixSocket() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lmtp")
        let server = try await RawServer(
            path: path, script: RawServer.scripted([], [".": [.say("250 2.0.0 kept\r\n")]]))
        var plan = try Self.plan(server)
        plan.endpoint = .unix(path: path)
        let report = try await Probe.run(plan, letter: try Probe.letter(to: "a@one.example"))
        #expect(report.outcomes == ["250"])
        await server.stop()
        plan.endpoint = .unix(path: folder.file("nothing"))
        let failed = try await Probe.run(plan)
        #expect(failed.failure?.reply.status == EnhancedStatusCode(4, 4, 1))
        #expect(failed.failure?.reply.text.hasPrefix("could not connect: ") == true)
    }
}
