import MailSyntax
import Testing

@testable import MailAuth

@Suite struct DMARCReportReaderTests {
    private let now = Timestamp(seconds: 1_763_600_000)

    /// A report whose parts can be replaced.
    private func report(
        metadata: String = "<org_name>big.example</org_name><email>d@big.example</email><report_id>7</report_id>"
            + "<date_range><begin>1763510400</begin><end>1763596799</end></date_range>",
        policy: String = "<domain>example.org</domain><p>reject</p>", records: String = Self.record(), root: String = ""
    ) -> String {
        "<feedback\(root)><report_metadata>\(metadata)</report_metadata>"
            + "<policy_published>\(policy)</policy_published>\(records)</feedback>"
    }

    private static func record(
        source: String = "192.0.2.25", count: String = "4", from: String = "<header_from>Example.org</header_from>",
        results: String = "<spf><domain>example.org</domain><result>pass</result></spf>"
    ) -> String {
        "<record><row><source_ip>\(source)</source_ip><count>\(count)</count><policy_evaluated>"
            + "<disposition>none</disposition><dkim>fail</dkim><spf>pass</spf></policy_evaluated></row>"
            + "<identifiers>\(from)</identifiers><auth_results>\(results)</auth_results></record>"
    }

    private func read(_ text: String) throws(ReportError) -> DMARCReport {
        try DMARCReportReader.read(Array(text.utf8), now: now)
    }

    private func refusal(_ text: String) -> ReportError.Code? {
        refusal(Array(text.utf8))
    }

    private func refusal(_ bytes: [UInt8], _ limits: ReportLimits = ReportLimits()) -> ReportError.Code? {
        do {
            _ = try DMARCReportReader.read(bytes, limits: limits, now: now)
            return nil
        } catch {
            #expect(error.description.utf8.allSatisfy { (0x20...0x7E).contains($0) })
            return error.code
        }
    }

    @Test func `a report of RFC 7489 is read`() throws {
        let read = try read(report())
        #expect(read.metadata.organization == "big.example")
        #expect(read.metadata.begin == Timestamp(seconds: 1_763_510_400))
        #expect(read.policy.domain == "example.org")
        let record = try #require(read.records.first)
        #expect(record.source == IPAddress("192.0.2.25"))
        #expect(record.count == 4)
        #expect(record.identifiers.headerFrom == "example.org")
        #expect(record.evaluated == DMARCReport.Evaluated(disposition: "none", dkim: "fail", spf: "pass"))
        #expect(record.spf == [DMARCReport.SPF(domain: "example.org", result: "pass")])
    }

    @Test func `a report of RFC 9990 is read, with its namespace, and extensions are passed over`() throws {
        let records =
            "<extension><record><row><count>x</count></row></record></extension>"
            + "<x:record xmlns:x='u'><x:row/></x:record>" + Self.record()
        let policy =
            "<domain>example.org</domain><p>quarantine</p><sp>none</sp><np>reject</np><testing>y</testing>"
            + "<discovery_method>treewalk</discovery_method><new>1</new>"
        let read = try read(
            report(policy: policy, records: records, root: " xmlns='urn:ietf:params:xml:ns:dmarc-2.0'"))
        #expect(read.records.count == 1)
        #expect(read.policy.nonexistentPolicy == "reject")
        #expect(read.policy.discoveryMethod == "treewalk")
        #expect(read.policy.testing == "y")
    }

    @Test func `elements with the prefix of the root are its own`() throws {
        let text = report(root: " xmlns:d='http://dmarc.org/dmarc-xml/0.1'")
            .split(separator: "<", omittingEmptySubsequences: true)
            .map { $0.hasPrefix("/") ? "</d:\($0.dropFirst())" : "<d:\($0)" }.joined()
        #expect(try read(text).records.count == 1)
    }

