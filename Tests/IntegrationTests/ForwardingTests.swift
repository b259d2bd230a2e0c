import Foundation
import MartletTesting
import Testing

private let hasForwardingPeers =
    Peer.present("unbound", "postfix", "python3", "openssl", "perl")
    && FileManager.default.fileExists(atPath: "/usr/share/perl5/Mail/DKIM/ARC/Verifier.pm")

/// Servers whose aliases lead to each other, and at the end to Postfix: what a stranger brings to the first stays believable.
@Suite(.serialized, .enabled(if: hasForwardingPeers))
struct ForwardingTests {
    /// The first takes what the next one is sent by it; the author's domain wants what fails refused.
    private final class Hops: Sendable {
        let servers: [ServerUnderTest]
        let zone: ZonePeer
        let postfix: PostfixPeer
        let records: String

        init(_ servers: [ServerUnderTest], _ zone: ZonePeer, _ postfix: PostfixPeer, records: String) {
            (self.servers, self.zone, self.postfix, self.records) = (servers, zone, postfix, records)
        }

        func stop() async throws {
            for server in servers { #expect(try await server.stop() == 0) }
            await postfix.stop()
            await zone.stop()
        }
    }

    private static func domain(_ index: Int) -> String { "hop\(index + 1).example" }

    private static func start(_ extra: [[String: String]]) async throws -> Hops {
        var servers: [ServerUnderTest] = []
        var records: [String] = []
        var zones = ["bank.example", "elsewhere.example", PostfixPeer.domain]
        for index in 0..<3 {
            let server = try ServerUnderTest()
            try await server.setUp()
            let domain = domain(index)
            try await server.succeed("domain", "add", domain)
            try server.folder.write("the secret of \(domain)\n", to: "srs.secret", mode: 0o600)
            let keys = try await server.succeed("dkim", "record", domain)
            records += keys.split(separator: "\n").map {
                String($0).replacing("( ", with: "").replacing(" )", with: "")
            }
            records += exchange(domain) + ["\(domain). 300 IN TXT \"v=spf1 ip4:127.0.0.1 -all\""]
            zones.append(domain)
            servers.append(server)
        }
        let prepared = try await servers[0].python("forwarding_cases", "prepare")
        expectSuccess(prepared, servers[0])
        records += prepared.text.split(separator: "\n").map(String.init) + exchange(PostfixPeer.domain)
        let zone = try await ZonePeer.start(zones: zones, records: records)
        let postfix = try PostfixPeer(routes: [])
        try await postfix.start()
        let ports = servers.dropFirst().map { $0.port(25) } + [postfix.port]
        for (index, server) in servers.enumerated() {
            let own = [
                "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder, "MARTLET_OUTBOUND_PORT": "\(ports[index])",
                // The servers come from this host, whose mail is not checked otherwise.
                "MARTLET_AUTHENTICATION_EXEMPT_NETWORKS": "192.0.2.254",
                "MARTLET_REWRITE_SRS": "domain=\(domain(index));secret_file=\(server.folder.file("srs.secret"))",
            ]
            try await server.start(own.merging(extra[index]) { _, more in more })
        }
        let file = try servers[0].folder.write(records.joined(separator: "\n") + "\n", to: "records")
        return Hops(servers, zone, postfix, records: file)
    }

    private static func exchange(_ domain: String) -> [String] {
        ["\(domain). 300 IN MX 10 mx.\(domain).", "mx.\(domain). 300 IN A 127.0.0.1"]
    }

    @Test(.timeLimit(.minutes(3)))
    func `a chain of one, two and three hops holds at dkimpy, and the author's signatures do`() async throws {
        let hops = try await Self.start([[:], [:], [:]])
        let (first, second, third) = (hops.servers[0], hops.servers[1], hops.servers[2])
        try await first.succeed("alias", "add", "box@hop1.example", "box@hop2.example")
        try await second.succeed("alias", "add", "box@hop2.example", ServerUnderTest.account, "box@hop3.example")
        let last = "box@\(PostfixPeer.domain)"
        try await third.succeed("alias", "add", "box@hop3.example", ServerUnderTest.account, last)
        expectSuccess(try await first.python("forwarding_cases", "send", "box@hop1.example", "three hops"), first)
        for (index, server) in [(1, second), (2, third)] {
            let arrived = try await server.python("forwarding_cases", "arrived", "three hops", hops.records, "\(index)")
            expectSuccess(arrived, server)
        }
        try await eventually(within: .seconds(30), "Postfix has the message\n\(hops.postfix.log)") {
            hops.postfix.messages.count == 1
        }
        let file = try #require(hops.postfix.messages.first)
        let checked = try await Peer.python(
            "forwarding_cases", ["file", file, hops.records, "3"], environment: third.scriptEnvironment)
        #expect(checked.succeeded, "\(checked)")
        let script = Peer.fixtures.appending(path: "Clients/arc_verify.pl").path
        let perl = try await ProcessRunner.run([try Peer.require("perl"), script, file, "\(hops.zone.port)"])
        #expect(perl.succeeded, "\(perl)")
        let trace = try await first.succeed("trace", "--spf", "fail", "--dkim", "pass")
        #expect(trace.contains("sealing/domain: to hop1.example → d=hop1.example"), "\(trace)")
        #expect(trace.contains("sealing/arc: d=hop1.example → s=rsa1, i=1, cv=none"), "\(trace)")
        #expect(try await third.succeed("trace", "--arc", "pass").contains("s=rsa1, i=3, cv=pass"))
        #expect(try await !first.command(["trace", "--dmarc", "fail"]).succeeded)
        try await hops.stop()
    }

    @Test(.timeLimit(.minutes(3)))
    func `a forwarder that changes the subject is believed by who trusts its seal, and by nobody else`() async throws {
        let change = "regexp:{ {/^Subject: (changed.*)$/ REPLACE Subject: [fwd] $1} }"
        let hops = try await Self.start([
            ["MARTLET_REWRITE_HEADER_CHECKS": change],
            ["MARTLET_AUTHENTICATION_TRUSTED_SEALERS": "hop1.example"], [:],
        ])
        let (first, second, third) = (hops.servers[0], hops.servers[1], hops.servers[2])
        try await first.succeed("alias", "add", "box@hop1.example", "box@hop2.example")
        try await second.succeed("alias", "add", "box@hop2.example", ServerUnderTest.account, "box@hop3.example")
        try await third.succeed("alias", "add", "box@hop3.example", ServerUnderTest.account)
        let subject = "changed on the way"
        expectSuccess(try await first.python("forwarding_cases", "send", "box@hop1.example", subject), first)
        expectSuccess(try await second.python("forwarding_cases", "rescued", subject), second)
        let override = "p=reject → accept (it passed where the trusted hop1.example sealed it)"
        try await eventually(within: .seconds(30), "the third refuses\n\(second.log.suffix(3000))") {
            let trace = try await second.succeed("trace", "--dmarc", "fail")
            return trace.contains(override) && trace.contains("Rejected per DMARC policy of bank.example")
        }
        #expect(third.log.contains("Rejected per DMARC policy of bank.example"))
        try await hops.stop()
    }
}
