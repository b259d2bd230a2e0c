import MailIntake
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPServer
import Synchronization
import Testing

/// What senders ask to hear, from the command to the queue.
@Suite struct ReportTests {
    private static let password = Base64.encode(Array("\0alice@example.org\0secret".utf8))
    private static let login = "C: AUTH PLAIN \(password)\nS: 235\n"
    private static let data = "C: DATA\nS: 354\nC: Subject: x\nC: \nC: text\nC: .\nS: 250"

    private final class Reports: Sendable {
        let all = Mutex<[Acceptance]>([])
    }

    private func send(_ recipients: [String], in room: MailRoom) async throws -> [Acceptance] {
        let reports = Reports()
        room.intake.onSuccess { acceptance, _, _ in reports.all.withLock { $0.append(acceptance) } }
        let rcpt = recipients.map { "C: RCPT TO:\($0)\nS: 250\n" }.joined()
        try await room.run(.submission, adjust: { $0.offersClearTextAuthentication = true }) { client, _ in
            await client.play(
                "S: 220\nC: EHLO c\nS: 250\n" + Self.login
                    + "C: MAIL FROM:<alice@example.org> RET=HDRS ENVID=a+2Bb\nS: 250\n" + rcpt + Self.data)
        }
        return reports.all.withLock { $0 }
    }

    @Test func `what was asked for is in the queue`() async throws {
        let room = try await MailRoom()
        let reports = try await send(
            [
                "<x@elsewhere.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;y+2Bz@elsewhere.example",
                "<n@elsewhere.example> NOTIFY=NEVER", "<o@elsewhere.example>", "<alice@example.org> NOTIFY=FAILURE",
            ], in: room)
        #expect(reports.isEmpty)
        let (entry, _) = try await room.queued()
        #expect(entry.message.envelopeID == "a+b" && entry.message.dsnReturn == .headers)
        #expect(entry.recipients.map(\.notify) == [[.success, .delay], .never, .standard])
        #expect(entry.recipients.map(\.originalRecipient) == ["rfc822;y+z@elsewhere.example", nil, nil])
    }

    @Test func `one of those whom an alias means speaks for it`() async throws {
        let room = try await MailRoom()
        let reports = try await send(["<team@example.org> NOTIFY=SUCCESS,FAILURE"], in: room)
        let speakers = reports.map { $0.local.filter(\.reportsSuccess).map(\.recipient.description) }
        #expect(speakers == [["team@example.org"]])
        let (entry, _) = try await room.queued()
        #expect(entry.recipients.map(\.notify) == [.failure])
        let silent = try await MailRoom()
        #expect(try await send(["<team@example.org> NOTIFY=SUCCESS"], in: silent).count == 1)
        #expect(try await silent.queued().0.recipients.map(\.notify) == [.never])
    }

    @Test func `a stranger can't have reports of success sent to whom it names`() async throws {
        let room = try await MailRoom()
        try await room.run { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO c
                S: 250
                C: MAIL FROM:<victim@elsewhere.example>
                S: 250
                C: RCPT TO:<alice@example.org> NOTIFY=SUCCESS
                S: 555 5.5.4
                """)
        }
    }
}
