import Blobs
import Directory
import MailAuth
import MailConfig
import MailMessage
import MailPolicy
import MailSyntax
import MartletTesting
import OutboundQueue
import SQLEngine
import Testing

@testable import SMTPDelivery

@Suite("A header that changes on its way out")
struct HeaderChangeTests {
    private static let text =
        "From: Alice <alice@inside.example>\r\nTo: x@one.example\r\nSubject: s\r\n"
        + "Date: Mon, 1 Jun 2026 10:00:00 +0000\r\nMessage-ID: <a@example.org>\r\n\r\nalice@inside.example\r\n"

    private func change(_ header: HeaderBlock) -> HeaderBlock {
        header.replacingFirst("From", Array("Alice <alice@example.org>".utf8))
    }

    private func whole(_ content: MessageContent) async throws -> [UInt8] {
        var bytes = content.prefix
        while true {
            let piece = try await content.piece(at: bytes.count - content.prefix.count)
            if piece.isEmpty { return bytes }
            bytes += piece
        }
    }

    @Test(
        "is sent and signed as it is then", arguments: ["", String(repeating: "0123456789abcdef\r\n", count: 20_000)])
    func signed(_ more: String) async throws {
        let room = try await BounceRoom()
        let report = try await room.report(from: "alice@example.org", text: Self.text + more)
        let directory = room.directory
        let form = DirectorySigner.Form(PolicyRules(Manifest()))
        let signers = DirectorySigner(snapshot: { directory.snapshot }, form: { form })
        let author = try #require(report.message.signFor)
        let signer = try #require(try signers.signer(for: author))
        let reader = try room.state.blobs.open(report.message.blob, size: report.message.size)
        let content = try await MessageContent.prepare(
            report.message, reader: reader, signer: signer, clock: SystemClock(), change: { (change($0), []) })
        let bytes = try await whole(content)
        #expect(bytes.count == content.size)
        let text = Self.text.replacing("From: Alice <alice@inside.example>", with: "From: Alice <alice@example.org>")
        #expect(bytes == content.prefix + Array((text + more).utf8))
        let index = MessageIndex(scanning: bytes)
        var verifier = DKIMVerifier(header: index.headerBlock)
        verifier.update(Array(bytes[index.headerBlock.count...]))
        verifier.finishBody()
        var answers: [String: DKIMKeyLookup] = [:]
        for (selector, key) in room.keys {
            answers["\(selector)._domainkey.example.org"] = .records([Array(key.publicRecord.utf8)])
        }
        #expect(verifier.results(answers: answers, now: SystemClock().now()).map(\.result) == [.pass, .pass])
    }

    @Test("a failing table puts the message off")
    func failing() async throws {
        struct Away: Error {}
        let room = try await BounceRoom()
        let report = try await room.report(from: "alice@example.org", text: Self.text)
        let reader = try room.state.blobs.open(report.message.blob, size: report.message.size)
        await #expect(throws: Away.self) {
            try await MessageContent.prepare(
                report.message, reader: reader, signer: nil, clock: SystemClock(), change: { _ in throw Away() })
        }
    }
}
