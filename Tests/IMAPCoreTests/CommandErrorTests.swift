import Testing

@testable import IMAPCore

@Suite struct CommandErrorTests {
    static let table: [(String, IMAPParseError.Code)] = [
        ("", .syntax),
        ("FROB", .unknownCommand),
        ("UID FROB 1", .unknownCommand),
        ("UID", .syntax),
        ("NOOP x", .syntax),
        ("LOGIN joe", .syntax),
        ("LOGIN  joe x", .syntax),
        ("LOGIN joe \"x", .syntax),
        ("LOGIN joe \"a\\b\"", .syntax),
        ("LOGIN joe x y", .syntax),
        ("LOGIN joe \u{1}", .forbiddenOctet),
        ("LOGIN joe jürgen", .forbiddenOctet),
        ("LOGIN joe \"a\u{0}b\"", .forbiddenOctet),
        ("LOGIN joe {3}\r\na\u{0}b", .forbiddenOctet),
        ("LOGIN joe {3}\r\nab", .literal),
        ("LOGIN joe {3}abc", .literal),
        ("LOGIN joe {99999999999999999999999}\r\nabc", .numberRange),
        ("LOGIN joe {18446744073709551615}\r\nabc", .limit),
        ("LOGIN joe ~{3}\r\nabc", .binaryLiteral),
        ("SELECT", .syntax),
        ("SELECT \"\"", .mailboxName),
        ("SELECT \"é\"", .forbiddenOctet),
        ("SELECT a&b", .mailboxName),
        ("SELECT &AGE-", .mailboxName),
        ("SELECT {2}\r\na\u{1}", .mailboxName),
        ("SELECT a b", .syntax),
        ("SELECT a (FROB)", .unknownItem),
        ("SELECT a (QRESYNC (0 1))", .numberRange),
        ("SELECT a (QRESYNC (1 2 1:*))", .syntax),
        ("CREATE a (USE \\Sent)", .syntax),
        ("CREATE a (FROB)", .unknownItem),
        ("STATUS a ()", .syntax),
        ("STATUS a (FROB)", .unknownItem),
        ("STATUS a MESSAGES", .syntax),
        ("LIST \"\"", .syntax),
        ("LIST (RECURSIVEMATCH) \"\" *", .syntax),
        ("LIST (RECURSIVEMATCH REMOTE) \"\" *", .syntax),
        ("LIST (FROB) \"\" *", .unknownItem),
        ("LIST \"\" ()", .syntax),
        ("LIST \"\" * RETURN (FROB)", .unknownItem),
        ("LIST \"\" * FROB", .syntax),
        ("APPEND INBOX hello", .syntax),
        ("ENABLE", .syntax),
        ("ID", .syntax),
        ("ID (\"a\")", .syntax),
        ("AUTHENTICATE", .syntax),
        ("AUTHENTICATE PLAIN !", .syntax),
        ("FETCH", .syntax),
        ("FETCH 0 FLAGS", .numberRange),
        ("FETCH 4294967296 FLAGS", .numberRange),
        ("FETCH 1: FLAGS", .syntax),
        ("FETCH 1, FLAGS", .syntax),
        ("FETCH 1 ()", .syntax),
        ("FETCH 1 (FAST)", .unknownItem),
        ("FETCH 1 FLAGS UID", .syntax),
        ("FETCH 1 FROB", .unknownItem),
        ("FETCH 1 BODY[", .syntax),
        ("FETCH 1 BODY[]<0>", .syntax),
        ("FETCH 1 BODY[]<0.0>", .numberRange),
        ("FETCH 1 BODY[]<99999999999999999999.1>", .numberRange),
        ("FETCH 1 BODY[0]", .numberRange),
        ("FETCH 1 BODY[1.]", .syntax),
        ("FETCH 1 BODY[MIME]", .syntax),
        ("FETCH 1 BODY[FROB]", .syntax),
        ("FETCH 1 BODY[HEADER.FIELDS ()]", .syntax),
        ("FETCH 1 BODY[HEADER.FIELDS (a:b)]", .syntax),
        ("FETCH 1 BODY.PEEK", .syntax),
        ("FETCH 1 FLAGS (FROB)", .unknownItem),
        ("FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", .syntax),
        ("UID FETCH 1 FLAGS (VANISHED)", .syntax),
        ("UID FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)", .numberRange),
        ("STORE 1 FROB (\\Seen)", .unknownItem),
        ("STORE 1 FLAGS", .syntax),
        ("STORE 1 FLAGS (\\*)", .syntax),
        ("STORE 1 (FROB 1) FLAGS ()", .unknownItem),
        ("COPY 1", .syntax),
        ("SEARCH", .syntax),
        ("SEARCH FROB", .unknownItem),
        ("SEARCH ()", .syntax),
        ("SEARCH (ALL", .syntax),
        ("SEARCH NOT", .syntax),
        ("SEARCH OR ALL", .syntax),
        ("SEARCH SINCE 31-Feb-2024", .date),
        ("SEARCH SINCE 1-Foo-2024", .date),
        ("SEARCH SINCE 1-Jan-24", .date),
        ("SEARCH SINCE 001-Jan-2024", .date),
        ("SEARCH YOUNGER 0", .numberRange),
        ("SEARCH RETURN (FROB) ALL", .unknownItem),
        ("SEARCH EMAILID \"a b\"", .syntax),
        ("SETQUOTA \"\" (STORAGE -1)", .syntax),
    ]

