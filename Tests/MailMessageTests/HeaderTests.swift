import MailMessage
import MailSyntax
import MartletTesting
import Testing

@Suite("Address lists")
struct AddressListTests {
    private func show(_ text: String) -> [String] {
        AddressListParser.parse(Array(text.utf8)).map { address in
            func text(_ value: [UInt8]?) -> String { value.map { String(decoding: $0, as: UTF8.self) } ?? "NIL" }
            return [address.name, address.route, address.mailbox, address.host].map(text).joined(separator: "|")
        }
    }

    @Test(
        "Addresses of all shapes are read",
        arguments: [
            ("a@b.example", ["NIL|NIL|a|b.example"]), ("A B <a@b.example>", ["A B|NIL|a|b.example"]),
            ("\"B, A\" <a@b.example>", ["B, A|NIL|a|b.example"]), ("<a@b.example>", ["NIL|NIL|a|b.example"]),
            ("a@b.example (A B)", ["A B|NIL|a|b.example"]), ("\"x\\\"y\" <a@b.example>", ["x\"y|NIL|a|b.example"]),
            ("a@b.example, c@d.example", ["NIL|NIL|a|b.example", "NIL|NIL|c|d.example"]),
            (
                "G: a@b.example, c@d.example;",
                ["NIL|NIL|G|NIL", "NIL|NIL|a|b.example", "NIL|NIL|c|d.example", "NIL|NIL|NIL|NIL"]
            ),
            ("undisclosed-recipients:;", ["NIL|NIL|undisclosed-recipients|NIL", "NIL|NIL|NIL|NIL"]),
            ("G: a@b.example", ["NIL|NIL|G|NIL", "NIL|NIL|a|b.example", "NIL|NIL|NIL|NIL"]),
            ("<@r1,@r2:a@b.example>", ["NIL|@r1,@r2|a|b.example"]), ("FBI", ["NIL|NIL|FBI|MISSING_DOMAIN"]),
            ("A <joe>", ["A|NIL|joe|MISSING_DOMAIN"]), ("a . b @ c . d", ["NIL|NIL|a . b|c.d"]),
            ("a@[192.0.2.1]", ["NIL|NIL|a|[192.0.2.1]"]), ("\"a b\"@c.example", ["NIL|NIL|a b|c.example"]),
            ("a@b.example <a@b.example>", ["a@b.example|NIL|a|b.example"]),
            ("A\r\n B <a@b.example>", ["A B|NIL|a|b.example"]),
            ("=?utf-8?q?x?= <a@b.example>", ["=?utf-8?q?x?=|NIL|a|b.example"]),
            ("", []), (",,,", []), ("  \r\n ", []), ("<>", []), ("J. R. <a@b.example>", ["J. R.|NIL|a|b.example"]),
            ("a@b.example,", ["NIL|NIL|a|b.example"]), ("<a@b.example", ["NIL|NIL|a|b.example"]),
            ("(c (n) \\)) a@b.example", ["c (n) )|NIL|a|b.example"]),
        ] as [(String, [String])]
    )
    func reads(text: String, expected: [String]) { #expect(show(text) == expected) }

    @Test(
        "A long run of one trick is read in linear time",
        arguments: [
            "<@", "(", "\"", "a:", "<a", "@", ",", "=?", "=?a?q?", "&", "<!--", "<a '", "= ", "--b\r\n", "\r\n ",
            "x:\r\n",
        ]
    )
    func linear(unit: String) {
        let bytes = Array(String(repeating: unit, count: (1 << 18) / unit.utf8.count).utf8)
        FuzzEntries.addresses(bytes)
        FuzzEntries.syntax(bytes)
        FuzzEntries.scan(Array("From: ".utf8) + bytes)
        FuzzEntries.scan(
            Array("Content-Type: multipart/mixed; boundary=b; x=".utf8) + bytes + Array("\r\n\r\n".utf8) + bytes)
    }

    @Test("Garbage of every kind ends")
    func garbage() {
        var generator = SeededGenerator(seed: 3)
        let alphabet = Array("<>@,;:()\"\\[]. \r\nab".utf8) + [0, 255]
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            FuzzEntries.addresses(bytes)
            FuzzEntries.header(bytes)
            FuzzEntries.syntax(bytes)
        }
    }
}

@Suite("Headers")
struct HeaderTests {
    private func index(_ text: String) -> MessageIndex { MessageIndex(scanning: Array(text.utf8)) }

    @Test("Fields keep spelling and folding")
    func fields() {
        let block = HeaderBlock(
            parsing: Array("SUBJECT: a\r\n\tb\r\njunk line\r\nX-Y :z\r\nsubject: 2\r\n\r\nbody".utf8))
        #expect(block.fields.map(\.name) == ["SUBJECT", "", "X-Y", "subject"])
        #expect(block.first("Subject")?.unfolded == Array("a\tb".utf8))
        #expect(block.first("x-y")?.unfolded == Array("z".utf8))
        #expect(block.all("SUBJECT").count == 2)
        #expect(String(decoding: block.bytes, as: UTF8.self).hasSuffix("subject: 2\r\n\r\n"))
    }

    @Test("Editing keeps everything else")
    func editing() {
        let block = HeaderBlock(parsing: Array("A: 1\r\nB: 2\r\n 3\r\na: 4\r\n\r\n".utf8))
        func text(_ block: HeaderBlock) -> String { String(decoding: block.bytes, as: UTF8.self) }
        #expect(text(block.removing("a")) == "B: 2\r\n 3\r\n\r\n")
        #expect(text(block.replacingFirst("b", Array("x".utf8))) == "A: 1\r\nB: x\r\na: 4\r\n\r\n")
        #expect(text(block.prepending(Array("Z: 0\r\n".utf8))) == "Z: 0\r\nA: 1\r\nB: 2\r\n 3\r\na: 4\r\n\r\n")
        #expect(text(block.appending("C", Array("5".utf8))) == "A: 1\r\nB: 2\r\n 3\r\na: 4\r\nC: 5\r\n\r\n")
        #expect(text(HeaderBlock(parsing: Array("A: 1".utf8)).appending("B", [0x32])) == "A: 1\r\nB: 2\r\n")
    }

