import Testing

@testable import MailMove

@Suite struct LineEndsTests {
    private static func converted(_ text: String, at split: Int) -> String {
        var ends = LineEnds()
        var output: [UInt8] = []
        let bytes = Array(text.utf8)
        for part in [bytes[..<split], bytes[split...]] {
            Array(part).withUnsafeBytes { ends.convert($0, into: &output) }
        }
        return String(decoding: output, as: UTF8.self)
    }

    @Test(arguments: [
        ("a\nb\n", "a\r\nb\r\n"), ("a\r\nb", "a\r\nb"), ("\n\r\n\n", "\r\n\r\n\r\n"), ("a\rb\n", "a\rb\r\n"), ("", ""),
    ])
    func `lines end in CRLF wherever the octets are cut`(text: String, wanted: String) {
        for split in 0...text.utf8.count { #expect(Self.converted(text, at: split) == wanted) }
    }

    @Test(arguments: [("a\r\nb\r\n", "a\nb\n"), ("a\rb\r", "a\rb\r"), ("\r\r\n", "\r\n"), ("x\n", "x\n")])
    func `and in LF`(text: String, wanted: String) {
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            var pending = false
            var output = LineEnds.unix(Array(bytes[..<split]), pendingCR: &pending)
            output += LineEnds.unix(Array(bytes[split...]), pendingCR: &pending)
            if pending { output.append(0x0D) }
            #expect(output == Array(wanted.utf8), "cut at \(split)")
        }
    }
}

@Suite struct UIDListTests {
    @Test func `reads lists of Dovecot`() throws {
        let head = try #require(UIDList.head(Array("3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1".utf8)))
        #expect(head.uidValidity == 1_275_660_208 && head.uidNext == 25_022)
        #expect(head.guid == "3085f01b7f11094c501100008c4a11c1")
        #expect(UIDList.head(Array("1 1275660208 25022".utf8))?.uidNext == 25_022)
        let line = try #require(UIDList.line(Array("25006 Pabc W1394 :1276528487.M36P9.kurkku,S=1355:2,S".utf8)))
        #expect(line.uid == 25_006 && line.uniqueID == "abc")
        #expect(line.name == Array("1276528487.M36P9.kurkku,S=1355".utf8))
        #expect(UIDList.line(Array("7 name:2,".utf8))?.name == Array("name".utf8))
    }

    @Test(arguments: ["", "3", "3 V0 N1", "2 V1 N1", "3 V99999999999 N1", "x y z"])
    func `takes nothing else for one`(text: String) {
        #expect(UIDList.head(Array(text.utf8)) == nil)
    }

    @Test(arguments: ["", "0 :x", "99999999999 :x", "5", "5 ", "5 :", " :x", "a :b"])
    func `passes over lines that say nothing`(text: String) {
        #expect(UIDList.line(Array(text.utf8)) == nil)
    }

    @Test func `keywords have 26 places`() {
        let found = UIDList.keywords(Array("0 $Label1\n25 Z\n26 TooMany\n-1 No\n3 with blank\nx y\n4 (no)\n".utf8))
        #expect(found == [0: "$Label1", 25: "Z"])
    }
}

@Suite struct MaildirFlagsTests {
    @Test func `reads and writes letters`() {
        let read = MaildirFlags.read(Array("1.x:2,DFRSTab".utf8), keywords: [0: "One", 1: "Two"])
        #expect(read.flags == 31 && read.keywords == ["One", "Two"])
        #expect(MaildirFlags.write(31, ["two", "One", "other"], places: ["one": 0, "two": 1]) == ":2,DFRSTab")
        #expect(MaildirFlags.read(Array("1.x:2,PS".utf8), keywords: [:]).keywords == ["$Forwarded"])
    }

    @Test(arguments: ["", "1.x", "1.x:1,S", "1.x:2", "1.x:2,", "1.x:2,qz"])
    func `no letters are no flags`(name: String) {
        let read = MaildirFlags.read(Array(name.utf8), keywords: [:])
        #expect(read.flags == 0 && read.keywords.isEmpty)
    }
}

@Suite struct FolderNameTests {
    @Test(arguments: [("A", "A"), ("&AMQ-rger", "Ärger"), ("a&-b", "a&b"), ("nicht&so", "nicht&so"), ("&AC8-", "_")])
    func `levels come out of modified UTF-7`(text: String, level: String) {
        if text == "&AC8-" {
            // Not the one form of a slash, so it stands for itself.
            #expect(FolderName.level(text) == text)
        } else {
            #expect(FolderName.level(text) == level)
        }
    }

    @Test func `subscriptions of both versions`() {
        let old = MaildirTree.subscriptions(Array("INBOX\nWork.2019\nINBOX.Sent\n".utf8), separator: ".")
        #expect(old == ["INBOX", "Work/2019", "Sent"])
        let new = MaildirTree.subscriptions(Array("V\t2\n\nINBOX\nWork\t2019\n".utf8), separator: ".")
        #expect(new == ["INBOX", "Work/2019"])
    }

    @Test func `usual names get their purpose once`() {
        let uses = UsualNames.uses(of: ["INBOX", "Sent Items", "Sent", "Spam", "INBOX/Trash", "Deep/Drafts"])
        #expect(uses == ["Sent": "sent", "Spam": "junk", "INBOX/Trash": "trash"])
    }
}

@Suite struct MboxPieceTests {
    @Test func `notes leave the header`() {
        let block = Array("A: 1\nStatus: RO\nX-Status: AF\n\tfolded\nX-Keywords: one (two) three\nB: 2\n\n".utf8)
        let header = MboxHeader(block)
        #expect(String(decoding: header.bytes, as: UTF8.self) == "A: 1\nB: 2\n\n")
        #expect(header.flags == 7 && header.keywords == ["one", "three"])
    }

    @Test func `a length that is not believed stays`() {
        let block = Array("Content-Length: 12\n\n".utf8)
        #expect(MboxHeader(block).contentLength == 12)
        #expect(MboxHeader(block).bytes == block)
        #expect(MboxHeader(block, dropsLength: true).bytes == [0x0A])
        for bad in ["-1", "x", "99999999999999999999"] {
            #expect(MboxHeader(Array("Content-Length: \(bad)\n\n".utf8)).contentLength == nil)
        }
    }

    @Test func `From at the begin of a line gets one more`() {
        var quoting = MboxQuoting(notes: [])
        let text = "A: 1\n\nFrom x\n>From y\n>>From z\nx From\n>Fro"
        var output: [UInt8] = []
        for byte in text.utf8 { output += quoting.convert([byte]) }
        output += quoting.finish()
        #expect(
            String(decoding: output, as: UTF8.self) == "A: 1\n\n>From x\n>>From y\n>>>From z\nx From\n>Fro\n\n")
    }
}
