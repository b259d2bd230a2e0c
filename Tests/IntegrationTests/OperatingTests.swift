import Foundation
import MartletTesting
import Testing

/// The operator's commands say the same with the server running and stopped.
@Suite(.serialized) struct OperatingTests {
    /// Everything that lists, as text and as JSON.
    private static let listings = [
        ["account", "list"], ["alias", "list"], ["domain", "list"], ["dkim", "list"], ["queue", "list"],
        ["dkim", "record", "example.test"], ["dns", "records", "example.test"],
    ]

    private func listings(_ server: ServerUnderTest) async throws -> [String] {
        var texts: [String] = []
        for words in Self.listings {
            texts.append(try await server.succeed(words))
            let json = try await server.succeed(words + ["--json"])
            #expect(
                (try? JSONSerialization.jsonObject(with: Data(json.utf8))) != nil, "\(words) is not JSON:\n\(json)")
            texts.append(json)
        }
        return texts
    }

    @Test func commandsWorkRunningAndStopped() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        try await change(server, domain: "stopped.test")
        let stopped = try await listings(server)
        try await server.start()
        #expect(try await listings(server) == stopped)
        try await change(server, domain: "running.test")
        let running = try await listings(server)
        #expect(running.joined().contains("running.test"))
        #expect(try await server.stop() == 0)
        #expect(try await listings(server) == running)
    }

    /// Makes a domain with an account, an alias and a key, and takes some of it away again.
    private func change(_ server: ServerUnderTest, domain: String) async throws {
        let secret = server.folder.file("password")
        try await server.succeed("domain", "add", domain, "--postmaster", ServerUnderTest.account)
        try await server.succeed("account", "add", "carol@\(domain)", "--password-file", secret, "--quota", "2GB")
        try await server.succeed("account", "add", "dave@\(domain)", "--generate")
        try await server.succeed("account", "passwd", "carol@\(domain)", "--password-file", secret)
        try await server.succeed("account", "disable", "carol@\(domain)")
        try await server.succeed("account", "enable", "carol@\(domain)")
        try await server.succeed("account", "remove", "dave@\(domain)")
        try await server.succeed("alias", "add", "team@\(domain)", "carol@\(domain)", "out@elsewhere.example")
        try await server.succeed("alias", "add", "@\(domain)", "carol@\(domain)")
        try await server.succeed("alias", "remove", "@\(domain)")
        try await server.succeed("dkim", "add", domain, "--algorithm", "ed25519")
        for (words, status) in [
            (["account", "add", "carol@\(domain)", "--password-file", secret], 65...77),
            (["account", "remove", "nobody@\(domain)"], 65...77), (["domain", "remove", domain], 65...77),
            (["account", "add", "x@unhosted.test", "--password-file", secret], 65...77), (["frobnicate"], 64...64),
        ] {
            let result = try await server.command(words)
            #expect(status.contains(result.status), "\(words): \(result)")
            #expect(!result.errors.isEmpty, "\(words)")
        }
    }

    @Test func queueCommandsHoldReleaseAndRemove() async throws {
        let blackHole = Peer.freePorts(1).first ?? 0
        let server = try ServerUnderTest(environment: [
            "MARTLET_SERVER_DNS_HOSTS": "far.example=127.0.0.1", "MARTLET_OUTBOUND_SMARTHOST_HOST": "127.0.0.1",
            "MARTLET_OUTBOUND_SMARTHOST_PORT": "\(blackHole)", "MARTLET_OUTBOUND_SMARTHOST_TLS": "none",
        ])
        try await server.setUp()
        try await server.start()
        expectSuccess(try await server.python("bulk", "submit", "someone@far.example", "2"), server)
        let list = try await server.succeed("queue", "list", "--json")
        let entries = try #require(JSONSerialization.jsonObject(with: Data(list.utf8)) as? [[String: Any]])
        let ids = entries.compactMap { $0["id"] as? String }
        #expect(ids.count == 2, "\(list)")
        let id = try #require(ids.first)
        #expect(try await server.succeed("queue", "show", id).contains("someone@far.example"))
        try await server.succeed("queue", "hold", id)
        #expect(try await server.succeed("queue", "list").contains("held"))
        try await server.succeed("queue", "release", id)
        try await server.succeed("queue", "retry", id)
        try await server.succeed("queue", "flush")
        #expect(try await server.stop() == 0)
        #expect(try await server.succeed("queue", "show", id).contains(id))
        try await server.start()
        try await server.succeed(["queue", "remove"] + ids)
        #expect(try await server.succeed("queue", "list").contains("empty"))
        #expect(try await server.stop() == 0)
    }

    @Test func selftestPasses() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let without = try await server.command(["selftest"])
        #expect(without.status == 69, "without a server: \(without)")
        try await server.start()
        let result = try await server.command(["selftest"])
        expectSuccess(result, server)
        #expect(try await server.stop() == 0)
    }
}
