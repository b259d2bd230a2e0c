import MailMessage
import MailSyntax
import MartletTesting
import SQLEngine
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

    @Test(arguments: [true, false])
    func `addresses are found as they are written and as ENVELOPE tells them`(keepsKeys: Bool) async throws {
        let fixture = try await MailFixture()
        try await fixture.append(
            "From: <user-from (comment)@ (comment) domain.org>\r\nCc: a @ b.example\r\nTo: x@y.example (a\\)b)\r\n\r\n1"
        )
        try await fixture.append("From: \"Joe \\\"X\\\" Q\" <joe@domain.org>\r\nTo: friends: ann@a.example;\r\n\r\n2")
        if !keepsKeys {
            try await fixture.state.database.write { try $0.execute(SQLStatement(text: "DELETE FROM message_text")) }
        }
        let cases: [(SearchQuery, [UInt32])] = [
            (.addresses(name: "from", contains: "user-from@domain.org"), [1]),
            (.addresses(name: "From", contains: "R-FROM@DOM"), [1]),
            (.addresses(name: "from", contains: "domain"), [1, 2]),
            (.addresses(name: "cc", contains: "a@b.example"), [1]), (.addresses(name: "to", contains: "a)b"), [1]),
            (.addresses(name: "from", contains: "joe \"x\" q"), [2]),
            (.addresses(name: "to", contains: "friends"), [2]),
            (.addresses(name: "from", contains: ""), [1, 2]), (.addresses(name: "cc", contains: ""), [1]),
            (.addresses(name: "bcc", contains: ""), []), (.addresses(name: "to", contains: "domain"), []),
            (.header(name: "from", contains: "user-from@domain.org"), []),
            (.header(name: "from", contains: "(comment)@"), [1]),
        ]
        for (query, expected) in cases {
            #expect(try await fixture.store.search(fixture.inbox, query).map(\.rawValue) == expected, "\(query)")
        }
    }

    @Test func `a file that is gone is found by the catch-up of a new index`() async throws {
        let fixture = try await MailFixture(withIndex: true)
        try await fixture.append()
        let index = try #require(fixture.store.searchIndex)
        try await index.catchUp()
        let row = try #require(try await fixture.rows().first)
        #expect(try await index.progress(fixture.ann) == SearchIndex.Progress(done: 1, total: 1))
        #expect(try await index.mayContain(fixture.ann, [row.email], Grams.asked(by: "absent")) == [false])
    }

    @Test func `a signature never denies what is there`() {
        var random = SeededGenerator(seed: 42)
        let alphabet = Array("abc xyz\u{e4}\u{df}\u{4f60}\u{597d}\u{d55c}\u{3042}\u{430}\u{1f600}\r\n0")
        for _ in 0..<400 {
            let length = Int.random(in: 0..<1500, using: &random)
            let text = SearchText.fold(
                String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }))
            let signature = TextSignature(texts: ["other text", text])
            for _ in 0..<20 where !text.isEmpty {
                let start = Int.random(in: 0..<text.count, using: &random)
                let end = min(text.count, start + Int.random(in: 1..<30, using: &random))
                let from = text.index(text.startIndex, offsetBy: start)
                let needle = String(text[from..<text.index(from, offsetBy: end - start)])
                #expect(signature.mayContain(Grams.asked(by: needle)), "\(needle)")
            }
            #expect(TextSignature(bits: signature.bits) == signature)
        }
        #expect(!TextSignature(texts: ["hello world"]).mayContain(Grams.asked(by: "absent entirely")))
        #expect(!TextSignature(texts: ["\u{4f60}\u{597d}"]).mayContain(Grams.asked(by: "\u{597d}\u{4f60}")))
    }

    @Test func `a block holds what its signatures held`() {
        var random = SeededGenerator(seed: 3)
        for width in [512, 4096, TextSignature.widest] {
            let block = SignatureBlock(width: width)
            let count = width > 4096 ? 3 : block.columns
            let signatures = (0..<count).map { _ in
                (0..<(width / 8)).map { _ in UInt8.random(in: 0...255, using: &random) & 0x11 }
            }
            let slices = block.slices(of: signatures)
            #expect(slices.count == block.sliceCount)
            for column in [0, 1, count - 1] where column < count {
                #expect(block.signature(column, from: slices) == signatures[column])
            }
            for gram in [UInt32(0), 511, 12_345, .max] {
                let bit = Int(gram & UInt32(width - 1))
                let (slice, offset) = block.place(of: gram)
                for column in 0..<count {
                    let turned = slices[slice][offset + column / 8] >> UInt8(column & 7) & 1
                    #expect(turned == signatures[column][bit / 8] >> UInt8(bit & 7) & 1)
                }
            }
        }
    }

    /// Words of many scripts, encodings, and messages with parts.
    private func generated(_ random: inout SeededGenerator) -> String {
        let words = [
            "apple", "caf\u{e9}", "CAFE\u{301}", "Stra\u{df}e", "\u{4f60}\u{597d}", "\u{4e16}\u{754c}",
            "\u{d55c}\u{ad6d}",
            "\u{3042}\u{308a}\u{304c}\u{3068}\u{3046}", "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}",
            "\u{645}\u{631}\u{62d}\u{628}\u{627}", "\u{ff21}\u{ff22}",
            "quick", "brown", "\u{fb01}nd", "x", "\u{1f600}", "42",
        ]
        func text(_ count: Int, _ random: inout SeededGenerator) -> String {
            (0..<count).map { _ in words[Int.random(in: 0..<words.count, using: &random)] }
                .joined(separator: Bool.random(using: &random) ? " " : "\r\n")
        }
        let subject = EncodedWord.encode(text(2, &random).replacing("\r\n", with: " "))
        let body = text(Int.random(in: 0...12, using: &random), &random)
        let header =
            "From: \(EncodedWord.encode(words[Int.random(in: 0..<words.count, using: &random)])) <a@x.example>\r\nSubject: \(subject)\r\n"
        switch Int.random(in: 0...3, using: &random) {
        case 0: return "\(header)Content-Type: text/plain; charset=utf-8\r\n\r\n\(body)\r\n"
        case 1:
            return
                "\(header)Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\(Base64.encode(Array("<p>\(body)</p>".utf8)))\r\n"
        case 2:
            return
                "\(header)Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\(body)\r\n--b\r\nContent-Type: application/pdf\r\n"
                + "Content-Disposition: attachment; filename*=utf-8''%E4%BD%A0%E5%A5%BD-report.pdf\r\n\r\n%PDF\r\n--b--\r\n"
        default: return "\(header)X-Odd: \(EncodedWord.encode("caf\u{e9}"))\r\n\r\n\(body)\r\n"
        }
    }

    @Test(arguments: [UInt64(1), 2])
    func `the index answers as a full scan does`(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let plain = try await MailFixture()
        let indexed = try await MailFixture(withIndex: true)
        let index = try #require(indexed.store.searchIndex)
        let messages = (0..<(seed == 1 ? 620 : 60)).map { _ in generated(&random) }
        for (number, message) in messages.enumerated() {
            try await plain.append(message)
            try await indexed.append(message)
            if number == messages.count - 10 { try await index.drain() }
        }
        if seed == 1 { #expect(try await !index.blocks(indexed.ann).isEmpty) }
        let needles = [
            "apple", "cafe", "CAF\u{c9}", "strasse", "\u{4f60}\u{597d}", "\u{597d}\u{4e16}", "\u{754c}", "\u{ad6d}",
            "\u{304c}", "\u{3068}\u{3046}",
            "\u{41f}\u{420}\u{418}", "\u{631}\u{62d}", "ab", "quick brown", "brown quick", "find", "\u{1f600}", "4",
            "report.pdf",
            "\u{4f60}\u{597d}-rep", "a@x.example", "pple x", "nothing of this", "",
        ]
        for needle in needles {
            for query in [
                SearchQuery.text(needle), .body(needle), .header(name: "subject", contains: needle),
                .header(name: "From", contains: needle), .header(name: "x-odd", contains: needle),
                .or(.header(name: "subject", contains: needle), .body(needle)),
                .and([.not(.body(needle)), .uids([1...400]), .text("apple")]),
            ] {
                let expected = try await plain.store.search(plain.inbox, query)
                #expect(try await indexed.store.search(indexed.inbox, query) == expected, "\(seed): \(query)")
            }
        }
        #expect(try await plain.store.search(plain.inbox, .text("\u{4f60}\u{597d}-REPORT")).isEmpty == false)
        guard seed == 1 else { return }
        // Anew, and with most of it gone.
        try await index.rebuild(indexed.ann)
        #expect(
            try await index.progress(indexed.ann) == SearchIndex.Progress(done: messages.count, total: messages.count))
        let gone = (1...500).map { UID(rawValue: $0) }
        _ = try await plain.store.expunge(plain.inbox, uids: gone, onlyDeleted: false)
        _ = try await indexed.store.expunge(indexed.inbox, uids: gone, onlyDeleted: false)
        try await index.sweep()
        #expect(try await index.progress(indexed.ann).done == messages.count - 500)
        #expect(try await indexed.state.number("SELECT COUNT(*) FROM message_key") == messages.count - 500)
        for needle in needles {
            let expected = try await plain.store.search(plain.inbox, .text(needle))
            #expect(try await indexed.store.search(indexed.inbox, .text(needle)) == expected, "\(needle)")
        }
    }

    @Test func `keys of emails from before are read, then filled in`() async throws {
        let fixture = try await MailFixture(withIndex: true)
        try await fill(fixture)
        try await fixture.state.database.write { writer in
            try writer.execute(SQLStatement(text: "DELETE FROM message_key"))
            try writer.execute(SQLStatement(text: "DELETE FROM message_text"))
            try writer.execute(SQLStatement(text: "DELETE FROM search_progress"))
        }
        let store = fixture.store
        #expect(try await store.search(fixture.inbox, .header(name: "from", contains: "bob")).map(\.rawValue) == [2])
        #expect(try await store.search(fixture.inbox, .sentDay(13_150...13_150)).map(\.rawValue) == [1])
        #expect(try await store.sort(fixture.inbox, uids: [1, 2, 3, 4], by: [SortOrder(.subject)]) == [2, 4, 1, 3])
        let filler = SortKeyFiller(mail: fixture.state.database)
        try await filler.run()
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM message_key") == 4)
        #expect(try await filler.step() == false)
        #expect(try await store.search(fixture.inbox, .header(name: "from", contains: "bob")).map(\.rawValue) == [2])
    }
}
