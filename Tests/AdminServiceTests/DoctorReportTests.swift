import MailDoctor
import Testing

@testable import AdminService

@Suite struct DoctorReportTests {
    private func report(_ findings: [Finding]) -> DoctorReport {
        DoctorReport(
            domain: "example.org", hostname: "mail.example.org", addresses: ["198.51.100.7"], resolver: "192.0.2.53@53",
            findings: findings)
    }

    @Test func `what is wrong comes with its reason and the line to add`() {
        let text = report([
            Finding(.ok, .exchange, "example.org", "goes to mail.example.org"),
            Finding(
                .error, .reverse, "198.51.100.7", "has no reverse name (PTR)\u{1B}[2J",
                fix: ["7.100.51.198.in-addr.arpa. IN PTR mail.example.org."]),
        ]).text
        #expect(
            text == """
                example.org on mail.example.org (198.51.100.7)
                asked: 192.0.2.53@53

                ok       mx             example.org: goes to mail.example.org
                error    reverse        198.51.100.7: has no reverse name (PTR) [2J
                         why: large providers refuse mail from addresses without a reverse name that leads back
                           7.100.51.198.in-addr.arpa. IN PTR mail.example.org.

                1 error, 0 warnings, 0 remarks, 1 ok

                """)
    }

    @Test func `the status is that of the worst finding`() {
        let all: [(Finding.Severity, Int32)] = [(.ok, 0), (.remark, 0), (.warning, 1), (.error, 2)]
        for (severity, status) in all {
            let report = report([Finding(.ok, .clock, "clock", ""), Finding(severity, .clock, "clock", "")])
            #expect(AdminResponse.dnsReport(report).findingStatus == status)
        }
        #expect(AdminResponse.done(lines: []).findingStatus == 0)
    }
}
