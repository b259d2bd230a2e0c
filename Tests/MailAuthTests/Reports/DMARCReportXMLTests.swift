import MailAuth
import MailSyntax
import Testing

/// Reports as they are written.
@Suite struct DMARCReportXMLTests {
    static func report() throws -> DMARCReport {
        var policy = DMARCReport.PublishedPolicy(domain: "example.com", policy: "reject")
        policy.discoveryMethod = "treewalk"
        (policy.subdomainPolicy, policy.nonexistentPolicy) = ("quarantine", "none")
        (policy.dkimAlignment, policy.spfAlignment, policy.testing, policy.failureOptions) = ("r", "s", "n", "1:d")
        var record = DMARCReport.Record(
            source: try #require(IPAddress("2001:db8::25")), count: 12,
            evaluated: DMARCReport.Evaluated(
                disposition: "none", dkim: "pass", spf: "fail",
                reasons: [
                    DMARCReport.Reason("trusted_forwarder"), DMARCReport.Reason("other", comment: "a <b> & \"c\" 'd'"),
                ]),
            identifiers: DMARCReport.Identifiers(
                headerFrom: "news.example.com", envelopeFrom: "", envelopeTo: "example.org"))
        record.dkim = [
            DMARCReport.DKIM(domain: "example.com", selector: "s1", result: "pass"),
            DMARCReport.DKIM(domain: "evil.example", selector: "]]>", result: "fail", humanResult: "größer"),
        ]
        record.spf = [DMARCReport.SPF(domain: "out.example", scope: "mfrom", result: "softfail", humanResult: "not it")]
        return DMARCReport(
            metadata: DMARCReport.Metadata(
                organization: "Example & Sons", email: "postmaster@mx.example.org",
                extraContact: "https://example.org/",
                reportID: "1790000000.example.com@mx.example.org", begin: Timestamp(seconds: 1_789_948_800),
                end: Timestamp(seconds: 1_790_035_199), errors: ["pct was removed"], generator: "Martlet"),
            policy: policy, records: [record])
    }

    @Test func `what is written is read back`() throws {
        let report = try Self.report()
        #expect(try DMARCReportReader.read(report.xml, now: Timestamp(seconds: 1_790_100_000)) == report)
    }

    @Test func `elements stand in the order of the schema, and text is escaped`() throws {
        let text = String(decoding: try Self.report().xml, as: UTF8.self)
        let order = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">",
            "<version>1.0<", "<org_name>Example &amp; Sons<", "<report_id>", "<begin>1789948800<", "<error>",
            "<generator>",
            "<policy_published>", "<p>reject<", "<record>", "<source_ip>2001:db8::25<", "<count>12<", "<disposition>",
            "<reason>", "a &lt;b&gt; &amp; &quot;c&quot; &apos;d&apos;", "<identifiers>", "<auth_results>", "<dkim>",
            "<selector>]]&gt;<", "<spf>", "</feedback>",
        ]
        var rest = text[...]
        for piece in order {
            let found = try #require(rest.range(of: piece), "\(piece) is missing or misplaced")
            rest = rest[found.upperBound...]
        }
    }

    @Test func `characters that XML can't have are not written`() throws {
        var report = try Self.report()
        report.metadata.organization = "a\u{0}b\u{7}c\nd\u{FFFE}"
        let text = String(decoding: report.xml, as: UTF8.self)
        #expect(text.contains("<org_name>a?b?c d?</org_name>"))
    }
}

extension Substring {
    /// Where a text begins, and ends.
    fileprivate func range(of text: String) -> Range<Index>? { ranges(of: text).first }
}