    @Test("The envelope has IMAP's defaults")
    func envelope() {
        let read = index(
            "From: A <a@b.example>\r\nTo: c@d.example\r\nTo: e@f.example\r\nSubject: one\r\n\ttwo\r\nSubject: no\r\nReply-To:\r\n"
                + "Date: Sat, 21 Nov 2026 00:04:28 +0000\r\nMessage-ID: <m@x>\r\nReferences: <1@x>\r\n <2@x>\r\nIn-Reply-To: <2@x> <3@x>\r\n\r\n"
        )
        #expect(read.envelope.sender == read.envelope.from)
        #expect(read.envelope.replyTo == read.envelope.from)
        #expect(read.envelope.to.count == 2)
        #expect(read.envelope.subject == Array("one two".utf8))
        #expect(read.envelope.bcc.isEmpty)
        #expect(read.sentDate?.seconds == 1_795_219_468)
        #expect(read.messageID == "m@x")
        #expect(read.references == ["1@x", "2@x", "3@x"])
        #expect(index("Subject:\r\n\r\n").envelope.subject == [])
        #expect(index("\r\n").envelope.subject == nil)
    }

    @Test(
        "Parameters are read as they come",
        arguments: [
            ("text/plain; name=\"a b.txt\"", "a b.txt"), ("text/plain; name=my file.pdf", "my file.pdf"),
            ("text/plain; name*=utf-8'en'%e2%82%ac", "€"), ("text/plain; name*0=\"ab\"; name*1=cd", "abcd"),
            ("text/plain; name*1*=%ac; name*0*=utf-8''%e2%82", "€"),
            ("text/plain; name*0*=iso-8859-1''%e4; name*1=\"%41\"", "ä%41"),
            ("text/plain; name=\"=?utf-8?q?=C3=A4?=\"", "ä"), ("text/plain name=x", "x"),
            ("text/plain;; ;name=x;", "x"),
            ("text/plain; name=x (comment)", "x"), ("TEXT/PLAIN; NAME=X", "X"),
            ("text/plain; name=\"unterminated", "unterminated"),
            ("text (c) / plain ; name = x", "x"),
        ]
    )
    func parameters(value: String, name: String) {
        let part = index("Content-Type: \(value)\r\n\r\n").structure
        #expect(part.type == "text")
        #expect(part.subtype == "plain")
        #expect(part.filename == name)
    }

    @Test("A header put on top shifts every range")
    func prepending() {
        let message = "A: b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
        let prefix = "Return-Path: <>\r\nReceived: x\r\n"
        #expect(index(message).prepending(Array(prefix.utf8)) == index(prefix + message))
        let edited = index(message).replacingHeader(
            Array("Subject: new\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".utf8)
        )
        #expect(edited.envelope.subject == Array("new".utf8))
        #expect(edited.structure.children == index("Subject: new" + message.dropFirst(4)).structure.children)
    }

    @Test(
        "The preview is the first text, decoded and folded",
        arguments: [
            ("\r\n  hello \r\n\r\n  world ", "hello world"),
            (
                "Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nJ=C3=BCr=\r\ngen",
                "Jürgen"
            ),
            (
                "Content-Type: text/html\r\n\r\n<html><head><style>p{}</style></head><p>a &amp; <b>b</b>ig</p><!-- c --><p>d",
                "a & big d"
            ),
            ("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\n5Pb8", "äöü"),
            (
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\nPNG\r\n--b\r\n\r\ntext\r\n--b--\r\n",
                "text"
            ),
            ("Content-Type: image/png\r\n\r\nPNG", ""),
            (
                "Content-Type: text/html; charset=utf-16be\r\nContent-Transfer-Encoding: base64\r\n\r\nADwAcAA+AOQAJgBhAG0AcAA7ADwALwBwAD4=",
                "ä&"
            ),
            (
                "Content-Type: text/html; charset=iso-2022-jp\r\n\r\n<p>\u{1B}$B%\"<\u{1B}(B</p>",
                "ア"
            ),
            (
                "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<b>x\r\n--b--\r\n",
                "x"
            ),
        ]
    )
    func preview(message: String, expected: String) { #expect(index(message).preview == expected) }

    @Test("The preview is bounded")
    func previewLimit() {
        #expect(index("\r\n" + String(repeating: "word ", count: 1000)).preview.count <= 200)
        #expect(index("\r\n" + String(repeating: "ö ", count: 3000)).preview.count <= 200)
        // However the sample cuts the last character, unlabelled UTF-8 stays UTF-8.
        for blanks in 0...4 {
            let text = String(repeating: "\n", count: blanks) + String(repeating: "\n\n\n€", count: 3000)
            #expect(index("\r\n" + text).preview.hasPrefix("€ €"))
        }
    }

    @Test("A forged index is refused, not trusted")
    func hostileIndex() {
        let good = index(MessageScannerTests.splitSamples[2]).encode()
        for length in 0..<good.count {
            #expect(throws: MailParseError.self) { try MessageIndex.decode(Array(good[..<length]), headerBlock: []) }
        }
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<5000 {
            var bad = good
            for _ in 0..<3 {
                bad[Int.random(in: 0..<bad.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            FuzzEntries.decodeIndex(bad)
        }
        #expect(throws: MailParseError.self) { try MessageIndex.decode(good + [0], headerBlock: []) }
    }
}
