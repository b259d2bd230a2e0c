import MailSyntax
import Testing

@testable import MailAuth

@Suite struct TLSReportReaderTests {
    private let now = Timestamp(seconds: 1_763_600_000)
    /// RFC 8460 appendix B, with other names.
    private let example = """
        {"organization-name": "Company-X",
         "date-range": {"start-datetime": "2025-11-19T00:00:00Z", "end-datetime": "2025-11-19T23:59:59Z"},
         "contact-info": "sts@company-x.example", "report-id": "5065427c", "extra": [1, {"a": null}],
         "policies": [{"policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: testing"],
             "policy-domain": "example.org", "mx-host": "*.mail.example.org"},
           "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
           "failure-details": [
             {"result-type": "certificate-expired", "sending-mta-ip": "2001:db8::1",
              "receiving-mx-hostname": "mx1.mail.example.org", "failed-session-count": 100},
             {"result-type": "validation-failure", "failed-session-count": 203, "failure-reason-code": "X509"}]}]}
        """

    private func read(_ text: String) throws(ReportError) -> TLSReportReader.Reading {
        try TLSReportReader.read(Array(text.utf8), now: now)
    }

    private func refusal(_ text: String) -> ReportError.Code? {
        do {
            _ = try read(text)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `the example of the RFC is read`() throws {
        let reading = try read(example)
        #expect(reading.begin == Timestamp(seconds: 1_763_510_400))
        #expect(reading.report.organization == "Company-X")
        let policy = try #require(reading.report.policies.first)
        #expect(policy.policy.hosts == ["*.mail.example.org"])
        #expect(policy.summary.successes == 5326)
        #expect(policy.failures.map(\.sessions) == [100, 203])
        #expect(policy.failures.last?.reason == "X509")
    }

    @Test(arguments: [
        ("5326", "-1", ReportError.Code.invalid), ("5326", "1e30", .malformed), ("5326", "1.5", .malformed),
        ("5326", "\"1\"", .invalid), ("100}", "1000000000001}", .invalid), ("\"example.org\"", "\"a b\"", .invalid),
        ("2025-11-19T00", "2035-11-19T00", .invalid), ("2025-11-19T00:00:00Z", "19 Nov 2025", .invalid),
        ("\"5065427c\"", "\"\"", .invalid), ("\"report-id\"", "\"id\"", .invalid), ("]}]}", "]}]", .malformed),
    ])
    func `what makes no sense is refused`(old: String, new: String, code: ReportError.Code) {
        #expect(example.contains(old))
        #expect(refusal(example.replacing(old, with: new)) == code)
    }

    @Test func `depth, texts and sizes end at their limits`() {
        #expect(refusal(String(repeating: "[", count: 100_000)) == .tooLarge)
        #expect(refusal(String(repeating: "{\"a\":", count: 100_000)) == .tooLarge)
        let long = String(repeating: "x", count: 5000)
        #expect(refusal(example.replacing("Company-X", with: long)) == .tooLarge)
        #expect(refusal("") == .malformed)
        #expect(refusal("{}\u{0}") == .malformed)
        var limits = ReportLimits()
        limits.json = 100
        #expect(throws: ReportError.self) { try TLSReportReader.read(Array(example.utf8), limits: limits, now: now) }
        limits = ReportLimits()
        limits.failures = 1
        #expect(throws: ReportError.self) { try TLSReportReader.read(Array(example.utf8), limits: limits, now: now) }
    }

    @Test func `text that is not UTF-8 is refused`() {
        let bytes = Array(example.utf8).map { $0 == UInt8(ascii: "C") ? 0xC3 : $0 }
        #expect(throws: ReportError.self) { try TLSReportReader.read(bytes, now: now) }
    }
}
