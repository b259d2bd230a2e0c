import DNSCore
import MailSyntax
import MartletTesting
import Testing

@testable import MailAuth

@Suite("SPF checks")
struct SPFCheckerTests {
    private static let now = Timestamp(seconds: 1_700_000_000)

    private static func check(
        _ record: String, client: String = "192.0.2.1", sender: String = "user@example.org",
        _ script: (ScriptedResolver) -> Void = { _ in }
    ) async throws -> SPFResult {
        let zone = ScriptedResolver()
        zone.text("example.org", record)
        script(zone)
        return try await SPFResult.of(client: client, helo: "mail.example.org", sender: sender, resolver: zone)
    }

    @Test("what matched, in whose record, and how much was asked is told")
    func told() async throws {
        let result = try await Self.check("v=spf1 a:gone.example include:_spf.example.net ~all") {
            $0.text("_spf.example.net", "v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all")
        }
        #expect(result.verdict == .pass && result.keyword == "pass")
        #expect(result.mechanism == "include:_spf.example.net" && result.recordDomain == "example.org")
        #expect(result.lookups == 2 && result.voidLookups == 1)
        #expect(result.property == "smtp.mailfrom" && result.propertyValue == "example.org")
        #expect(result.reason == "192.0.2.1 matches include:_spf.example.net of example.org")
        #expect(
            result.trace.map { "\($0.depth) \($0.text)" } == [
                "0 example.org: v=spf1 a:gone.example include:_spf.example.net ~all",
                "0 gone.example A: none",
                "0 a:gone.example: does not match",
                "1 _spf.example.net: v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all",
                "1 ip4:198.51.100.0/24: does not match",
                "1 ip4:192.0.2.0/24: matches",
                "0 include:_spf.example.net: matches",
                "0 pass: 192.0.2.1 matches include:_spf.example.net of example.org",
            ])
    }

    @Test("a redirect's record decides, and tells why")
    func redirect() async throws {
        let result = try await Self.check("v=spf1 exp=no.example.org redirect=_spf.example.net") {
            $0.text("_spf.example.net", "v=spf1 -all exp=why.%{d}")
            $0.text("why._spf.example.net", "%{i} may not send for %{o}")
            $0.text("no.example.org", "wrong")
        }
        #expect(result.verdict == .fail && result.recordDomain == "_spf.example.net" && result.mechanism == "-all")
        #expect(result.explanation == "192.0.2.1 may not send for example.org")
    }

    @Test(
        "temporary trouble is never a lasting verdict",
        arguments: [
            DNSFailure.timeout, .serverFailure(rcode: 2), .serverFailure(rcode: 5), .bogus("no signature"), .malformed,
            .overloaded, .unavailable("stopped"), .cancelled,
        ])
    func temporary(_ failure: DNSFailure) async throws {
        for (record, name, type) in [
            ("v=spf1 a:x.example.net -all", "x.example.net", DNSRecordType.a),
            ("v=spf1 mx:x.example.net -all", "x.example.net", .mx),
            ("v=spf1 mx:y.example.net -all", "x.example.net", .a),
            ("v=spf1 exists:x.example.net -all", "x.example.net", .a),
            ("v=spf1 include:x.example.net -all", "x.example.net", .txt),
            ("v=spf1 redirect=x.example.net", "x.example.net", .txt),
            ("v=spf1 -all", "example.org", .txt),
        ] {
            let result = try await Self.check(record) {
                $0.mailExchanges("y.example.net", (10, "x.example.net"))
                $0.fail(name, type, failure)
            }
            #expect(result.verdict == .temperror, "\(record)")
            #expect(result.reason == "\(name) \(type): \(failure)")
        }
        // The client's names, and what is said of a verdict, change nothing.
        let result = try await Self.check("v=spf1 ptr -all exp=why.example.org") {
            $0.fail("1.2.0.192.in-addr.arpa", .ptr, failure)
            $0.fail("why.example.org", .txt, failure)
        }
        // But for an end of the caller's patience, which is no error of the client's names.
        #expect(result.verdict == (failure == .cancelled ? .temperror : .fail))
        #expect(result.explanation == nil && result.voidLookups == 0)
    }

    @Test("the caller's patience ends a check as a temporary error, and an explanation without a word")
    func cancelled() async throws {
        let named = try await Self.check("v=spf1 -ptr +all") {
            $0.answer("1.2.0.192.in-addr.arpa", .ptr, [.pointer("a.example.org")])
            $0.fail("a.example.org", .a, .cancelled)
        }
        #expect(named.verdict == .temperror && named.mechanism == nil)
        let told = try await Self.check("v=spf1 -all exp=%{p}.example.org") {
            $0.fail("1.2.0.192.in-addr.arpa", .ptr, .cancelled)
            $0.fail("unknown.example.org", .txt, .cancelled)
        }
        #expect(told.verdict == .fail && told.explanation == nil)
    }

    @Test("a name that is not there, one without records, and several records")
    func absence() async throws {
        for failure in [DNSFailure.nonexistentName(secure: true), .noData(secure: false), .invalidName] {
            let result = try await Self.check("") { $0.fail("example.org", .txt, failure) }
            #expect(result.verdict == .none && result.domain?.ascii == "example.org")
        }
        let other = try await Self.check("some text")
        #expect(other.verdict == .none)
        let twice = try await Self.check("") {
            $0.answer("example.org", .txt, [.text(Array("v=spf1 -all".utf8)), .text(Array("v=spf1 -all".utf8))])
        }
        #expect(twice.verdict == .permerror && twice.reason == "example.org has 2 SPF records")
    }

    @Test("loops and long chains end at ten lookups")
    func loops() async throws {
        for (record, other) in [
            ("v=spf1 include:b.example", "v=spf1 include:example.org"),
            ("v=spf1 redirect=b.example", "v=spf1 redirect=example.org"),
            ("v=spf1 include:example.org", ""), ("v=spf1 redirect=example.org", ""),
        ] {
            let result = try await Self.check(record) { $0.text("b.example", other) }
            #expect(result.verdict == .permerror && result.lookups == 11)
            #expect(result.reason?.hasPrefix("more than 10 terms ask the DNS") ?? false)
        }
    }

    @Test("thousands of terms and networks cost no more than their reading")
    func longRecords() async throws {
        let networks = (0..<4000).map { "ip4:10.\($0 / 256).\($0 % 256).1" }.joined(separator: " ")
        let result = try await Self.check("v=spf1 \(networks) ip4:192.0.2.1 -all")
        #expect(result.verdict == .pass && result.trace.count == 4)
        #expect(result.trace[1].text == "ip4:10.0.0.1 and 3999 more networks do not match")
        let macros = String(repeating: "%{s}", count: 10_000)
        let wide = try await Self.check("v=spf1 exists:\(macros).example.org -all")
        #expect(wide.verdict == .fail)
        let asking = try await Self.check("v=spf1" + String(repeating: " a", count: 20_000)) {
            $0.addresses("example.org", "192.0.2.9")
        }
        #expect(asking.verdict == .permerror && asking.lookups == 11)
    }

    @Test("more than ten exchanges are the domain's error, more than ten names the client's own affair")
    func manyHosts() async throws {
        let exchanges = (0..<11).map { DNSRecord.mailExchange(MailExchange(preference: 1, host: "h\($0).example")) }
        let result = try await Self.check("v=spf1 mx -all") { $0.answer("example.org", .mx, exchanges) }
        #expect(result.verdict == .permerror)
        for (count, verdict) in [(9, SPFVerdict.pass), (10, .fail)] {
            let names = (0..<count).map { DNSRecord.pointer("n\($0).example.org") } + [.pointer("good.example.org")]
            let result = try await Self.check("v=spf1 ptr -all") {
                $0.answer("1.2.0.192.in-addr.arpa", .ptr, names)
                $0.addresses("good.example.org", "192.0.2.1")
            }
            // Names that lead nowhere don't count against the domain.
            #expect(result.verdict == verdict && result.voidLookups == 0)
        }
    }

    @Test("asking for the client's names counts, in a macro as in a mechanism")
    func nameMacro() async throws {
        let terms = String(repeating: " a", count: 9)
        for (extra, verdict) in [("", SPFVerdict.fail), (" a", .permerror)] {
            let result = try await Self.check("v=spf1\(extra)\(terms) -exists:%{p}.example.org") {
                $0.addresses("example.org", "192.0.2.9")
                $0.answer("1.2.0.192.in-addr.arpa", .ptr, [.pointer("Host.Example.Net.")])
                $0.addresses("host.example.net", "192.0.2.1")
                $0.addresses("host.example.net.example.org", "127.0.0.2")
            }
            #expect(result.verdict == (extra.isEmpty ? .permerror : verdict))
        }
        let result = try await Self.check("v=spf1 -exists:%{p}.example.org exp=%{p}.why.example") {
            $0.answer("1.2.0.192.in-addr.arpa", .ptr, [.pointer("Host.Example.Net.")])
            $0.addresses("host.example.net", "192.0.2.1")
            $0.addresses("host.example.net.example.org", "127.0.0.2")
            $0.text("host.example.net.why.example", "%{p} is not ours")
        }
        #expect(result.verdict == .fail && result.lookups == 2)
        #expect(result.explanation == "host.example.net is not ours")
    }

    @Test("an explanation is ASCII without controls, short, and of its own domain")
    func explanations() async throws {
        for (text, wanted) in [
            ("Go away.", "Go away."), ("%{l} of %{h}", "user of mail.example.org"), ("a\tb", nil), ("\u{E9}", nil),
            ("", nil), ("%{x}", nil), (String(repeating: "x", count: 5000), String(repeating: "x", count: 500)),
        ] as [(String, String?)] {
            let result = try await Self.check("v=spf1 -all exp=why.example.org") { $0.text("why.example.org", text) }
            #expect(result.verdict == .fail && result.explanation == wanted, "\(text)")
        }
        let odd = try await Self.check("v=spf1 -all exp=why.example.org", sender: "a\r\nb@example.org") {
            $0.text("why.example.org", "%{l} is not ours")
        }
        #expect(odd.explanation == nil)
    }

    @Test("international senders: domains as A-labels, local parts match nothing")
    func international() async throws {
        let zone = ScriptedResolver()
        zone.text("xn--bcher-kva.example", "v=spf1 exists:%{l}.%{d} -exists:%{o}.list.example +all")
        zone.addresses("xn--bcher-kva.example.list.example", "127.0.0.2")
        let sender = try #require(ReversePath("müller@bücher.example"))
        let client = try #require(IPAddress("2001:db8::1"))
        let result = await SPFChecker.check(
            client: client, helo: "mail.bücher.example", sender: sender, resolver: zone, now: Self.now)
        #expect(result.verdict == .fail && result.domain?.ascii == "xn--bcher-kva.example")
        #expect(result.lookups == 1, "a term that can't match is not asked for")
        #expect(zone.questions.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } })
    }

    @Test("the greeting stands in for nobody, and is checked only where it is a name")
    func identities() async throws {
        let zone = ScriptedResolver()
        zone.text("mail.example.org", "v=spf1 exists:%{l}.%{h} -all")
        zone.addresses("postmaster.mail.example.org", "127.0.0.2")
        zone.text("example.org", "v=spf1 -all")
        let client = try #require(IPAddress("::ffff:192.0.2.1"))
        let path = try #require(ReversePath("user@example.org"))
        let both = await SPFChecker.checkBoth(
            client: client, helo: "mail.example.org", sender: path, resolver: zone, now: Self.now)
        #expect(both.helo.verdict == .pass && both.helo.property == "smtp.helo")
        #expect(both.mailFrom.verdict == .fail && both.mailFrom.property == "smtp.mailfrom")
        let nobody = await SPFChecker.checkBoth(
            client: client, helo: "MAIL.example.org.", sender: .null, resolver: zone, now: Self.now)
        #expect(nobody.mailFrom == nobody.helo && nobody.helo.identity == .helo)
        for helo in ["", "localhost", "[192.0.2.1]", "192.0.2.1", "-", "a b.example", "a..example", "2001:db8::1"] {
            let result = await SPFChecker.check(
                client: client, helo: helo, sender: .null, resolver: zone, now: Self.now)
            #expect(result.verdict == .none, "\(helo)")
        }
        let literal = try #require(ReversePath("user@[192.0.2.1]"))
        let result = await SPFChecker.check(
            client: client, helo: "mail.example.org", sender: literal, resolver: zone, now: Self.now)
        #expect(result.verdict == .none && result.domain == nil)
    }

    @Test("octets of strangers are escaped in names, and only there")
    func escapes() async throws {
        let zone = ScriptedResolver()
        zone.text("example.org", "v=spf1 exists:%{l}.x.example -all")
        zone.addresses("a\\032b\\\\c.x.example", "127.0.0.2")
        let result = try await SPFResult.of(
            client: "192.0.2.1", helo: "h.example", sender: "a b\\C@example.org", resolver: zone)
        #expect(result.verdict == .pass)
        #expect(result.trace.allSatisfy { $0.text.utf8.allSatisfy { (0x20...0x7E).contains($0) } })
    }
}
