import DNSCore
import MailAuth
import MailSyntax
import Testing

@testable import MailDoctor

@Suite struct ZoneFileTests {
    private func plan(addresses: [String] = ["198.51.100.7", "2001:db8::7"], port: Int = 25) throws -> DomainPlan {
        DomainPlan(
            domain: try #require(DomainName("example.org")), hostname: try #require(DomainName("mail.example.org")),
            addresses: addresses.compactMap { IPAddress($0) },
            services: [
                .init(kind: "mx", port: port), .init(kind: "submissions", port: 465), .init(kind: "imap", port: 143),
            ],
            keys: [
                .init(
                    selector: "rsa1", algorithm: "rsa-sha256",
                    record: "v=DKIM1; k=rsa; p=" + String(repeating: "A", count: 392))
            ])
    }

    private func text(_ plan: DomainPlan) -> String { ZoneFile.render(WantedRecords(plan)) }

    @Test func `every record that mail needs is there`() throws {
        let text = text(try plan())
        for line in [
            "mail.example.org. IN A 198.51.100.7", "mail.example.org. IN AAAA 2001:db8::7",
            "mail.example.org. IN TXT \"v=spf1 a -all\"",
            "example.org. IN MX 10 mail.example.org.", "example.org. IN TXT \"v=spf1 mx ~all\"",
            "_dmarc.example.org. IN TXT \"v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org\"",
            "_smtp._tls.example.org. IN TXT \"v=TLSRPTv1; rua=mailto:postmaster@example.org\"",
            "_submissions._tcp.example.org. IN SRV 0 1 465 mail.example.org.",
            "_imap._tcp.example.org. IN SRV 10 1 143 mail.example.org.",
            "; 7.100.51.198.in-addr.arpa. IN PTR mail.example.org.",
        ] {
            #expect(text.contains("\(line)\n"), "\(line)")
        }
    }

    @Test func `what the server does not serve has no record`() throws {
        let text = text(try plan())
        for name in ["_pop3", "_pop3s", "_imaps", "_submission.", "_mta-sts", "mta-sts", "TLSA", "CAA"] {
            #expect(!text.contains(name), "\(name)")
        }
    }

    @Test func `a policy, a certificate and its authority have records`() throws {
        var plan = try plan()
        plan.policy = MTASTSPolicy(mode: .testing, maxAge: 86400, hosts: ["mail.example.org"])
        plan.certificates = [.example(for: "mail.example.org", issuer: "C=US,O=Let's Encrypt,CN=R11")]
        let text = text(plan)
        #expect(text.contains("_mta-sts.example.org. IN TXT \"v=STSv1; id=\(plan.policy?.recordID ?? "");\"\n"))
        #expect(text.contains("mta-sts.example.org. IN CNAME mail.example.org.\n"))
        #expect(text.contains("mail.example.org. IN CAA 0 issue \"letsencrypt.org\"\n"))
        // SHA-256 of the octets "key".
        let digest = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"
        #expect(text.contains("_25._tcp.mail.example.org. IN TLSA 3 1 1 \(digest)\n"))
    }

    @Test func `names that people guess are records where the certificate is for them`() throws {
        var plan = try plan()
        #expect(text(plan).contains("\n; imap.example.org. IN CNAME mail.example.org.\n"))
        plan.certificates = [.example(for: "*.example.org")]
        let text = text(plan)
        #expect(text.contains("\nsmtp.example.org. IN CNAME mail.example.org.\n"))
        #expect(text.contains("\nimap.example.org. IN CNAME mail.example.org.\n"))
        #expect(!text.contains("pop.example.org"))
    }

    @Test func `the name in EHLO has an address and SPF of its own`() throws {
        var plan = try plan()
        plan.heloName = try #require(DomainName("out.example.org"))
        let text = text(plan)
        #expect(text.contains("out.example.org. IN A 198.51.100.7\n"))
        #expect(text.contains("out.example.org. IN TXT \"v=spf1 a -all\"\n"))
        #expect(text.contains("; 7.100.51.198.in-addr.arpa. IN PTR out.example.org.\n"))
    }

    @Test func `every record has a comment above it`() throws {
        let lines = text(try plan()).split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where line.contains(" IN ") && !line.hasPrefix(";") {
            #expect(lines[index - 1].hasPrefix("; "))
        }
    }

    @Test func `names of another zone stand in comments`() throws {
        let text = text(
            DomainPlan(
                domain: try #require(DomainName("example.net")), hostname: try #require(DomainName("mail.example.org")),
                addresses: [try #require(IPAddress("198.51.100.7"))], services: [], keys: []))
        #expect(text.contains("\n; mail.example.org. IN A 198.51.100.7\n"))
        for line in text.split(separator: "\n") where line.contains(" IN ") && !line.hasPrefix(";") {
            #expect(line.split(separator: " ").first?.hasSuffix("example.net.") == true)
        }
    }

    @Test func `a domain that only sends keeps its MX`() throws {
        let text = text(
            DomainPlan(
                domain: try #require(DomainName("example.net")), kind: .sendOnly,
                hostname: try #require(DomainName("out.example.org")),
                addresses: [try #require(IPAddress("198.51.100.7"))], services: [.init(kind: "submission", port: 587)],
                keys: [.init(selector: "rsa1", algorithm: "rsa-sha256", record: "v=DKIM1; k=rsa; p=AAAA")]))
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
        let text = ZoneFile.quoted(String(repeating: "x", count: length))
        let strings = text.split(separator: "\"", omittingEmptySubsequences: true).filter { $0.hasPrefix("x") }
        #expect(strings.allSatisfy { $0.utf8.count <= 255 })
        #expect(strings.joined().utf8.count == length)
        #expect(text.hasPrefix("(") == (length > 255))
    }

    @Test func `quotes and octets outside ASCII are escaped`() {
        #expect(ZoneFile.quoted("a\"b\\c\u{7}é") == "\"a\\\"b\\\\c\\007\\195\\169\"")
    }

    @Test func `a port that nobody asks and a private address are said`() throws {
        #expect(text(try plan(port: 10025)).contains("others connect to port 25 only"))
        #expect(text(try plan(addresses: ["192.168.1.2"])).contains("not an address of the internet"))
        #expect(text(try plan(addresses: [])).contains("--address"))
    }
}

extension CertificateFacts {
    /// A certificate of an authority that is well known, as far as the doctor looks at it.
    static func example(
        for name: String, issuer: String = "C=US,O=Let's Encrypt,CN=R11", from: Int64 = 1_790_000_000,
        until: Int64 = 1_797_000_000
    ) -> CertificateFacts {
        CertificateFacts(
            der: Array("certificate".utf8), publicKeyInfo: Array("key".utf8), names: [name], subject: "CN=\(name)",
            issuer: issuer, notBefore: Timestamp(seconds: from), notAfter: Timestamp(seconds: until))
    }
}
