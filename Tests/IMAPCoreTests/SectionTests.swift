import MailMessage
import NIOCore
import Testing

@testable import IMAPCore

/// The shape of RFC 3501 §6.4.5: text, image, and a message with a multipart that holds another message.
let nestedMessage = """
    From: Joe <joe@example.org>
    To: a@example.org
    Subject: outer
    Date: Sat, 21 Nov 2026 00:00:00 +0000
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary=A

    preamble
    --A
    Content-Type: text/plain; charset=utf-8

    first
    line
    --A
    Content-Type: message/rfc822
    Content-Description: fwd

    From: Ann <ann@example.org>
    Subject: middle
     folded
    MIME-Version: 1.0
    Content-Type: multipart/alternative; boundary=B

    --B
    Content-Type: text/html

    <b>x</b>
    --B
    Content-Type: message/rfc822

    Subject: inner
    X-A: 1

    innermost

    --B--

    --A--

    """.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")

let plainMessage = "Subject: plain\r\nX: 1\r\n\r\nbody\r\n"

@Suite struct SectionTests {
    static func root(_ text: String) -> MIMEPart {
        var scanner = MessageScanner()
        scanner.consume(Array(text.utf8))
        return scanner.finish().structure
    }

    static func text(_ section: String, of message: String) throws -> String? {
        let command = try IMAPParser().parse(Array("a FETCH 1 BODY[\(section)]".utf8))
        guard case .fetch(let fetch) = command.body, case .section(let item)? = fetch.items.first else { return nil }
        let octets = Array(message.utf8)
        switch item.section.content(in: root(message)) {
        case .octets(let range): return String(decoding: octets[range], as: UTF8.self)
        case .filteredHeader(let range, let filter):
            return String(decoding: filter.apply(to: octets[range]), as: UTF8.self)
        case nil: return nil
        }
    }

    @Test(
        arguments: [
            ("", nestedMessage),
            ("1", "first\r\nline"),
            ("1.MIME", "Content-Type: text/plain; charset=utf-8\r\n\r\n"),
            ("1.TEXT", nil),
            ("1.HEADER", nil),
            ("1.1", nil),
            ("2.MIME", "Content-Type: message/rfc822\r\nContent-Description: fwd\r\n\r\n"),
            ("2.HEADER.FIELDS (subject)", "Subject: middle\r\n folded\r\n\r\n"),
            ("2.1", "<b>x</b>"),
            ("2.1.MIME", "Content-Type: text/html\r\n\r\n"),
            ("2.2", "Subject: inner\r\nX-A: 1\r\n\r\ninnermost\r\n"),
            ("2.2.HEADER", "Subject: inner\r\nX-A: 1\r\n\r\n"),
            ("2.2.TEXT", "innermost\r\n"),
            ("2.2.1", "innermost\r\n"),
            ("2.2.2", nil),
            ("2.3", nil),
            ("3", nil),
            ("HEADER.FIELDS (TO X-None from)", "From: Joe <joe@example.org>\r\nTo: a@example.org\r\n\r\n"),
            ("HEADER.FIELDS (X-None)", "\r\n"),
            ("2.2.HEADER.FIELDS.NOT (Subject)", "X-A: 1\r\n\r\n"),
        ] as [(String, String?)])
    func sectionsOfNestedMessages(_ section: String, _ expected: String?) throws {
        #expect(try Self.text(section, of: nestedMessage) == expected)
    }

    @Test(
        arguments: [
            ("", plainMessage),
            ("HEADER", "Subject: plain\r\nX: 1\r\n\r\n"),
            ("TEXT", "body\r\n"),
            ("1", "body\r\n"),
            ("1.MIME", "Subject: plain\r\nX: 1\r\n\r\n"),
            ("1.1", nil),
            ("2", nil),
            ("1.HEADER", nil),
        ] as [(String, String?)])
    func sectionsOfPlainMessages(_ section: String, _ expected: String?) throws {
        #expect(try Self.text(section, of: plainMessage) == expected)
    }

    @Test(arguments: [
        (0, 4, 10..<14), (0, 100, 10..<20), (5, 100, 15..<20), (10, 1, 20..<20), (Int.max, Int.max, 20..<20),
        (9, 1, 19..<20),
    ])
    func partialsStayInside(_ offset: Int, _ count: Int, _ expected: Range<Int>) {
        #expect(FetchPartial(offset: offset, count: count).applied(to: 10..<20) == expected)
    }

    @Test(arguments: [
        ("A: 1\r\nB: 2\r\n", ["b"], "B: 2\r\n"),
        ("A: 1\nB : 2\n\tx\n\nA: body", ["B"], "B : 2\n\tx\n\r\n"),
        (" lost\r\nA: 1\r\n\r\n", ["A"], "A: 1\r\n\r\n"),
        ("garbage\r\n\r\n", ["A"], "\r\n"),
        ("", ["A"], ""),
        ("A:", ["A"], "A:"),
        ("AB: 1\r\n\r\n", ["A"], "\r\n"),
    ])
    func headersAreFiltered(_ header: String, _ names: [String], _ expected: String) {
        let kept = HeaderFilter(names, .only).apply(to: Array(header.utf8))
        #expect(String(decoding: kept, as: UTF8.self) == expected)
    }

