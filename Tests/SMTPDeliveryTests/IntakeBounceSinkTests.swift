import Blobs
import Directory
import MailIntake
import MailMessage
import MailStore
import MailSyntax
import MartletTesting
import OutboundQueue
import SMTPDelivery
import SQLEngine
import Testing

@Suite("Bounces, accepted")
struct IntakeBounceSinkTests {
    @Test("A sender who lives here finds a report in the mailbox, however full it is")
    func local() async throws {
        let room = try await BounceRoom()
        let report = try await room.report(from: "alice@example.org")
        #expect(try await room.sink.bounce(report))
        let inbox = try await room.inbox()
        let (text, index) = try #require(inbox.first)
        #expect(inbox.count == 1)
        #expect(text.hasPrefix("Return-Path: <>\r\n"))
        #expect(text.contains("\r\nAuto-Submitted: auto-replied\r\n"))
        #expect(index.structure.type == "multipart" && index.structure.subtype == "report")
        let kinds = index.structure.children.map { "\($0.type)/\($0.subtype)" }
        #expect(kinds == ["text/plain", "message/delivery-status", "message/rfc822"])
        for field in [
            "Reporting-MTA: dns; mail.example.org", "Final-Recipient: rfc822; nobody@one.example", "Action: failed",
            "Status: 5.1.1", "Remote-MTA: dns; mx.one.example", "Diagnostic-Code: smtp; 550 5.1.1 no such user",
        ] { #expect(text.contains("\r\n\(field)\r\n"), "\(field)") }
        #expect(text.contains("body words"))
        #expect(try await room.queue.list().map(\.id) == [report.message.id], "nothing new is queued")
    }

    @Test("A sender elsewhere gets it by the queue, with the null reverse-path and marked as a bounce")
    func remote() async throws {
        let room = try await BounceRoom()
        let report = try await room.report(from: "someone@remote.example")
        #expect(try await room.sink.bounce(report))
        let entries = try await room.queue.list().filter { $0.id != report.message.id }
        let entry = try #require(entries.first)
        #expect(entries.count == 1)
        #expect(entry.message.reversePath == .null && entry.message.isBounce)
        #expect(entry.message.signFor?.domain?.ascii == "example.org")
        #expect(entry.recipients.map(\.address.description) == ["someone@remote.example"])
        let reader = try room.state.blobs.open(entry.message.blob, size: entry.message.size)
        let bytes = try reader.read(0..<reader.size)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix("Date: ") || text.contains("\r\nDate: "))
        #expect(text.contains("\r\nTo: someone@remote.example\r\n"))
        #expect(MessageIndex(scanning: bytes).structure.subtype == "report")
        #expect(bytes.allSatisfy { $0 < 128 } == (entry.message.bodyType == .sevenBit))
    }

    // RFC 8689 §5
    @Test("A report about a message with REQUIRETLS asks for the same, and holds its header alone")
    func protected() async throws {
        let room = try await BounceRoom()
        var report = try await room.report(from: "someone@remote.example")
        report.message.tlsDemand = .required
        report.message.dsnReturn = .full
        #expect(try await room.sink.bounce(report))
        let entry = try #require(try await room.queue.list().first { $0.id != report.message.id })
        #expect(entry.message.tlsDemand == .required)
        let reader = try room.state.blobs.open(entry.message.blob, size: entry.message.size)
        let text = String(decoding: try reader.read(0..<reader.size), as: UTF8.self)
        #expect(text.contains("text/rfc822-headers") && !text.contains("body words"))
    }

