import MailSyntax
import MartletTesting
import Testing

@testable import MailStore

@Suite struct SearchTests {
    private func fill(_ fixture: MailFixture) async throws {
        let day = Timestamp(microseconds: 1_000 * 86_400_000_000)
        try await fixture.append(
            "From: Ann <ann@example.com>\r\nSubject: Gr\u{fc}\u{df}e\r\nDate: Mon, 02 Jan 2006 23:30:00 -0500\r\n\r\nHello World\r\n",
            flags: [.seen, .flagged], keywords: ["$Work"], at: day, zone: 0)
        try await fixture.append(
            "From: bob@example.com\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nX-Empty:\r\n\r\nthe quick brown fox\r\n",
            flags: [.seen],
            at: day.adding(.seconds(82_800)), zone: 120)
        try await fixture.append(
            "Subject: html\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>hel<b>lo</b> \u{4f60}\u{597d}</p>\r\n",
            at: day.adding(.seconds(3 * 86_400)))
        try await fixture.append(
            "Subject: coded\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8gZnJvbSBiYXNlNjQ=\r\n\(String(repeating: " ", count: 500))",
            at: day.adding(.seconds(9 * 86_400)))
    }

    @Test func `every kind of query, with and without the index`() async throws {
        let cases: [(SearchQuery, [UInt32])] = [
            (.all, [1, 2, 3, 4]), (.uids([4...9, 1...2, 2...4]), [1, 2, 3, 4]), (.uids([]), []),
            (.flags(.seen), [1, 2]),
            (.flags([.seen, .flagged]), [1]), (.not(.flags(.seen)), [3, 4]), (.keyword("$WORK"), [1]),
            (.header(name: "FROM", contains: "EXAMPLE"), [1, 2]), (.header(name: "subject", contains: "GR\u{dc}"), [1]),
            (.header(name: "Subject", contains: "CAF\u{c9}"), [2]), (.header(name: "x-empty", contains: ""), [2]),
            (.header(name: "x-none", contains: ""), []), (.body("hello"), [1, 3, 4]), (.body("QUICK brown"), [2]),
            (.body("\u{597d}"), [3]), (.body("caf"), []), (.text("caf\u{e9}"), [2]), (.text("xyzzy"), []),
            (.text("h"), [1, 2, 3, 4]),
            (.internalDay(1000...1000), [1]), (.internalDay(1001...1003), [2, 3]), (.sentDay(13_150...13_150), [1]),
            (.sentDay(1009...1009), [4]),
            (.internalDateSince(Timestamp(microseconds: 1_003 * 86_400_000_000)), [3, 4]),
            (.larger(500), [4]), (.smaller(500), [1, 2, 3]), (.modSeq(ModSequence(rawValue: 1)), [1, 2, 3, 4]),
            (.modSeq(ModSequence(rawValue: 1 << 40)), []),
            (.and([.flags(.seen), .body("hello")]), [1]), (.or(.body("fox"), .flags(.flagged)), [1, 2]),
            (.not(.body("hello")), [2]), (.not(.or(.text("fox"), .text("base64"))), [1, 3]), (.and([]), [1, 2, 3, 4]),
            (.and([.uids([2...3]), .text("html")]), [3]),
        ]
        let plain = try await MailFixture()
        try await fill(plain)
        let indexed = try await MailFixture(withIndex: true)
        try await fill(indexed)
        try await indexed.append("Subject: later\r\n\r\nnot indexed yet\r\n")
        try await indexed.store.searchIndex?.drain()
        _ = try await indexed.store.expunge(indexed.inbox, uids: [UID(rawValue: 5)], onlyDeleted: false)
        for (query, expected) in cases {
            #expect(try await plain.store.search(plain.inbox, query).map(\.rawValue) == expected, "\(query)")
            #expect(try await indexed.store.search(indexed.inbox, query).map(\.rawValue) == expected, "\(query), index")
        }
        try await indexed.append("Subject: later\r\n\r\nhello again\r\n")
        #expect(try await indexed.store.search(indexed.inbox, .body("hello")).map(\.rawValue) == [1, 3, 4, 6])
        let row = try #require(try await plain.rows().last)
        #expect(try await plain.store.search(plain.inbox, .emailID(row.email)) == [row.uid])
        #expect(try await plain.store.search(plain.inbox, .threadID(row.thread)) == [row.uid])
    }

    @Test func `a file that is gone is found by the catch-up of a new index`() async throws {
        let fixture = try await MailFixture(withIndex: true)
        try await fixture.append()
        let index = try #require(fixture.store.searchIndex)
        try await index.catchUp()
        let row = try #require(try await fixture.rows().first)
        #expect(try await index.signatures([row.email]).count == 1)
    }

    @Test func `a signature never denies what is there`() {
        var random = SeededGenerator(seed: 42)
        let alphabet = Array("abc xyz\u{e4}\u{df}\u{4f60}\u{597d}\u{1f600}\r\n0")
        for _ in 0..<400 {
            let length = Int.random(in: 0..<3000, using: &random)
            let text = SearchFold.fold(
                String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }))
            let signature = TextSignature(texts: ["other text", text])
            for _ in 0..<20 where !text.isEmpty {
                let start = Int.random(in: 0..<text.count, using: &random)
                let end = min(text.count, start + Int.random(in: 1..<30, using: &random))
                let from = text.index(text.startIndex, offsetBy: start)
                let needle = String(text[from..<text.index(from, offsetBy: end - start)])
                #expect(signature.mayContain(needle), "\(needle)")
            }
            #expect(TextSignature(bits: signature.bits) == signature)
        }
        #expect(!TextSignature(texts: ["hello world"]).mayContain("absent entirely"))
    }
}
