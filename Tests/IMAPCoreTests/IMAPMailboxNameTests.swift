import Testing

@testable import IMAPCore

@Suite struct IMAPMailboxNameTests {
    static let pairs: [(String, String)] = [
        ("Archive/2026", "Archive/2026"),
        ("R&D", "R&-D"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("☺", "&Jjo-"),
        ("😀", "&2D3eAA-"),
        ("é&é", "&AOk-&-&AOk-"),
        ("Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"),
    ]

    @Test(arguments: pairs)
    func namesGoBothWays(_ text: String, _ wire: String) {
        #expect(String(decoding: name(text).wire(), as: UTF8.self) == wire)
        #expect(IMAPMailboxName(wire: Array(wire.utf8))?.path == text)
        #expect(IMAPMailboxName(wire: Array(text.utf8), encoding: .utf8)?.path == text)
        #expect(name(text).wire(.utf8) == Array(text.utf8))
    }

    @Test(arguments: [
        "&", "a&b", "&AOk", "&AO-", "&AOl-", "&AGE-", "&2D0-", "&3gA-", "&A-", "&AOk-&AOk-", "&*-", "&AOk=-", "a\u{1}b",
        "a\u{7F}", "é", "&AAA-",
    ])
    func malformedNamesAreRefused(_ wire: String) {
        #expect(IMAPMailboxName(wire: Array(wire.utf8)) == nil)
    }

    @Test func inboxIsOneNameInAnyCase() {
        #expect(name("iNbOx") == .inbox)
        #expect(name("iNbOx/A").path == "INBOX/A")
        #expect(name("Inboxes").path == "Inboxes")
        #expect(name("a/inbox").path == "a/inbox")
        #expect(name("ınbox").path == "ınbox")
    }

    @Test func randomOctetsDecodeToOneFormOrNone() {
        var generator = SeededGenerator(state: 42)
        let alphabet = Array("&-ABCUkz,+09/é".utf8)
        for _ in 0..<5000 {
            let octets = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            if let text = IMAPNameEncoding.modifiedUTF7.decode(octets) {
                #expect(IMAPNameEncoding.modifiedUTF7.encode(text) == octets)
            }
        }
    }

    @Test(arguments: [
        ("*", "a/b/c", true), ("%", "a", true), ("%", "a/b", false), ("a/%", "a/b", true), ("a/%", "a/b/c", false),
        ("a*c", "a/b/c", true), ("%/%", "a/b", true), ("inbox", "INBOX", true), ("INBOX/%", "inbox/x", true),
        ("a", "A", false), ("", "", true), ("", "a", false), ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaa", false),
        ("%%a", "a", true),
        ("i%", "INBOX", true), ("I%", "INBOX", true), ("inbox*", "INBOX/A", true), ("in%", "Inboxes", false),
        ("日*", "日本語", true),
    ])
    func patternsMatch(_ pattern: String, _ name: String, _ expected: Bool) {
        #expect(ListPattern(pattern).matches(name) == expected)
    }

    @Test func referenceGoesInFront() {
        #expect(ListPattern("%").matches("a/b", reference: "a/"))
        #expect(!ListPattern("%").matches("b", reference: "a/"))
    }

    @Test func setsResolve() {
        let set = SequenceSet(elements: [.range(7, 5), .one(1), .from(20), .one(8), .one(3)])
        #expect(set.ranges(last: SequenceNumber(rawValue: 10)) == [1...1, 3...3, 5...8, 10...20])
        #expect(set.ranges(last: nil) == [1...1, 3...3, 5...8])
        #expect(set.reaches(beyond: SequenceNumber(rawValue: 10)))
        #expect(!SequenceSet(elements: [.from(1)]).reaches(beyond: SequenceNumber(rawValue: 1)))
        #expect(UIDSet(elements: [.star]).ranges(last: nil).isEmpty)
        let edge = UIDSet(elements: [.one(.max), .range(.max - 1, .max), .one(.max)])
        #expect(edge.ranges(last: nil) == [UInt32.max - 1...UInt32.max])
        #expect(NumberRanges.collapsing([1, 2, 3, 7, .max]) == [1...3, 7...7, .max ... .max])
    }

    @Test func daysGoBothWays() throws {
        #expect(IMAPDate(year: 1970, month: 1, day: 1)?.dayNumber == 0)
        #expect(IMAPDate(year: 2000, month: 3, day: 1)?.dayNumber == 11_017)
        #expect(IMAPDate(year: 1, month: 1, day: 1)?.dayNumber == -719_162)
        #expect(IMAPDate(year: 9999, month: 12, day: 31)?.dayNumber == 2_932_896)
        for number in stride(from: -719_162, through: 2_932_896, by: 97) {
            #expect(try #require(IMAPDate(dayNumber: number)).dayNumber == number)
        }
        #expect(IMAPDate(dayNumber: -719_163) == nil)
        #expect(IMAPDate(dayNumber: 2_932_897) == nil)
        #expect(IMAPDate(year: 1900, month: 2, day: 29) == nil)
    }
}
