import Foundation
import MartletTesting
import Testing

/// One server tells another what it saw, and the other shows it.
@Suite(.serialized, .enabled(if: Peer.present("unbound", "python3", "openssl")))
struct ReportTests {
    private static func exchange(_ domain: String) -> [String] {
        ["\(domain). 300 IN MX 10 mx.\(domain).", "mx.\(domain). 300 IN A 127.0.0.1"]
    }

    @Test(.timeLimit(.minutes(4)))
    func `what one server reports of DMARC and TLS is read and shown by the other`() async throws {
        let (reporter, reader) = (try ServerUnderTest(), try ServerUnderTest())
        for server in [reporter, reader] { try await server.setUp() }
        try await reporter.succeed("domain", "add", "reporter.example")
        try await reader.succeed("domain", "add", "bank.example")
        let keys = try await reporter.succeed("dkim", "record", "reporter.example")
        var records = keys.split(separator: "\n").map {
            String($0).replacing("( ", with: "").replacing(" )", with: "")
        }
        records += Self.exchange("bank.example")
        records += [
            "_dmarc.bank.example. 300 IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@bank.example\"",
            "_smtp._tls.bank.example. 300 IN TXT \"v=TLSRPTv1; rua=mailto:postmaster@bank.example\"",
            "elsewhere.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"",
        ]
        let zone = try await ZonePeer.start(
            zones: ["bank.example", "elsewhere.example", "reporter.example"], records: records)
        let common = [
            "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder,
            // The servers come from this host, whose mail is not checked otherwise.
            "MARTLET_AUTHENTICATION_EXEMPT_NETWORKS": "192.0.2.254",
        ]
        let own = [
            "MARTLET_OUTBOUND_PORT": "\(reader.port(25))", "MARTLET_REPORTS_FROM": "reports@reporter.example",
        ]
        try await reader.start(common)
        try await reporter.start(common.merging(own) { _, more in more })
        expectSuccess(try await reporter.python("report_cases", "bring"), reporter)
        try await eventually(within: .seconds(30), "the message is delivered\n\(reporter.log.suffix(2000))") {
            reporter.log.contains("to=postmaster@bank.example")
        }
        // Counts of a day are sent when it is over.
        #expect(try await reporter.stop() == 0)
        expectSuccess(try await reporter.python("report_cases", "yesterday"), reporter)
        try await reporter.start(common.merging(own) { _, more in more })
        let sent = try await reporter.succeed("reports", "send")
        #expect(sent.contains("mailto:postmaster@bank.example"), "\(sent)")
        try await eventually(within: .seconds(30), "both reports are read\n\(reader.log.suffix(3000))") {
            reader.log.components(separatedBy: "a report was read").count == 3
        }
        let dmarc = try await reader.succeed("reports", "dmarc", "--domain", "bank.example")
        #expect(dmarc.contains("0 of 2 messages as bank.example pass"), "\(dmarc)")
        #expect(
            dmarc.contains(
                "127.0.0.1 sent 2 messages as bank.example that pass neither SPF nor DKIM, and were taken"), "\(dmarc)")
        #expect(!dmarc.contains("Not verified"), "the mail of the report is signed\n\(dmarc)")
        let tls = try await reader.succeed("reports", "tls", "--json")
        #expect(tls.contains("\"domain\" : \"bank.example\""), "\(tls)")
        let list = try await reader.succeed("reports", "list")
        #expect(list.components(separatedBy: "verified").count == 3, "\(list)")
        await zone.stop()
        for server in [reporter, reader] { #expect(try await server.stop() == 0) }
    }
}
