import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite("OpenDKIM's key table and signing table")
struct SigningTablesTests {
    static func read(
        keys: String, senders: String, hasPatterns: Bool, keyPatterns: Bool = false
    ) -> (tables: SigningTables, problems: [TableDiagnostic]) {
        var problems: [TableDiagnostic] = []
        let tables = SigningTables.read(
            keys: (Array(keys.utf8), .init(path: "/k/KeyTable", hasPatterns: keyPatterns)),
            senders: (Array(senders.utf8), .init(path: "/k/SigningTable", hasPatterns: hasPatterns))
        ) { problems.append($0) }
        return (tables, problems)
    }

    private static let keys = (0..<9).map { "k\($0) example.org:s\($0):/keys/k\($0)\n" }.joined()

    private func names(_ tables: SigningTables, _ sender: String) throws -> [String] {
        tables.matches(try address(sender)).map(\.name)
    }

    @Test("Without patterns: user@host, host, user@.parent, .parent, user@*, *")
    func plain() throws {
        let senders = """
            # who                 key
            *                     k0
            al@*                  k1
            .example.org          k2
            .org                  k3
            al@.example.org       k4
            news.example.org      k5   # the domain
            al@news.example.org   k6
            """
        let tables = Self.read(keys: Self.keys, senders: senders, hasPatterns: false)
        #expect(tables.problems == [])
        #expect(try names(tables.tables, "al@News.example.ORG") == ["k6", "k5", "k4", "k2", "k3", "k1", "k0"])
        #expect(try names(tables.tables, "bo@news.example.org") == ["k5", "k2", "k3", "k0"])
        #expect(try names(tables.tables, "bo@example.org") == ["k3", "k0"])
        #expect(try names(tables.tables, "al@example.net") == ["k1", "k0"])
    }

    @Test("With patterns: in the order of the file, and `*@example.org` is not for domains below")
    func patterns() throws {
        let senders = """
            *@example.org         k0
            al@example.org        k1
            *@*.example.org       k2
            a*b*c@example.net     k3
            *                     k4
            +.?@example.com       k5
            """
        let tables = Self.read(keys: Self.keys, senders: senders, hasPatterns: true)
        #expect(tables.problems == [])
        #expect(try names(tables.tables, "AL@example.org") == ["k0", "k1", "k4"])
        #expect(try names(tables.tables, "al@news.example.org") == ["k2", "k4"])
        #expect(try names(tables.tables, "abc@example.net") == ["k3", "k4"])
        #expect(try names(tables.tables, "axxbxxc@example.net") == ["k3", "k4"])
        #expect(try names(tables.tables, "acb@example.net") == ["k4"])
        #expect(try names(tables.tables, "xx@example.com") == ["k4"])
    }

    @Test("% is the sender's domain, in d=, in the path, as the name and in i=")
    func percent() throws {
        let keys = "any %:mail:/keys/%.private\nexample.net example.net:net:/keys/net\n"
        let tables = Self.read(
            keys: keys, senders: "*@example.net %\n* any:robot@%\n", hasPatterns: true
        ).tables
        let any = try #require(tables.matches(try address("a@Example.org")).first)
        #expect(any.identity == "robot@example.org")
        #expect(any.key?.domain.ascii == "example.org" && any.key?.selector == "mail")
        #expect(any.key?.place == .file("/keys/example.org.private") && any.key?.isForAnyDomain == true)
        let net = try #require(tables.matches(try address("a@example.net")).first)
        #expect(net.key?.place == .file("/keys/net") && net.origin == "/k/SigningTable:1")
        #expect(tables.keyFiles.map(\.path) == ["/keys/net"])
    }

    @Test("An i= that is not within d= is left out")
    func identity() throws {
        let senders = "*@example.org k0:bot@news.example.org\n*@example.com k1:bot@example.com\n*@example.net k2:%\n"
        let tables = Self.read(keys: Self.keys, senders: senders, hasPatterns: true)
        #expect(tables.problems == [])
        #expect(try tables.tables.matches(address("a@example.org")).first?.identity == "bot@news.example.org")
        #expect(try tables.tables.matches(address("a@example.com")).first?.identity == nil)
        #expect(try tables.tables.matches(address("a@example.net")).first?.identity == nil)
    }

    @Test("Names of keys may be patterns too")
    func keyPatterns() throws {
        let keys = "fixed example.net:one:/k/1\n*._domainkey.* %:two:./2\nlater example.net:three:/k/3\n"
        let senders = "*@example.org mail._domainkey.example.org\n*@example.net fixed\n*@example.com later\n"
        let tables = Self.read(keys: keys, senders: senders, hasPatterns: true, keyPatterns: true)
        #expect(tables.problems == [])
        let key = try tables.tables.matches(address("a@example.org")).first?.key
        #expect(key?.selector == "two" && key?.domain.ascii == "example.org" && key?.place == .file("/k/./2"))
        #expect(try tables.tables.matches(address("a@example.net")).first?.key?.selector == "one")
        #expect(try tables.tables.matches(address("a@example.com")).first?.key?.selector == "three")
    }

    @Test("Domains may be written with their own letters")
    func international() throws {
        let tables = Self.read(keys: Self.keys, senders: "*@bücher.example k0\nal@bücher.example k1", hasPatterns: true)
        #expect(try names(tables.tables, "al@xn--bcher-kva.example") == ["k0", "k1"])
    }

    @Test(
        "What is wrong is named with its line",
        arguments: [
            ("a b c\n", "x k0", "KeyTable:1: has the key `a` without a domain, selector and key file"),
            ("a exa mple:s:/k\n", "x a", "KeyTable:1: has `exa mple`, which is no domain"),
            ("a example.org:s s:/k\n", "x a", "KeyTable:1: has `s s`, which is no selector"),
            ("a example.org:s:key\n", "x a", "KeyTable:1: has a key that is neither a path nor base64"),
            ("a example.org:s:/k\na example.org:t:/l", "x a", "KeyTable:2: has the name `a` once more"),
            ("alone\n", "x a", "KeyTable:1: has `alone` and nothing else"),
            ("a example.org:s:/k\n", "\n\nx b", "SigningTable:3: names the key `b`, which /k/KeyTable lacks"),
            ("a example.org:s:/k\n", "x a:@@", "SigningTable:1: has the signer `@@`, which can't be an `i=` tag"),
            ("a example.org:s:/k\n", "x", "SigningTable:1: has `x` and nothing else"),
        ])
    func faults(_ keys: String, _ senders: String, _ message: String) {
        let problems = Self.read(keys: keys, senders: senders, hasPatterns: true).problems
        #expect(problems.contains { "\($0.place): \($0.message)" == "/k/" + message }, "\(problems)")
    }

    @Test("A pattern of many stars ends")
    func stars() throws {
        let pattern = String(repeating: "a*", count: 100) + "b"
        let tables = Self.read(keys: Self.keys, senders: "\(pattern)@example.org k0", hasPatterns: true)
        #expect(try names(tables.tables, String(repeating: "a", count: 200) + "@example.org") == [])
    }
}
