import MailConfig
import MailSyntax
import SQLEngine
import Testing

@testable import AdminService

/// What an operator asks of the reports of others.
@Suite struct ReportInboxOperationsTests {
    private static func report(begin: Int64) -> String {
        func record(
            _ source: String, _ count: Int, _ verdict: String, _ results: String, _ disposition: String
        ) -> String {
            "<record><row><source_ip>\(source)</source_ip><count>\(count)</count><policy_evaluated>"
                + "<disposition>\(disposition)</disposition><dkim>\(verdict)</dkim><spf>\(verdict)</spf>"
                + "</policy_evaluated></row><identifiers><header_from>example.org</header_from></identifiers>"
                + "<auth_results>\(results)</auth_results></record>"
        }
        let good = "<spf><domain>example.org</domain><result>pass</result></spf>"
        let other = "<spf><domain>bounces.example.net</domain><result>pass</result></spf>"
        let bad = "<spf><domain>spam.example</domain><result>fail</result></spf>"
        return "<feedback><report_metadata><org_name>Big \u{1B}[31mMail</org_name><report_id>r1</report_id>"
            .replacing("\u{1B}", with: "&#x9B;")
            + "<date_range><begin>\(begin)</begin><end>\(begin + 86399)</end></date_range></report_metadata>"
            + "<policy_published><domain>example.org</domain><p>reject</p></policy_published>"
            + record("192.0.2.25", 40, "pass", good, "none") + record("203.0.113.9", 12, "fail", bad, "reject")
            + record("198.51.100.7", 1, "fail", other, "none") + "</feedback>"
    }

    private static func tls(day: String) -> String {
        """
        {"organization-name": "Company-X", "contact-info": "x@company-x.example", "report-id": "t1",
         "date-range": {"start-datetime": "\(day)T00:00:00Z", "end-datetime": "\(day)T23:59:59Z"},
         "policies": [{"policy": {"policy-type": "sts", "policy-domain": "example.org"},
           "summary": {"total-successful-session-count": 50, "total-failure-session-count": 3},
           "failure-details": [{"result-type": "certificate-expired", "failed-session-count": 3,
             "receiving-mx-hostname": "mx.example.org"}]}]}
        """
    }

    @Test func `imported reports are summed up in words, tables and JSON`() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let operations = Operations(stores: stores, author: "test")
        _ = try await operations.perform(.domainAdd(domain: "example.org", postmaster: "me@example.org")).orThrow()
        let yesterday = SystemClock().now().seconds / 86400 * 86400 - 86400
        func bring(_ text: String) async -> AdminResponse {
            await operations.perform(.reportsImport(file: "f", content: Base64.encode(Array(text.utf8))))
        }
        let first = await bring(Self.report(begin: yesterday))
        #expect(!first.hasRefusedReports)
        #expect(try first.output(json: false).hasSuffix("on example.org, 3 rows, kept as 1\n"))
        #expect(try await bring(Self.report(begin: yesterday)).output(json: false).hasSuffix("is there already\n"))
        let bomb = await bring("<!DOCTYPE x [<!ENTITY a 'b'>]>" + Self.report(begin: yesterday))
        #expect(bomb.hasRefusedReports)
        #expect(try bomb.output(json: false).contains("refused: the XML declares a document type"))
        let day = Operations.day(Timestamp(seconds: yesterday))
        #expect(await !bring(Self.tls(day: day)).hasRefusedReports)

        let text = try await operations.perform(.reportsDMARC(ReportFilter())).output(json: false)
        #expect(text.hasPrefix("40 of 53 messages pass (75 %), from 3 addresses"))
        #expect(text.contains("192.0.2.25 sent 40 messages as example.org that pass SPF and DKIM\n"))
        #expect(
            text.contains(
                "203.0.113.9 sent 12 messages as example.org that pass neither SPF nor DKIM, and were rejected\n"))
        #expect(
            text.contains(
                "198.51.100.7 sent 1 message as example.org that passes neither SPF nor DKIM, and was taken; SPF passes "
                    + "for bounces.example.net, which is not example.org\n"))
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || (0x20...0x7E).contains($0.value) })
        let failing = ReportFilter(domain: "Example.ORG", since: "7d", source: "203.0.113.9", failing: true)
        let json = try await operations.perform(.reportsDMARC(failing)).output(json: true)
        #expect(json.contains("\"messages\" : 12") && json.contains("\"source\" : \"203.0.113.9\""))
        let tls = try await operations.perform(.reportsTLS(ReportFilter(failing: true))).output(json: false)
        #expect(tls.contains("3 sessions with mx.example.org failed: the certificate was over"))
        #expect(try await operations.perform(.reportsList(ReportFilter())).output(json: false).contains("imported"))
        #expect(try await operations.perform(.reportsShow(id: 1)).output(json: false).contains("spf=fail spam.example"))
        #expect(try await operations.perform(.reportsShow(id: 2)).output(json: false).contains("certificate-expired"))
        try stores.close()
    }

    @Test func `what is typed wrongly is said`() async throws {
        let data = try TemporaryData()
        let stores = try await Stores.open(data.manifest)
        let operations = Operations(stores: stores, author: "test")
        for filter in [
            ReportFilter(since: "yesterday"), ReportFilter(until: "2026-13-01"), ReportFilter(since: "-1d"),
            ReportFilter(domain: "no domain"), ReportFilter(source: "mail.example.org"),
        ] {
            guard case .failed(let error) = await operations.perform(.reportsDMARC(filter)) else {
                Issue.record("taken: \(filter)")
                continue
            }
            #expect(error.status == .data && error.remedy != nil)
        }
        guard case .failed(let error) = await operations.perform(.reportsShow(id: 9)) else { return }
        #expect(error.status == .noInput)
        try stores.close()
    }

    @Test func `records ask for reports where they are read`() async throws {
        let data = try TemporaryData()
        var manifest = data.manifest
        manifest.reports.addresses = ["x@example.net", "dmarc@example.org"].compactMap { EmailAddress($0) }
        let stores = try await Stores.open(manifest)
        let operations = Operations(stores: stores, author: "test")
        _ = try await operations.perform(.domainAdd(domain: "example.org", postmaster: "me@example.org")).orThrow()
        let zone = try await operations.perform(.dnsRecords(domain: "example.org", addresses: ["198.51.100.1"]))
            .output(json: false)
        #expect(zone.contains("v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org"))
        #expect(zone.contains("v=TLSRPTv1; rua=mailto:dmarc@example.org"))
        try stores.close()
    }
}
