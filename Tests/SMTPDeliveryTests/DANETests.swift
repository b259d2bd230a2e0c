import Crypto
import DNSCore
import MailAuth
import MailConfig
import MailSyntax
import MartletTesting
import NIOSSL
import NetTransport
import OutboundQueue
import SMTPDelivery
import Synchronization
import Telemetry
import Testing

@Suite("DANE", .enabled(if: Peer.present("openssl")))
struct DANETests {
    static let host = "mx.one.example"

    /// The DER of a certificate in PEM.
    static func der(_ shop: CertificateWorkshop, _ name: String) throws -> [UInt8] {
        try NIOSSLCertificate.fromPEMFile(shop.folder.file("\(name).crt"))[0].toDERBytes()
    }

    static func record(_ der: [UInt8], usage: UInt8, selector: UInt8 = 0, matching: UInt8 = 1) throws -> TLSAssociation
    {
        let subject =
            selector == 0 ? der : try NIOSSLCertificate(bytes: der, format: .der).extractPublicKey().toSPKIBytes()
        let data: [UInt8] =
            switch matching {
            case 0: subject
            case 1: Array(SHA256.hash(data: subject))
            default: Array(SHA512.hash(data: subject))
            }
        return TLSAssociation(usage: usage, selector: selector, matching: matching, data: data)
    }

    static func visit(
        _ context: NIOSSLContext, _ records: [TLSAssociation], nextHops: [String] = []
    ) async throws -> SessionProbe.Report {
        let script: RawServer.Script = { line, memory in
            if line == "STARTTLS" { return [.say("220 go\r\n"), .startTLS(context)] }
            return RawServer.decent(memory.overTLS > 0 ? [] : ["STARTTLS"], line, &memory)
        }
        let server = try await RawServer(implicit: nil, script: script)
        let published = DANERecords(base: host, owner: "_25._tcp.\(host)", records: records)
        let report = try await Probe.run(
            try Probe.plan(server) { plan in
                plan.security = SessionSecurity(TLSRequirement(level: .may), host: host)
                    .published(published, nextHops: nextHops)
            })
        await server.stop()
        return report
    }

    @Test(
        "The certificate that is published is good, whatever its name and dates",
        arguments: [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] as [(UInt8, UInt8)])
    func endEntity(_ selector: UInt8, _ matching: UInt8) async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:whatever.example", days: -1)
        let record = try Self.record(try Self.der(shop, "mx"), usage: 3, selector: selector, matching: matching)
        let report = try await Self.visit(try shop.context("mx"), [record])
        #expect(report.isOpen, "\(String(describing: report.failure))")
        #expect(report.tls?.peer?.trust.isAuthenticated == true)
        var wrong = record
        wrong.data[0] ^= 1
        let refused = try await Self.visit(try shop.context("mx"), [wrong])
        #expect(!refused.isOpen && refused.failure?.permanence == .temporary)
        #expect(
            refused.failure?.reply.text.contains("matches no TLSA record of _25._tcp.mx.one.example: 3 \(selector)")
                == true)
    }

    @Test(
        "A published authority vouches for names, wherever it stands",
        arguments: [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] as [(UInt8, UInt8)])
    func authority(_ selector: UInt8, _ matching: UInt8) async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:mx.one.example")
        try await shop.issue("other", names: "DNS:mx.two.example")
        let root = try Self.der(shop, "ca")
        let record = try Self.record(root, usage: 2, selector: selector, matching: matching)
        // Beside it stands a certificate that has nothing to do with the chain.
        let stray = try await CertificateWorkshop.make()
        let whole = try shop.context("mx", followedBy: [stray.caFile, shop.caFile])
        #expect(try await Self.visit(whole, [record]).isOpen)
        // RFC 7671 §5.2: what the record holds itself need not be shown; of what it digests nothing else is known.
        let alone = try await Self.visit(try shop.context("mx"), [record])
        #expect(alone.isOpen == (matching == 0))
        let named = try shop.context("other", followedBy: [shop.caFile])
        let stranger = try await Self.visit(named, [record])
        #expect(stranger.failure?.reply.text.contains("its names are: mx.two.example") == true)
        #expect(try await Self.visit(named, [record], nextHops: ["MX.two.example"]).isOpen)
        #expect(try await !Self.visit(try ScriptedSMTPServer.context(), [record]).isOpen)
    }

    @Test("An expired certificate below a published authority is refused")
    func expired() async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:mx.one.example", days: -1)
        let record = try Self.record(try Self.der(shop, "ca"), usage: 2)
        let report = try await Self.visit(try shop.context("mx", followedBy: [shop.caFile]), [record])
        #expect(report.failure?.reply.text.contains("the certificate has expired") == true)
    }

    @Test("The text of our own record is that of its key")
    func ownRecord() async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:mx.one.example")
        let der = try Self.der(shop, "mx")
        let record = try #require(TLSAssociation(endEntity: der))
        #expect(record == (try Self.record(der, usage: 3, selector: 1)))
        #expect(record.text.hasPrefix("3 1 1 ") && record.text.utf8.count == 70)
        #expect(TLSAssociation(endEntity: [1, 2, 3]) == nil)
    }
}

