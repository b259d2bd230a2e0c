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
        #expect(seen == Set(Finding.Check.allCases).subtracting([]), "\(seen)")
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
        world.plan.policyID = nil
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

    @Test func `a resolver that answers nothing makes warnings of what is ours and remarks of the rest`() async throws {
        let resolver = ScriptedResolver()
        for name in ["example.org", "mail.example.org"] {
            for type in DNSRecordType.allCases { resolver.fail(name, type, .timeout) }
        }
        let world = DoctorWorld()
        var probe = ScriptedProbe()
        probe.ahead = nil
        let settings = DoctorSettings(now: Timestamp(seconds: 1_795_000_000), validates: false)
        let report = await Doctor(plan: world.plan, resolver: resolver, probe: probe, settings: settings)
            .examine(resolverName: "nobody")
        let severities = Dictionary(grouping: report.findings, by: \.check).mapValues { $0.map(\.severity) }
        #expect(severities[.exchange] == [.warning])
        #expect(severities[.clock] == [.remark])
        #expect(severities[.outbound] == [.remark])
        #expect(severities[.dnssec] == [.remark])
        #expect(severities[.blockList]?.allSatisfy { $0 == .remark } == true)
    }
}
