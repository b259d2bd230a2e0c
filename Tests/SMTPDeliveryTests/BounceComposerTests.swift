import Blobs
import MailSyntax
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
            recipient: try #require(entry.recipients.first), reply: reply, isExpired: isExpired, at: room.clock.now())
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
    }
}
