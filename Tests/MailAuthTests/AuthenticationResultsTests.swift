import MailAuth
import MailSyntax
import Testing

@Suite("Authentication-Results")
struct AuthenticationResultsTests {
    typealias Entry = AuthenticationResults.Entry
    typealias Property = AuthenticationResults.Property

    static func parsed(_ text: String) -> AuthenticationResults? {
        AuthenticationResults(parsing: Array(text.utf8)[...])
    }

    static func value(_ field: [UInt8]) -> String {
        let text = String(decoding: field, as: UTF8.self)
        return String(text.drop { $0 != ":" }.dropFirst())
    }

    @Test("Nothing checked is none")
    func none() {
        let results = AuthenticationResults(authservID: "mx.example.org")
        #expect(String(decoding: results.field(), as: UTF8.self) == "Authentication-Results: mx.example.org; none\r\n")
        #expect(Self.parsed(" mx.example.org; none\r\n") == results)
        #expect(Self.parsed("mx.example.org;none") == results)
    }

    @Test("What is written is read back, and no line passes 78 columns where words allow it")
    func roundTrip() {
        var results = AuthenticationResults(authservID: "mx.example.org")
        results.entries = [
            Entry(
                "spf", "fail", comment: "not (really) \\ ours", reason: "no; \"way\"",
                properties: [
                    Property("smtp", "mailfrom", "bob@example.net"), Property("smtp", "helo", "[192.0.2.1]"),
                ]),
            Entry(
                "dkim", "pass",
                properties: [
                    Property("header", "d", "example.org"), Property("header", "i", "@news.example.org"),
                    Property("header", "b", "ab/+cd=="), Property("header", "s", "größe"),
                ]),
            Entry("dmarc", "temperror", properties: [Property("header", "from", "a b@c")]),
        ]
        let field = results.field()
        var expected = results
        expected.entries[0].comment = nil
        #expect(Self.parsed(Self.value(field)) == expected)
        let lines = String(decoding: field, as: UTF8.self).split(separator: "\r\n")
        #expect(lines.allSatisfy { $0.utf8.count <= 78 })
        #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("\t") })
    }

    static let hostile = [
        "a\r\nBcc: all@example.org", "\u{0}\u{7F}\u{85}", "x); dkim=pass (", "\"; dkim=pass", "\\", "", " ", "a@b@c",
        "@", ".@.",
        String(repeating: "ä", count: 1000), "a;b", "(((", "a\u{2028}b",
    ]

    @Test("A stranger's words stay within their value", arguments: hostile)
    func words(_ text: String) throws {
        let entry = Entry(
            "spf", "pass", comment: text, reason: text, properties: [Property("smtp", "mailfrom", text)])
        let field = AuthenticationResults(authservID: "mx.example.org", entries: [entry]).field()
        let read = try #require(Self.parsed(Self.value(field)), "\(String(decoding: field, as: UTF8.self))")
        #expect(read.entries.count == 1)
        #expect(read.entries.first?.properties.count == 1)
        let lines = String(decoding: field, as: UTF8.self).split(separator: "\r\n")
        #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("\t") })
        #expect(lines.allSatisfy { $0.utf8.count < 998 })
        #expect(!field.contains(0))
    }

