import Foundation
import MartletTesting
import Testing

/// The doctor against a running server and a real name server that has what `dns records` printed.
@Suite(.serialized, .enabled(if: Peer.present("nsd", "ldns-signzone"))) struct DNSCheckTests {
    @Test func theRecordsThatArePrintedAreFoundAndTheLiveCertificateFitsThem() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let printed = try await server.succeed("dns", "records", "example.test", "--address", "127.0.0.1")
        let zone = try await NSDPeer.start(records: printed, signing: .signed)
        let anchor = try server.folder.write((zone.trustAnchor ?? "") + "\n", to: "anchor")
        try await server.start([
            "MARTLET_OUTBOUND_PORT": "\(server.port(25))", "MARTLET_SERVER_DNS_TRUST_ANCHOR": anchor,
        ])
        let words = [
            "dns", "check", "example.test", "--address", "127.0.0.1", "--dns", "127.0.0.1:\(zone.port)",
            "--block-list", "none", "--outbound-host", "none", "--time-server", "none",
        ]
        let result = try await server.command(words + ["--json"])
        let report = try #require(
            JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any], "\(result)")
        let findings = try #require(report["findings"] as? [[String: Any]])
        func checks(_ severity: String) -> [String] {
            findings.filter { $0["severity"] as? String == severity }.compactMap { $0["check"] as? String }.sorted()
        }
        // A test has no address of the internet and no authority.
        #expect(checks("error") == ["address"], "\(result)")
        #expect(checks("warning") == ["certificate", "mx-certificate"], "\(result)")
        #expect(checks("remark") == ["reverse"], "\(result)")
        let good = Set(checks("ok"))
        #expect(good.isSuperset(of: ["mx", "mx-reachable", "starttls", "tlsa", "dkim", "dmarc", "dnssec", "srv"]))
        #expect(result.status == 2)
        let text = try await server.command(words)
        #expect(text.output.contains("tlsa           _25._tcp.mail.example.test: fits the certificate"), "\(text)")
        #expect(try await server.stop() == 0)
        await zone.stop()
    }
}
