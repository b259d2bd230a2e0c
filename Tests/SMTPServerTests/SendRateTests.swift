import Directory
import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import NetTransport
import SMTPCore
import SMTPServer
import SQLEngine
import Testing

@testable import MailIntake

/// How much one may send.
@Suite struct SendRateTests {
    private static let login = "AUTH PLAIN " + Base64.encode(Array("\0alice@example.org\0secret".utf8))

    private func play(_ room: MailRoom, _ manifest: String, _ transcript: String) async throws {
        let text = "server: {hostname: mx.example.org}\n" + manifest
        let rules = PolicyRules(try ManifestLoader.load(text: text, file: "m.yaml").get())
        try await room.run(.submission, tls: .implicit(try TestServer.store()), adjust: { $0.rules = rules }) {
            client, _ in
            await client.play("S: (tls)\nS: 220\nC: EHLO c\nS: 250\nC: \(Self.login)\nS: 235\n" + transcript)
        }
    }

    private static let mail = "C: MAIL FROM:<alice@example.org>\nS: 250\n"
    private static let data = "C: DATA\nS: 354\nC: Subject: x\nC: .\nS: 250 2.0.0\n"
    private static func to(_ name: String) -> String { "C: RCPT TO:<\(name)@elsewhere.example>\nS: 250\n" }

    @Test func `messages over the limit wait, and count again when time has passed`() async throws {
        let room = try await MailRoom()
        let limits = "sending: {limits: {messages: {hour: 2}}}"
        let one = Self.mail + Self.to("x") + Self.data
        let refusal = """
            C: MAIL FROM:<alice@example.org>
            S: 450 4.7.1 <alice@example.org>: Sending limit reached: alice@example.org may send 2 messages per hour
            """
        // A transaction that comes to nothing costs nothing.
        try await play(room, limits, Self.mail + Self.to("x") + "C: RSET\nS: 250\n" + one + one + refusal)
        // It is the same for the next connection, and for a server that was started anew.
        try await play(room, limits, refusal)
        room.state.clock.advance(by: .seconds(3601))
        try await play(room, limits, one + Self.mail + "C: RSET\nS: 250\n" + one + refusal)
    }

    @Test func `recipients over the limit wait, and the others get the message`() async throws {
        let room = try await MailRoom()
        let limits = "sending: {rules: [{match: alice@example.org, limits: {recipients: {day: 3}}}]}"
        let refusal = "S: 452 4.7.1 <d@elsewhere.example>: Sending limit reached: alice@example.org may send 3"
        try await play(
            room, limits,
            Self.mail + Self.to("a") + Self.to("b") + Self.to("c") + "C: RCPT TO:<d@elsewhere.example>\n\(refusal)\n"
                + Self.data + Self.mail + "C: RCPT TO:<d@elsewhere.example>\n\(refusal)")
        let counts = try await room.intake.sendCounts("account \(room.alice.id.rawValue)")
        #expect(counts.messages.day == 1 && counts.recipients.day == 3 && counts.recipients.minute == 3)
    }

    @Test func `without a limit nothing is counted, and old counts go`() async throws {
        let room = try await MailRoom()
        func rows() async throws -> Int64? {
            try await room.state.database.read {
                try $0.first(SQLStatement("SELECT COUNT(*) FROM send_count")) { $0.int64(0) }
            }
        }
        try await play(room, "", Self.mail + Self.to("x") + Self.data)
        #expect(try await rows() == 0)
        try await play(room, "sending: {limits: {messages: {day: 9}}}", Self.mail + Self.to("x") + Self.data)
        #expect(try await rows() == 1)
        try await room.intake.purgeSendCounts()
        #expect(try await rows() == 1)
        room.state.clock.advance(by: .seconds(86_460))
        try await room.intake.purgeSendCounts()
        #expect(try await rows() == 0)
    }
}
