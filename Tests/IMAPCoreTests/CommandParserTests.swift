import Testing

@testable import IMAPCore

typealias Body = IMAPCommand.Body

func name(_ path: String) -> IMAPMailboxName { IMAPMailboxName(path: path) }

func sequence(_ elements: NumberSet<SequenceNumber>.Element...) -> MessageSelection {
    .sequence(NumberSet(elements: elements))
}

func uids(_ elements: NumberSet<IMAPUID>.Element...) -> UIDSet { NumberSet(elements: elements) }

extension NumberSet.Element {
    static func one(_ value: UInt32) -> Self { Self(.number(.init(rawValue: value)), .number(.init(rawValue: value))) }
    static func range(_ low: UInt32, _ high: UInt32) -> Self {
        Self(.number(.init(rawValue: low)), .number(.init(rawValue: high)))
    }
    static func from(_ low: UInt32) -> Self { Self(.number(.init(rawValue: low)), .last) }
    static var star: Self { Self(.last, .last) }
}

@Suite struct CommandParserTests {
    static let simple: [(String, Body)] = [
        ("CAPABILITY", .capability),
        ("noop", .noop),
        ("Logout", .logout),
        ("STARTTLS", .startTLS),
        ("NAMESPACE", .namespace),
        ("IDLE", .idle),
        ("CHECK", .check),
        ("CLOSE", .close),
        ("UNSELECT", .unselect),
        ("EXPUNGE", .expunge),
        ("NOOP  ", .noop),
        ("UID EXPUNGE 3:5", .uidExpunge(uids(.range(3, 5)))),
        ("AUTHENTICATE plain", .authenticate(.init(mechanism: "PLAIN", initialResponse: nil))),
        (
            "AUTHENTICATE PLAIN AGEAYg==",
            .authenticate(.init(mechanism: "PLAIN", initialResponse: Array("AGEAYg==".utf8)))
        ),
        ("AUTHENTICATE EXTERNAL =", .authenticate(.init(mechanism: "EXTERNAL", initialResponse: []))),
        ("LOGIN joe secret", .login(.init(user: Array("joe".utf8), password: Array("secret".utf8)))),
        ("LOGIN \"j oe\" \"a\\\"\\\\b\"", .login(.init(user: Array("j oe".utf8), password: Array("a\"\\b".utf8)))),
        ("LOGIN {3}\r\njoe {5+}\r\np w]x", .login(.init(user: Array("joe".utf8), password: Array("p w]x".utf8)))),
        ("LOGIN a \"\"", .login(.init(user: Array("a".utf8), password: []))),
        ("LOGIN a \"pässword\"", .login(.init(user: Array("a".utf8), password: Array("pässword".utf8)))),
        ("unauthenticate", .unauthenticate),
        ("ENABLE condstore X-Y", .enable(["CONDSTORE", "X-Y"])),
        ("ID NIL", .id([])),
        ("ID ()", .id([])),
        ("ID (\"name\" \"x\" \"os\" NIL)", .id([.init(name: "name", value: "x"), .init(name: "os", value: nil)])),
        ("GETQUOTA \"\"", .getQuota(root: "")),
        ("GETQUOTAROOT inbox", .getQuotaRoot(.inbox)),
        ("SETQUOTA \"\" (storage 512)", .setQuota(.init(root: "", limits: [.init(resource: "STORAGE", value: 512)]))),
        ("SETQUOTA r ()", .setQuota(.init(root: "r", limits: []))),
    ]

