import DNSClient
import DNSCore
import MailAuth
import MailSyntax
import MartletTesting

@testable import MailDoctor

/// What is written in a test is right.
func sure<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("a constant of the tests is malformed") }
    return value
}

/// A world in which everything is right, to be broken in one place.
struct DoctorWorld {
    static let address = sure(IPAddress("198.51.100.7"))
    static let addressV6 = sure(IPAddress("2001:db8::7"))

    var plan: DomainPlan
    /// A line of a zone file each.
    var zone: [String]
    var probe = ScriptedProbe()
    var signing = NSDPeer.Signing.signed
    /// What the doctor thinks of its resolver; nil: as it is.
    var validates: Bool?

    init() {
        let certificate = CertificateFacts.example(for: "mail.example.org")
        plan = DomainPlan(
            domain: sure(DomainName("example.org")), hostname: sure(DomainName("mail.example.org")),
            addresses: [Self.address, Self.addressV6],
            services: [
                .init(kind: "mx", port: 25), .init(kind: "submissions", port: 465), .init(kind: "imaps", port: 993),
            ],
            keys: [
                .init(selector: "rsa1", algorithm: "rsa-sha256", record: "v=DKIM1; k=rsa; p=\(Self.rsaKey)"),
                .init(selector: "ed1", algorithm: "ed25519-sha256", record: "v=DKIM1; k=ed25519; p=\(Self.smallKey)"),
            ],
            certificates: [certificate],
            policy: MTASTSPolicy(mode: .enforce, maxAge: 604_800, hosts: ["mail.example.org"]))
        zone = WantedRecords(plan).all.map(\.line)
        zone += [
            "\(Self.address.reverseName). IN PTR mail.example.org.",
            "\(Self.addressV6.reverseName). IN PTR mail.example.org.",
            "big.example. IN MX 10 mx.big.example.", "mx.big.example. IN A 192.0.2.25",
            "2.0.0.127.list.example. IN A 127.0.0.2",
        ]
        probe.chain = [certificate]
    }

    /// 294 octets, as an RSA-2048 key has.
    static let rsaKey = Base64.encode((0..<294).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) })
    static let smallKey = Base64.encode([UInt8](repeating: 9, count: 32))

    /// A key that the world does not have yet.
    var tableKey: DomainPlan.Key {
        .init(
            selector: "mail", algorithm: "ed25519-sha256",
            record: "v=DKIM1; k=ed25519; p=\(Base64.encode([UInt8](repeating: 5, count: 32)))",
            origin: "/etc/opendkim/KeyTable:1")
    }

    // MARK: Breaking it

    /// Removes the lines that contain a text.
    mutating func remove(_ text: String) { zone.removeAll { $0.contains(text) } }

    /// Puts one text in the place of another, wherever it stands.
    mutating func replace(_ text: String, _ other: String) {
        zone = zone.map { $0.split(separator: text, omittingEmptySubsequences: false).joined(separator: other) }
    }

    mutating func add(_ lines: String...) { zone += lines }

    // MARK: Looking at it

    /// What the doctor finds in this world, through a real name server and a resolver that validates.
    func examine() async throws -> DoctorReport {
        let server = try await NSDPeer.start(records: zone.joined(separator: "\n"), signing: signing)
        let resolver = try UnboundResolver(
            ResolverSettings(
                forwarders: [.init(address: .thisMachine, port: UInt16(server.port))],
                trustAnchor: server.trustAnchor.map { .records([$0]) } ?? .none, timeout: .seconds(5)))
        let settings = DoctorSettings(
            blockLists: [BlockList(zone: "list.example", site: "https://list.example/")],
            outboundTargets: ["big.example"], now: Timestamp(seconds: 1_795_000_000),
            validates: validates ?? (signing != .none))
        let report = await Doctor(plan: plan, resolver: resolver, probe: probe, settings: settings)
            .examine(resolverName: "nsd")
        resolver.stop()
        await server.stop()
        return report
    }
}

/// Visits as a test has them.
struct ScriptedProbe: DoctorProbe {
    var chain: [CertificateFacts] = []
    var failure: String?
    var outboundFailure: String?
    var offersStartTLS = true
    var distrust: String?
    var ahead: Duration? = .milliseconds(20)
    var policyText: String? = "version: STSv1\nmode: enforce\nmx: mail.example.org\nmax_age: 604800\n"

    func visit(_ address: IPAddress, port: Int, name: String) async -> ExchangeVisit {
        if name == "mx.big.example" { return ExchangeVisit(failure: outboundFailure, offersStartTLS: true) }
        return ExchangeVisit(
            failure: failure, offersStartTLS: offersStartTLS, chain: offersStartTLS ? chain : [], distrust: distrust)
    }

    func clockError() async -> ClockReading? { ahead.map { ClockReading(ahead: $0, source: "time.example") } }

    func policy(of domain: DomainName) async -> PolicyVisit {
        policyText.map { .found(Array($0.utf8)) } ?? .failed("404")
    }
}
