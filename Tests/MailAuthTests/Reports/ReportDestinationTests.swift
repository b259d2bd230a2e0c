import DNSCore
import MailAuth
import MailSyntax
import MartletTesting
import Testing

/// Who gets reports, and who does not.
@Suite struct ReportDestinationTests {
    let resolver = ScriptedResolver()

    private func judge(_ uris: ReportURI...) async -> ReportDestinations {
        var published = DMARCReport.PublishedPolicy(domain: "blue.example", policy: "none")
        published.discoveryMethod = "treewalk"
        return await ReportDestinations(
            ObservedPolicy(published: published, destinations: uris, errors: []), resolver: resolver)
    }

    private func judge(_ uris: String...) async -> [String] {
        var published = DMARCReport.PublishedPolicy(domain: "blue.example", policy: "none")
        published.discoveryMethod = "treewalk"
        let found = await ReportDestinations(
            ObservedPolicy(published: published, destinations: uris.map { ReportURI($0) }, errors: []),
            resolver: resolver)
        return found.accepted.map(\.text) + found.refused.map { "not \($0.uri): \($0.reason)" }
    }

    @Test func `a domain's own places, and its organization's, need nobody's consent`() async {
        resolver.text("_dmarc.blue.example", "v=DMARC1; p=none")
        #expect(
            await judge("mailto:d@blue.example", "MAILTO:d%2Be@mail.blue.example?subject=x", "mailto:d@blue.example")
                == ["mailto:d@blue.example", "mailto:d+e@mail.blue.example"])
        #expect(!resolver.questions.contains { $0.contains("_report") })
    }

    // RFC 7489 §7.1
    @Test func `another organization must agree`() async {
        let name = "blue.example._report._dmarc.red.example"
        #expect(
            await judge("mailto:d@red.example")
                == ["not mailto:d@red.example: red.example does not agree: there is no v=DMARC1 at \(name)"])
        resolver.text(name, "v=spf1 -all")
        #expect(await judge("mailto:d@red.example").first?.hasPrefix("not ") == true)
        resolver.text(name, "v=DMARC1")
        #expect(await judge("mailto:d@red.example") == ["mailto:d@red.example"])
        resolver.text(name, "v=DMARC1; rua=mailto:other@red.example!5k")
        let found = await judge(ReportURI("mailto:d@red.example", limit: 7))
        #expect(found.accepted.map(\.text) == ["mailto:other@red.example"])
        guard case .mail(_, limit: 5 * 1024) = found.accepted.first else {
            Issue.record("the place's own limit holds")
            return
        }
        resolver.text(name, "v=DMARC1; rua=mailto:victim@green.example")
        #expect(
            await judge("mailto:d@red.example")
                == ["not mailto:d@red.example: \(name) names a place outside of red.example"])
    }

    @Test func `trouble with the DNS is told apart from a refusal`() async {
        resolver.fail("blue.example._report._dmarc.red.example", .txt, .timeout)
        let found = await judge(ReportURI("mailto:d@red.example"))
        #expect(found.refused.map(\.isTemporary) == [true] && found.accepted.isEmpty)
    }

    @Test func `other schemes, broken addresses and what is too much are passed over`() async {
        let found = await judge("https://blue.example/dmarc", "mailto:nobody", "mailto:a%zz@blue.example")
        #expect(found.count == 3 && found.allSatisfy { $0.hasPrefix("not ") })
        let many = (0..<30).map { ReportURI("mailto:d\($0)@blue.example") }
        let all = await ReportDestinations(
            ObservedPolicy(
                published: DMARCReport.PublishedPolicy(domain: "blue.example", policy: "none"), destinations: many,
                errors: []), resolver: resolver)
        #expect(all.accepted.count == 10)
    }

    @Test(arguments: [
        ("v=TLSRPTv1;rua=mailto:reports@example.com", ["mailto:reports@example.com"]),
        (
            "v=TLSRPTv1; x=y; rua=https://r.example/v1 , mailto:a@b.example ;",
            ["https://r.example/v1", "mailto:a@b.example"]
        ),
        ("v=TLSRPTv1; rua=ftp://r.example/,https:,mailto:", []),
    ])
    func `a record of TLS-RPT names places without anybody's consent`(
        text: String, places: [String]
    ) throws {
        let record = try #require(TLSRPTRecord(parsing: Array(text.utf8)))
        #expect(ReportDestinations(record).accepted.map(\.text) == places)
    }

    @Test(arguments: ["v=TLSRPTv1", "v=TLSRPTv1;", "v=TLSRPTv2; rua=mailto:a@b.example", "rua=mailto:a@b.example", ""])
    func `what is no record of TLS-RPT is none`(text: String) {
        #expect(TLSRPTRecord(parsing: Array(text.utf8)) == nil)
    }

    @Test func `two records of TLS-RPT are none`() async throws {
        let texts = ["a", "b"].map { DNSRecord.text(Array("v=TLSRPTv1; rua=mailto:\($0)@one.example".utf8)) }
        resolver.answer("_smtp._tls.one.example", .txt, texts)
        #expect(try await TLSRPTRecord.find("one.example", resolver: resolver) == nil)
    }
}
