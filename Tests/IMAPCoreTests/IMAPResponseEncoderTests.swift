import MailMessage
import NIOCore
import Testing

@testable import IMAPCore

@Suite struct IMAPResponseEncoderTests {
    static func written(_ body: (inout IMAPResponseEncoder) -> Void) -> String {
        var encoder = IMAPResponseEncoder()
        body(&encoder)
        return String(buffer: encoder.take())
    }

    static let codes: [(IMAPResponseCode, String)] = [
        (.alert, "ALERT"), (.badCharset([]), "BADCHARSET"),
        (.badCharset(["UTF-8", "US-ASCII"]), "BADCHARSET (UTF-8 US-ASCII)"),
        (.capability(["IMAP4rev1", "AUTH=PLAIN"]), "CAPABILITY IMAP4rev1 AUTH=PLAIN"),
        (.permanentFlags([.seen, .keyword("$Junk")], newKeywords: true), "PERMANENTFLAGS (\\Seen $Junk \\*)"),
        (.permanentFlags([], newKeywords: false), "PERMANENTFLAGS ()"),
        (.permanentFlags([], newKeywords: true), "PERMANENTFLAGS (\\*)"),
        (.readOnly, "READ-ONLY"), (.readWrite, "READ-WRITE"), (.tryCreate, "TRYCREATE"), (.parse, "PARSE"),
        (.uidNext(IMAPUID(rawValue: 12)), "UIDNEXT 12"), (.uidValidity(UInt32.max), "UIDVALIDITY 4294967295"),
        (.unseen(SequenceNumber(rawValue: 3)), "UNSEEN 3"), (.appendUID(validity: 7, uids: [4...4]), "APPENDUID 7 4"),
        (.copyUID(validity: 7, source: [1...2, 9...9], destination: [5...7]), "COPYUID 7 1:2,9 5:7"),
        (.uidNotSticky, "UIDNOTSTICKY"), (.highestModSequence(UInt64.max), "HIGHESTMODSEQ 18446744073709551615"),
        (.noModSequence, "NOMODSEQ"), (.modified([1...3, 5...5]), "MODIFIED 1:3,5"), (.closed, "CLOSED"),
        (.notSaved, "NOTSAVED"),
        (.uidRequired, "UIDREQUIRED"),
        (.inProgress(tag: "a1", done: 175, of: 1000), "INPROGRESS (\"a1\" 175 1000)"),
        (.inProgress(tag: "a1", done: 175, of: 175), "INPROGRESS (\"a1\" 175 NIL)"),
        (.inProgress(tag: "a]", done: 0, of: 0), "INPROGRESS (NIL 0 NIL)"),
        (.inProgress(tag: "a1", done: nil, of: 9), "INPROGRESS (\"a1\" NIL NIL)"),
        (.overQuota, "OVERQUOTA"), (.tooBig, "TOOBIG"), (.useAttribute, "USEATTR"), (.unknownCTE, "UNKNOWN-CTE"),
        (.unavailable, "UNAVAILABLE"),
        (.authenticationFailed, "AUTHENTICATIONFAILED"), (.authorizationFailed, "AUTHORIZATIONFAILED"),
        (.expired, "EXPIRED"),
        (.privacyRequired, "PRIVACYREQUIRED"), (.contactAdmin, "CONTACTADMIN"), (.noPermission, "NOPERM"),
        (.inUse, "INUSE"),
        (.expungeIssued, "EXPUNGEISSUED"), (.corruption, "CORRUPTION"), (.serverBug, "SERVERBUG"),
        (.clientBug, "CLIENTBUG"),
        (.cannot, "CANNOT"), (.limit, "LIMIT"), (.alreadyExists, "ALREADYEXISTS"), (.nonExistent, "NONEXISTENT"),
    ]

    @Test(arguments: codes)
    func codesAreWritten(_ code: IMAPResponseCode, _ expected: String) {
        #expect(Self.written { $0.tagged("t", IMAPStatus(.no, code, "Why")) } == "t NO [\(expected)] Why\r\n")
    }

    @Test func humanTextCannotBreakTheLine() {
        #expect(Self.written { $0.untagged(.init(.ok, "[hi] a\r\nb é")) } == "* OK (hi] a??b ?\r\n")
        #expect(Self.written { $0.untagged(.init(.bye, "")) } == "* BYE Done.\r\n")
        #expect(Self.written { $0.continuation() } == "+ \r\n")
        #expect(Self.written { $0.continuation("idling") } == "+ idling\r\n")
    }

