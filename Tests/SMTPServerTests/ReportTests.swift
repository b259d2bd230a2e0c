import Directory
import MailIntake
import MailStore
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPServer
import SQLEngine
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
        room.intake.onSuccess { acceptance in
            CommitPart(files: []) { _ in { reports.all.withLock { $0.append(acceptance) } } }
        }
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

    @Test func `an alias of several is told to be expanded, and none of them speaks of success`() async throws {
        let room = try await MailRoom()
        let notify = "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;t+2Bm@example.org"
        let reports = try await send(["<team@example.org> \(notify)"], in: room)
        let team = try #require(EmailAddress("team@example.org"))
        #expect(
            reports.map(\.notices) == [
                [SuccessNotice(recipient: team, originalRecipient: "rfc822;t+m@example.org", outcome: .expanded)]
            ])
        let (entry, _) = try await room.queued()
        #expect(entry.recipients.map(\.notify) == [.failure])
        #expect(entry.recipients.map(\.originalRecipient) == ["rfc822;t+m@example.org"])
        let silent = try await MailRoom()
        #expect(try await send(["<team@example.org> NOTIFY=SUCCESS"], in: silent).count == 1)
        #expect(try await silent.queued().0.recipients.map(\.notify) == [.never])
        let unasked = try await MailRoom()
        #expect(try await send(["<team@example.org> NOTIFY=FAILURE", "<team@example.org>"], in: unasked).isEmpty)
    }

    @Test func `each recipient that one account reads is told to be delivered`() async throws {
        let room = try await MailRoom()
        let names = ["alice@example.org", "postmaster@example.org", "alice+x@example.org"]
        let reports = try await send(names.map { "<\($0)> NOTIFY=SUCCESS" }, in: room)
        #expect(reports.map { $0.notices.map(\.recipient.description) } == [names])
        let outcomes = Set(reports.flatMap(\.notices).map(\.outcome))
        #expect(outcomes == [.delivered(room.alice.id)] && reports.allSatisfy { $0.local.count == 1 })
    }

    @Test func `with LMTP what is not accepted is not reported`() async throws {
        let room = try await MailRoom()
        let reports = Reports()
        room.intake.onSuccess { acceptance in
            CommitPart(files: []) { _ in { reports.all.withLock { $0.append(acceptance) } } }
        }
        try await room.run(.lmtp) { client, _ in
            await client.play(
                """
                S: 220
                C: LHLO c
                S: 250
                C: MAIL FROM:<x@remote.example>
                S: 250
                C: RCPT TO:<alice@example.org> NOTIFY=SUCCESS
                S: 250
                C: RCPT TO:<bob@example.org> NOTIFY=SUCCESS
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
                C: QUIT
                S: 221
                """)
        }
        let told = reports.all.withLock { $0 }.map { $0.notices.map(\.recipient.description) }
        #expect(told == [["alice@example.org"]])
    }

    @Test func `a report that can't be made keeps the message out, one that can't be written does not`() async throws {
        struct Away: Error {}
        let room = try await MailRoom()
        let failures = Mutex(0)
        for isMade in [false, true] {
            room.intake.onSuccess { _ in
                guard isMade else { throw Away() }
                return CommitPart(files: []) { _ in throw Away() }.optional { _ in failures.withLock { $0 += 1 } }
            }
            try await room.run(.submission, adjust: { $0.offersClearTextAuthentication = true }) { client, _ in
                await client.play(
                    "S: 220\nC: EHLO c\nS: 250\n" + Self.login + "C: MAIL FROM:<alice@example.org>\nS: 250\n"
                        + "C: RCPT TO:<alice@example.org> NOTIFY=SUCCESS\nS: 250\n"
                        + Self.data.dropLast(3) + (isMade ? "250" : "451"))
            }
        }
        #expect(failures.withLock { $0 } == 1)
        #expect(try await room.inbox(room.alice).count == 1)
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