    static let mailboxes: [(String, Body)] = [
        ("SELECT InBox", .select(.init(mailbox: .inbox))),
        ("EXAMINE \"a b\"", .examine(.init(mailbox: name("a b")))),
        ("SELECT x (CONDSTORE)", .select(.init(mailbox: name("x"), condstore: true))),
        (
            "SELECT x (QRESYNC (67890007 20050715194045000 41,43:211 (1:2 3:4)))",
            .select(
                .init(
                    mailbox: name("x"),
                    qresync: .init(
                        uidValidity: 67_890_007, modSequence: 20_050_715_194_045_000,
                        knownUIDs: uids(.one(41), .range(43, 211)),
                        sequenceMatch: .init(sequence: .init(elements: [.range(1, 2)]), uids: uids(.range(3, 4))))))
        ),
        ("CREATE Lists/", .create(.init(mailbox: name("Lists"), onlyForChildren: true))),
        ("CREATE Sent (USE (\\Sent))", .create(.init(mailbox: name("Sent"), specialUses: [.sent]))),
        (
            "CREATE S (USE (\\sent \\X))",
            .create(.init(mailbox: name("S"), specialUses: [.sent], unknownSpecialUses: ["\\X"]))
        ),
        ("DELETE a]b", .delete(name("a]b"))),
        ("RENAME a {3}\r\nb c", .rename(.init(source: name("a"), destination: name("b c")))),
        ("SUBSCRIBE &ZeVnLIqe-", .subscribe(name("日本語"))),
        ("UNSUBSCRIBE inbox/sub", .unsubscribe(name("INBOX/sub"))),
        (
            "STATUS inbox (messages UIDNEXT size HIGHESTMODSEQ deleted)",
            .status(.init(mailbox: .inbox, items: [.messages, .uidNext, .size, .highestModSequence, .deleted]))
        ),
        ("LSUB \"\" *", .lsub(.init(reference: "", pattern: .init("*")))),
        ("LIST \"\" \"\"", .list(.init(reference: "", patterns: [.init("")]))),
        ("LIST \"\" %", .list(.init(reference: "", patterns: [.init("%")]))),
        ("LIST a/ \"&ZeVnLIqe-*\"", .list(.init(reference: "a/", patterns: [.init("日本語*")]))),
        ("LIST \"\" \"a&*\"", .list(.init(reference: "", patterns: [.init("a&*")]))),
        (
            "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (a% \"b*\") RETURN (CHILDREN STATUS (MESSAGES UNSEEN) SPECIAL-USE SUBSCRIBED)",
            .list(
                .init(
                    selection: [.subscribed, .recursiveMatch], reference: "", patterns: [.init("a%"), .init("b*")],
                    returns: [.children, .specialUse, .subscribed], statusItems: [.messages, .unseen], isExtended: true)
            )
        ),
        ("LIST () \"\" * RETURN ()", .list(.init(reference: "", patterns: [.init("*")], isExtended: true))),
        (
            "LIST (SPECIAL-USE) \"\" *",
            .list(.init(selection: .specialUse, reference: "", patterns: [.init("*")], isExtended: true))
        ),
    ]

    static let messages: [(String, Body)] = [
        ("FETCH 1 FAST", .fetch(.init(messages: sequence(.one(1)), items: [.flags, .internalDate, .rfc822Size]))),
        (
            "FETCH 1:* ALL",
            .fetch(.init(messages: sequence(.from(1)), items: [.flags, .internalDate, .rfc822Size, .envelope]))
        ),
        (
            "FETCH * full",
            .fetch(.init(messages: sequence(.star), items: [.flags, .internalDate, .rfc822Size, .envelope, .body]))
        ),
        (
            "UID FETCH 5,7 (UID FLAGS UID)",
            .fetch(.init(messages: .uid(uids(.one(5), .one(7))), items: [.uid, .flags]))
        ),
        ("FETCH 1 BODYSTRUCTURE", .fetch(.init(messages: sequence(.one(1)), items: [.bodyStructure]))),
        (
            "FETCH 1 (BODY RFC822 RFC822.HEADER RFC822.TEXT MODSEQ EMAILID THREADID)",
            .fetch(
                .init(
                    messages: sequence(.one(1)),
                    items: [.body, .rfc822, .rfc822Header, .rfc822Text, .modSequence, .emailID, .threadID]))
        ),
        (
            "FETCH 1 BODY[]",
            .fetch(.init(messages: sequence(.one(1)), items: [.section(.init(section: .init(), access: .marksSeen))]))
        ),
        (
            "FETCH 1 BODY.PEEK[]<0.2048>",
            .fetch(
                .init(
                    messages: sequence(.one(1)),
                    items: [.section(.init(section: .init(), access: .peek, partial: .init(offset: 0, count: 2048)))]))
        ),
        (
            "FETCH 1 (BODY[1.2.MIME] BODY.PEEK[3.TEXT] BODY[4])",
            .fetch(
                .init(
                    messages: sequence(.one(1)),
                    items: [
                        .section(.init(section: .init(part: [1, 2], kind: .mime), access: .marksSeen)),
                        .section(.init(section: .init(part: [3], kind: .text), access: .peek)),
                        .section(.init(section: .init(part: [4]), access: .marksSeen)),
                    ]))
        ),
        (
            "FETCH 1 BODY.PEEK[HEADER.FIELDS (From \"Message-ID\")]",
            .fetch(
                .init(
                    messages: sequence(.one(1)),
                    items: [
                        .section(.init(section: .init(kind: .headerFields(["From", "Message-ID"])), access: .peek))
                    ]))
        ),
        (
            "FETCH 1 BODY[2.HEADER.FIELDS.NOT (To)]",
            .fetch(
                .init(
                    messages: sequence(.one(1)),
                    items: [
                        .section(.init(section: .init(part: [2], kind: .headerFieldsNot(["To"])), access: .marksSeen))
                    ]))
        ),
        (
            "UID FETCH $ FLAGS (CHANGEDSINCE 12345 VANISHED)",
            .fetch(.init(messages: .uid(.savedResult), items: [.flags], changedSince: 12345, vanished: true))
        ),
        (
            "STORE 1:2 +FLAGS (\\Deleted $Junk)",
            .store(
                .init(
                    messages: sequence(.range(1, 2)), action: .add, answer: .newFlags,
                    flags: [.deleted, .keyword("$Junk")]))
        ),
        (
            "STORE 1 FLAGS.SILENT ()",
            .store(.init(messages: sequence(.one(1)), action: .replace, answer: .silent, flags: []))
        ),
        (
            "STORE 1 -FLAGS \\seen \\Answered",
            .store(.init(messages: sequence(.one(1)), action: .remove, answer: .newFlags, flags: [.seen, .answered]))
        ),
        (
            "STORE 1 +FLAGS ( \\Seen  \\Draft )",
            .store(.init(messages: sequence(.one(1)), action: .add, answer: .newFlags, flags: [.seen, .draft]))
        ),
        (
            "UID STORE 9 (UNCHANGEDSINCE 0) FLAGS (\\Flagged)",
            .store(
                .init(
                    messages: .uid(uids(.one(9))), action: .replace, answer: .newFlags, flags: [.flagged],
                    unchangedSince: 0))
        ),
        ("COPY 2:4 Trash", .copy(.init(messages: sequence(.range(2, 4)), destination: name("Trash")))),
        (
            "UID MOVE 4294967295:1 \"Trash\"",
            .move(.init(messages: .uid(uids(.range(4_294_967_295, 1))), destination: name("Trash")))
        ),
    ]

