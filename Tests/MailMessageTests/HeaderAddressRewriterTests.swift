import MailSyntax
import MartletTesting
import Testing

@testable import MailMessage

@Suite("Addresses in header fields")
struct HeaderAddressRewriterTests {
    /// `.example` becomes `.test`, and local parts alone get `@origin.test`.
    private func rewrite(_ text: String) throws -> String {
        let rewriter = HeaderAddressRewriter(HeaderBlock(parsing: Array(text.utf8)))
        var replacements: [Int: EmailAddress] = [:]
        for (index, place) in rewriter.places.enumerated() {
            switch place.written {
            case .address(let address):
                replacements[index] = EmailAddress(address.description.replacing(".example", with: ".test"))
            case .unqualified(let name): replacements[index] = EmailAddress("\(name)@origin.test")
            }
        }
        let result = rewriter.replacing(replacements)
        return String(decoding: result?.bytes ?? rewriter.header.bytes, as: UTF8.self)
    }

    static let changed: [(String, String)] = [
        ("From: joe@a.example\r\n", "From: joe@a.test\r\n"),
        ("FROM:joe@a.example\r\n", "FROM:joe@a.test\r\n"),
        ("From : joe@a.example \t\r\n", "From : joe@a.test \t\r\n"),
        ("From: \"Doe, Joe\" <joe@a.example> (x@b.example)\r\n", "From: \"Doe, Joe\" <joe@a.test> (x@b.example)\r\n"),
        (
            "To: a@b.example,\r\n\t\"c@d.example\" <e@f.example>,\r\n  g@h.example\r\n",
            "To: a@b.test,\r\n\t\"c@d.example\" <e@f.test>,\r\n  g@h.test\r\n"
        ),
        (
            "Cc: friends: a@b.example, C <c@d.example>;, e@f.example\r\n",
            "Cc: friends: a@b.test, C <c@d.test>;, e@f.test\r\n"
        ),
        ("To: root, admin (the one)\r\n", "To: root@origin.test, admin@origin.test (the one)\r\n"),
        ("To: Joe <root>\r\n", "To: Joe <root@origin.test>\r\n"),
        (
            "To: =?utf-8?Q?Doe,_Joe@x.example?= <joe@a.example>\r\n",
            "To: =?utf-8?Q?Doe,_Joe@x.example?= <joe@a.test>\r\n"
        ),
        ("To: joe (Joe) @ (at) a . example\r\n", "To: joe@a.test (Joe) (at)\r\n"),
        ("To: <@r.example,@s.example:joe@a.example>\r\n", "To: <@r.example,@s.example:joe@a.test>\r\n"),
        ("To: \"joe smith\"@a.example\r\n", "To: \"joe smith\"@a.test\r\n"),
        ("Reply-To: Jörg <joerg@a.example>\r\n", "Reply-To: Jörg <joerg@a.test>\r\n"),
        ("Disposition-Notification-To: a@b.example\r\n", "Disposition-Notification-To: a@b.test\r\n"),
        ("Resent-To: a@b.example\r\nErrors-To: <a@b.example>\r\n", "Resent-To: a@b.test\r\nErrors-To: <a@b.test>\r\n"),
        ("To: a@b.example <a@b.example>\r\n", "To: a@b.example <a@b.test>\r\n"),
        ("To: \"a\" <a@b.example> <c@d.example>\r\n", "To: \"a\" <a@b.test> <c@d.test>\r\n"),
        ("To: Joe [home <a@b.example>\r\n", "To: Joe [home <a@b.test>\r\n"),
        ("To: a@b.example,,;, c@d.example,\r\n", "To: a@b.test,,;, c@d.test,\r\n"),
        ("To: <a@b.example, c@d.example\r\n", "To: <a@b.example, c@d.test\r\n"),
        ("To: a@b.example\n", "To: a@b.test\n"),
    ]

    @Test("addresses change, and nothing beside them", arguments: changed)
    func changes(_ before: String, _ after: String) throws {
        #expect(try rewrite("Subject: a@b.example\r\n\(before)\r\n") == "Subject: a@b.example\r\n\(after)\r\n")
    }

