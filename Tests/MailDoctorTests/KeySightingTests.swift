import DNSCore
import MailSyntax
import MartletTesting
import Testing

@testable import MailDoctor

@Suite struct KeySightingTests {
    private static let record = "v=DKIM1; k=rsa; p=\(DoctorWorld.rsaKey)"

    private func sighting(_ texts: String...) -> KeySighting {
        KeySighting(texts: texts.map { Array($0.utf8) }, record: Self.record)
    }

    @Test(arguments: [
        record, "p=\(DoctorWorld.rsaKey)", "k=rsa ;\r\n\t p=\(DoctorWorld.rsaKey); s=email ; h=sha1:sha256; n=a note",
        "v=DKIM1; p=" + DoctorWorld.rsaKey.map { "\($0) " }.joined(), "v=DKIM1; t=s; p=\(DoctorWorld.rsaKey);",
    ])
    func `the same key is the same however it is written`(text: String) {
        #expect(sighting(text) == .shown(isTesting: false))
    }

    @Test(
        arguments: [
            ("v=DKIM1; p=", .revoked),
            ("v=DKIM1; k=ed25519; p=\(DoctorWorld.smallKey)", .type(published: "ed25519", own: "rsa")),
            ("v=DKIM1; p=\(DoctorWorld.smallKey)", .another), ("v=DKIM1; p=\(DoctorWorld.rsaKey.prefix(200))", .cutOff),
            ("v=DKIM1; h=sha1; p=\(DoctorWorld.rsaKey)", .hashes(["sha1"])),
            ("v=DKIM1; s=tlsrpt; p=\(DoctorWorld.rsaKey)", .services(["tlsrpt"])),
            ("hello", .malformed(Array("hello".utf8))),
        ] as [(String, KeySighting.Fault)])
    func `another record is not the key`(text: String, fault: KeySighting.Fault) {
        #expect(sighting(text) == .wrong(fault))
        #expect(!fault.words.isEmpty)
    }

    @Test func `a record that is all nonsense makes no long sentence`() {
        let long = String(repeating: "x", count: 9000)
        for text in [
            "k=\(long); p=AAAA", "h=\(long); p=\(DoctorWorld.rsaKey)", "s=\(long); p=\(DoctorWorld.rsaKey)", long,
        ] {
            let words = sighting(text).words
            #expect(words.utf8.count < 200, "\(words)")
        }
    }

    @Test func `a bare RSA key is that of our SubjectPublicKeyInfo`() throws {
        let inner: [UInt8] = [0x30, 0x82, 0x01, 0x0A] + (0..<266).map { UInt8(truncatingIfNeeded: $0 &* 11 &+ 5) }
        let whole = [UInt8](repeating: 0x42, count: 23) + [0x00] + inner
        let record = "v=DKIM1; k=rsa; p=\(Base64.encode(whole))"
        func seen(_ key: [UInt8]) -> KeySighting {
            KeySighting(texts: [Array("v=DKIM1; k=rsa; p=\(Base64.encode(key))".utf8)], record: record)
        }
        #expect(seen(inner) == .shown(isTesting: false))
        #expect(seen(Array(inner.dropFirst())) == .wrong(.another))
        #expect(seen(Array(inner.dropLast())) == .wrong(.another))
    }

    @Test func `several records, none and failures are told apart`() {
        #expect(sighting(Self.record, Self.record) == .several(2))
        #expect(sighting("v=DKIM1; t=y; p=\(DoctorWorld.rsaKey)") == .shown(isTesting: true))
        func of(_ failure: DNSFailure) -> KeySighting { KeySighting(.failure(failure), record: Self.record) }
        #expect(of(.nonexistentName(secure: false)) == .absent && of(.noData(secure: true)) == .absent)
        #expect(of(.timeout) == .unanswered("timed out"))
        #expect(!of(.bogus("expired")).isShown && of(.bogus("expired")) != .absent)
    }

    @Test func `every server that answers has to have the key`() {
        let good = KeySighting.shown(isTesting: false)
        let silent = KeySighting.unanswered("timed out")
        #expect(KeySighting.together([("a", good), ("b", good)]) == good)
        #expect(KeySighting.together([("a", silent), ("b", good)]) == good)
        #expect(KeySighting.together([("a", good), ("b", .absent)]) == .elsewhere("b", .absent))
        #expect(KeySighting.together([("a", good), ("b", .absent)]).words == "b says: no record")
        #expect(!KeySighting.together([("a", silent)]).isShown && !KeySighting.together([]).isShown)
    }
}

/// A rotation in all its stages, as the doctor sees it.
@Suite struct DoctorRotationTests {
    private func dkim(_ roles: [DomainPlan.Key.Role], published: [Int]) async -> [Finding] {
        var plan = DoctorWorld().plan
        plan.keys = roles.enumerated().map { index, role in
            .init(selector: "k\(index)", algorithm: "rsa-sha256", record: "v=DKIM1; p=\(Self.key(index))", role: role)
        }
        let resolver = ScriptedResolver()
        for index in published { resolver.text("k\(index)._domainkey.example.org", "v=DKIM1; p=\(Self.key(index))") }
        let settings = DoctorSettings(now: Timestamp(seconds: 1_795_000_000), validates: false)
        return await Doctor(plan: plan, resolver: resolver, probe: ScriptedProbe(), settings: settings).dkim()
    }

    private static func key(_ index: Int) -> String { Base64.encode([UInt8](repeating: UInt8(index), count: 40)) }

    private static let roles: [DomainPlan.Key.Role] = [
        .active, .next, .retiring(until: Timestamp(seconds: 1_796_000_000)), .retired,
    ]

    @Test func `a next key that is missing is a remark with its line, an active one an error`() async throws {
        let findings = await dkim(Self.roles, published: [2])
        #expect(findings.map(\.severity) == [.error, .remark, .ok])
        #expect(findings.map(\.message).last?.contains("leave it until 2026-11-30T") == true, "\(findings)")
        let next = try #require(findings.dropFirst().first)
        #expect(next.fix.first?.hasPrefix("k1._domainkey.example.org. IN TXT \"v=DKIM1; p=") == true, "\(next)")
    }

    @Test func `a record that may go is named, and one that went too soon is missed`() async {
        let findings = await dkim(Self.roles, published: [0, 1, 3])
        #expect(findings.map(\.severity) == [.ok, .ok, .warning, .remark])
        #expect(findings.last?.fix == ["remove: k3._domainkey.example.org. TXT"])
    }

    @Test func `a domain whose keys have all retired has none`() async {
        #expect(await dkim([.retired], published: []).map(\.severity) == [.error])
    }

    @Test func `a zone file has what is wanted, and says what may go`() {
        var plan = DoctorWorld().plan
        plan.keys = Self.roles.enumerated().map { index, role in
            .init(selector: "k\(index)", algorithm: "rsa-sha256", record: "v=DKIM1; p=\(Self.key(index))", role: role)
        }
        let text = ZoneFile.render(WantedRecords(plan))
        for index in 0...2 { #expect(text.contains("\nk\(index)._domainkey.example.org. IN TXT "), "\(text)") }
        #expect(text.contains("\n; k3._domainkey.example.org. TXT\n") && !text.contains("\nk3."), "\(text)")
        #expect(text.contains("wanted until 2026-11-30T"))
    }
}