    @Test(arguments: simple + mailboxes + messages)
    func commandsAreRead(_ text: String, _ expected: Body) throws {
        let command = try IMAPParser().parse(Array("a.1 \(text)".utf8))
        #expect(command == IMAPCommand(tag: "a.1", body: expected))
        #expect(try IMAPParser().parse(Array("a.1 \(text)\r\n".utf8)) == command)
    }

    static let searches: [(String, SearchCommand)] = [
        ("SEARCH ALL", .init(numbering: .sequence, key: .all)),
        ("UID SEARCH UNSEEN", .init(numbering: .uid, key: .notFlag(.seen))),
        ("SEARCH RETURN () NEW", .init(numbering: .sequence, returns: [], key: .new)),
        (
            "SEARCH RETURN (MIN MAX ALL COUNT SAVE) OLD",
            .init(numbering: .sequence, returns: [.min, .max, .all, .count, .save], key: .notFlag(.recent))
        ),
        (
            "SEARCH OR SEEN (FLAGGED 2:*) NOT UID 4",
            .init(
                numbering: .sequence,
                key: .and([
                    .or(.flag(.seen), .and([.flag(.flagged), .sequence(.init(elements: [.from(2)]))])),
                    .not(.uid(uids(.one(4)))),
                ]))
        ),
        ("SEARCH FROM \"ü\"", .init(numbering: .sequence, key: .from(Array("ü".utf8)))),
        ("SEARCH HEADER X-Y \"\"", .init(numbering: .sequence, key: .header(name: Array("X-Y".utf8), value: []))),
        (
            "SEARCH KEYWORD $Forwarded UNKEYWORD x",
            .init(numbering: .sequence, key: .and([.flag(.keyword("$Forwarded")), .notFlag(.keyword("x"))]))
        ),
        (
            "SEARCH LARGER 100 SMALLER 4294967296",
            .init(numbering: .sequence, key: .and([.larger(100), .smaller(4_294_967_296)]))
        ),
        ("SEARCH MODSEQ 620162338", .init(numbering: .sequence, key: .modSequence(620_162_338))),
        (
            "SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338",
            .init(numbering: .sequence, key: .modSequence(620_162_338))
        ),
        (
            "SEARCH YOUNGER 60 OLDER 1",
            .init(numbering: .sequence, key: .and([.younger(seconds: 60), .older(seconds: 1)]))
        ),
        (
            "SEARCH EMAILID M1_a-b THREADID T2",
            .init(numbering: .sequence, key: .and([.emailID("M1_a-b"), .threadID("T2")]))
        ),
        (
            "SEARCH $ 1",
            .init(numbering: .sequence, key: .and([.sequence(.savedResult), .sequence(.init(elements: [.one(1)]))]))
        ),
        (
            "SEARCH BCC a BODY b CC c TEXT d TO e",
            .init(numbering: .sequence, key: .and([.bcc([97]), .body([98]), .cc([99]), .text([100]), .to([101])]))
        ),
    ]

