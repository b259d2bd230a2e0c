import Blobs
import Directory
import MailConfig
import MailIntake
import MailPolicy
import MailStore
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPServer
import SQLEngine
import Telemetry
import Testing

/// Mail that its sender wants to go later. // RFC 4865
@Suite struct FutureReleaseTests {
    private static let greeted =
        "S: (tls)\nS: 220\nC: EHLO c\nS: 250\nC: AUTH PLAIN "
        + Base64.encode(Array("\0alice@example.org\0secret".utf8)) + "\nS: 235\n"

    private func submit(
        _ room: MailRoom, _ parameters: String, to recipients: [String] = ["bob@example.org", "x@elsewhere.example"],
        change: (inout Manifest) -> Void = { _ in }
    ) async throws {
        var manifest = Manifest()
        change(&manifest)
        try await room.run(
            .submission, tls: .implicit(try TestServer.store()), adjust: { $0.rules = PolicyRules(manifest) }
        ) { client, _ in
            let rcpts = recipients.map { "C: RCPT TO:<\($0)>\nS: 250\n" }.joined()
            await client.play(
                Self.greeted + "C: MAIL FROM:<alice@example.org> \(parameters)\nS: 250\n\(rcpts)C: DATA\nS: 354")
            await client.send("From: alice@example.org\r\nSubject: later\r\n\r\nhello\r\n.\r\n")
            await client.play("S: 250 2.0.0")
        }
    }

    private func inbox(_ room: MailRoom, _ account: Account) async throws -> Int {
        try await room.store.mailbox(account.id, path: "INBOX")?.messages ?? -1
    }

    @Test func `nobody gets the message before its time, here or elsewhere`() async throws {
        let room = try await MailRoom()
        let now = room.state.clock.now()
        try await submit(room, "HOLDFOR=3600")
        #expect(try await inbox(room, room.bob) == 0)
        let (entry, _) = try await room.queued()
        #expect(entry.recipients.count == 2)
        #expect(entry.recipients.allSatisfy { $0.notBefore == now.adding(.seconds(3600)) && !$0.held })
        #expect(entry.message.futureRelease == "for;3600")
        #expect(entry.message.expiresAt == now.adding(.seconds(3600 + 5 * 86_400)))
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).isEmpty)
        let trace = try #require(try await room.intake.traces(.id(entry.id), limit: 1).first)
        #expect(trace.steps.contains("\"before\":\"for;3600\""))
        #expect(trace.steps.contains("waits until \(InternetTimestamp.utc(now.adding(.seconds(3600))))"))
        #expect(!room.events.events.contains { $0.name == "delivered" })
        room.state.clock.advance(by: .seconds(3600))
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).count == 2)
    }

    @Test func `a time that has passed means at once`() async throws {
        let room = try await MailRoom()
        try await submit(room, "HOLDUNTIL=1970-01-02T00:00:00Z", to: ["bob@example.org"])
        #expect(try await inbox(room, room.bob) == 1)
        #expect(try await room.queue.list().isEmpty)
    }

    // RFC 4865 §6
    @Test func `what waits counts against a quota until it has gone, over restarts too`() async throws {
        let room = try await MailRoom()
        @Sendable func small(_ manifest: inout Manifest) { manifest.limits.futureReleaseStorage = 65_536 }
        for _ in 0..<16 { try await submit(room, "HOLDFOR=60", to: ["bob@example.org"], change: small) }
        #expect(try await room.intake.waitingOctets(of: "alice@example.org") == 65_536)
        #expect(try await room.intake.waitingOctets(of: "bob@example.org") == 0)
        var manifest = Manifest()
        small(&manifest)
        let rules = PolicyRules(manifest)
        try await room.run(
            .submission, tls: .implicit(try TestServer.store()), adjust: { $0.rules = rules }
        ) { client, _ in
            await client.play(
                Self.greeted + "C: MAIL FROM:<alice@example.org> HOLDFOR=60 SIZE=1000\nS: 552 5.7.16\n"
                    + "C: MAIL FROM:<alice@example.org> SIZE=1000\nS: 250")
        }
        room.state.clock.advance(by: .seconds(60))
        #expect(try await room.intake.waitingOctets(of: "alice@example.org") == 0)
    }

    @Test func `a size that was not declared counts when it is known`() async throws {
        let room = try await MailRoom()
        var manifest = Manifest()
        manifest.limits.futureReleaseStorage = 65_536
        let rules = PolicyRules(manifest)
        try await room.run(
            .submission, tls: .implicit(try TestServer.store()), adjust: { $0.rules = rules }
        ) { client, _ in
            await client.play(
                Self.greeted + "C: MAIL FROM:<alice@example.org> HOLDFOR=60\nS: 250\nC: RCPT TO:<bob@example.org>\n"
                    + "S: 250\nC: DATA\nS: 354")
            await client.send("Subject: x\r\n\r\n" + String(repeating: "words\r\n", count: 10_000) + ".\r\n")
            await client.play("S: 552 5.7.16")
        }
        #expect(try await room.queue.list().isEmpty)
    }

    @Test func `it is neither offered nor known where it is off, or before a login`() async throws {
        let room = try await MailRoom()
        try await room.run(.submission, tls: .implicit(try TestServer.store())) { client, _ in
            await client.play(
                "S: (tls)\nS: 220\nC: EHLO c\nS: 250\nC: MAIL FROM:<alice@example.org> HOLDFOR=60\nS: 530 5.7.0")
        }
        var manifest = Manifest()
        manifest.limits.futureRelease = .zero
        let rules = PolicyRules(manifest)
        try await room.run(
            .submission, tls: .implicit(try TestServer.store()), adjust: { $0.rules = rules }
        ) { client, _ in
            await client.play(Self.greeted + "C: MAIL FROM:<alice@example.org> HOLDFOR=60\nS: 555 5.5.4")
        }
        try await room.run { client, _ in
            await client.play("S: 220\nC: EHLO c\nS: 250\nC: MAIL FROM:<a@b.example> HOLDFOR=60\nS: 555 5.5.4")
        }
    }
}