    static let lines: [(String, @Sendable (inout IMAPResponseEncoder) -> Void)] = [
        ("* CAPABILITY IMAP4rev1 IDLE\r\n", { $0.capability(["IMAP4rev1", "IDLE"]) }),
        ("* ENABLED CONDSTORE\r\n", { $0.enabled(["CONDSTORE"]) }),
        ("* ID NIL\r\n", { $0.id([]) }),
        (
            "* ID (\"name\" \"Martlet\" \"os\" NIL)\r\n",
            { $0.id([.init(name: "name", value: "Martlet"), .init(name: "os", value: nil)]) }
        ),
        ("* FLAGS (\\Seen a)\r\n", { $0.flags([.seen, .keyword("a")]) }),
        (
            "* 0 EXISTS\r\n* 12 RECENT\r\n",
            {
                $0.exists(0)
                $0.recent(12)
            }
        ),
        ("* 44 EXPUNGE\r\n", { $0.expunge(SequenceNumber(rawValue: 44)) }),
        (
            "* 7 FETCH (UID 12)\r\n* 12 UIDFETCH (UID 12)\r\n",
            {
                for naming in [IMAPMessageNaming.number, .uid] {
                    $0.messageNaming = naming
                    $0.beginFetch(SequenceNumber(rawValue: 7), IMAPUID(rawValue: 12))
                    $0.fetchUID(IMAPUID(rawValue: 12))
                    $0.endFetch()
                }
            }
        ),
        ("* VANISHED (EARLIER) 1:3,9\r\n", { $0.vanished([1...3, 9...9], earlier: true) }),
        ("* SEARCH\r\n", { $0.search([]) }),
        ("* SEARCH 2 10 (MODSEQ 917)\r\n", { $0.search([2, 10], modSequence: 917) }),
        ("* LIST (\\Noselect) \"/\" \"\"\r\n", { $0.listSeparator() }),
        (
            "* LIST (\\HasChildren \\Sent) \"/\" \"a b\"\r\n",
            { $0.list(.init(name("a b"), attributes: [.hasChildren, .specialUse(.sent)])) }
        ),
        (
            "* LIST (\\NonExistent) \"/\" x (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
            { $0.list(.init(name("x"), attributes: [.nonExistent], hasSubscribedChild: true)) }
        ),
        ("* LSUB () \"/\" \"nil\"\r\n", { $0.lsub(.init(name("nil"), attributes: [])) }),
        ("* LIST () \"/\" \"a\\\\\\\"b\"\r\n", { $0.list(.init(name("a\\\"b"), attributes: [])) }),
        ("* LIST () \"/\" &ZeVnLIqe-\r\n", { $0.list(.init(name("日本語"), attributes: [])) }),
        (
            "* LIST () \"/\" \"日本語\"\r\n",
            {
                $0.nameEncoding = .utf8
                $0.list(.init(name("日本語"), attributes: []))
            }
        ),
        ("* STATUS INBOX (MESSAGES 3 UIDNEXT 4)\r\n", { $0.status(.inbox, [(.messages, 3), (.uidNext, 4)]) }),
        ("* NAMESPACE ((\"\" \"/\")) ((\"Shared/\" \"/\")) NIL\r\n", { $0.namespaces(otherUsers: "Shared/") }),
        ("* QUOTA \"\" (STORAGE 10 512)\r\n", { $0.quota(root: "", [.init(name: "STORAGE", usage: 10, limit: 512)]) }),
        ("* QUOTAROOT INBOX \"\"\r\n", { $0.quotaRoot(.inbox, roots: [""]) }),
        ("* ESEARCH (TAG \"a1\") UID\r\n", { $0.esearch(.init(tag: "a1", numbering: .uid)) }),
        (
            "* ESEARCH (TAG \"a1\") MIN 2 MAX 47 ALL 2,10:11 COUNT 3 MODSEQ 9\r\n",
            {
                var result = IMAPSearchResult(tag: "a1", numbering: .sequence)
                result.min = 2
                result.max = 47
                result.all = [2...2, 10...11]
                result.count = 3
                result.modSequence = 9
                $0.esearch(result)
            }
        ),
    ]

    @Test(arguments: lines.indices)
    func linesAreWritten(_ index: Int) {
        #expect(Self.written(Self.lines[index].1) == Self.lines[index].0)
    }

