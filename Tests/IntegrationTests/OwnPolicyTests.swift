import Foundation
import MartletTesting
import Testing

/// Our own MTA-STS policy, and one Martlet that believes another.
@Suite(.serialized, .enabled(if: Peer.present("curl", "openssl", "nsd", "ldns-signzone", "python3")))
struct OwnPolicyTests {
    private static let domain = ServerUnderTest.domain
    private static let path = "/.well-known/mta-sts.txt"

    /// A server with certificates of an authority for its host's name and for that of the policy.
    private static func start(
        _ mode: String, port: Int, _ more: [String: String] = [:]
    ) async throws -> (server: ServerUnderTest, shop: CertificateWorkshop) {
        let server = try ServerUnderTest()
        try await server.setUp()
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mail", names: "DNS:\(ServerUnderTest.hostname)")
        try await shop.issue("policy", names: "DNS:mta-sts.\(domain)")
        let pairs = ["mail", "policy"].map {
            "chain=\(shop.folder.file("\($0).crt"));key=\(shop.folder.file("\($0).key"))"
        }
        try await server.start(
            [
                "MARTLET_LISTENERS": server.everyListener + ",kind=https;address=127.0.0.1;port=\(port)",
                "MARTLET_MTA_STS_MODE": mode, "MARTLET_TLS_CERTIFICATES": pairs.joined(separator: ","),
                "MARTLET_OUTBOUND_CA_FILE": shop.caFile, "MARTLET_OUTBOUND_MTA_STS_PORT": "\(port)",
            ].merging(more) { _, new in new })
        return (server, shop)
    }

    /// What curl gets: status line and header, then the text.
    private static func get(
        _ host: String, _ port: Int, _ shop: CertificateWorkshop, path: String = path, _ options: [String] = []
    ) async throws -> ProcessResult {
        try await ProcessRunner.run(
            [try Peer.require("curl"), "-si", "--max-time", "10", "--cacert", shop.caFile]
                + ["--resolve", "\(host):\(port):127.0.0.1", "https://\(host):\(port)\(path)"] + options)
    }

