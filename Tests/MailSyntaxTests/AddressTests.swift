import MailSyntax
import Testing

@Suite("Email addresses")
struct EmailAddressTests {
    @Test(
        "A mailbox is read and written back",
        arguments: [
            ("user@example.com", "user@example.com"),
            ("User.Name+tag@EXAMPLE.com", "User.Name+tag@example.com"),
            ("\"a b\"@example.com", "\"a b\"@example.com"),
            ("\"plain\"@example.com", "plain@example.com"),
            ("\"a\\\"b\\\\c\"@example.com", "\"a\\\"b\\\\c\"@example.com"),
            ("\"a@b\"@example.com", "\"a@b\"@example.com"),
            ("\"..\"@example.com", "\"..\"@example.com"),
            ("a@[192.0.2.1]", "a@[192.0.2.1]"),
            ("a@[IPv6:2001:DB8::1]", "a@[IPv6:2001:db8::1]"),
            ("a@[ipv6:::1]", "a@[IPv6:::1]"),
            ("a@[IPv6:::ffff:192.0.2.1]", "a@[IPv6:::ffff:192.0.2.1]"),
            ("a@[x400:abc]", "a@[x400:abc]"),
            ("jürgen@bücher.example", "jürgen@xn--bcher-kva.example"),
            ("用户@例え.jp", "用户@xn--r8jz45g.jp"),
            ("!#$%&'*+-/=?^_`{|}~@a.example", "!#$%&'*+-/=?^_`{|}~@a.example"),
            ("a@localhost", "a@localhost"),
        ]
    )
    func reads(text: String, wire: String) throws {
        let address = try #require(EmailAddress(text))
        #expect(address.description == wire)
        #expect(EmailAddress(wire) == address)
    }