    @Test func fetchItemsAreWritten() {
        let text = Self.written {
            $0.beginFetch(SequenceNumber(rawValue: 12))
            $0.fetchUID(IMAPUID(rawValue: 5))
            $0.fetchFlags([.seen, .recent])
            $0.fetchInternalDate(IMAPDateTime(secondsSince1970: 837_596_665, zoneMinutes: -420))
            $0.fetchSize(4286)
            $0.fetchModSequence(624_140_003)
            $0.fetchEmailID("M1")
            $0.fetchThreadID(nil)
            $0.fetch(
                .section(.init(section: .init(part: [1, 2], kind: .mime), access: .peek)), octets: Array("ab".utf8))
            let names = BodySection(kind: .headerFields(["From", "x\"y"]))
            $0.fetchNil(.section(.init(section: names, access: .marksSeen, partial: .init(offset: 9, count: 3))))
            $0.fetch(.rfc822Text, octets: [])
            $0.endFetch()
        }
        #expect(
            text
                == "* 12 FETCH (UID 5 FLAGS (\\Seen \\Recent) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286 "
                + "MODSEQ (624140003) EMAILID (M1) THREADID NIL BODY[1.2.MIME] {2}\r\nab "
                + "BODY[HEADER.FIELDS (From \"x\\\"y\")]<9> NIL RFC822.TEXT {0}\r\n)\r\n")
    }

    @Test func `a NUL of a message never stands in a literal`() {
        var encoder = IMAPResponseEncoder()
        encoder.beginFetch(SequenceNumber(rawValue: 1))
        encoder.fetch(.rfc822Text, octets: [0, 97, 0, 0, 98, 0])
        encoder.endFetch()
        let text: [UInt8] = [128, 97, 128, 128, 98, 128]
        #expect(
            Array(encoder.take().readableBytesView)
                == Array("* 1 FETCH (RFC822.TEXT {6}\r\n".utf8) + text + Array(")\r\n".utf8))
    }

    @Test(
        arguments: [
            (0, 0, "\" 1-Jan-1970 00:00:00 +0000\""), (-1, 0, "\"31-Dec-1969 23:59:59 +0000\""),
            (0, 330, "\" 1-Jan-1970 05:30:00 +0530\""), (Int64.max, 60, "\"31-Dec-9999 23:59:59 +0100\""),
            (Int64.min, -60, "\" 1-Jan-0001 00:00:00 -0100\""),
        ] as [(Int64, Int, String)])
    func datesAreWritten(_ seconds: Int64, _ zone: Int, _ expected: String) {
        var buffer = ByteBuffer()
        buffer.writeDateTime(IMAPDateTime(secondsSince1970: seconds, zoneMinutes: zone))
        #expect(String(buffer: buffer) == expected)
    }

    @Test func stringsPickTheirForm() {
        func form(_ octets: [UInt8]?) -> [UInt8] {
            var buffer = ByteBuffer()
            buffer.writeNString(octets)
            return Array(buffer.readableBytesView)
        }
        #expect(form(nil) == Array("NIL".utf8))
        #expect(form([]) == Array("\"\"".utf8))
        #expect(form(Array("a\"\\".utf8)) == Array("\"a\\\"\\\\\"".utf8))
        #expect(form(Array("é".utf8)) == Array("{2}\r\né".utf8))
        #expect(form(Array("a\r\nb".utf8)) == Array("{4}\r\na\r\nb".utf8))
        #expect(form([0x61, 0, 0xFF]) == Array("{3}\r\na?".utf8) + [0xFF])
        #expect(form(Array(repeating: 0x61, count: 1001)).starts(with: Array("{1001}\r\n".utf8)))
    }

    @Test func encodedFlagsAndSectionsParseBack() throws {
        let items: [FetchItem] = [
            .section(
                .init(section: .init(part: [1, 2, 3], kind: .headerFieldsNot(["A", "b(c"])), access: .marksSeen)),
            .section(.init(section: .init(part: [7]), access: .marksSeen)),
            .section(.init(section: .init(kind: .text), access: .marksSeen)),
        ]
        for item in items {
            guard case .section(let fetch) = item else { continue }
            var buffer = ByteBuffer(string: "a FETCH 1 BODY[")
            buffer.writeSection(fetch.section)
            buffer.writeString("]")
            let command = try IMAPParser().parse(Array(buffer.readableBytesView))
            #expect(command.body == .fetch(.init(messages: sequence(.one(1)), items: [item])))
        }
    }

    @Test func `octets are read into the answer, and taken back`() {
        var encoder = IMAPResponseEncoder()
        encoder.buffer.writeString("abc")
        let mark = encoder.mark
        let count = encoder.literalOctets(upTo: 10) { space in
            space.copyBytes(from: [1, 0, 2])
            return 3
        }
        #expect(count == 3)
        #expect(Array(encoder.buffer.readableBytesView) == Array("abc".utf8) + [1, 0x80, 2])
        encoder.makeRoom(for: 5000)
        #expect(encoder.buffer.writableBytes >= 5000 - 6)
        encoder.goBack(to: mark)
        #expect(String(buffer: encoder.take()) == "abc")
    }
}