    @Test(.timeLimit(.minutes(1))) func `The policy of our domains is served over HTTPS, and nothing else`()
        async throws
    {
        let port = Peer.freePorts(1)[0]
        let (server, shop) = try await Self.start("testing", port: port)
        let host = "mta-sts.\(Self.domain)"
        let policy = try await Self.get(host, port, shop).output
        #expect(policy.hasPrefix("HTTP/1.1 200 OK\r\nDate: ") && policy.contains("\r\nContent-Type: text/plain"))
        let text = "version: STSv1\r\nmode: testing\r\nmx: \(ServerUnderTest.hostname)\r\nmax_age: 604800\r\n"
        #expect(policy.hasSuffix("\r\n\r\n" + text), "\(policy)")
        #expect(try await Self.get(host, port, shop, ["--http1.0"]).output.hasSuffix("\r\n\r\n" + text))
        let head = try await Self.get(host, port, shop, ["--head"]).output
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.hasSuffix("\r\n\r\n"))
        #expect(head.contains("\r\nContent-Length: \(text.utf8.count)\r\n"))
        for (options, status) in [
            (["--request", "DELETE"], 405), (["--data", "x=y"], 405), (["--header", "Host: other.test"], 404),
            (["--header", "X: " + String(repeating: "x", count: 20_000)], 431),
        ] {
            let answer = try await Self.get(host, port, shop, options).output
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
        }
        #expect(try await Self.get(host, port, shop, path: "/").output.hasPrefix("HTTP/1.1 404 "))
        // Without a certificate for it, the first one is shown, and there is nothing behind it.
        #expect(try await Self.get("mta-sts.other.test", port, shop).status == 60)
        let unverified = try await Self.get("mta-sts.other.test", port, shop, ["--insecure"]).output
        #expect(unverified.hasPrefix("HTTP/1.1 404 "))
        #expect(try await server.stop() == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `What is printed for the DNS is what the doctor finds`() async throws {
        let port = Peer.freePorts(1)[0]
        let (server, shop) = try await Self.start("enforce", port: port)
        let printed = try await server.succeed("dns", "records", Self.domain, "--address", "127.0.0.1")
        let zone = try await NSDPeer.start(records: printed, signing: .none)
        func findings(_ zone: NSDPeer) async throws -> [String] {
            let result = try await server.command([
                "dns", "check", Self.domain, "--address", "127.0.0.1", "--dns", "127.0.0.1:\(zone.port)",
                "--block-list", "none", "--outbound-host", "none", "--time-server", "none",
            ])
            return result.output.split(separator: "\n").map(String.init).filter { $0.contains(" mta-sts  ") }
        }
        let good = try await findings(zone)
        #expect(good.count == 1 && good[0].contains("the policy is served; its mode is enforce"), "\(good)")
        await zone.stop()
        let id = try #require(printed.firstMatch(of: /id=([0-9a-z]+);/)?.1)
        let stale =
            printed.replacingOccurrences(of: "id=\(id);", with: "id=1;")
            + "\n\(Self.domain). IN MX 20 second.\(Self.domain).\nsecond.\(Self.domain). IN A 192.0.2.9\n"
        let broken = try await NSDPeer.start(records: stale, signing: .none)
        let bad = try await findings(broken).joined(separator: "\n")
        #expect(bad.contains("has the id 1, while the policy in force is \(id)"), "\(bad)")
        #expect(bad.contains("the policy does not name second.\(Self.domain)"), "\(bad)")
        await broken.stop()
        // Another policy has another id.
        _ = try await server.stop()
        _ = shop
        let (other, _) = try await Self.start("testing", port: port)
        let changed = try await other.succeed("dns", "records", Self.domain, "--address", "127.0.0.1")
        #expect(changed.contains("_mta-sts.\(Self.domain). IN TXT") && !changed.contains("id=\(id);"))
        _ = try await other.stop()
    }

    @Test(.timeLimit(.minutes(2))) func `One server believes another by DANE, by MTA-STS, and passes REQUIRETLS on`()
        async throws
    {
        let port = Peer.freePorts(1)[0]
        let (receiver, shop) = try await Self.start("enforce", port: port)
        let printed = try await receiver.succeed("dns", "records", Self.domain, "--address", "127.0.0.1")
        let record = try #require(printed.firstMatch(of: /TLSA (3 1 1 [0-9a-f]{64})/)?.1)
        let zone = try await SignedZonePeer.start([
            .init(
                Self.domain,
                records: [
                    "@ IN MX 10 mail", "mail IN A 127.0.0.1", "_mta-sts IN TXT \"v=STSv1; id=1;\"",
                    "mta-sts IN A 127.0.0.1", "_\(receiver.port(25))._tcp.mail IN TLSA \(record)",
                ])
        ])
        let unsigned = try await SignedZonePeer.start([
            .init(
                Self.domain,
                records: [
                    "@ IN MX 10 mail", "mail IN A 127.0.0.1", "_mta-sts IN TXT \"v=STSv1; id=1;\"",
                    "mta-sts IN A 127.0.0.1",
                ], signing: .none)
        ])
        for (zone, words) in [
            (zone, "verified by DANE (3 1 1"), (unsigned, "policy 1 of \(Self.domain), mode enforce"),
        ] {
            let sender = try ServerUnderTest()
            try await sender.setUp(domain: "sender.test")
            try await sender.start([
                "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder, "MARTLET_SERVER_DNS_TRUST_ANCHOR": zone.trustAnchor,
                "MARTLET_OUTBOUND_PORT": "\(receiver.port(25))", "MARTLET_OUTBOUND_CA_FILE": shop.caFile,
                "MARTLET_OUTBOUND_MTA_STS_PORT": "\(port)",
            ])
            var environment = sender.scriptEnvironment
            environment["IT_ACCOUNT"] = "alice@sender.test"
            let to = ServerUnderTest.account
            expectSuccess(
                try await Peer.python("bulk", ["each", "REQUIRETLS:\(to)"], environment: environment), sender)
            var trace = ""
            try await eventually(within: .seconds(30), "the mail is delivered") {
                trace = try await sender.succeed("trace", "--to", to)
                return trace.contains("delivered") || trace.contains("bounced") || trace.contains("deferred")
            }
            #expect(trace.contains("delivered") && trace.contains(words), "\(trace)")
            #expect(trace.contains("REQUIRETLS: with a verified certificate only"), "\(trace)")
            let received = try await receiver.succeed("trace", "--from", "alice@sender.test")
            #expect(received.contains("tls/requiretls: REQUIRETLS"), "\(received)")
            _ = try await sender.stop()
        }
        _ = try await receiver.stop()
        await zone.stop()
        await unsigned.stop()
    }
}