    @Test func structureIsWritten() {
        let root = Self.root(nestedMessage)
        var encoder = IMAPResponseEncoder()
        encoder.beginFetch(SequenceNumber(rawValue: 1))
        encoder.fetchBodyStructure(root)
        encoder.endFetch()
        let text = String(buffer: encoder.take())
        #expect(
            text.hasPrefix(
                "* 1 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 11 1 NIL NIL NIL NIL)"
                    + "(\"message\" \"rfc822\" NIL NIL \"fwd\" \"7bit\" "), "\(text)")
        #expect(
            text.contains("(NIL \"middle folded\" ((\"Ann\" NIL \"ann\" \"example.org\")) ((\"Ann\" NIL"), "\(text)")
        #expect(text.hasSuffix("\"mixed\" (\"boundary\" \"A\") NIL NIL NIL))\r\n"), "\(text)")
        #expect(text.filter { $0 == "(" }.count == text.filter { $0 == ")" }.count)

        encoder.fetchBody(root)
        let basic = String(buffer: encoder.take())
        #expect(basic.hasPrefix("BODY ((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 11 1)(\"message\""))
        #expect(basic.hasSuffix("\"mixed\")"))
    }

    @Test func internationalMessagesAreShownToThoseWhoKnowThem() {
        let inside = "Subject: Gr\u{FC}\u{DF}e\r\nContent-Type: text/html\r\n\r\n<p>\r\n"
        let root = Self.root("Content-Type: message/global; name=x\r\n\r\n\(inside)")
        func told(_ names: IMAPNameEncoding) -> String {
            var encoder = IMAPResponseEncoder(nameEncoding: names)
            encoder.fetchBody(root)
            return String(buffer: encoder.take())
        }
        let head = "BODY (\"message\" \"global\" (\"name\" \"x\") NIL NIL \"7bit\" \(inside.utf8.count)"
        #expect(told(.modifiedUTF7) == head + ")")
        let shown = told(.utf8)
        #expect(shown.hasPrefix(head + " (NIL ") && shown.contains("Gr\u{FC}\u{DF}e"), "\(shown)")
        #expect(shown.hasSuffix(") (\"text\" \"html\" NIL NIL NIL \"7bit\" 5 1) 4)"), "\(shown)")
    }

    @Test(arguments: [
        ("Content-Type: message/global\r\n\r\nA: b\r\n\r\n", true),
        ("Content-Type: MESSAGE/Global\r\n\r\n", true),
        ("Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\nContent-Type: message/global\r\n\r\n\r\n--b--\r\n", true),
        ("Content-Type: message/rfc822\r\n\r\nContent-Type: message/global\r\n\r\nA: b\r\n", true),
        ("Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\n", false),
        ("Content-Type: message/global-headers\r\n\r\nA: b\r\n\r\n", false),
        ("Content-Description: (\"message\" \"global\" \r\n\r\n", false),
        ("", false),
    ])
    func keptStructuresAreKnownToDiffer(_ message: String, _ differs: Bool) {
        let kept = FetchText.structure(Self.root(message))
        #expect(kept.withUnsafeBytes { FetchText.differsInUTF8(structure: $0) } == differs)
        #expect(
            (1..<20).allSatisfy { count in
                !kept.prefix(count).withUnsafeBytes { FetchText.differsInUTF8(structure: $0) }
            })
    }

    @Test func emptyMultipartsAndMessagesStayValid() {
        var part = MIMEPart()
        part.type = "multipart"
        part.subtype = "mixed"
        var buffer = ByteBuffer()
        buffer.writeBodyStructure(part, .basic)
        #expect(String(buffer: buffer) == "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0) \"mixed\")")
        part.type = "message"
        part.subtype = "rfc822"
        part.languages = ["de", "en"]
        part.disposition = .init(type: "attachment", parameters: [("filename", "ä\"")])
        buffer.clear()
        buffer.writeBodyStructure(part, .extended)
        #expect(
            String(buffer: buffer)
                == "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 0 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) "
                + "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0) 0 NIL (\"attachment\" (\"filename\" {3}\r\nä\")) "
                + "(\"de\" \"en\") NIL)")
    }

    @Test func envelopeIsWritten() {
        var envelope = Envelope()
        envelope.date = Array("Sat".utf8)
        envelope.subject = []
        envelope.from = [
            EnvelopeAddress(mailbox: Array("team".utf8)),
            EnvelopeAddress(mailbox: Array("a".utf8), host: Array("b".utf8)),
            EnvelopeAddress(),
        ]
        envelope.messageID = Array("<1@x>".utf8)
        var buffer = ByteBuffer()
        buffer.writeEnvelope(envelope)
        #expect(
            String(buffer: buffer)
                == "(\"Sat\" \"\" ((NIL NIL \"team\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)) NIL NIL NIL NIL NIL NIL \"<1@x>\")"
        )
    }
}
