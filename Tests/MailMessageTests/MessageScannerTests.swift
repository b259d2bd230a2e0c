import MailMessage
import MartletTesting
import Testing

@Suite("The message scanner")
struct MessageScannerTests {
    /// Part paths with type, octets and lines of the body, and the body itself.
    static func outline(_ message: String) -> [String] {
        let bytes = Array(message.utf8)
        return outline(MessageIndex(scanning: bytes).structure, bytes, "0")
    }

    private static func outline(_ part: MIMEPart, _ bytes: [UInt8], _ path: String) -> [String] {
        let body = String(decoding: bytes[part.bodyRange], as: UTF8.self)
        let shown = part.children.isEmpty ? " [\(body.replacing("\r\n", with: "|").replacing("\n", with: "/"))]" : ""
        var lines = ["\(path) \(part.type)/\(part.subtype) \(part.bodyRange.count) \(part.lineCount)\(shown)"]
        for (number, child) in part.children.enumerated() { lines += outline(child, bytes, "\(path).\(number + 1)") }
        return lines
    }

    @Test(
        "The tree is what the octets say",
        arguments: [
            ("Subject: x\r\n\r\nhello\r\n", ["0 text/plain 7 1 [hello|]"]),
            ("Subject: x\n\nhello\nworld", ["0 text/plain 11 1 [hello/world]"]),
            ("", ["0 text/plain 0 0 []"]), ("\r\n", ["0 text/plain 0 0 []"]), ("\n\n", ["0 text/plain 1 1 [/]"]),
            ("Subject: x", ["0 text/plain 0 0 []"]), ("no header\r\n\r\nbody", ["0 text/plain 4 0 [body]"]),
            ("Content-Type: garbage\r\n\r\nx", ["0 text/plain 1 0 [x]"]),
            (
                "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n\r\n--b--\r\nepi\r\n",
                ["0 multipart/mixed 43 10", "0.1 text/plain 3 0 [one]", "0.2 text/plain 5 1 [two|]"]
            ),
            (
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nnever ends\r\n",
                ["0 multipart/mixed 19 3", "0.1 text/plain 12 1 [never ends|]"]
            ),
            (
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--",
                ["0 multipart/mixed 15 3", "0.1 text/plain 1 0 [x]"]
            ),
            (
                "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n",
                ["0 multipart/mixed 13 4", "0.1 text/plain 1 0 [x]"]
            ),
            // the body is empty and the header has no blank line
            (
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: y\r\n--b\r\n\r\n--b--\r\n",
                ["0 multipart/mixed 25 5", "0.1 text/plain 0 0 []", "0.2 text/plain 0 0 []"]
            ),
            ("Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx", ["0 multipart/mixed 8 2 [--b||x]"]),
            // blanks after a boundary, and a longer word after it
            (
                "Content-Type: multipart/mixed; boundary=\"b c\"\r\n\r\n--b c \t\r\n\r\nx\r\n--b c-- \r\n",
                ["0 multipart/mixed 24 4", "0.1 text/plain 1 0 [x]"]
            ),
            // the outer boundary is the beginning of the inner one
            (
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n"
                    + "--bb\r\n\r\n1\r\n--bb--\r\n--b\r\n\r\n2\r\n--b--\r\n",
                [
                    "0 multipart/mixed 93 11", "0.1 multipart/alternative 17 3", "0.1.1 text/plain 1 0 [1]",
                    "0.2 text/plain 1 0 [2]",
                ]
            ),
            // the inner boundary is the beginning of the outer one
            (
                "Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                    + "--b\r\n\r\n1\r\n--b--\r\n--bb\r\n\r\n2\r\n--bb--\r\n",
                [
                    "0 multipart/mixed 87 11", "0.1 multipart/mixed 15 3", "0.1.1 text/plain 1 0 [1]",
                    "0.2 text/plain 1 0 [2]",
                ]
            ),
            // an inner multipart that is not ended is ended by the outer one
            (
                "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n"
                    + "--i\r\n\r\n1\r\n--o\r\n\r\n2\r\n--o--\r\n",
                [
                    "0 multipart/mixed 77 10", "0.1 multipart/mixed 8 2", "0.1.1 text/plain 1 0 [1]",
                    "0.2 text/plain 1 0 [2]",
                ]
            ),
            (
                "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n",
                ["0 message/rfc822 21 3", "0.1 text/plain 6 1 [body|]"]
            ),
            (
                "Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: 1\r\n\r\na\r\n--d\r\nContent-Type: text/plain\r\n"
                    + "\r\nb\r\n--d--\r\n",
                [
                    "0 multipart/digest 67 10", "0.1 message/rfc822 15 2", "0.1.1 text/plain 1 0 [a]",
                    "0.2 text/plain 1 0 [b]",
                ]
            ),
            // a message in a message whose header is cut by the boundary
            (
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n--b--\r\n",
                ["0 multipart/mixed 56 5", "0.1 message/rfc822 10 0", "0.1.1 text/plain 0 0 []"]
            ),
        ] as [(String, [String])]
    )
    func tree(message: String, expected: [String]) { #expect(Self.outline(message) == expected) }

    @Test("Sizes and lines agree with a body counted by hand")
    func imapExample() throws {
        let message = """
            From: user@domain.org
            Content-Type: multipart/mixed; boundary="foo
             bar"

            Root MIME prologue

            --foo bar
            Content-Type: text/x-myown; charset=us-ascii; foo="quoted\\"string"
            Content-ID: <foo@example.com>
            Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
            Content-Disposition: inline; foo=bar
            Content-Description: hellodescription
            Content-Language: en, (northern) fi (the (Finnish) one),se
            Content-Location: http://example.com/test.txt

            hello

            --foo bar--

            """.replacing("\n", with: "\r\n")
        let part = try #require(MessageIndex(scanning: Array(message.utf8)).structure.children.first)
        #expect(part.subtype == "x-myown")
        #expect(part.parameters.map(\.value) == ["us-ascii", "quoted\"string"])
        #expect(part.contentID == "<foo@example.com>")
        #expect(part.md5 == "Q2hlY2sgSW50ZWdyaXR5IQ==")
        #expect(part.disposition == .init(type: "inline", parameters: [(name: "foo", value: "bar")]))
        #expect(part.description == "hellodescription")
        #expect(part.languages == ["en", "fi", "se"])
        #expect(part.location == "http://example.com/test.txt")
        #expect(part.bodyRange.count == 7)
        #expect(part.lineCount == 1)
    }

    static let splitSamples: [String] = [
        "Subject: x\r\nFrom: a@b\r\n\r\nhello\r\nworld\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b\r\nX: y\r\n--b\r\n\r\ntwo\r\n\r\n--b--\r\nepi",
        "Content-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: 1\n\n1\n"
            + "--b--\n--bb\nContent-Transfer-Encoding: base64\n\naGk=\n--bb--",
        "Received: 1\r\nReceived: 2\r\nDate: Sat, 21 Nov 2026 00:04:28 +0000\r\n\r\n"
            + String(repeating: "long ", count: 200),
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n-\r\n--\r\n-\r\n--a\r\n"
            + String(repeating: "-", count: 700)
            + "\r\n--b" + String(repeating: "x", count: 400) + "\r\n\r\nlast\r\n--b--\r\n",
    ]

    @Test("Each split gives the same index", arguments: splitSamples)
    func splits(message: String) {
        let bytes = Array(message.utf8)
        let whole = MessageIndex(scanning: bytes)
        var single = MessageScanner()
        for byte in bytes { single.consume([byte]) }
        #expect(single.finish() == whole)
        for cut in 0...bytes.count {
            var scanner = MessageScanner()
            scanner.consume(Array(bytes[..<cut]))
            scanner.consume(Array(bytes[cut...]))
            #expect(scanner.finish() == whole, "cut at \(cut)")
        }
    }

    @Test("Any octets in any chunks give the same index, and it survives its coding")
    func randomMessages() throws {
        var generator = SeededGenerator(seed: 42)
        let pieces = [
            "--b", "--bb", "--b--", "--bb--", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n\r\n", "Content-Type: ",
            "multipart/mixed; boundary=b",
            "multipart/digest; boundary=bb", "message/rfc822", "text/html", "a", " ", "From: x <a@b>, y",
            "Subject: =?utf-8?q?x?=",
            "Content-Disposition: attachment; filename*0*=utf-8''%e4; filename*1=b", "Date: 1 Jan 2020 00:00", "\u{0}",
            "é", "<b>t</b>",
            "References: <a@b> <c@d>", "Content-Transfer-Encoding: base64",
            "Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n",
        ]
        for _ in 0..<1500 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<60, using: &generator) {
                bytes += Array(pieces[Int.random(in: 0..<pieces.count, using: &generator)].utf8)
            }
            let whole = MessageIndex(scanning: bytes)
            var scanner = MessageScanner()
            var position = 0
            while position < bytes.count {
                let end = min(bytes.count, position + Int.random(in: 1...9, using: &generator))
                scanner.consume(Array(bytes[position..<end]))
                position = end
            }
            #expect(scanner.finish() == whole, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
            #expect(try MessageIndex.decode(whole.encode(), headerBlock: whole.headerBlock) == whole)
            #expect(whole.size == bytes.count)
            checkRanges(whole.structure, within: 0..<bytes.count)
        }
    }

    private func checkRanges(_ part: MIMEPart, within outer: Range<Int>) {
        #expect(outer.lowerBound <= part.headerRange.lowerBound && part.bodyRange.upperBound <= outer.upperBound)
        #expect(part.headerRange.upperBound == part.bodyRange.lowerBound)
        for child in part.children { checkRanges(child, within: part.bodyRange) }
    }

    @Test("Depth and number of parts are bounded")
    func limits() {
        var deep = ""
        for level in 0..<200 { deep += "Content-Type: multipart/mixed; boundary=b\(level)x\r\n\r\n--b\(level)x\r\n" }
        var part = MessageIndex(scanning: Array(deep.utf8)).structure
        var depth = 1
        while let child = part.children.first { (part, depth) = (child, depth + 1) }
        #expect(depth == 30)
        let nested = String(repeating: "Content-Type: message/rfc822\r\n\r\n", count: 500)
        #expect(MessageIndex(scanning: Array(nested.utf8)).size == nested.utf8.count)
        let wide =
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + String(repeating: "--b\r\n\r\nx\r\n", count: 3000)
        #expect(MessageIndex(scanning: Array(wide.utf8)).structure.children.count == 999)
    }

    @Test("A header ends at its limit")
    func headerLimit() {
        let bytes = [UInt8](repeating: 0x61, count: MessageScanner.maximumHeader + 10)
        let index = MessageIndex(scanning: bytes)
        #expect(index.headerBlock.count == MessageScanner.maximumHeader)
        #expect(index.structure.bodyRange.count == 10)
    }

    @Test("The scanner says what it knows of the header while it reads")
    func progress() {
        var scanner = MessageScanner()
        scanner.consume(Array("Received: a\r\nReceived: b\r\n".utf8))
        #expect(!scanner.headerComplete)
        #expect(scanner.headerOctets == 26)
        scanner.consume(Array("\r\nbody".utf8))
        #expect(scanner.headerComplete)
        #expect(scanner.headerOctets == 28)
        #expect(scanner.receivedCount == 2)
    }

    @Test("Sections name parts as IMAP does")
    func sections() throws {
        let inner = "Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\ndeep\r\n--i--\r\n"
        let message =
            "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nfirst\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n\(inner)\r\n--o--\r\n"
        let bytes = Array(message.utf8)
        let root = MessageIndex(scanning: bytes).structure
        func body(_ path: [Int]) -> String? {
            root.part(path).map { String(decoding: bytes[$0.bodyRange], as: UTF8.self) }
        }
        #expect(body([1]) == "first")
        #expect(body([2, 1]) == "deep")
        #expect(body([3]) == nil)
        #expect(body([1, 1]) == nil)
        let plain = MessageIndex(scanning: Array("A: b\r\n\r\nx".utf8)).structure
        #expect(plain.part([1])?.bodyRange == plain.bodyRange)
        #expect(plain.part([1, 1]) == nil)
    }
}