    @Test(arguments: searches)
    func searchesAreRead(_ text: String, _ expected: SearchCommand) throws {
        #expect(try IMAPParser().parse(Array("t \(text)".utf8)).body == .search(expected))
    }

    @Test func searchWithCharsetAndLiteralIsRead() throws {
        let command = try IMAPParser().parse(Array("t SEARCH CHARSET utf-8 SUBJECT {5}\r\nTrä] ALL".utf8))
        let key = SearchKey.and([.subject(Array("Trä]".utf8)), .all])
        #expect(command.body == .search(.init(numbering: .sequence, charset: "UTF-8", key: key)))
    }

    @Test(arguments: ["SINCE", "BEFORE", "ON", "SENTSINCE", "SENTBEFORE", "SENTON"])
    func searchDatesAreRead(_ key: String) throws {
        let plain = try IMAPParser().parse(Array("t SEARCH \(key) 1-feb-2024".utf8))
        let quoted = try IMAPParser().parse(Array("t SEARCH \(key) \"01-Feb-2024\"".utf8))
        #expect(plain == quoted)
        let date = try #require(IMAPDate(year: 2024, month: 2, day: 1))
        let expected: [String: SearchKey] = [
            "SINCE": .since(date), "BEFORE": .before(date), "ON": .on(date), "SENTSINCE": .sentSince(date),
            "SENTBEFORE": .sentBefore(date), "SENTON": .sentOn(date),
        ]
        #expect(plain.body == .search(.init(numbering: .sequence, key: try #require(expected[key]))))
    }

    @Test(
        arguments: [
            ("a APPEND INBOX ", [], nil),
            ("a APPEND INBOX (\\Seen x) ", [IMAPFlag.seen, .keyword("x")], nil),
            (
                "a append {5}\r\nINBOX \"17-Jul-1996 02:44:25 -0700\" ", [],
                IMAPDateTime(secondsSince1970: 837_596_665, zoneMinutes: -420)
            ),
            (
                "a APPEND inbox () \" 1-Jan-1970 00:00:00 +0000\" ", [],
                IMAPDateTime(secondsSince1970: 0, zoneMinutes: 0)
            ),
        ] as [(String, [IMAPFlag], IMAPDateTime?)])
    func appendIsRead(_ prefix: String, _ flags: [IMAPFlag], _ date: IMAPDateTime?) throws {
        var parser = AppendParser(IMAPParser())
        let (command, elements) = try parser.begin(prefix: Array(prefix.utf8), size: 310)
        #expect(command == AppendCommand(tag: "a", mailbox: .inbox))
        #expect(elements == [.message(flags: flags, date: date), .literal(size: 310, .text)])
    }

    @Test func utf8NamesAreReadOnceEnabled() throws {
        let parser = IMAPParser(nameEncoding: .utf8)
        #expect(try parser.parse(Array("a SELECT \"日本&\"".utf8)).body == .select(.init(mailbox: name("日本&"))))
    }

    @Test func doneEndsIdle() {
        #expect(IMAPParser.isDone(Array("DONE".utf8)))
        #expect(IMAPParser.isDone(Array("done".utf8)))
        #expect(!IMAPParser.isDone(Array("DONE ".utf8)))
        #expect(!IMAPParser.isDone([0x24, 0x4F, 0x4E, 0x45]))
        #expect(!IMAPParser.isDone([]))
    }

    @Test func loginNeverPrintsItsPassword() throws {
        let command = try IMAPParser().parse(Array("a LOGIN joe secret".utf8))
        #expect(!"\(command)".contains("115"))
        #expect(!String(reflecting: command).contains("115"))
    }
}