    static let kept = [
        "Subject: a@b.example", "Received: from a@b.example", "Message-ID: <a@b.example>", "To: Joe Smith",
        "To: \"Joe\"", "To: undisclosed-recipients:;", "To: <>", "To:", "To: \"open <a@b.example>, c@d.example",
        "To: (open (a@b.example)", "To: <a@b.example", "To: a@b@c.example", "To: a@b.example c", "To: @b.example",
        "To: a@", "To: a@b.example)", "To: =?utf-8?q?a=40b.example?=", "To: a b@c.example",
        "To: a@\"b\".example", "To: a@-.example", "X-From: a@b.example",
        "not a field a@b.example",
    ]

    @Test("what holds no address that can be read stays", arguments: kept)
    func keeps(_ line: String) throws {
        #expect(try rewrite("\(line)\r\n\r\n") == "\(line)\r\n\r\n")
    }

    @Test("an address literal is an address")
    func literal() throws {
        let block = HeaderBlock(parsing: Array("To: joe@[192.0.2.1]\r\n\r\n".utf8))
        #expect(HeaderAddressRewriter(block).places.map(\.written) == [.address(EmailAddress("joe@[192.0.2.1]")!)])
    }

    @Test("fields of senders and of recipients are told apart")
    func roles() {
        let text = ["From", "Resent-Reply-To", "TO", "Mail-Followup-To"].map { "\($0): a@b.example\r\n" }.joined()
        let places = HeaderAddressRewriter(HeaderBlock(parsing: Array("\(text)\r\n".utf8))).places
        #expect(places.map(\.role) == [.sender, .recipient, .recipient, .sender])
    }

    @Test("lines that would grow too long are folded between addresses")
    func folds() throws {
        let list = (0..<60).map { "a\($0)@b.example" }.joined(separator: ",")
        let rewriter = HeaderAddressRewriter(HeaderBlock(parsing: Array("To: \(list)\r\n\r\n".utf8)))
        let long = try #require(EmailAddress("\(String(repeating: "x", count: 60))@example.test"))
        let all = Dictionary(uniqueKeysWithValues: rewriter.places.indices.map { ($0, long) })
        let result = try #require(rewriter.replacing(all))
        let lines = String(decoding: result.bytes, as: UTF8.self).split(separator: "\r\n")
        #expect(lines.allSatisfy { $0.utf8.count <= 998 })
        #expect(lines.dropFirst().allSatisfy { $0.hasPrefix(" ") })
        #expect(result.fields.count == 1)
        #expect(HeaderAddressRewriter(result).places.count == 60)
    }

    @Test("no more addresses than the limit are looked at")
    func limit() {
        let list = String(repeating: "a@b.example,", count: HeaderAddressRewriter.mostAddresses + 10)
        let rewriter = HeaderAddressRewriter(HeaderBlock(parsing: Array("To: \(list)\r\n\r\n".utf8)))
        #expect(rewriter.places.count == HeaderAddressRewriter.mostAddresses)
    }

    @Test(
        "hostile fields are read in time in proportion to their size",
        arguments: [
            "(", "\"", "<", "<@", "[", "=?<", "=?a?q?", "a.", "a@", ":", "(a", "\\", "a\"", "a b ",
        ])
    func hostile(_ piece: String) throws {
        let text = "To: \(String(repeating: piece, count: 65536 / piece.utf8.count))\r\nFrom: a@b.example\r\n\r\n"
        #expect(try rewrite(text).hasSuffix("From: a@b.test\r\n\r\n"))
    }

    @Test("fields of random pieces keep what they are made of")
    func random() {
        let pieces = [
            "a", "b.c", "@", "x.example", "<", ">", ",", ";", ":", "(", ")", "\"", "\\", " ", "\r\n ", "[", "]",
            "=?u?q?",
            "?=", ".", "\u{e9}", "root", "a@b.example", "<c@d.example>", "\t", "(x)",
        ]
        var generator = SeededGenerator(seed: 20_261_121)
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...14, using: &generator)
            let value = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            FuzzEntries.headerAddresses(Array("To: \(value)\r\nCc: \(value)\r\n\r\n".utf8))
        }
    }
}
