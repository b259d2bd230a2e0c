import Foundation
import MartletTesting
import Testing

/// Mail of strangers, signed and sealed by dkimpy or forged, against the whole program.
@Suite(.serialized, .enabled(if: Peer.present("unbound", "python3", "openssl")))
struct AuthenticationTests {
    private static let zones = [
        "bank.example", "sender.example", "soft.example", "watch.example", "lists.example", "elsewhere.example",
        "nobody.example", "testing.example", "mild.example", "strict.example", "ghost.example", "suffix.example",
        "twice.example",
    ]

    @Test(.timeLimit(.minutes(4)))
    func `what strangers bring is checked, and refused or filed as its author's domain says`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let prepared = try await server.python("authentication_cases", "prepare")
        expectSuccess(prepared, server)
        let records = prepared.text.split(separator: "\n").map(String.init)
        let zone = try await ZonePeer.start(zones: Self.zones, records: records)
        try await server.start([
            "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder,
            // The client of this test comes from this host, whose mail is not checked otherwise.
            "MARTLET_AUTHENTICATION_EXEMPT_NETWORKS": "192.0.2.254",
            "MARTLET_AUTHENTICATION_TRUSTED_SEALERS": "lists.example",
        ])
        for name in Peer.cases("authentication_cases") {
            let result = try await server.python("authentication_cases", name, timeout: .seconds(60))
            #expect(result.succeeded, "\(name): \(result)\n\(server.log.suffix(3000))")
        }
        try await traces(server)
        await zone.stop()
        #expect(try await server.stop() == 0)
    }

    @Test(
        .enabled(if: Peer.present("postfix", "opendkim", "opendkim-genkey", "openssl")), .timeLimit(.minutes(3)))
    func `what Postfix sends and OpenDKIM signs passes`() async throws {
        let (milter, record) = try await MilterPeerProcess.openDKIM(signing: "signed.example")
        let pair = record.split(separator: " ", maxSplits: 1)
        let key = String(try #require(pair.last))
        let pieces = stride(from: 0, to: key.utf8.count, by: 200).map { "\"\(key.dropFirst($0).prefix(200))\"" }
        let zone = try await ZonePeer.start(
            zones: ["signed.example"],
            records: [
                "\(try #require(pair.first)). 300 IN TXT \(pieces.joined(separator: " "))",
                "_dmarc.signed.example. 300 IN TXT \"v=DMARC1; p=reject; adkim=s\"",
            ])
        let server = try ServerUnderTest()
        try await server.setUp()
        try await server.start([
            "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder, "MARTLET_AUTHENTICATION_EXEMPT_NETWORKS": "192.0.2.254",
        ])
        let postfix = try PostfixPeer(
            routes: [(ServerUnderTest.domain, server.port(25))],
            settings: ["smtpd_milters = inet:127.0.0.1:\(milter.port)", "milter_macro_daemon_name = ORIGINATING"])
        try await postfix.start()
        let sent = try await server.python("authentication_cases", "through", "\(postfix.port)")
        #expect(sent.succeeded, "\(sent)\n\(postfix.log.suffix(3000))\n\(server.log.suffix(2000))")
        await postfix.stop()
        await milter.stop()
        await zone.stop()
        #expect(try await server.stop() == 0)
    }

    /// The steps stand in the history and in the log.
    private func traces(_ server: ServerUnderTest) async throws {
        #expect(server.log.contains("authentication=\"spf=fail dkim=pass dmarc=pass\""), "\(server.log.suffix(3000))")
        let trace = try await server.succeed("trace", "--from", "bounce@elsewhere.example")
        #expect(
            trace.contains("authentication/dmarc: header.from=bank.example → pass (by dkim)"), "\(trace.prefix(3000))")
        #expect(trace.contains("authentication/dmarc-policy: p=quarantine → junk"))
    }
}
