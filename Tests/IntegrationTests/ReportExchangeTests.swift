import Foundation
import MartletTesting
import Testing

/// Reports from one server to another, over SMTP.
@Suite(.serialized, .enabled(if: Peer.present("unbound", "python3", "sqlite3", "xmllint")))
struct ReportExchangeTests {
    /// Who asks for reports, and who sends them.
    private static let (asking, reporting) = ("hop1.example", "hop2.example")

    @Test(.timeLimit(.minutes(3)))
    func `what one server saw of a domain arrives where the domain wants it`() async throws {
        let (receiver, sender) = (try ServerUnderTest(), try ServerUnderTest())
        var records: [String] = []
        for (server, domain) in [(receiver, Self.asking), (sender, Self.reporting)] {
            try await server.setUp()
            try await server.succeed("domain", "add", domain)
            records += try await server.succeed("dkim", "record", domain).split(separator: "\n").map {
                String($0).replacing("( ", with: "").replacing(" )", with: "")
            }
            records += [
                "\(domain). 300 IN MX 10 mx.\(domain).", "mx.\(domain). 300 IN A 127.0.0.1",
                "\(domain). 300 IN TXT \"v=spf1 ip4:127.0.0.1 -all\"",
            ]
        }
        let place = "mailto:postmaster@\(Self.asking)"
        records += [
            "_dmarc.\(Self.asking). 300 IN TXT \"v=DMARC1; p=quarantine; rua=\(place),mailto:spy@elsewhere.example\"",
            "_dmarc.\(Self.reporting). 300 IN TXT \"v=DMARC1; p=reject\"",
            "_smtp._tls.\(Self.asking). 300 IN TXT \"v=TLSRPTv1; rua=\(place)\"",
            "elsewhere.example. 300 IN TXT \"v=spf1 -all\"",
        ]
        let zone = try await ZonePeer.start(
            zones: [Self.asking, Self.reporting, "elsewhere.example"], records: records)
        let settings = [
            "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder, "MARTLET_OUTBOUND_PORT": "\(receiver.port(25))",
            // The servers come from this host, whose mail is not checked otherwise.
            "MARTLET_AUTHENTICATION_EXEMPT_NETWORKS": "192.0.2.254",
        ]
        let reporting = settings.merging(["MARTLET_REPORTS_FROM": "reports@\(Self.reporting)"]) { _, new in new }
        try await receiver.start(settings)
        try await sender.start(reporting)
        expectSuccess(try await sender.python("report_exchange_cases", "strangers", Self.asking), sender)
        expectSuccess(try await sender.python("report_exchange_cases", "submit", "postmaster@\(Self.asking)"), sender)
        expectSuccess(try await receiver.python("report_exchange_cases", "arrived", "hello", "1"), sender)
        // Stopping writes down what was counted. Then it was yesterday.
        #expect(try await sender.stop() == 0)
        let tables = ["dmarc_count", "dmarc_policy", "tls_result"].map { "UPDATE \($0) SET day = day - 1;" }.joined()
        let moved = try await ProcessRunner.run(["sqlite3", "\(sender.data)/martlet.db", tables])
        #expect(moved.succeeded, "\(moved)")
        try await sender.start(reporting)
        try await exchange(sender, receiver)
        for server in [sender, receiver] { #expect(try await server.stop() == 0) }
        await zone.stop()
    }

    /// The XML in a draft fits what RFC 9990 says.
    private static func requireFit(_ draft: String, _ folder: TemporaryFolder) async throws {
        let start = try #require(draft.range(of: "<?xml"))
        let end = try #require(draft.range(of: "</feedback>"))
        let file = try folder.write(String(draft[start.lowerBound..<end.upperBound]), to: "draft.xml")
        let schema = Peer.fixtures.appending(path: "Reports/rfc9990.xsd").path
        let result = try await ProcessRunner.run(["xmllint", "--noout", "--nonet", "--schema", schema, file])
        #expect(result.succeeded, "\(result)")
    }

    private func exchange(_ sender: ServerUnderTest, _ receiver: ServerUnderTest) async throws {
        let draft = try await sender.succeed("reports", "send", "--dry-run", "--dmarc")
        #expect(draft.contains("to: mailto:postmaster@\(Self.asking)\n"), "\(draft)")
        #expect(draft.contains("not to: mailto:spy@elsewhere.example: elsewhere.example does not agree"), "\(draft)")
        #expect(draft.contains("<disposition>quarantine</disposition>"), "\(draft)")
        #expect(draft.contains("<disposition>pass</disposition>"), "\(draft)")
        try await Self.requireFit(draft, sender.folder)
        let pending = try await sender.succeed("reports", "pending", "--json")
        #expect(pending.contains("\"counting\""), "\(pending)")
        let sent = try await sender.succeed("reports", "send")
        #expect(sent.contains("2 counted, to mailto:postmaster@\(Self.asking); not to mailto:spy@"), "\(sent)")
        #expect(sent.contains("1 counted, to mailto:postmaster@\(Self.asking)"), "\(sent)")
        let subject = "Report Domain: \(Self.asking) Submitter: \(Self.reporting)"
        expectSuccess(try await receiver.python("report_exchange_cases", "arrived", subject, "2"), receiver)
        for number in 0...1 {
            let text = receiver.folder.text(of: "report-\(number).eml")
            let head = text.replacing("\r\n", with: "\n").components(separatedBy: "\n\n")[0]
            #expect(head.contains("Return-Path: <>"), "\(head)")
            #expect(head.contains("dmarc=pass") && head.contains("dkim=pass"), "\(head)")
            #expect(head.contains("From: reports@\(Self.reporting)"), "\(head)")
        }
        // Once.
        let again = try await sender.succeed("reports", "send")
        #expect(again.components(separatedBy: "sent").count == sent.components(separatedBy: "sent").count, "\(again)")
        #expect(try await sender.succeed("queue", "list", "--json").contains("["))
        expectSuccess(try await receiver.python("report_exchange_cases", "arrived", subject, "2"), receiver)
    }
}
