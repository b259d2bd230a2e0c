import MailMessage
import MailSyntax
import MartletTesting
import Testing

@Suite("Messages of our own")
struct WritingTests {
    private let host = DomainName("mx.example.com")
    private let now = Timestamp(seconds: 1_795_219_468)
    private let id = MailID(rawValue: 1 << 50)

    private func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

    @Test("Received has the shape that filters match")
    func received() throws {
        var field = ReceivedField(
            helo: "client.example", reverseName: nil, client: try #require(IPAddress("192.0.2.1")),
            tls: (version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", bits: 256), authenticatedSender: "a@b.example",
            hostname: "mx.example.com", protocol: "ESMTPSA", id: id,
            forRecipient: EmailAddress("r@d.example"),
            date: now, offsetMinutes: 0
        )
        #expect(
            text(field.render()) == "Received: from client.example (unknown [192.0.2.1])\r\n"
                + "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n\t(Authenticated sender: a@b.example)\r\n"
                + "\tby mx.example.com (Martlet) with ESMTPSA id \(id)\r\n"
                + "\tfor <r@d.example>; Sat, 21 Nov 2026 00:04:28 +0000 (UTC)\r\n"
        )
        field.helo = "evil)\r\nX: y <(\u{1}"
        field.tls = nil
        field.authenticatedSender = nil
        field.forRecipient = nil
        field.client = try #require(IPAddress("2001:db8::1"))
        #expect(
            text(field.render()) == "Received: from evil???X:?y???? (unknown [IPv6:2001:db8::1])\r\n"
                + "\tby mx.example.com (Martlet) with ESMTPSA id \(id); Sat, 21 Nov 2026 00:04:28 +0000 (UTC)\r\n"
        )
    }

    @Test(arguments: [("ESMTPS", "m?nchen"), ("UTF8SMTPS", "m\u{FC}nchen")])
    func `Received is ASCII but in messages that need not be`(name: String, helo: String) throws {
        let field = ReceivedField(
            helo: "m\u{FC}nchen", reverseName: nil, client: try #require(IPAddress("192.0.2.1")),
            hostname: "mx.example.com", protocol: name, id: id, date: now)
        #expect(text(field.render()).hasPrefix("Received: from \(helo) (unknown [192.0.2.1])\r\n"))
    }

    @Test("A built message is read back")
    func builder() throws {
        var builder = MessageBuilder(boundarySeed: id.description)
        builder.add("Subject", String(repeating: "Grüße ", count: 30) + ".")
        builder.add("From", address: try #require(EmailAddress("a@b.example")), displayName: "Müller, J.")
        builder.add("X-Injected", "a\r\nBcc: x@y")
        builder.body = .multipart(
            subtype: "mixed", parameters: [],
            parts: [.text("Hällo\n.\nFrom me\n"), .data([1, 2, 3], type: "application/x-a", filename: "ä b.bin")]
        )
        let bytes = builder.render()
        let index = MessageIndex(scanning: bytes)
        #expect(index.envelope.bcc.isEmpty)
        #expect(EncodedWord.decode(index.envelope.subject ?? []) == String(repeating: "Grüße ", count: 30) + ".")
        #expect(EncodedWord.decode(index.envelope.from.first?.name ?? []) == "Müller, J.")
        #expect(text(index.headerBlock).split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
        #expect(index.preview == "Hällo . From me")
        let data = try #require(index.structure.children.last)
        #expect(data.filename == "ä b.bin")
        #expect(PartDecoder.decode(Array(bytes[data.bodyRange]), transferEncoding: data.transferEncoding) == [1, 2, 3])
        #expect(!zip(bytes, bytes.dropFirst()).contains { $0 != 13 && $1 == 10 })
    }

    private func report(
        to: String, final: String, original: String?, diagnostic: String = "550 5.1.1 No such user\r\nX: y"
    ) throws -> (MessageIndex, [UInt8]) {
        let recipient = DeliveryStatusNotification.Recipient(
            finalRecipient: try #require(EmailAddress(final)), action: .failed, status: EnhancedStatusCode(5, 1, 1),
            originalRecipient: original, remoteMTA: "mx.d.example", diagnosticCode: diagnostic,
            lastAttempt: now, willRetryUntil: now
        )
        let report = DeliveryStatusNotification(
            id: id, reportingMTA: try #require(host), to: try #require(EmailAddress(to)), date: now,
            recipients: [recipient],
            returned: .message(Array("Subject: ü\r\n\r\nbody\r\n".utf8)), queueID: id, originalEnvelopeID: "env 1",
            arrivalDate: now
        )
        let bytes = report.render(offsetMinutes: 0)
        return (MessageIndex(scanning: bytes), bytes)
    }

    @Test("A reply without a blank makes no line that is too long", arguments: ["x", "é"])
    func longReply(_ letter: String) throws {
        let word = String(repeating: letter, count: 1500)
        for to in ["s@b.example", "sü@b.example"] {
            let (_, bytes) = try report(to: to, final: "r@d.example", original: nil, diagnostic: "550 5.1.1 \(word)")
            #expect(bytes.split(separator: 10).allSatisfy { $0.count <= 998 })
        }
    }

    @Test("A report has its three parts and fields")
    func deliveryReport() throws {
        let (index, bytes) = try report(to: "s@b.example", final: "r@d.example", original: "rfc822;R@d.example")
        let root = index.structure
        #expect(root.subtype == "report")
        #expect(root.parameter("report-type") == "delivery-status")
        #expect(
            root.children.map { "\($0.type)/\($0.subtype)" } == [
                "text/plain", "message/delivery-status", "message/rfc822",
            ])
        let status = text(bytes[root.children[1].bodyRange])
        #expect(
            status == "Reporting-MTA: dns; mx.example.com\r\nOriginal-Envelope-Id: env 1\r\n"
                + "Arrival-Date: Sat, 21 Nov 2026 00:04:28 +0000 (UTC)\r\n\r\nOriginal-Recipient: rfc822; R@d.example\r\n"
                + "Final-Recipient: rfc822; r@d.example\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.d.example\r\n"
                + "Diagnostic-Code: smtp; 550 5.1.1 No such user X: y\r\n"
                + "Last-Attempt-Date: Sat, 21 Nov 2026 00:04:28 +0000 (UTC)\r\n"
        )
        #expect(root.children[2].embedded?.envelope.subject == Array("ü".utf8))
        #expect(text(bytes[root.children[2].bodyRange]) == "Subject: ü\r\n\r\nbody\r\n")
        #expect(index.envelope.subject == Array("Undelivered Mail Returned to Sender".utf8))
        #expect(HeaderBlock(parsing: bytes).first("Auto-Submitted")?.text == "auto-replied")
    }

    @Test("UTF-8 addresses are reported as the sender can read them")
    func internationalReport() throws {
        let (old, oldBytes) = try report(to: "s@b.example", final: "ü@d.example", original: nil)
        #expect(
            text(oldBytes[old.structure.children[1].bodyRange]).contains(
                "Final-Recipient: utf-8; \\x{FC}@d.example\r\n"))
        let (new, newBytes) = try report(to: "ö@b.example", final: "ü@d.example", original: "utf-8;ü@d.example")
        #expect(new.structure.parameter("report-type") == "global-delivery-status")
        #expect(new.structure.children.map(\.subtype) == ["plain", "global-delivery-status", "global"])
        let status = text(newBytes[new.structure.children[1].bodyRange])
        #expect(status.contains("Final-Recipient: utf-8; ü@d.example\r\n"))
        #expect(status.contains("Original-Recipient: utf-8; ü@d.example\r\n"))
    }

    private static let manyAuthors = "From: a" + String(repeating: ",a", count: 1000) + "\r\n"

    @Test(
        "Submission completes what a device left out",
        arguments: [
            ("From: FBI\r\n", "From: FBI@example.org\r\n"), ("from: Joe <joe>\r\n", "from: Joe <joe@example.org>\r\n"),
            ("From: a@b.example\r\n", "From: a@b.example\r\n"),
            ("From: Second Floor\r\n", "From: Second Floor <login@example.org>\r\n"),
            ("From:\r\n", "From: login@example.org\r\n"), ("From: a, b\r\n", "From: a@example.org, b@example.org\r\n"),
            ("From: A B <a>, c@d.example\r\n", "From: A B <a@example.org>, c@d.example\r\n"),
            ("From: a@b.example, c@d.example (C)\r\n", "From: a@b.example, c@d.example (C)\r\n"),
            ("From: us: a, b;\r\n", "From: us: a, b;\r\n"),
            (Self.manyAuthors, Self.manyAuthors),
            ("X: y\r\n", "X: y\r\nFrom: login@example.org\r\n"),
        ]
    )
    func fixups(header: String, expected: String) throws {
        let fixups = SubmissionFixups(
            id: id, hostname: try #require(host), time: now, offsetMinutes: 0,
            sender: EmailAddress("login@example.org")
        )
        let (block, changes) = fixups.apply(to: HeaderBlock(parsing: Array("\(header)\r\n".utf8)))
        let added = "Date: Sat, 21 Nov 2026 00:04:28 +0000 (UTC)\r\nMessage-ID: <\(id)@mx.example.com>\r\n\r\n"
        #expect(text(block.bytes) == expected + added)
        #expect(changes.suffix(2).map(\.field) == ["Date", "Message-ID"])
        let again = fixups.apply(to: block)
        #expect(again.changes.isEmpty)
        #expect(again.header.bytes == block.bytes)
    }
}

