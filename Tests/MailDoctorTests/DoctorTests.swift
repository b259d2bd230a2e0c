import DNSCore
import MailSyntax
import MartletTesting
import Testing

@testable import MailDoctor

/// One thing that is wrong, and exactly what the doctor says of it.
struct BrokenWorld: Sendable, CustomTestStringConvertible {
    var name: String
    /// `severity check subject: message`, the message as far as it is wanted.
    var expected: [String]
    var change: @Sendable (inout DoctorWorld) -> Void
    var testDescription: String { name }

    init(_ name: String, _ expected: String..., change: @escaping @Sendable (inout DoctorWorld) -> Void) {
        self.name = name
        self.expected = expected
        self.change = change
    }
}

@Suite(.serialized, .enabled(if: Peer.present("nsd", "ldns-signzone")))
struct DoctorTests {
    @Test func `a correct zone is all green`() async throws {
        let report = try await DoctorWorld().examine()
        #expect(report.findings.filter { $0.severity != .ok } == [])
        #expect(report.exitStatus == 0)
        let seen = Set(report.findings.map(\.check))
        #expect(seen == Set(Finding.Check.allCases).subtracting([.resolver]), "\(seen)")
    }

    @Test(arguments: BrokenWorld.all)
    func `what is broken is named, and nothing else`(_ broken: BrokenWorld) async throws {
        var world = DoctorWorld()
        broken.change(&world)
        let report = try await world.examine()
        let found = report.findings.filter { $0.severity != .ok }
        let lines = found.map { "\($0.severity.rawValue) \($0.check.rawValue) \($0.subject): \($0.message)" }
        #expect(lines.count == broken.expected.count, "\(lines)")
        for (line, expected) in zip(lines.sorted(), broken.expected.sorted()) {
            #expect(line.hasPrefix(expected), "\(line)")
        }
        #expect(found.allSatisfy { $0.reason?.isEmpty == false })
        let worst = found.map(\.severity).max()
        #expect(report.exitStatus == (worst == .error ? 2 : worst == .warning ? 1 : 0))
    }

    @Test func `a domain that only sends is asked for less`() async throws {
        var world = DoctorWorld()
        world.plan.kind = .sendOnly
        world.plan.policy = nil
        world.zone = WantedRecords(world.plan).all.map(\.line) + world.zone.filter { $0.contains(" PTR ") }
        world.add(
            "example.org. IN MX 10 mx.elsewhere.example.",
            "_dmarc.example.org. IN TXT \"v=DMARC1; p=reject; rua=mailto:a@example.org\"")
        world.add("big.example. IN A 192.0.2.25", "2.0.0.127.list.example. IN A 127.0.0.2")
        let report = try await world.examine()
        let wrong = report.findings.filter { $0.severity != .ok }
        #expect(wrong.map(\.check) == [.issuer], "\(wrong)")
    }

    @Test func `a line to add is what the zone file says`() async throws {
        var world = DoctorWorld()
        world.remove("rsa1._domainkey")
        let report = try await world.examine()
        let finding = try #require(report.findings.first { $0.severity == .error })
        let key = try #require(world.plan.keys.first)
        #expect(finding.fix == [WantedRecords(world.plan).record(of: key).line])
    }

    @Test func `signatures that don't hold are an error for every record`() async throws {
        var world = DoctorWorld()
        world.signing = .expired
        let report = try await world.examine()
        let dnssec = report.findings.filter { $0.check == .dnssec }
        #expect(dnssec.map(\.severity) == [.error], "\(dnssec)")
        let dkim = report.findings.filter { $0.check == .dkim }
        #expect(dkim.allSatisfy { $0.severity == .error && $0.message.contains("DNSSEC") }, "\(dkim)")
        #expect(report.exitStatus == 2)
    }

    @Test func `behind a router the addresses in the DNS are believed`() async throws {
        var world = DoctorWorld()
        world.plan.addresses = [sure(IPAddress("192.168.1.10"))]
        let report = try await world.examine()
        let wrong = report.findings.filter { $0.severity != .ok }
        #expect(wrong.map(\.check) == [.address, .address], "\(wrong)")
        #expect(wrong.allSatisfy { $0.severity == .remark && $0.fix.first?.contains("--address") == true })
        #expect(report.addresses == ["198.51.100.7", "2001:db8::7"])
    }

    @Test func `where a smarthost sends, SPF of our own addresses is a remark and port 25 is not tried`() async throws {
        var world = DoctorWorld()
        world.plan.sendsDirectly = false
        world.probe.outboundFailure = "timed out"
        world.replace("v=spf1 mx ~all", "v=spf1 ip4:203.0.113.0/24 ~all")
        let wrong = try await world.examine().findings.filter { $0.severity != .ok }
        #expect(wrong.map(\.check) == [.spf, .spf], "\(wrong)")
        #expect(wrong.allSatisfy { $0.severity == .remark })
    }

    @Test func `the policy of a parent holds where the domain has none`() async throws {
        var world = DoctorWorld()
        world.remove("_dmarc")
        world.add("_dmarc.org. IN TXT \"v=DMARC1; p=none; sp=reject\"")
        let dmarc = try await world.examine().findings.filter { $0.check == .dmarc }
        #expect(dmarc.map(\.message) == ["the policy of org holds: reject"])
    }

    @Test func `a name server that fails for one name is a warning about that name`() async throws {
        let resolver = ScriptedResolver()
        for type in DNSRecordType.allCases { resolver.fail("example.org", type, .timeout) }
        let world = DoctorWorld()
        var probe = ScriptedProbe()
        probe.ahead = nil
        let settings = DoctorSettings(now: Timestamp(seconds: 1_795_000_000), validates: false)
        let report = await Doctor(plan: world.plan, resolver: resolver, probe: probe, settings: settings)
            .examine(resolverName: "nobody")
        let severities = Dictionary(grouping: report.findings, by: \.check).mapValues { $0.map(\.severity) }
        #expect(severities[.exchange] == [.warning])
        #expect(severities[.spf] == [.warning])
        #expect(severities[.clock] == [.remark])
        #expect(severities[.outbound] == [.remark])
        #expect(severities[.dnssec] == [.remark])
        #expect(severities[.blockList]?.allSatisfy { $0 == .remark } == true)
    }

    @Test func `a resolver that answers nothing is said once`() async {
        let world = DoctorWorld()
        let settings = DoctorSettings(now: Timestamp(seconds: 1_795_000_000), validates: false)
        let report = await Doctor(
            plan: world.plan, resolver: SilentResolver(), probe: world.probe, settings: settings
        ).examine(resolverName: "192.0.2.53")
        #expect(report.findings.filter { $0.severity != .ok }.map(\.check) == [.resolver])
        #expect(report.exitStatus == 1)
    }
}

private struct SilentResolver: DNSResolver {
    func resolve(_ name: String, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> { .failure(.timeout) }
}