    @Test("The examples of RFC 8601 Appendix B are read")
    func examples() throws {
        let simple = try #require(Self.parsed(" example.com;\r\n   spf=pass smtp.mailfrom=example.net\r\n"))
        #expect(simple.entry("spf")?.properties == [Property("smtp", "mailfrom", "example.net")])
        let login = try #require(
            Self.parsed(
                "example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n spf=pass smtp.mailfrom=example.net"
            ))
        #expect(login.entries.map(\.method) == ["auth", "spf"])
        let comments = try #require(
            Self.parsed(
                " foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
                    + " policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting it) 1362471462"
            ))
        #expect(comments.authservID == "foo.example.net")
        #expect(comments.version == 1)
        #expect(comments.entry("dkim")?.methodVersion == 1)
        #expect(comments.entry("dkim")?.properties == [Property("policy", "expired", "1362471462")])
        let reason = try #require(
            Self.parsed("example.com; dkim=pass reason=\"good signature\" header.i=@mail-router.example.net;"))
        #expect(reason.entry("dkim")?.reason == "good signature")
    }

    static let malformed = [
        "", ";", "x 2; none", "x; dkim", "x; dkim=", "x; =pass", "x (", "x; dkim=pass header", "x; dkim=pass header.d=",
        "x; dkim=pass \"", "x dkim=pass", "x; none; dkim=pass header", "x; dkim=pass extra words",
    ]

    @Test("What is malformed, or of another version, is not read", arguments: malformed)
    func refused(_ text: String) {
        #expect(Self.parsed(text) == nil)
    }

    static let forgeries = [
        "mx.example.org; dkim=pass", "MX.Example.ORG; dkim=pass", "\"mx.example.org\"; dkim=pass",
        "(x) mx.example.org (y) 1; dkim=pass", "mx.example.org 99; dkim=pass", "\r\n\tmx.example.org\r\n ; spf=pass",
        "mx.example.org", "mx.example.org/1; dkim=pass", "mx.example.org dkim=pass",
        "(unclosed mx.example.org; dkim=pass",
        "\"mx\\.example.org\"; dkim=pass", "mx.example.org.; dkim=pass", "bücher.example; dkim=pass",
        "xn--bcher-kva.example; dkim=pass", "other mx.example.org; dkim=pass",
    ]

    @Test("A field that claims to be ours is taken out", arguments: forgeries)
    func removed(_ value: String) {
        for name in ["Authentication-Results:", "authentication-RESULTS :", "Authentication-Results\t: "] {
            let header = "Received: x\r\n\(name)\(value)\r\nFrom: a@b.example\r\n\r\n"
            let (left, count) = AuthenticationResults.removingForged(
                ["mx.example.org", "xn--bcher-kva.example"], from: Array(header.utf8))
            #expect(count == 1)
            #expect(String(decoding: left, as: UTF8.self) == "Received: x\r\nFrom: a@b.example\r\n\r\n")
        }
    }

    static let others = [
        "mx.example.com; dkim=pass", "notmx.example.org; none", "mx.example.org.evil.example; spf=pass",
        "other; dkim=pass header.d=mx.example.org", "\"a b\"; none", "other (mx.example.org); none",
    ]

    @Test("Other servers' fields stay, and so do ARC's", arguments: others)
    func kept(_ value: String) {
        let header = Array(
            "Authentication-Results: \(value)\r\nARC-Authentication-Results: i=1; mx.example.org; none\r\n\r\n".utf8)
        let (left, count) = AuthenticationResults.removingForged(["mx.example.org"], from: header)
        #expect(count == 0)
        #expect(left == header)
    }

    @Test("Checks report what a reader wants to know")
    func checks() throws {
        #expect(Entry.dkim([]) == [Entry("dkim", "none")])
        let verified = DKIMVerifierTests.verify(DKIMVectors.signedTwice)
        let field = String(
            decoding: AuthenticationResults(authservID: "mx.example.org", entries: Entry.dkim(verified)).field(),
            as: UTF8.self)
        #expect(field.contains("dkim=pass header.d=football.example.com"))
        #expect(field.contains("header.i=@football.example.com"))
        #expect(field.contains("header.a=ed25519-sha256") && field.contains("(1024-bit key)"))
        let chain = ARCChain(status: .fail, reason: "seal 1: no key for signature")
        let entry = Entry.arc(chain, client: IPAddress("192.0.2.1"))
        #expect(entry.result == "fail")
        #expect(entry.properties == [Property("smtp", "remote-ip", "192.0.2.1")])
    }
}