@Suite("Search text")
struct SearchTextTests {
    @Test("Header and text parts are decoded and folded")
    func extract() {
        let message =
            "Subject: =?utf-8?q?GR=C3=9C=C3=9FE?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            + "Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            + "<p>=C4rger<script>x</script> &Uuml;ber\r\n--b\r\nContent-Type: image/png; name=Photo.PNG\r\n\r\nPNGDATA\r\n--b\r\n"
            + "Content-Type: message/rfc822\r\n\r\nSubject: Inner\r\n\r\nDEEP\r\n--b\r\n"
            + "Content-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n--b--\r\n"
        let bytes = Array(message.utf8)
        let chunks = SearchText.extract(index: MessageIndex(scanning: bytes)) { Array(bytes[$0]) }
        #expect(chunks.first == SearchChunk(source: .field("subject"), text: "grusse"))
        let body = chunks.filter { $0.source == .body }.map(\.text).joined(separator: "|")
        #expect(body.contains("arger"))
        #expect(body.contains("uber"))
        #expect(body.contains("photo.png"))
        #expect(body.contains("inner"))
        #expect(body.contains("deep"))
        #expect(body.contains("status: 5.1.1"))
        #expect(!body.contains("pngdata"))
        #expect(!body.contains("script"))
        #expect(SearchText.fold("ÄRGER") == "arger")
    }

