import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite("Keys that OpenDKIM's tables have for a domain")
struct SigningDomainsTests {
    private static let keys =
        (0..<6).map { "k\($0) example.org:s\($0):/keys/k\($0)\n" }.joined()
        + "any %:mail:/keys/%.private\nnet example.net:net:/keys/net\nsub.example.org example.org:sub:/keys/sub\n"

    private func tables(_ senders: String, hasPatterns: Bool) -> SigningTables {
        SigningTablesTests.read(keys: Self.keys, senders: senders, hasPatterns: hasPatterns).tables
    }

    /// `selector < senders` of each key.
    private func found(
        _ senders: String, _ domain: String = "example.org", hasPatterns: Bool = true, multiple: Bool = false
    ) throws -> [String] {
        let name = try #require(DomainName(domain))
        let found = tables(senders, hasPatterns: hasPatterns).keys(of: name, multiple: multiple)
        let lines = found.keys.map { "\($0.key.selector) < \($0.senders.joined(separator: ", "))" }
        return lines + (found.areForEveryone ? ["all"] : [])
    }

    @Test("Patterns count in their order, up to the first that fits every sender")
    func patterns() throws {
        let senders = "boss@example.org k0\nb*@example.org k1\n*@*.org k2\n*@example.org net\n* any\n"
        #expect(try found(senders) == ["s0 < boss@example.org", "s1 < b*@example.org", "s2 < *@*.org", "all"])
        // Mail of example.org would be signed in its name, if the line counted.
        #expect(try found(senders, "example.net") == ["mail < *", "net < *@example.org", "all"])
        let many = ["s0 < boss@example.org", "s1 < b*@example.org", "s2 < *@*.org", "net < *@example.org", "mail < *"]
        #expect(try found(senders, multiple: true) == many + ["all"])
        #expect(try found("*@news.example.org k0\n") == ["s0 < *@news.example.org"], "in the name of the domain above")
        #expect(try found("*@example.com any\n") == [])
    }

    @Test("Without patterns: users, the domain, those above, and no others")
    func plain() throws {
        let senders = "* any\nal@* k1\n.org k2\nal@.org k3\nexample.org k4\nal@example.org k5\n"
        // al@.org, .org, al@* and * come after example.org, and sign for others in its name.
        let found = try found(senders, hasPatterns: false)
        #expect(found.prefix(2) == ["s5 < al@example.org", "s4 < example.org"])
        #expect(Set(found.dropFirst(2)) == ["s1 < al@*", "s2 < .org", "s3 < al@.org", "all"])
        let below = try self.found(senders, "news.example.org", hasPatterns: false)
        #expect(below == ["s3 < al@.org", "s2 < .org", "all"])
        #expect(try self.found("al@example.org any\n", hasPatterns: false) == ["mail < al@example.org"])
    }

    @Test("A name of % is the sender's domain, and lines without a key leave the domain to the directory")
    func percent() throws {
        #expect(try found("* %\n", "sub.example.org") == ["sub < *", "all"])
        #expect(try found("* %\n", "example.org") == ["sub < *"])
        #expect(try found("*@example.com %\n* any\n", "example.com") == [])
    }

    @Test(
        "Which addresses of a domain a pattern reaches",
        arguments: [
            ("*", WildcardPattern.Reach.all), ("*@example.org", .all), ("*@*", .all), ("*@*.org", .all),
            ("*example.org", .all), ("*@exa*org", .all), ("**@example.org", .all), ("a*@example.org", .some),
            ("*.b@*.org", .some), ("@example.org", .none), ("*@*.example.org", .none), ("*@example.or", .none),
            ("*@ample.org", .none), ("a@example.com*", .none), ("", .none), ("a*c@*org", .some),
        ])
    func reach(_ pattern: String, _ reach: WildcardPattern.Reach) {
        #expect(WildcardPattern(pattern).reach(before: Array("@example.org".utf8)) == reach)
        #expect(WildcardPattern(String(repeating: "a*", count: 200) + "b").reach(before: Array("@b.org".utf8)) == .none)
    }

    @Test("What the tables name is known, and keys of the directory are idle behind tables that have everyone")
    func idle() throws {
        let named = tables("*@example.com k0\nal@bücher.example net\n*@*.test any\n", hasPatterns: true).namedDomains
        #expect(
            Set(named.map(\.ascii)) == ["example.com", "xn--bcher-kva.example", "example.org", "example.net"])
        var manifest = Manifest()
        manifest.server.hostname = "mail.example.org"
        func isIdle(_ senders: String) throws -> Bool {
            let domain = try #require(DomainName("example.org"))
            return Policy.directoryIsIdle(for: domain, tables(senders, hasPatterns: true), manifest)
        }
        #expect(try !isIdle("*@example.org k0\n"), "it signs for the host's own name")
        #expect(try isIdle("*@example.org k0\n*@mail.example.org k0\n"))
        #expect(try isIdle("*@*example.org k0\n"))
        #expect(try !isIdle("boss@example.org k0\n"))
        manifest.dkim.subdomains = .parent
        #expect(try !isIdle("*@*example.org k0\n"))
        manifest = Manifest()
        manifest.server.hostname = "mail.example.net"
        #expect(try isIdle("*@example.org k0\n"))
    }
}
