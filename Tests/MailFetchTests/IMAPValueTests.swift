import Testing

@testable import MailFetch

@Suite struct IMAPValueTests {
    private static func values(_ pieces: IMAPResponseText.Piece...) -> [IMAPValue] {
        IMAPResponseText(pieces: pieces).values()
    }

    @Test func `reads a FETCH response`() throws {
        let values = Self.values(
            .text(Array("* 12 FETCH (UID 5 FLAGS (\\Seen $Work) INTERNALDATE \"x \\\" y\" BODY[] {3}".utf8)), .streamed,
            .text(Array(")".utf8)))
        let facts = FetchedFacts(try #require(values.last).items)
        #expect(facts.uid == 5 && facts.flags == ["\\Seen", "$Work"] && facts.hasBody)
        #expect(facts.date == "x \" y")
    }

    @Test(arguments: [
        "", "(", ")", "((((((((((((((((((((((((((((((((", "\"", "\"\\", "[", "a[b (c", "* 1 FETCH", "* 1 FETCH (UID",
        "* 1 FETCH (UID 99999999999 FLAGS x)", "* 1 FETCH (UID -1)", "\u{0}", "))))((((",
    ])
    func `survives whatever comes`(text: String) {
        let values = Self.values(.text(Array(text.utf8)), .literal([1, 2]), .text(Array(text.utf8)))
        for value in values { #expect(FetchedFacts(value.items).uid == nil) }
    }

    @Test(
        arguments: [
            ("a {12}", 12), ("a {0}", 0), ("a {}", nil), ("a {-1}", nil), ("a {12} ", nil),
            ("{99999999999999999999}", nil),
            ("}", nil), ("a {1 2}", nil),
        ] as [(String, Int?)])
    func `lengths of literals`(line: String, length: Int?) {
        #expect(RemoteIMAP.literal(Array(line.utf8)) == length)
    }

    @Test(arguments: [
        (" 1-Feb-2024 13:05:00 +0100", Int64(1_706_789_100), 60), ("14-Jul-2017 02:40:00 +0000", 1_500_000_000, 0),
    ])
    func `dates`(text: String, seconds: Int64, zone: Int) throws {
        let date = try #require(RemoteDate.read(text))
        #expect(date.seconds == seconds && date.zone == zone)
    }

    @Test(arguments: [
        "", "1-Feb-2024", "99-Feb-2024 13:05:00 +0100", "1-Feb-2024 13:05 +0100", "1-Feb-2024 13:05:00 +01",
        "1-Feb-99999999999999999999 13:05:00 +0100", "1-Feb-2024 99:99:99 +0100",
    ])
    func `no dates`(text: String) {
        #expect(RemoteDate.read(text) == nil)
    }

    @Test func `sets of UIDs`() {
        #expect(UIDRuns.text([1, 2, 3, 7, 9, 10]) == "1:3,7,9:10")
        #expect(UIDRuns.text([UInt32.max]) == "4294967295")
        #expect(UIDRuns.text([]).isEmpty)
    }

    @Test func `folders by pattern`() {
        let filter = FolderFilter(only: ["INBOX", "Work*"], without: ["*/Old*Stuff"])
        #expect(filter.takes("INBOX") && filter.takes("Work/2019") && !filter.takes("Sent"))
        #expect(!filter.takes("Work/Old Stuff") && filter.takes("Work/Older"))
        #expect(FolderFilter().takes("anything"))
    }
}