    @Test("Errors of reading are passed on")
    func errors() {
        struct Broken: Error {}
        let index = MessageIndex(scanning: Array("A: b\r\n\r\ntext".utf8))
        #expect(throws: Broken.self) { try SearchText.extract(index: index) { _ in throw Broken() } }
    }

    @Test("Octets of any kind are scanned, coded and searched without a trap")
    func fuzz() {
        var generator = SeededGenerator(seed: 99)
        let pieces = [
            "Content-Type: ", "text/html; charset=", "utf-16", "iso-2022-jp", "big5", "\r\n", "\r\n\r\n", "<!--",
            "<a \"", "&#x110000;",
            "&amp", "&", "=?utf-8?b?", "?=", "Content-Transfer-Encoding: quoted-printable", "=", "=4", "\u{1b}$B", "é",
            "name*0*=",
            "Content-Transfer-Encoding: x-uuencode", "begin 644 x\n", "#0V%T\n", "end\n",
        ]
        for _ in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<30, using: &generator) {
                bytes += Array(pieces[Int.random(in: 0..<pieces.count, using: &generator)].utf8)
                if Bool.random(using: &generator) { bytes.append(.random(in: 0...255, using: &generator)) }
            }
            FuzzEntries.scan(bytes)
            FuzzEntries.header(bytes)
            FuzzEntries.syntax(bytes)
        }
    }
}