    @Test func `what is optional may be missing`() throws {
        let policy = "<domain>example.org</domain><p></p><pct>250</pct>"
        let record =
            "<record><row><source_ip>2001:db8::1</source_ip><count>0</count></row>"
            + "<identifiers><header_from>a.example.org</header_from><envelope_from/></identifiers></record>"
        let read = try read(report(policy: policy, records: record))
        #expect(read.policy.percent == nil)
        #expect(read.records.first?.evaluated.passes == false)
        #expect(read.records.first?.identifiers.envelopeFrom == "")
        #expect(try self.read(report(records: "")).records.isEmpty)
    }

    @Test func `entities of XML, CDATA and comments are read, others are refused`() throws {
        let metadata =
            "<org_name>A &amp; B &#233;&#x20AC;</org_name><report_id><![CDATA[<x>]]]]></report_id><!-- > -- --><!----><!--->-->"
            + "<date_range><begin> 1763510400\n</begin><end>1763596799</end></date_range>"
        let read = try read("<?xml version='1.0'?><?x y?>" + report(metadata: metadata))
        #expect(read.metadata.organization == "A & B é€")
        #expect(read.metadata.reportID == "<x>]]")
        #expect(refusal(report(metadata: "<org_name>&nbsp;</org_name>")) == .malformed)
        #expect(refusal(report(metadata: "<org_name>&#0;</org_name>")) == .malformed)
        #expect(refusal(report(metadata: "<org_name>&#xD800;</org_name>")) == .malformed)
        #expect(refusal(report(metadata: "<org_name>&aaaaaaaaaaaaaaaaaaa;</org_name>")) == .malformed)
    }

    @Test(arguments: [
        "<!DOCTYPE feedback>", "<!DOCTYPE l [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>",
        "<!DOCTYPE f SYSTEM \"file:///etc/passwd\">", "<!ENTITY a 'b'>", "<!ELEMENT feedback ANY>",
        "<?xml version='1.0'?><!doctype f>",
    ])
    func `a document type is refused before its entities are`(prolog: String) {
        #expect(refusal(prolog + report(metadata: "<org_name>&b;</org_name>")) == .malformed)
    }

    @Test(arguments: [
        "<feedback>", "<feedback></feedbacks>", "<feedback/><feedback/>", "<feedback a></feedback>",
        "<feedback a='1' a='2'/>", "<feedback <a>/>", "<feedback></feedback>text", "<feedback></feedback><!-- ", "<1/>",
        "<feedback>\u{0}</feedback>", "<feedback>\u{1B}</feedback>", "<?xml encoding='EBCDIC-CP-US'?><feedback/>",
        "<feedback><?xml version='1.0'?></feedback>", "<feedback>&#3;</feedback>",
    ])
    func `what is not well-formed is refused`(text: String) {
        #expect(refusal(text) == .malformed)
    }

    @Test func `what is no DMARC report is said to be none`() {
        #expect(refusal("<html></html>") == .notAReport)
        #expect(refusal("Dear postmaster") == .notAReport)
        #expect(refusal("") == .malformed)
        #expect(refusal("<feedback/>") == .invalid)
    }

    @Test(arguments: [
        ("-1", ReportError.Code.invalid), ("+1", .invalid), ("1e3", .invalid), ("", .invalid),
        ("99999999999999999999999", .invalid), ("1000000000001", .invalid), ("1000000000000", nil), ("0", nil),
    ])
    func `counts are whole numbers in a range`(count: String, code: ReportError.Code?) {
        #expect(refusal(report(records: Self.record(count: count))) == code)
    }

    @Test func `sources, authors and dates have to make sense`() {
        #expect(refusal(report(records: Self.record(source: "mail.example.org"))) == .invalid)
        #expect(refusal(report(records: Self.record(from: ""))) == .invalid)
        for range in [(2, 1), (0, 86399), (1_763_510_400, 1_863_510_400), (1_763_000_000_000, 1_763_000_000_001)] {
            let metadata =
                "<org_name>a</org_name><report_id>7</report_id><date_range><begin>\(range.0)</begin>"
                + "<end>\(range.1)</end></date_range>"
            #expect(refusal(report(metadata: metadata)) == .invalid)
        }
        #expect(refusal(report(policy: "<domain>not a domain</domain><p>none</p>")) == .invalid)
        #expect(refusal(report(metadata: "<org_name>a</org_name>")) == .invalid)
    }