    @Test("What a sender asked to hear is in the mailbox with the message, or neither is")
    func notices() async throws {
        struct Crash: Error {}
        let room = try await BounceRoom()
        let sender = try #require(EmailAddress("alice@example.org"))
        let bytes = Array("From: alice@example.org\r\nSubject: told\r\n\r\nbody words\r\n".utf8)
        var acceptance = Acceptance(
            id: room.state.ids.next(), reversePath: .address(sender), content: .bytes(bytes),
            index: MessageIndex(scanning: bytes), local: [LocalDelivery(account: room.alice.id, recipient: sender)],
            remote: [NewQueueRecipient(address: try #require(EmailAddress("ext@remote.example")), notify: .failure)],
            origin: .internal, envelopeID: "E1")
        let list = try #require(EmailAddress("list@example.org"))
        acceptance.notices = [
            SuccessNotice(recipient: list, originalRecipient: "rfc822;L@example.org", outcome: .expanded),
            SuccessNotice(recipient: sender, originalRecipient: nil, outcome: .delivered(room.alice.id)),
        ]
        room.intake.onSuccess { accepted in
            let part = try #require(try await room.sink.part(reporting: accepted))
            return CommitPart(files: part.files) { writer in
                _ = try part.write(writer)
                throw Crash()
            }
        }
        await #expect(throws: (any Error).self) { _ = try await room.intake.accept(acceptance) }
        #expect(try await room.inbox().isEmpty)
        #expect(try await room.queue.list().isEmpty)

        room.intake.onSuccess { try await room.sink.part(reporting: $0) }
        _ = try await room.intake.accept(acceptance)
        let texts = try await room.inbox().map(\.text)
        #expect(texts.count == 2)
        let report = try #require(texts.first { $0.contains("Successful Mail Delivery Report") })
        for field in [
            "Original-Envelope-Id: E1", "Original-Recipient: rfc822; L@example.org",
            "Final-Recipient: rfc822; list@example.org", "Action: expanded", "Status: 2.1.5",
            "Final-Recipient: rfc822; alice@example.org", "Action: delivered", "Subject: told",
        ] { #expect(report.contains("\r\n\(field)\r\n"), "\(field) in \(report)") }
        // RFC 3461 §4.3: the header alone.
        #expect(!report.contains("body words"))
        #expect(try await room.queue.list().map(\.id) == [acceptance.id])
        // Nobody hears of what came from nobody.
        acceptance.reversePath = .null
        acceptance.id = room.state.ids.next()
        _ = try await room.intake.accept(acceptance)
        #expect(try await room.inbox().count == 3)
    }

    @Test("An alias's report goes to everybody behind it")
    func alias() async throws {
        let room = try await BounceRoom()
        let report = try await room.report(from: "list@example.org")
        #expect(try await room.sink.bounce(report))
        #expect(try await room.inbox().count == 1)
        let remote = try await room.queue.list().filter { $0.id != report.message.id }.flatMap(\.recipients)
        #expect(remote.map(\.address.description) == ["ext@remote.example"])
    }

    @Test("A sender that is gone hears nothing, and it is no error")
    func gone() async throws {
        let room = try await BounceRoom()
        let report = try await room.report(from: "gone@example.org")
        let isKept = try await room.sink.bounce(report)
        #expect(!isKept)
        #expect(try await room.inbox().isEmpty)
        #expect(try await room.queue.list().count == 1)
    }

    @Test("A message that can't be read any more is reported all the same")
    func unreadable() async throws {
        let room = try await BounceRoom()
        let report = try await room.report(from: "alice@example.org")
        try room.state.blobs.remove(report.message.blob)
        #expect(try await room.sink.bounce(report))
        let (text, index) = try #require(try await room.inbox().first)
        #expect(index.structure.children.count == 2)
        #expect(text.contains("Status: 5.1.1"))
    }

    @Test("A bounce that can't be written is an error, and leaves nothing")
    func failing() async throws {
        let room = try await BounceRoom()
        let report = try await room.report(from: "list@example.org")
        room.state.fileSystem.reset(failing: 0)
        await #expect(throws: FileError.self) { _ = try await room.sink.bounce(report) }
        room.state.fileSystem.reset()
        #expect(try await room.inbox().isEmpty)
        #expect(try await room.queue.list().count == 1)
    }

    @Test("A large message comes back as its header, and one with UTF-8 fields stays valid")
    func large() async throws {
        let room = try await BounceRoom()
        let body = String(repeating: "0123456789\r\n", count: 10_000)
        let report = try await room.report(
            from: "alice@example.org", text: "Subject: Grüße\r\nX-Last: field\r\n\r\n\(body)")
        #expect(try await room.sink.bounce(report))
        let (text, index) = try #require(try await room.inbox().first)
        #expect(text.contains("X-Last: field") && !text.contains("0123456789"))
        #expect(index.structure.children.count == 3)
        #expect(text.utf8.count < 10_000)
    }
}
