import Foundation
import MartletTesting
import Testing

/// DANE in zones that are signed and MTA-STS policies over HTTPS, towards a real Postfix.
@Suite(.serialized, .enabled(if: Peer.present("postfix", "nsd", "ldns-signzone", "openssl")))
struct TransportSecurityTests {
    @Test(.timeLimit(.minutes(4))) func `What destinations publish is kept to, and the history says so`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let shop = try await Self.makeCertificates()
        let postfix = try PostfixPeer(routes: [], settings: try await Self.settings(shop))
        let boxes = PublishedCase.all.map { "@\($0.domain) all/\n" }.joined()
        try postfix.folder.write(boxes, to: "etc/mailboxes")
        try await postfix.start()
        let zone = try await SignedZonePeer.start(try await TransportZones.make(shop, port: postfix.port))
        let web = try await PolicyServerPeer.start(
            shop, PublishedCase.policies, certificates: ["old.policies.test": "old"])
        try await server.start([
            "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder, "MARTLET_SERVER_DNS_TRUST_ANCHOR": zone.trustAnchor,
            "MARTLET_OUTBOUND_PORT": "\(postfix.port)", "MARTLET_OUTBOUND_CA_FILE": shop.caFile,
            "MARTLET_OUTBOUND_MTA_STS_PORT": "\(web.port)",
        ])
        let cases = PublishedCase.all
        expectSuccess(
            try await Peer.python(
                "bulk", ["each"] + cases.map { ($0.demand.map { "\($0):" } ?? "") + "box@\($0.domain)" },
                environment: server.scriptEnvironment), server)
        for item in cases { try await Self.check(item, server, postfix.port) }
        #expect(postfix.messages.count == cases.count { $0.outcome == "delivered" })
        _ = try await server.stop()
        await web.stop()
        await zone.stop()
        await postfix.stop()
    }

    private static func check(_ item: PublishedCase, _ server: ServerUnderTest, _ port: Int) async throws {
        let words = item.words.map { $0.replacingOccurrences(of: "PORT", with: "\(port)") }
        var trace = ""
        try await eventually(within: .seconds(30), "\(item.domain): \(item.outcome)") {
            trace = try await server.succeed("trace", "--to", "box@\(item.domain)")
            return ["delivered", "deferred", "bounced"].contains { trace.contains("\($0)") }
        }
        #expect(trace.contains(item.outcome), "\(item.domain)\n\(trace)")
        for words in words { #expect(trace.contains(words), "\(item.domain): \(words)\n\(trace)") }
    }

    // MARK: Peers

    /// What Postfix shows by the host that it is asked for; `mx` for all others.
    private static func settings(_ shop: CertificateWorkshop) async throws -> [String] {
        let folder = shop.folder
        var lines = ""
        for (host, name) in PublishedCase.certificates {
            // RFC 7671 §5.2: what a record of usage 2 digests has to be shown.
            let chain = folder.text(of: "\(name).key") + folder.text(of: "\(name).crt") + folder.text(of: "ca.crt")
            lines += "\(host) \(try folder.write(chain, to: "\(name).pem"))\n"
        }
        let chain = folder.text(of: "mx.key") + folder.text(of: "mx.crt") + folder.text(of: "ca.crt")
        return [
            "virtual_mailbox_domains = \(Set(PublishedCase.all.map(\.domain)).joined(separator: ", "))",
            "smtpd_tls_security_level = may", "smtpd_tls_chain_files = \(try folder.write(chain, to: "mx.pem"))",
            "tls_server_sni_maps = texthash:\(try folder.write(lines, to: "sni"))",
        ]
    }

    private static func makeCertificates() async throws -> CertificateWorkshop {
        let shop = try await CertificateWorkshop.make()
        let policies = PublishedCase.all.map(\.domain).filter {
            $0.hasSuffix(".policies.test") && !$0.hasPrefix("named-web")
        }
        try await shop.issue("mx", names: "DNS:*.dane.test,DNS:*.policies.test")
        try await shop.issue("web", names: policies.map { "DNS:mta-sts.\($0)" }.joined(separator: ","))
        try await shop.issue(
            "old", names: "DNS:*.dane.test,DNS:*.policies.test,DNS:mta-sts.old.policies.test", days: -1)
        try await shop.issue("other", names: "DNS:elsewhere.example")
        return shop
    }
}
