import Blobs
import MailSyntax
import MartletTesting
import OutboundQueue
import SMTPDelivery
import SQLEngine
import Testing

@Suite("Bounces")
struct BounceComposerTests {
    @Test(
        "A report tells the recipient, a permanent status, and what the host said; an expiry is 5.4.7",
        arguments: [false, true])
    func report(_ isExpired: Bool) async throws {
        let room = try DeliveryRoom()
        let id = try await room.enqueue(
            "a@one.example", text: "From: s@b.example\r\nSubject: lost\r\n\r\nbody words\r\n")
        let entry = try #require(try await room.queue.show(id))
        let reply = DeliveryReply(
            code: 450, status: EnhancedStatusCode(4, 2, 2), text: "mailbox full", host: "mx.one.example[192.0.2.1]")
        let failure = BounceReport.Failure(
            recipient: try #require(entry.recipients.first), reply: reply, outcome: isExpired ? .expired : .failed,
            at: room.clock.now())
        let sender = try #require(EmailAddress("sender@example.org"))
        let report = BounceReport(message: entry.message, sender: sender, failures: [failure])
        let composer = BounceComposer(reportingMTA: try #require(DomainName("mail.example.org")))
        let reader = try room.blobs.open(entry.message.blob, size: entry.message.size)
        let bytes = composer.compose(report, id: room.ids.next(), reader: reader, at: room.clock.now())
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("To: sender@example.org"))
        #expect(text.contains("Final-Recipient: rfc822; a@one.example") || text.contains("rfc822;a@one.example"))
        #expect(text.contains(isExpired ? "Status: 5.4.7" : "Status: 5.2.2"))
        #expect(text.contains("mailbox full"))
        #expect(text.contains("mx.one.example"))
        #expect(text.contains("body words"))
        let short = BounceComposer(reportingMTA: composer.reportingMTA, wholeMessageLimit: { 10 })
        let header = short.compose(report, id: room.ids.next(), reader: reader, at: room.clock.now())
        #expect(!String(decoding: header, as: UTF8.self).contains("body words"))
        var octets = report
        octets.message.bodyType = .binaryMIME
        let ofBinary = composer.compose(octets, id: room.ids.next(), reader: reader, at: room.clock.now())
        #expect(!String(decoding: ofBinary, as: UTF8.self).contains("body words"), "a report is text")
    }

    @Test("A report of delay says until when it is tried, has a temporary status, and gives back the header alone")
    func delay() async throws {
        let room = try DeliveryRoom()
        let id = try await room.enqueue(
            "a@one.example", text: "From: s@b.example\r\nSubject: slow\r\n\r\nbody words\r\n")
        let entry = try #require(try await room.queue.show(id))
        let reply = DeliveryReply(status: EnhancedStatusCode(4, 4, 1), text: "could not connect", host: "mx[192.0.2.1]")
        let failure = BounceReport.Failure(
            recipient: try #require(entry.recipients.first), reply: reply, outcome: .delayed, at: room.clock.now())
        let report = BounceReport(
            message: entry.message, sender: try #require(EmailAddress("sender@example.org")), failures: [failure])
        let composer = BounceComposer(reportingMTA: try #require(DomainName("mail.example.org")))
        let reader = try room.blobs.open(entry.message.blob, size: entry.message.size)
        let bytes = composer.compose(report, id: room.ids.next(), reader: reader, at: room.clock.now())
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("Action: delayed\r\nStatus: 4.4.1\r\n"))
        #expect(text.contains("\r\nWill-Retry-Until: "))
        #expect(text.contains("Subject: slow") && !text.contains("body words"))
    }

    @Test(
        "The host that answered is named without its address, or by its address alone",
        arguments: [
            ("mx.one.example[192.0.2.1]:2525", "mx.one.example"), ("[192.0.2.1][192.0.2.1]", "[192.0.2.1]"),
            ("[IPv6:2001:db8::1][2001:db8::1]", "[IPv6:2001:db8::1]"),
        ])
    func remoteMTA(host: String, name: String) async throws {
        let room = try DeliveryRoom()
        let id = try await room.enqueue("a@one.example")
        let entry = try #require(try await room.queue.show(id))
        let reply = DeliveryReply(code: 550, status: EnhancedStatusCode(5, 1, 1), text: "no", host: host)
        let failure = BounceReport.Failure(
            recipient: try #require(entry.recipients.first), reply: reply, outcome: .failed, at: room.clock.now())
        let report = BounceReport(
            message: entry.message, sender: try #require(EmailAddress("sender@example.org")), failures: [failure])
        let composer = BounceComposer(reportingMTA: try #require(DomainName("mail.example.org")))
        let bytes = composer.compose(report, id: room.ids.next(), reader: nil, at: room.clock.now())
        #expect(String(decoding: bytes, as: UTF8.self).contains("Remote-MTA: dns; \(name)\r\n"))
    }
}
