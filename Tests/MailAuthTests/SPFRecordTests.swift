import MailSyntax
import Testing

@testable import MailAuth

@Suite("SPF records")
struct SPFRecordTests {
    private static func read(_ text: String) throws -> SPFRecord { try SPFRecord(parsing: Array(text.utf8)) }

    @Test("a record of every shape is read")
    func shapes() throws {
        let record = try Self.read(
            "v=SPF1  +all -include:_spf.%{d} ?a ~a:mail.example.org/24//64 mx//48 mx:example.org/0 PTR ptr:example.org "
                + "ip4:192.0.2.0/24 ip6:2001:db8::/32 ip6:::ffff:192.0.2.1 exists:%{ir}.example.org moo.cow-far_out=%{d} "
                + "Redirect=example.net EXP=exp.example.net ")
        #expect(
            record.directives.map(\.qualifier) == [.pass, .fail, .neutral, .softfail]
                + Array(repeating: .pass, count: 8))
        #expect(record.directives.first?.mechanism == .all)
        guard case .a(let target?, let lengths) = record.directives[3].mechanism else {
            Issue.record("a:mail.example.org/24//64 is \(record.directives[3])")
            return
        }
        #expect(target.tokens == [.literal(Array("mail.example.org".utf8))])
        #expect(lengths == SPFPrefixLengths(v4: 24, v6: 64))
        #expect(record.directives[8].mechanism == .network([192, 0, 2, 0], prefixLength: 24))
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1]
        #expect(record.directives[10].mechanism == .network(mapped, prefixLength: 128))
        #expect(record.redirect != nil && record.explanation != nil)
        #expect(record.unknownModifiers == ["moo.cow-far_out"])
        #expect(record.directives[1].text == "-include:_spf.%{d}")
        #expect(record.lookups == 8, "a redirect beside `all` is not followed")
    }

    @Test(
        "an error anywhere is told with its place",
        arguments: [
            ("v=spf1 -all moo", "unknown mechanism in moo at octet 12"),
            ("v=spf1 ipv4:192.0.2.1", "unknown mechanism in ipv4:192.0.2.1 at octet 7: ip4 is meant"),
            ("v=spf1 all:x", "argument not allowed in all:x at octet 10"),
            ("v=spf1 -all.", "unknown mechanism in -all. at octet 7: all is meant"),
            ("v=spf1 include", "argument missing in include at octet 14"),
            ("v=spf1 include:", "argument missing in include: at octet 14"),
            ("v=spf1 include:a.example/24", "no domain name in include:a.example/24 at octet 15"),
            ("v=spf1 a:192.0.2.1", "no domain name in a:192.0.2.1 at octet 9: ip4 or ip6 is meant"),
            ("v=spf1 a/33", "invalid prefix length in a/33 at octet 9"),
            ("v=spf1 a//129", "invalid prefix length in a//129 at octet 10"),
            ("v=spf1 mx/024", "invalid prefix length in mx/024 at octet 10"),
            ("v=spf1 a/24/64", "invalid prefix length in a/24/64 at octet 12"),
            ("v=spf1 ip4:192.0.2", "invalid address in ip4:192.0.2 at octet 11"),
            ("v=spf1 ip4:2001:db8::1", "invalid address in ip4:2001:db8::1 at octet 11"),
            ("v=spf1 ip6:192.0.2.1", "invalid address in ip6:192.0.2.1 at octet 11"),
            ("v=spf1 ip4:192.0.2.0/33", "invalid prefix length in ip4:192.0.2.0/33 at octet 21"),
            ("v=spf1 exists:%(ir).example", "invalid macro in %(ir).example at octet 14"),
            ("v=spf1 exists:%{i", "invalid macro in %{i at octet 14"),
            ("v=spf1 exists:%{x}.example", "invalid macro in %{x}.example at octet 14"),
            ("v=spf1 exists:%{d0}.example", "invalid macro in %{d0}.example at octet 14"),
            ("v=spf1 exists:%{t}.example", "invalid macro in %{t}.example at octet 14"),
            ("v=spf1 foo=%{", "invalid macro in %{ at octet 11"),
            ("v=spf1 redirect=a.example redirect=a.example", "modifier given twice in redirect=a.example at octet 26"),
            ("v=spf1 exp=a.example all EXP=a.example", "modifier given twice in EXP=a.example at octet 25"),
            ("v=spf1 redirect=", "argument missing in redirect= at octet 16"),
            ("v=spf1 a:d\u{E9}.example", "not ASCII at octet 10"),
            ("v=spf1 a\tb", "unknown mechanism in a?b at octet 7"),
            ("v=spf10 all", "no version at octet 0"),
        ])
    func errors(_ text: String, _ words: String) {
        #expect {
            try Self.read(text)
        } throws: { error in
            #expect("\(error)" == words)
            return true
        }
    }

    @Test("the version is told from what begins like it")
    func version() {
        for text in ["v=spf1", "V=SPF1 all", "v=spf1  "] { #expect(SPFRecord.isSPF(Array(text.utf8))) }
        for text in ["", "v=spf", "v=spf10", "v=spf1\tall", "v=spf2.0/pra", " v=spf1", "v\u{1D}spf1", "v=spf\u{11}"] {
            #expect(!SPFRecord.isSPF(Array(text.utf8)), "\(text)")
        }
    }

    @Test("macros beyond the examples of the standard")
    func macros() throws {
        for (text, wanted) in [
            ("%%%_%-", "% %20"), ("%{D2}", "example.com"), ("%{S}", "strong-bad%40email.example.com"),
            ("%{d127}", "email.example.com"), ("%{d99999999999999999999}", "email.example.com"), ("%{d01}", "com"),
            ("%{h}", "mx.example.org"), ("%{p}", "unknown"), ("%{lR-}", "bad.strong"), ("%{s-@}", ""),
            ("%{s-.}", "strong.bad@email.example.com"), ("%{dr-}", "email.example.com"), ("%{i2}", "2.3"),
        ] {
            guard !wanted.isEmpty else {
                #expect(throws: SPFSyntaxError.self) { try SPFExampleTests.expand(text, client: "192.0.2.3") }
                continue
            }
            #expect(try SPFExampleTests.expand(text, client: "192.0.2.3") == wanted, "\(text)")
        }
        let explained = "%{c} at %{t} for %{r}"
        #expect(
            try SPFExampleTests.expand(explained, client: "2001:DB8::1", in: .explanation)
                == "2001:db8::1 at 1700000000 for mx.example.net")
    }

    @Test("what is made by macros is cut on the left, label by label")
    func longNames() throws {
        let label = String(repeating: "a", count: 60)
        let long = Array(repeating: label, count: 5).joined(separator: ".") + ".example.org"
        let name = try #require(SPFName(expanded: Array(long.utf8)))
        #expect(name.text == Array(repeating: label, count: 3).joined(separator: ".") + ".example.org")
        #expect(SPFName(expanded: Array(long.utf8) + [0x2E])?.text == name.text)
        let whole = Array(repeating: label, count: 4).joined(separator: ".") + ".abcdefghi"
        #expect(whole.utf8.count == 253 && SPFName(expanded: Array(whole.utf8))?.text == whole)
        #expect(SPFName(expanded: Array("x\(whole)".utf8))?.labels == 4)
        for text in ["", ".", "a..b", ".a", "a.", String(repeating: "a", count: 64) + ".org"] {
            #expect((SPFName(expanded: Array(text.utf8)) == nil) == (text != "a."), "\(text)")
        }
        #expect(SPFName(expanded: Array("Ab\\ \u{7F}.Org".utf8))?.text == "ab\\\\\\032\\127.org")
    }

    @Test("64 KiB of terms are read, one octet more is refused")
    func size() throws {
        let limit = SPFLimits().recordSize
        var text = "v=spf1"
        while text.utf8.count + 4 <= limit { text += " all" }
        text += String(repeating: " ", count: limit - text.utf8.count)
        #expect(try Self.read(text).directives.count == 16_382)
        #expect(throws: SPFSyntaxError.self) { try Self.read(text + " ") }
    }
}
