import DNSCore
import MailSyntax
import MartletTesting
import Testing

@testable import MailAuth

/// The examples of RFC 7208, with the results printed there.
@Suite("SPF: the examples of RFC 7208")
struct SPFExampleTests {
    /// The zone of appendix A.
    static func zone() -> ScriptedResolver {
        let zone = ScriptedResolver()
        zone.mailExchanges("example.com", (10, "mail-a.example.com"), (20, "mail-b.example.com"))
        zone.mailExchanges("example.org", (10, "mail-c.example.org"))
        for (name, addresses) in [
            "example.com": ["192.0.2.10", "192.0.2.11"], "www.example.com": ["192.0.2.10", "192.0.2.11"],
            "amy.example.com": ["192.0.2.65"], "bob.example.com": ["192.0.2.66"],
            "mail-a.example.com": ["192.0.2.129"], "mail-b.example.com": ["192.0.2.130"],
            "mail-c.example.org": ["192.0.2.140"],
        ] {
            zone.answer(name, .a, addresses.compactMap { IPAddress($0).map(DNSRecord.address) })
        }
        for (address, name) in [
            "10": "example.com", "11": "example.com", "65": "amy.example.com", "66": "bob.example.com",
            "129": "mail-a.example.com", "130": "mail-b.example.com", "140": "mail-c.example.org",
        ] {
            zone.answer("\(address).2.0.192.in-addr.arpa", .ptr, [.pointer(name)])
        }
        zone.answer("4.0.0.10.in-addr.arpa", .ptr, [.pointer("bob.example.com")])
        return zone
    }

    private static func verdict(_ client: String, _ sender: String, _ zone: ScriptedResolver) async throws -> String {
        try await SPFResult.of(client: client, helo: "mail.example.net", sender: sender, resolver: zone).keyword
    }

    @Test(
        "A.1: which clients pass, of all those of the zone",
        arguments: [
            ("v=spf1 +all", [10, 11, 65, 66, 128, 129, 130, 131, 140, 141, 143, 200]),
            ("v=spf1 a -all", [10, 11]),
            ("v=spf1 a:example.org -all", []),
            ("v=spf1 mx -all", [129, 130]),
            ("v=spf1 mx:example.org -all", [140]),
            ("v=spf1 mx mx:example.org -all", [129, 130, 140]),
            ("v=spf1 mx/30 mx:example.org/30 -all", [128, 129, 130, 131, 140, 141, 143]),
            ("v=spf1 ptr -all", [10, 11, 65, 66, 129, 130]),
            ("v=spf1 ip4:192.0.2.128/28 -all", [128, 129, 130, 131, 140, 141, 143]),
        ])
    func simple(_ record: String, _ passing: [Int]) async throws {
        let zone = Self.zone()
        zone.text("example.com", record)
        for host in [10, 11, 65, 66, 128, 129, 130, 131, 140, 141, 143, 200] {
            let verdict = try await Self.verdict("192.0.2.\(host)", "user@example.com", zone)
            #expect(verdict == (passing.contains(host) ? "pass" : "fail"), "\(record) and 192.0.2.\(host)")
        }
        let isOpen = record == "v=spf1 +all"
        #expect(try await Self.verdict("10.0.0.4", "user@example.com", zone) == (isOpen ? "pass" : "fail"))
    }

    @Test("A.2: included and shared records")
    func related() async throws {
        let zone = Self.zone()
        zone.text("example.com", "v=spf1 mx -all")
        zone.text("example.net", "v=spf1 ip4:198.51.100.0/24 -all")
        zone.text("example.org", "v=spf1 include:example.com include:example.net -all")
        for name in ["la", "ny", "sf"] { zone.text("\(name).example.org", "v=spf1 redirect=example.org") }
        for domain in ["example.org", "la.example.org", "ny.example.org", "sf.example.org"] {
            #expect(try await Self.verdict("192.0.2.129", "user@\(domain)", zone) == "pass")
            #expect(try await Self.verdict("198.51.100.7", "user@\(domain)", zone) == "pass")
            #expect(try await Self.verdict("192.0.2.140", "user@\(domain)", zone) == "fail")
        }
    }