    @Test(arguments: table)
    func errorsAreNamed(_ text: String, _ code: IMAPParseError.Code) {
        let error = #expect(throws: IMAPParseError.self) { try IMAPParser().parse(Array("a1 \(text)".utf8)) }
        #expect(error?.code == code, "\(text): \(error?.description ?? "")")
        #expect(error?.tag == "a1")
    }

    @Test(arguments: ["", "\r\n", " ", "+ NOOP", "* OK", "(a) NOOP", "\u{0} NOOP", "é NOOP", "\"a\" NOOP"])
    func unreadableTags(_ text: String) {
        let error = #expect(throws: IMAPParseError.self) { try IMAPParser().parse(Array(text.utf8)) }
        #expect(error?.code == .badTag)
        #expect(error?.tag == nil)
        #expect(error?.condition == .bad)
    }

    @Test func namesThatCannotBeAreNoNotBad() {
        let error = #expect(throws: IMAPParseError.self) { try IMAPParser().parse(Array("a DELETE a&b".utf8)) }
        #expect(error?.condition == .no)
        #expect(error?.responseCode == .cannot)
    }

    @Test(
        arguments: [
            ("a APPEND INBOX", .syntax),
            ("a APPEND INBOX (\\Seen)", .syntax),
            ("a APPEND INBOX \"1-Jan-2024 00:00:00\" ", .syntax),
            ("a APPEND INBOX \"01-Jan-2024 24:00:00 +0000\" ", .date),
            ("a APPEND INBOX \"01-Jan-2024 00:00:00 +2400\" ", .date),
            ("a APPEND INBOX UTF8 ~", .syntax),
            ("a APPEND INBOX CATENATE (", .syntax),
            ("a APPEND INBOX CATENATE (TEXT", .syntax),
            ("a APPEND INBOX CATENATE (URL ", .syntax),
            ("a APPEND INBOX CATENATE () ", .syntax),
            ("a REPLACE INBOX ", .syntax),
            ("a REPLACE 0 INBOX ", .numberRange),
            ("a UID REPLACE * INBOX ", .syntax),
            ("a REPLACE 1:2 INBOX ", .syntax),
            ("a NOOP ", .unknownCommand),
        ] as [(String, IMAPParseError.Code)])
    func badAppends(_ prefix: String, _ code: IMAPParseError.Code) {
        let error = #expect(throws: IMAPParseError.self) {
            var parser = AppendParser(IMAPParser())
            return try parser.begin(prefix: Array(prefix.utf8), size: 1)
        }
        #expect(error?.code == code)
        #expect(error?.tag == "a")
    }

    @Test func messagesAreBounded() throws {
        let prefix = Array("a APPEND INBOX ".utf8)
        let limit = IMAPLimits().appendSize
        var parser = AppendParser(IMAPParser())
        #expect(try parser.begin(prefix: prefix, size: limit).0.tag == "a")
        let error = #expect(throws: IMAPParseError.self) {
            var parser = AppendParser(IMAPParser())
            return try parser.begin(prefix: prefix, size: limit + 1)
        }
        #expect(error?.condition == .no)
        #expect(error?.responseCode == .tooBig)
    }

    // MARK: Limits, at N and N + 1

    static func nested(_ depth: Int) -> String {
        "SEARCH " + String(repeating: "(", count: depth) + "ALL" + String(repeating: ")", count: depth)
    }

    static let limits: [(accepted: String, refused: String)] = [
        (nested(32), nested(33)),
        (
            "SEARCH " + String(repeating: "NOT ", count: 32) + "ALL",
            "SEARCH " + String(repeating: "NOT ", count: 33) + "ALL"
        ),
        (
            "SEARCH " + Array(repeating: "ALL", count: 500).joined(separator: " "),
            "SEARCH " + Array(repeating: "ALL", count: 501).joined(separator: " ")
        ),
        (
            "FETCH " + Array(repeating: "1", count: 20_000).joined(separator: ",") + " UID",
            "FETCH " + Array(repeating: "1", count: 20_001).joined(separator: ",") + " UID"
        ),
        (
            "FETCH 1 BODY[" + Array(repeating: "1", count: 100).joined(separator: ".") + "]",
            "FETCH 1 BODY[" + Array(repeating: "1", count: 101).joined(separator: ".") + "]"
        ),
        (
            "STORE 1 FLAGS (" + String(repeating: "k", count: 128) + ")",
            "STORE 1 FLAGS (" + String(repeating: "k", count: 129) + ")"
        ),
        ("SELECT " + String(repeating: "m", count: 1024), "SELECT " + String(repeating: "m", count: 1025)),
        (
            "STORE 1 FLAGS (" + (1...200).map { "k\($0)" }.joined(separator: " ") + ")",
            "STORE 1 FLAGS (" + (1...201).map { "k\($0)" }.joined(separator: " ") + ")"
        ),
    ]

    @Test(arguments: limits.indices)
    func limitsHold(_ index: Int) throws {
        _ = try IMAPParser().parse(Array("a \(Self.limits[index].accepted)".utf8))
        let error = #expect(throws: IMAPParseError.self) {
            try IMAPParser().parse(Array("a \(Self.limits[index].refused)".utf8))
        }
        #expect(error?.code == .limit)
    }

    @Test func tagsAreBounded() throws {
        let longest = String(repeating: "t", count: 128)
        #expect(try IMAPParser().parse(Array("\(longest) NOOP".utf8)).tag == longest)
        #expect(throws: IMAPParseError.self) { try IMAPParser().parse(Array("\(longest)t NOOP".utf8)) }
    }
}
