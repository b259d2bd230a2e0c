import MailSyntax
import Testing

@testable import MailMessage

/// What clients get that read no UTF-8 in headers. RFC 6858
@Suite struct SurrogateTests {
    private static func header(_ text: String) -> String {
        String(decoding: SurrogateHeader.make(Array(text.utf8)), as: UTF8.self)
    }

    /// The surrogate of a message, read in pieces; nil for one that needs none.
    private static func message(_ octets: [UInt8], piece: Int = 7) throws -> String? {
        let source: SurrogateMessage.Source = { Array(octets[$0]) }
        var made = try SurrogateMessage(
            of: MessageIndex(scanning: octets).structure, size: octets.count, source: source)
        var out: [UInt8] = []
        while let next = try made.next(piece, source: source) { out += next }
        #expect(out.count == made.size)
        #expect(made.isSurrogate || out == octets)
        return made.isSurrogate ? String(decoding: out, as: UTF8.self) : nil
    }

    @Test(arguments: [
        ("From: Zoe <zoe@example.org>\r\n", "From: Zoe <zoe@example.org>\r\n"),
        // A name is encoded, the address kept.
        ("From: Zoë <zoe@example.org>\r\n", "From: =?utf-8?B?Wm/Dqw==?= <zoe@example.org>\r\n"),
        ("To: \"Ann, B.\" <a@b.c>, Zoë <z@b.c>\r\n", "To: \"Ann, B.\" <a@b.c>, =?utf-8?B?Wm/Dqw==?= <z@b.c>\r\n"),
        // RFC 6858 §2.1
        (
            "From: zoë@example.org\r\n",
            "From: =?utf-8?B?em/Dq0BleGFtcGxlLm9yZw==?=\r\n <invalid@internationalized-address.invalid>\r\n"
        ),
        (
            "cc: Fred <fred@exämple.com>, a@b.c\r\n",
            "cc: =?utf-8?B?RnJlZCAoZnJlZEBleMOkbXBsZS5jb20p?=\r\n <invalid@internationalized-address.invalid>, a@b.c\r\n"
        ),
        ("To: Fründe: a@b.c, \"x y\"@b.c;\r\n", "To: =?utf-8?B?RnLDvG5kZQ==?=: a@b.c, \"x y\"@b.c;\r\n"),
        // RFC 6858 §2.3; what is encoded already is not encoded twice.
        ("Subject: Grüße\r\n", "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"),
        ("Subject: =?utf-8?Q?a=C3=A4?= ü\r\n", "Subject: =?utf-8?B?YcOkIMO8?=\r\n"),
        // RFC 6858 §2.2
        ("Content-Disposition: attachment; filename=ä\r\n", "Content-Disposition: attachment\r\n"),
        (
            "Content-Type: text/plain;\r\n name=\"a;ä\";\r\n charset=utf-8\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n"
        ),
        ("Content-Type: tëxt/plain; charset=utf-8\r\n", ""),
        // RFC 6858 §2.4
        ("Received: from ä by b\r\nX: y\r\n", "X: y\r\n"), ("Xä: y\r\nX: y\r\n", "X: y\r\n"),
        ("ä\r\nX: y\r\n", "X: y\r\n"),
        ("To: ä\r\n", "To: =?utf-8?B?w6Q=?= <invalid@internationalized-address.invalid>\r\n"),
        ("Subject:\r\n ä\n", "Subject: =?utf-8?B?w6Q=?=\r\n"),
    ])
    func `a field is shown as far as it can be`(field: String, shown: String) {
        #expect(Self.header(field + "\r\n") == shown + "\r\n")
    }

    @Test func `octets of no charset at all come out as text`() {
        let made = SurrogateHeader.make(Array("Subject: Gr".utf8) + [0xFC, 0xDF] + Array("e\r\n\r\n".utf8))
        #expect(String(decoding: made, as: UTF8.self) == "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\r\n")
    }

    @Test func `headers of parts and of messages in them change, bodies do not`() throws {
        let text =
            "From: zoë@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nü\r\n--x\r\n"
            + "Content-Disposition: attachment; filename=ä\r\nContent-Transfer-Encoding: 8bit\r\n\r\nünverändert\r\n--x\r\n"
            + "Content-Type: message/rfc822\r\n\r\nSubject: Grüße\r\n\r\nß\r\n--x--\r\nä\r\n"
        let expected =
            "From: =?utf-8?B?em/Dq0BiLmM=?= <invalid@internationalized-address.invalid>\r\n"
            + "Content-Type: multipart/mixed; boundary=x\r\n\r\nü\r\n--x\r\n"
            + "Content-Disposition: attachment\r\nContent-Transfer-Encoding: 8bit\r\n\r\nünverändert\r\n--x\r\n"
            + "Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\r\nß\r\n--x--\r\nä\r\n"
        for piece in [1, 7, 100_000] { #expect(try Self.message(Array(text.utf8), piece: piece) == expected) }
    }

    @Test(arguments: ["", "\r\n", "A: b", "A: b\r\n\r\nä\r\n", "\r\nä"])
    func `a message in ASCII, whatever its body, has none`(text: String) throws {
        #expect(try Self.message(Array(text.utf8)) == nil)
    }

    @Test func `a header that is too large is masked, not held`() throws {
        let long = "X: " + String(repeating: "ä", count: 600_000) + "\r\n"
        let text = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + long + "\r\nä\r\n--x--\r\n"
        let made = try #require(try Self.message(Array(text.utf8), piece: 32_768))
        #expect(made.hasSuffix("????\r\n\r\nä\r\n--x--\r\n"))
        #expect(made.utf8.count == text.utf8.count)
    }

    @Test func `whatever a header is made of, its surrogate is ASCII and ends where it ended`() {
        var generator = SystemRandomNumberGenerator()
        let pieces = [
            "From: ", "To:", "Subject", ": ", "\r\n", "\n", "\r", " ", "ä", "<", ">", "\"", "(", ")", ",", ";", "@",
            "=?utf-8?Q?",
            "?=", "Content-Type: ", "a/b", "\\", "x=", "\u{0}", "a@b.c",
        ]
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in pieces.randomElement() ?? "" }
                .joined()
            let made = SurrogateHeader.make(Array(text.utf8))
            #expect(!SurrogateHeader.isNeeded(made), "\(text.debugDescription)")
        }
    }
}