    @Test(
        "What is not a mailbox is refused",
        arguments: [
            "", "@", "a", "a@", "@b", "a@b@c", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b c", "a@b.", "a@.b", "a@b..c",
            "a@-b.example", "a@b-.example", "\"a@b.example", "\"\"@b.example", "\"a\"b@c.example", "a\r\n@b.example",
            "\"a\r\nb\"@c.example", "a@[192.0.2]", "a@[192.0.2.256]", "a@[IPv6:192.0.2.1]", "a@[IPv6:zz::]", "a@[",
            "a@[]", "a@[x400:]", "a@[-:x]", "a@b\u{0}c", "a\u{0}@b", "<a@b>", "a@b>", "a@b,c@d", "a@xn--a.example",
            "a\\b@c.example", "a(comment)@b.example", "a@b_.example:25",
        ]
    )
    func refuses(text: String) { #expect(EmailAddress(text) == nil) }

    @Test("A path holds 256 octets with its brackets, not more")
    func lengthLimit() {
        let domain = (0..<3).map { _ in String(repeating: "d", count: 61) }.joined(separator: ".") + ".de"  // 188
        #expect(EmailAddress(String(repeating: "l", count: 64) + "@" + domain) != nil)
        #expect(EmailAddress(String(repeating: "l", count: 253 - 188) + "@" + domain)?.exceedsLocalPartLimit == true)
        #expect(EmailAddress(String(repeating: "l", count: 254 - 188) + "@" + domain) == nil)
    }

    @Test("Lookup keys fold case and compose")
    func folds() {
        #expect(EmailAddress("USER@Example.COM")?.folded == "user@example.com")
        #expect(EmailAddress("JU\u{308}RGEN@x.example")?.folded.utf8.elementsEqual("jürgen@x.example".utf8) == true)
    }

    @Test(
        "A tag is split off at the first delimiter",
        arguments: [
            ("user+tag@d.example", "user@d.example", "tag"), ("user+a+b@d.example", "user@d.example", "a+b"),
            ("user@d.example", "user@d.example", nil), ("+tag@d.example", "+tag@d.example", nil),
            ("user+@d.example", "user@d.example", ""),
        ] as [(String, String, String?)]
    )
    func splits(text: String, base: String, tag: String?) throws {
        let split = try #require(EmailAddress(text)).splittingTag()
        #expect(split.base.description == base)
        #expect(split.tag == tag)
    }

    @Test("Only a local part outside ASCII needs SMTPUTF8")
    func needsUTF8() {
        #expect(EmailAddress("ü@example.com")?.needsSMTPUTF8 == true)
        #expect(EmailAddress("u@ü.example")?.needsSMTPUTF8 == false)
    }

    @Test("Reverse paths are null or an address")
    func reversePath() {
        #expect(ReversePath("") == .null)
        #expect(ReversePath("<>") == .null)
        #expect(ReversePath("<a@b.example>")?.angled == "<a@b.example>")
        #expect(ReversePath("a@") == nil)
        #expect(ReversePath.null.angled == "<>")
    }
}

@Suite("Domain names")
struct DomainNameTests {
    @Test(
        "Names become lower-case A-labels",
        arguments: [
            ("Example.COM", "example.com"), ("example.com.", "example.com"),
            ("_dmarc.Example.com", "_dmarc.example.com"),
            ("bücher.example", "xn--bcher-kva.example"), ("BÜCHER.example", "xn--bcher-kva.example"),
            ("faß.de", "xn--fa-hia.de"), ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("a", "a"),
        ]
    )
    func reads(text: String, ascii: String) { #expect(DomainName(text)?.ascii == ascii) }

    @Test(
        "What is not a name is refused",
        arguments: [
            "", ".", "..", "a..b", ".a", "-a.b", "a-.b", "a b", "a/b", "a\u{0}", "[1.2.3.4]", "xn--a", "a.b..", "ä b",
        ]
    )
    func refuses(text: String) { #expect(DomainName(text) == nil) }

    @Test("Labels hold 63 octets, names 253")
    func limits() {
        let label = String(repeating: "a", count: 63)
        #expect(DomainName(label) != nil)
        #expect(DomainName(label + "a") == nil)
        let long = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        #expect(long.utf8.count == 253)
        #expect(DomainName(long) != nil)
        #expect(DomainName(long + "b") == nil)
    }

    @Test("Subdomains lie strictly below")
    func subdomains() throws {
        let parent = try #require(DomainName("example.com"))
        #expect(DomainName("a.example.com")?.isSubdomain(of: parent) == true)
        #expect(DomainName("example.com")?.isSubdomain(of: parent) == false)
        #expect(DomainName("badexample.com")?.isSubdomain(of: parent) == false)
        #expect(DomainName("xn--bcher-kva.example")?.unicode == "bücher.example")
    }
}

@Suite("IP addresses and networks")
struct IPAddressTests {
    @Test(
        "Addresses are read and written",
        arguments: [
            ("192.0.2.1", "192.0.2.1", "1.2.0.192.in-addr.arpa", "[192.0.2.1]"),
            ("::ffff:192.0.2.1", "192.0.2.1", "1.2.0.192.in-addr.arpa", "[192.0.2.1]"),
            (
                "2001:DB8::1", "2001:db8::1",
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "[IPv6:2001:db8::1]"
            ),
        ]
    )
    func reads(text: String, description: String, reverse: String, literal: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == description)
        #expect(address.reverseName == reverse)
        #expect(address.addressLiteral == literal)
    }

    @Test(
        "What is not an address is refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "::g", "fe80::1%eth0", ":", "1.2.3.-4",
        ]
    )
    func refuses(text: String) { #expect(IPAddress(text) == nil) }

    @Test("Networks hold their addresses")
    func networks() throws {
        let network = try #require(IPNetwork("192.0.2.77/25"))
        #expect(network.description == "192.0.2.0/25")
        #expect(network.contains(try #require(IPAddress("192.0.2.127"))))
        #expect(!network.contains(try #require(IPAddress("192.0.2.128"))))
        #expect(!network.contains(try #require(IPAddress("::1"))))
        #expect(IPNetwork("::/0")?.contains(try #require(IPAddress("2001:db8::1"))) == true)
        #expect(IPNetwork("192.0.2.1")?.description == "192.0.2.1")
        #expect(IPNetwork("192.0.2.0/33") == nil)
        #expect(IPNetwork("192.0.2.0/") == nil)
        #expect(IPAddress("127.8.8.8")?.isLoopback == true)
        #expect(IPAddress("::1")?.isLoopback == true)
    }
}
