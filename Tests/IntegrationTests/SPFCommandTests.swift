import Foundation
import MartletTesting
import Testing

/// `martlet check spf` beside a name server, without a manifest and without a server.
@Suite(.enabled(if: Peer.present("unbound")))
struct SPFCommandTests {
    private static let records = [
        #"example.org. TXT "v=spf1 a:gone.example.org include:_spf.example.org " "exists:%{l}._x.%{d} "#
            + #"-all exp=why.%{d}""#,
        #"_spf.example.org. TXT "v=spf1 ip4:198.51.100.0/24 mx ip6:2001:db8::/32 ~all""#,
        "_spf.example.org. MX 10 mail.example.org.", "mail.example.org. A 192.0.2.1",
        #"mail.example.org. TXT "v=spf1 a -all""#, #"a\032b\\c._x.example.org. A 127.0.0.2"#,
        #"why.example.org. TXT "%{i} is not ours: http://%{d}/?s=%{S}""#,
        #"bad.example.org. TXT "v=spf1 ipv4:192.0.2.1 -all""#, #"loop.example.org. TXT "v=spf1 redirect=%{d}""#,
    ]

    private struct Report: Decodable {
        struct Identity: Decodable {
            var identity: String
            var result: String
            var mechanism: String?
            var explanation: String?
            var lookups: Int
        }

        var identities: [Identity]
    }

    @Test func verdictsAndExitCodesAreThoseOfTheRecords() async throws {
        let zone = try await ZonePeer.start(zones: ["example.org."], records: Self.records)
        let home = try TemporaryFolder()
        func check(_ arguments: String...) async throws -> ProcessResult {
            try await ProcessRunner.run(
                [try ServerUnderTest.binary(), "check", "spf", "--dns", zone.forwarder] + arguments,
                environment: ["HOME": home.path], folder: home.path)
        }
        for (client, sender, status, words) in [
            ("192.0.2.1", "user@example.org", 0, "192.0.2.1 matches include:_spf.example.org of example.org"),
            ("2001:db8::5", "user@example.org", 0, "ip6:2001:db8::/32: matches"),
            ("::ffff:198.51.100.7", "user@example.org", 0, "ip4:198.51.100.0/24: matches"),
            (
                "192.0.2.7", "user@example.org", 1,
                "explains: 192.0.2.7 is not ours: http://example.org/?s=user%40example.org"
            ),
            ("192.0.2.7", #""a b\\c"@example.org"#, 0, #"a\032b\\c._x.example.org A: 127.0.0.2"#),
            ("192.0.2.7", "user@bad.example.org", 65, "unknown mechanism in ipv4:192.0.2.1 at octet 7: ip4 is meant"),
            ("192.0.2.7", "user@loop.example.org", 65, "lookups: 11 of 10"),
            ("192.0.2.1", "example.org", 0, "MAIL FROM <example.org> from 192.0.2.1: pass"),
            ("192.0.2.7", "@example.org", 1, "s=postmaster%40example.org"),
            ("192.0.2.7", "user@a..example.org", 1, "the sender has no domain name"),
            ("192.0.2.7", "user@none.example.org", 1, "none.example.org publishes no SPF record"),
        ] {
            let told = try await check("--ip", client, "--from", sender)
            #expect(told.status == status && told.output.contains(words), "\(client) \(sender): \(told)")
        }
        let both = try await check(
            "--ip", "192.0.2.1", "--helo", "mail.example.org", "--from", "user@example.org", "--json")
        let report = try JSONDecoder().decode(Report.self, from: Data(both.output.utf8))
        #expect(report.identities.map(\.identity) == ["mailfrom", "helo"])
        #expect(report.identities.map(\.result) == ["pass", "pass"] && report.identities.map(\.lookups) == [3, 1])
        let nobody = try await check("--ip", "192.0.2.2", "--helo", "mail.example.org", "--from", "<>")
        #expect(nobody.status == 1 && nobody.output.hasPrefix("MAIL FROM <> from 192.0.2.2: fail"), "\(nobody)")
        await zone.stop()
        let late = try await check("--ip", "192.0.2.1", "--from", "user@example.org")
        #expect(late.status == 75 && late.output.contains("temperror"), "\(late)")
    }

    @Test(.enabled(if: Peer.present("policyd-spf", "unshare")), .timeLimit(.minutes(3)))
    func `the policy service that Postfix asks says the same of the examples of the standard`() async throws {
        let folder = try TemporaryFolder()
        let told = try await Peer.python(
            "spf_policy_cases", [],
            environment: ["IT_FOLDER": folder.path, "IT_BINARY": try ServerUnderTest.binary(), "HOME": folder.path],
            timeout: .seconds(150))
        #expect(told.succeeded, "\(told)")
    }

    @Test func wrongUsageIsRefusedWithTheRemedy() async throws {
        for (arguments, words) in [
            (["--ip", "192.0.2.1"], "Give --from, --helo or both."),
            (["--ip", "x", "--helo", "y"], "not an IP address"),
            (["--ip", "::1", "--from", "<>"], "add --helo"),
            (["--ip", "::1", "--from", "a@b.c", "--dns", "x"], "write IP:PORT"), (["--helo", "x"], "--ip"),
        ] {
            let told = try await ProcessRunner.run([try ServerUnderTest.binary(), "check", "spf"] + arguments)
            #expect(told.status == 64 && told.errors.contains(words), "\(arguments): \(told)")
        }
    }
}