    @Test("A.3: lists of users and of their hosts")
    func lists() async throws {
        let zone = Self.zone()
        zone.text(
            "example.com", "v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all")
        zone.text("mobile-users._spf.example.com", "v=spf1 exists:%{l1r+}.%{d}")
        zone.text("remote-users._spf.example.com", "v=spf1 exists:%{ir}.%{l1r+}.%{d}")
        for name in [
            "mary.mobile-users", "fred.mobile-users", "15.15.168.192.joel.remote-users",
            "16.15.168.192.joel.remote-users",
        ] {
            zone.addresses("\(name)._spf.example.com", "127.0.0.2")
        }
        for (client, user, verdict) in [
            ("203.0.113.9", "mary", "pass"), ("203.0.113.9", "fred+list", "pass"), ("203.0.113.9", "joel", "fail"),
            ("192.168.15.15", "joel", "pass"), ("192.168.15.16", "joel+x", "pass"), ("192.168.15.17", "joel", "fail"),
            ("192.0.2.129", "anybody", "pass"),
        ] {
            #expect(try await Self.verdict(client, "\(user)@example.com", zone) == verdict, "\(client) \(user)")
        }
    }

    @Test("A.4: two requirements at once")
    func requirements() async throws {
        let zone = Self.zone()
        zone.text("example.com", "v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all")
        zone.text("ip4._spf.example.com", "v=spf1 -ip4:192.0.2.0/24 +all")
        zone.text("ptr._spf.example.com", "v=spf1 -ptr +all")
        // `ptr` is about the domain whose record it stands in; names below it are proven here.
        zone.addresses("host.ptr._spf.example.com", "192.0.2.200", "203.0.113.5")
        zone.answer("200.2.0.192.in-addr.arpa", .ptr, [.pointer("host.ptr._spf.example.com")])
        zone.answer("5.113.0.203.in-addr.arpa", .ptr, [.pointer("host.ptr._spf.example.com")])
        #expect(try await Self.verdict("192.0.2.200", "user@example.com", zone) == "pass")
        #expect(try await Self.verdict("192.0.2.140", "user@example.com", zone) == "fail")
        #expect(try await Self.verdict("203.0.113.5", "user@example.com", zone) == "fail")
    }

    static let expansions = [
        ("%{s}", "strong-bad@email.example.com"), ("%{o}", "email.example.com"), ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"), ("%{d3}", "email.example.com"), ("%{d2}", "example.com"), ("%{d1}", "com"),
        ("%{dr}", "com.example.email"), ("%{d2r}", "example.email"), ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"), ("%{lr}", "strong-bad"), ("%{lr-}", "bad.strong"), ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
    ]

    @Test("7.4: what macros stand for", arguments: expansions)
    func expansion(_ text: String, _ wanted: String) throws {
        #expect(try Self.expand(text, client: "192.0.2.3") == wanted)
    }

    @Test("7.4: the same of an IPv6 client")
    func expansionV6() throws {
        let digits = "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
        #expect(
            try Self.expand("%{ir}.%{v}._spf.%{d2}", client: "2001:db8::cb01") == "\(digits).ip6._spf.example.com")
    }

    static func expand(_ text: String, client: String, in place: SPFMacroString.Place = .record) throws -> String {
        let macros = try SPFMacroString(parsing: Array(text.utf8)[...], in: place)
        var context = SPFContext(
            client: try #require(IPAddress(client)), helo: "mx.example.org", receiver: "mx.example.net",
            now: Timestamp(seconds: 1_700_000_000))
        context.localPart = Array("strong-bad".utf8)
        context.senderDomain = Array("email.example.com".utf8)
        let values = SPFMacroValues(context: context, domain: Array("email.example.com".utf8))
        let name = macros.suffix(values, limit: 10_000)
        #expect(macros.prefix(values, limit: 10_000) == name)
        return String(decoding: name, as: UTF8.self)
    }
}
