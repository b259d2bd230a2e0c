import Directory
import MailSyntax
import Testing

@testable import AdminService

@Suite struct ZoneBuilderTests {
    private func zone(addresses: [String] = ["198.51.100.7", "2001:db8::7"], port: Int = 25) throws -> ZoneText {
        ZoneBuilder(
            domain: try #require(DomainName("example.org")),
            hostname: try #require(DomainName("mail.example.org")),
            addresses: addresses.compactMap { IPAddress($0) },
            listeners: [
                ListenerStatus(name: "mx", kind: "mx", address: "*", port: port),
                ListenerStatus(name: "s", kind: "submissions", address: "*", port: 465),
                ListenerStatus(name: "i", kind: "imap", address: "*", port: 143),
            ],
            keys: [
                DKIMKeySummary(
                    domain: "example.org", selector: "rsa1", algorithm: "rsa-sha256",
                    recordName: "rsa1._domainkey.example.org.",
                    recordText: "v=DKIM1; k=rsa; p=" + String(repeating: "A", count: 392), active: true)
            ]
        ).build()
    }

    @Test func `every record that mail needs is there`() throws {
        let text = try zone().text
        for line in [
            "mail.example.org. IN A 198.51.100.7", "mail.example.org. IN AAAA 2001:db8::7",
            "example.org. IN MX 10 mail.example.org.", "example.org. IN TXT \"v=spf1 mx ~all\"",
            "_dmarc.example.org. IN TXT \"v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org\"",
            "_submissions._tcp.example.org. IN SRV 0 1 465 mail.example.org.",
            "_imap._tcp.example.org. IN SRV 10 1 143 mail.example.org.",
            "; 7.100.51.198.in-addr.arpa. IN PTR mail.example.org.",
        ] {
            #expect(text.contains("\(line)\n"), "\(line)")
        }
        #expect(!text.contains("_pop3"))
    }

    @Test func `every record has a comment above it`() throws {
        let lines = try zone().text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where line.contains(" IN ") && !line.hasPrefix(";") {
            #expect(lines[index - 1].hasPrefix("; "))
        }
    }

    @Test func `names of another zone stand in comments`() throws {
        let text = ZoneBuilder(
            domain: try #require(DomainName("example.net")), hostname: try #require(DomainName("mail.example.org")),
            addresses: [try #require(IPAddress("198.51.100.7"))], listeners: [], keys: []
        ).build().text
        #expect(text.contains("\n; mail.example.org. IN A 198.51.100.7\n"))
        for line in text.split(separator: "\n") where line.contains(" IN ") && !line.hasPrefix(";") {
            #expect(line.split(separator: " ").first?.hasSuffix("example.net.") == true)
        }
    }

    @Test func `a domain that only sends keeps its MX`() throws {
        let text = ZoneBuilder(
            domain: try #require(DomainName("example.net")), kind: .sendOnly,
            hostname: try #require(DomainName("out.example.org")),
            addresses: [try #require(IPAddress("198.51.100.7"))],
            listeners: [ListenerStatus(name: "s", kind: "submission", address: "*", port: 587)],
            keys: [
                DKIMKeySummary(
                    domain: "example.net", selector: "rsa1", algorithm: "rsa-sha256",
                    recordName: "rsa1._domainkey.example.net.", recordText: "v=DKIM1; k=rsa; p=AAAA", active: true)
            ]
        ).build().text
        let records = text.split(separator: "\n").filter { $0.contains(" IN ") && !$0.hasPrefix(";") }
        #expect(
            records == [
                "example.net. IN TXT \"v=spf1 a:out.example.org ~all\"",
                "rsa1._domainkey.example.net. IN TXT \"v=DKIM1; k=rsa; p=AAAA\"",
            ], "\(text)")
        #expect(text.contains("its MX stays as it is"), "\(text)")
    }

    @Test(arguments: [255, 256, 510, 511])
    func `long texts are split at 255 octets`(length: Int) {
        let text = ZoneBuilder.quoted(String(repeating: "x", count: length))
        let strings = text.split(separator: "\"", omittingEmptySubsequences: true).filter { $0.hasPrefix("x") }
        #expect(strings.allSatisfy { $0.utf8.count <= 255 })
        #expect(strings.joined().utf8.count == length)
        #expect(text.hasPrefix("(") == (length > 255))
    }

    @Test func `quotes and octets outside ASCII are escaped`() {
        #expect(ZoneBuilder.quoted("a\"b\\c\u{7}é") == "\"a\\\"b\\\\c\\007\\195\\169\"")
    }

    @Test func `a port that nobody asks and a private address are said`() throws {
        #expect(try zone(port: 10025).text.contains("others connect to port 25 only"))
        #expect(try zone(addresses: ["192.168.1.2"]).text.contains("not an address of the internet"))
        #expect(try zone(addresses: []).text.contains("--address"))
    }
}