    @Test func `rows, results, depth and texts end at their limits`() {
        var limits = ReportLimits()
        limits.rows = 3
        limits.results = 2
        func code(_ text: String) -> ReportError.Code? { refusal(Array(text.utf8), limits) }
        #expect(code(report(records: String(repeating: Self.record(), count: 3))) == nil)
        #expect(code(report(records: String(repeating: Self.record(), count: 4))) == .tooLarge)
        let spf = "<spf><domain>example.org</domain><result>pass</result></spf>"
        #expect(code(report(records: Self.record(results: spf + spf))) == nil)
        #expect(code(report(records: Self.record(results: spf + spf + spf))) == .tooLarge)
        let deep = { (depth: Int) in
            self.report(
                policy: "<domain>example.org</domain>" + String(repeating: "<a>", count: depth)
                    + String(repeating: "</a>", count: depth))
        }
        #expect(code(deep(30)) == nil)
        #expect(code(deep(31)) == .tooLarge)
        let long = String(repeating: "é", count: 600)
        #expect(code(report(records: Self.record(from: "<header_from>\(long)</header_from>"))) == .tooLarge)
        #expect(code("<feedback a='\(String(repeating: "a", count: 20_000))'/>") == .tooLarge)
    }

    @Test func `free text is cut at a character`() throws {
        let metadata =
            "<org_name>\(String(repeating: "aé€", count: 400))</org_name><report_id>7</report_id>"
            + "<date_range><begin>1763510400</begin><end>1763596799</end></date_range>"
        let name = try read(report(metadata: metadata)).metadata.organization
        #expect(name.utf8.count <= 1024 && name.utf8.count > 1020 && !name.unicodeScalars.contains("\u{FFFD}"))
    }

    @Test func `encodings of the world are decoded, broken ones are refused`() throws {
        let text = report(
            metadata: "<org_name>Société 😀</org_name><report_id>7</report_id>"
                + "<date_range><begin>1763510400</begin><end>1763596799</end></date_range>")
        for isBig in [true, false] {
            let units = ([0xFEFF] + Array("<?xml version='1.0' encoding='UTF-16'?>\(text)".utf16)).flatMap { unit in
                isBig ? [UInt8(unit >> 8), UInt8(unit & 255)] : [UInt8(unit & 255), UInt8(unit >> 8)]
            }
            #expect(try DMARCReportReader.read(units, now: now).metadata.organization == "Société 😀")
            #expect(refusal(Array(units.dropLast())) == .malformed)
        }
        #expect(try read("\u{FEFF}" + text).metadata.organization == "Société 😀")
        #expect(try read("<?xml version='1.0' encoding='utf-16'?>" + text).metadata.organization == "Société 😀")
        let latin = "<?xml version='1.0' encoding='ISO-8859-1'?>" + text.replacing(" 😀", with: "")
        let octets = latin.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        #expect(try DMARCReportReader.read(octets, now: now).metadata.organization == "Société")
        #expect(refusal(Array(octets.dropFirst(43))) == .malformed, "it is said to be UTF-8 then")
    }

    @Test func `a report in pieces is the same`() throws {
        let bytes = Array(report(records: String(repeating: Self.record(), count: 5)).utf8)
        let whole = try DMARCReportReader.read(bytes, now: now)
        for size in [1, 2, 3, 7, 64, 1000] {
            var reader = DMARCReportReader(now: now)
            var records: [DMARCReport.Record] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                records += try reader.consume(bytes[start..<min(start + size, bytes.count)])
            }
            var report = try reader.finish()
            report.records = records
            #expect(report == whole)
        }
    }
}
