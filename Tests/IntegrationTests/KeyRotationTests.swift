import Foundation
import MartletTesting
import Testing

/// A rotation from its first record to its last, with a real name server, dkimpy for a receiver, and kills in between.
@Suite(.serialized, .enabled(if: Peer.present("nsd", "python3"))) struct KeyRotationTests {
    private struct Report: Decodable {
        struct Key: Decodable {
            var selector: String
            var state: String
            var seen: String?
        }
        struct Record: Decodable {
            var name: String
            var data: String
        }
        var keys: [Key]
        var add: [Record]
        var lines: [String]
    }

    private func rotate(_ server: ServerUnderTest, _ more: String...) async throws -> Report {
        let output = try await server.succeed(["dkim", "rotate", "example.test", "--json"] + more)
        return try JSONDecoder().decode(Report.self, from: Data(output.utf8))
    }

    private func states(_ server: ServerUnderTest) async throws -> [String: Report.Key] {
        let output = try await server.succeed("dkim", "list", "example.test", "--json")
        let keys = try JSONDecoder().decode([Report.Key].self, from: Data(output.utf8))
        return Dictionary(keys.map { ($0.selector, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The selectors of a message that leaves, each with `+` where its signature is verified.
    private func signed(_ server: ServerUnderTest, _ upstream: Int, _ zone: NSDPeer) async throws -> String {
        let result = try await server.python("rotation_cases", "signed", "\(upstream)", "\(zone.port)")
        expectSuccess(result, server)
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test(.timeLimit(.minutes(4)))
    func `a key is replaced when the DNS has the next one, through kills, and retires`() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let old = try await server.succeed("dns", "records", "example.test", "--address", "127.0.0.1")
        let zone = try await NSDPeer.start(records: old)
        let upstream = try #require(Peer.freePorts(1).first)
        let environment = [
            "MARTLET_SERVER_DNS_FORWARDERS": "127.0.0.1@\(zone.port)", "MARTLET_OUTBOUND_SMARTHOST_HOST": "127.0.0.1",
            "MARTLET_OUTBOUND_SMARTHOST_PORT": "\(upstream)", "MARTLET_OUTBOUND_SMARTHOST_TLS": "none",
            "MARTLET_OUTBOUND_SMARTHOST_VERIFY": "false",
        ]
        try await server.start(environment)
        #expect(try await signed(server, upstream, zone) == "ed1+ rsa1+")

        // Made, and not used: there is no record, then a wrong one.
        let begun = try await rotate(server)
        let names = begun.add.map { String($0.name.prefix { $0 != "." }) }
        let next = try #require(names.first { $0.hasPrefix("r20") })
        let nextSmall = try #require(names.first { $0.hasPrefix("e20") })
        #expect(try await signed(server, upstream, zone) == "ed1+ rsa1+")
        let wrong = begun.add.map { "\($0.name) IN TXT \($0.data)" }.joined(separator: "\n")
            .replacing("p=MII", with: "p=MIJ")
        try await zone.replace(records: old + "\n" + wrong)
        let half = try await rotate(server)
        #expect(half.keys.first { $0.selector == next }?.state == "next")
        #expect(half.keys.first { $0.selector == nextSmall }?.state == "active", "\(half)")
        #expect(
            half.lines.contains { $0.contains("\(next) waits for its record; the DNS has now: is ") }, "\(half.lines)")
        #expect(try await signed(server, upstream, zone) == "\(nextSmall)+ rsa1+")

        // Killed while it waits; the record comes while nobody looks.
        try await kill(server)
        let right = begun.add.map { "\($0.name) IN TXT \($0.data)" }.joined(separator: "\n")
        try await zone.replace(records: old + "\n" + right)
        try await server.start(environment)
        try await eventually(within: .seconds(60), "the server has switched by itself\n\(server.log)") {
            try await states(server)[next]?.state == "active"
        }
        #expect(server.log.contains("a DKIM key signs from now on"), "\(server.log)")
        #expect(try await signed(server, upstream, zone) == "\(nextSmall)+ \(next)+")
        let again = try await rotate(server)
        #expect(again.add.isEmpty && again.keys.count == 4, "\(again)")

        // A week later.
        try await kill(server)
        try await age(server)
        try await server.start(environment)
        try await eventually(within: .seconds(60), "the old keys have retired\n\(server.log)") {
            let states = try await states(server)
            return states["rsa1"]?.state == "retired" && states["ed1"]?.seen == "the key"
        }
        let printed = try await server.succeed("dns", "records", "example.test", "--address", "127.0.0.1")
        #expect(printed.contains("\n; rsa1._domainkey.example.test. TXT\n"), "\(printed)")
        #expect(!printed.contains("\nrsa1._domainkey"))
        #expect(try await signed(server, upstream, zone) == "\(nextSmall)+ \(next)+")
        #expect(try await server.stop() == 0)
        await zone.stop()
    }

    private func kill(_ server: ServerUnderTest) async throws {
        server.signal(SIGKILL)
        try await eventually(within: .seconds(10), "the server is gone") { !server.isRunning }
    }

    /// Makes what is replaced eight days older.
    private func age(_ server: ServerUnderTest) async throws {
        let script = """
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1])
            c.execute("UPDATE dkim_key SET state_since = state_since - 691200000000 WHERE state = 'retiring'")
            c.commit()
            """
        let result = try await ProcessRunner.run(
            [try Peer.require("python3"), "-c", script, "\(server.data)/martlet.db"])
        guard result.succeeded else { throw ProcessFailure("\(result)") }
    }
}