@Suite("Mail by DANE and MTA-STS", .enabled(if: Peer.present("openssl")))
struct PublishedSecurityTests {
    final class Results: Sendable {
        let list = Mutex<[TLSSessionResult]>([])
        func record(_ result: TLSSessionResult) { list.withLock { $0.append(result) } }
        var all: [TLSSessionResult] { list.withLock { $0 } }
    }

    static func sign(_ room: DeliveryRoom, port: Int, _ records: [TLSAssociation]?, mx: Bool = true) {
        room.resolver.mailExchanges(DeliveryRoom.domain, (10, "mx.one.example"), secure: mx)
        room.resolver.addresses("mx.one.example", "127.0.0.1", secure: true)
        if let records { room.resolver.associations("_\(port)._tcp.mx.one.example", records) }
    }

    static func deliver(
        _ room: DeliveryRoom, _ server: ScriptedSMTPServer, results: Results = Results(),
        policy: MTASTSAnswer = .none("none"), demand: TLSDemand = .none,
        isReport: Bool = false, change: (inout DeliverySettings) -> Void = { _ in }
    ) async throws -> (name: String, enhanced: String?, attempt: QueueAttempt) {
        var settings = room.settings(port: server.port)
        settings.mtaSTS = { _ in policy }
        settings.tlsResults = { results.record($0) }
        change(&settings)
        let id = try await room.enqueue("a@one.example") {
            $0.tlsDemand = demand
            if isReport { $0.reversePath = .null }
        }
        var found: (name: String, enhanced: String?)?
        try await room.serve(settings) {
            let event = await room.events.next().first
            found = event.map { ($0.name, $0.attempt?.enhanced) }
        }
        let (name, enhanced) = try #require(found)
        return (name, enhanced, try #require(try await room.attempts(of: id).first))
    }

    @Test("A host that proves itself gets mail, and the history says by whose word")
    func proven() async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:whatever.example")
        let context = try shop.context("mx")
        let server = try await ScriptedSMTPServer(.init { $0.tls = context })
        let room = try DeliveryRoom()
        let record = try #require(TLSAssociation(endEntity: try DANETests.der(shop, "mx")))
        Self.sign(room, port: server.port, [record])
        let results = Results()
        let (name, _, attempt) = try await Self.deliver(room, server, results: results)
        #expect(name == "delivered")
        #expect(attempt.tls?.contains(", verified by DANE (3 1 1 ") == true, "\(attempt.tls ?? "")")
        #expect(attempt.steps?.contains("TLSA records of _\(server.port)._tcp.mx.one.example") == true)
        #expect(
            results.all == [
                TLSSessionResult(
                    domain: "one.example", policyType: "tlsa", policy: [record.text], hosts: ["mx.one.example"])
            ])
        await server.stop()
    }

    @Test("Another certificate than the published one keeps mail waiting, and the reply says so")
    func wrong() async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(.init { $0.tls = context })
        let room = try DeliveryRoom()
        let record = TLSAssociation(usage: 3, selector: 1, matching: 1, data: [UInt8](repeating: 9, count: 32))
        Self.sign(room, port: server.port, [record])
        let results = Results()
        let (name, enhanced, attempt) = try await Self.deliver(room, server, results: results)
        #expect(name == "deferred" && enhanced == "4.7.5")
        #expect(attempt.reply.text.contains("the certificate matches no TLSA record"))
        #expect(server.messages.isEmpty)
        #expect(results.all.map(\.failure) == ["validation-failure"])
        #expect(results.all.first?.receivingAddress == "127.0.0.1")
        await server.stop()
    }

    @Test("A published host without TLS gets nothing")
    func stripped() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        let record = TLSAssociation(usage: 3, selector: 1, matching: 1, data: [UInt8](repeating: 9, count: 32))
        Self.sign(room, port: server.port, [record])
        let results = Results()
        let (name, enhanced, _) = try await Self.deliver(room, server, results: results)
        #expect(name == "deferred" && enhanced == "4.7.4" && server.messages.isEmpty)
        #expect(results.all.map(\.failure) == ["starttls-not-supported"])
        await server.stop()
    }

    @Test("TLSA records that can't be asked for keep mail waiting; nothing is tried")
    func bogus() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        Self.sign(room, port: server.port, nil)
        room.resolver.fail("_\(server.port)._tcp.mx.one.example", .tlsa, .bogus("signature expired"))
        let results = Results()
        let (name, enhanced, attempt) = try await Self.deliver(room, server, results: results)
        #expect(name == "deferred" && enhanced == "4.7.5" && server.commands.isEmpty)
        #expect(attempt.reply.text.contains("signature expired"))
        #expect(results.all.map(\.failure) == ["dnssec-invalid"])
        await server.stop()
    }

    @Test("Records that can't be used ask for TLS with whomever", arguments: [true, false])
    func unusable(_ hasTLS: Bool) async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(.init { $0.tls = hasTLS ? context : nil })
        let room = try DeliveryRoom()
        Self.sign(room, port: server.port, [TLSAssociation(usage: 1, selector: 1, matching: 1, data: [1])])
        let results = Results()
        let (name, _, _) = try await Self.deliver(room, server, results: results)
        #expect(name == (hasTLS ? "delivered" : "deferred"))
        #expect(results.all.map(\.policyType) == ["tlsa"])
        #expect(results.all.map(\.failure) == [hasTLS ? "tlsa-invalid" : "starttls-not-supported"])
        await server.stop()
    }

    @Test("Where the operator wants TLSA records and there are none, the report says that")
    func required() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        Self.sign(room, port: server.port, nil)
        let results = Results()
        let (name, _, _) = try await Self.deliver(room, server, results: results) { settings in
            settings.configure { manifest in
                var direct = Manifest.Route(name: "direct", kind: .direct)
                direct.tls = TLSRequirement(level: .daneOnly)
                manifest.routing.routes = [direct]
            }
        }
        #expect(name == "deferred" && server.commands.isEmpty)
        #expect(results.all.map(\.failure) == ["dane-required"])
        await server.stop()
    }

    @Test("Without proof of the MX records, or with DANE off, mail goes as before", arguments: [true, false])
    func unsigned(_ isOff: Bool) async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        Self.sign(room, port: server.port, [.init(usage: 3, selector: 1, matching: 1, data: [])], mx: isOff)
        let (name, _, _) = try await Self.deliver(room, server) { settings in
            if isOff { settings.configure { $0.outbound.dane = .off } }
        }
        #expect(name == "delivered" && server.messages.count == 1)
        #expect(!room.resolver.questions.contains { $0.hasSuffix("TLSA") })
        await server.stop()
    }

    static func policy(_ mode: MTASTSPolicy.Mode, _ hosts: String...) -> MTASTSAnswer {
        .policy(MTASTSPolicy(mode: mode, maxAge: 86400, hosts: hosts), id: "7")
    }

    @Test("An enforced policy takes a name from a trusted authority, and nothing less")
    func enforce() async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:mx.one.example")
        try await shop.issue("other", names: "DNS:other.example")
        let cases: [(NIOSSLContext?, MTASTSAnswer, String, String?)] = [
            (try shop.context("mx"), Self.policy(.enforce, "*.one.example"), "delivered", nil),
            (
                try shop.context("other"), Self.policy(.enforce, "mx.one.example"), "deferred",
                "certificate-host-mismatch"
            ),
            (
                try ScriptedSMTPServer.context(), Self.policy(.enforce, "mx.one.example"), "deferred",
                "certificate-not-trusted"
            ),
            (nil, Self.policy(.enforce, "mx.one.example"), "deferred", "starttls-not-supported"),
            (try shop.context("mx"), Self.policy(.enforce, "mx.two.example"), "deferred", "validation-failure"),
            (
                try shop.context("other"), Self.policy(.testing, "mx.one.example"), "delivered",
                "certificate-host-mismatch"
            ),
            (nil, Self.policy(.testing, "mx.one.example"), "delivered", "starttls-not-supported"),
            (try shop.context("other"), Self.policy(.none), "delivered", nil),
        ]
        for (context, policy, wanted, failure) in cases {
            let server = try await ScriptedSMTPServer(.init { $0.tls = context })
            let room = try DeliveryRoom()
            let results = Results()
            let (name, _, attempt) = try await Self.deliver(room, server, results: results, policy: policy) {
                $0.configure { $0.outbound.caFile = shop.caFile }
            }
            #expect(name == wanted, "\(policy): \(attempt.reply)")
            #expect(results.all.map(\.failure) == [failure], "\(policy): \(results.all)")
            await server.stop()
        }
    }
}
