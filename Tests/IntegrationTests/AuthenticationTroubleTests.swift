import Foundation
import MartletTesting
import Testing

/// Strangers and name servers on their bad days, before the whole program.
@Suite(.serialized, .enabled(if: Peer.present("python3")))
struct AuthenticationTroubleTests {
    private static let script = "authentication_trouble_cases"

    @Test(.timeLimit(.minutes(5))) func `trouble with the DNS is no verdict, and nobody waits long for it`()
        async throws
    {
        try await withServer([:]) { server in
            for name in Peer.cases(Self.script) { try await run(Self.script, name, server) }
        }
    }

    @Test(.timeLimit(.minutes(5))) func `strangers neither hide who they are nor make checks dear`() async throws {
        try await withServer([:]) { server in
            let script = "authentication_hostile_cases"
            for name in Peer.cases(script) { try await run(script, name, server) }
        }
    }

    @Test(.timeLimit(.minutes(5))) func `trouble with the DNS puts mail off where that is wanted`() async throws {
        try await withServer(["MARTLET_AUTHENTICATION_TEMPORARY_ERRORS": "defer"]) { server in
            for name in Peer.cases(Self.script) { try await run(Self.script, name, server, ["IT_DEFER": "1"]) }
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `where nothing is checked nobody speaks in the server's name either`() async throws {
        let off = ["SPF", "DKIM", "ARC", "IPREV", "DMARC"].map { ("MARTLET_AUTHENTICATION_\($0)", "off") }
        try await withServer(Dictionary(uniqueKeysWithValues: off)) { server in
            try await run("authentication_hostile_cases", "results_in_our_name", server, ["IT_OFF": "1"])
        }
    }

    @Test(.enabled(if: Peer.present("nsd", "ldns-signzone")), .timeLimit(.minutes(2)))
    func `answers that DNSSEC says are forged are no verdict`() async throws {
        let records = """
            bogus.example. IN TXT "v=spf1 -all"
            _dmarc.bogus.example. IN TXT "v=DMARC1; p=reject"
            s._domainkey.bogus.example. IN TXT "v=DKIM1; p="
            1.100.51.198.in-addr.arpa. IN PTR mx.bogus.example.
            """
        let names = try await NSDPeer.start(records: records, signing: .expired)
        let folder = try TemporaryFolder()
        let settings = [
            "MARTLET_SERVER_DNS_FORWARDERS": "127.0.0.1@\(names.port)",
            "MARTLET_SERVER_DNS_TRUST_ANCHOR": try folder.write("\(names.trustAnchor ?? "")\n", to: "anchor"),
        ]
        try await withServer(settings) { server in
            try await run("authentication_bogus_cases", "forged_answers", server)
        }
        await names.stop()
    }

    private func run(
        _ script: String, _ name: String, _ server: ServerUnderTest, _ environment: [String: String] = [:]
    ) async throws {
        let all = server.scriptEnvironment.merging(environment) { _, new in new }
        let result = try await Peer.python(script, [name], environment: all, timeout: .seconds(120))
        #expect(result.succeeded, "\(script) \(name): \(result)\n\(server.log.suffix(3000))")
    }

    private func withServer(
        _ environment: [String: String], _ body: (ServerUnderTest) async throws -> Void
    ) async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        expectSuccess(try await server.python(Self.script, "prepare"), server)
        var port = 0
        repeat { port = Peer.freePorts(1).first ?? 0 } while !Peer.isFree(port, datagram: true)
        let names = try ChildProcess.start(
            [
                try Peer.require("python3"), Peer.fixtures.appending(path: "Clients/trouble_dns.py").path, "\(port)",
                server.folder.file("trouble-zone.json"),
            ], folder: server.folder.path)
        defer { names.signal(SIGKILL) }
        try await eventually(within: .seconds(10), "the name server listens") { !Peer.isFree(port) }
        let first = "kind=mx;address=127.0.0.1;port=\(server.port(25))"
        let settings = [
            "MARTLET_SERVER_DNS_FORWARDERS": "127.0.0.1@\(port)",
            "MARTLET_LISTENERS": server.everyListener.replacing(first, with: "\(first);proxy=127.0.0.1"),
            "MARTLET_AUTHENTICATION_TIMEOUT": "3s", "MARTLET_AUTHENTICATION_SPF": "enforce",
            "MARTLET_AUTHENTICATION_IPREV": "enforce",
        ]
        try await server.start(settings.merging(environment) { _, new in new })
        try await body(server)
        #expect(try await server.stop() == 0)
    }
}
