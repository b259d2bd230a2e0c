import DNSCore
import MailAuth
import MailConfig
import MailSyntax
import MartletTesting
import NIOSSL
import NetTransport
import OutboundQueue
import SMTPDelivery
import Telemetry
import Testing

/// REQUIRETLS and TLS-Required. // RFC 8689
@Suite("What a sender asks of TLS", .enabled(if: Peer.present("openssl")))
struct TLSDemandTests {
    private typealias Room = PublishedSecurityTests

    /// What there is to prove, and what comes of it: nil for delivery.
    struct Case: Sendable, CustomStringConvertible {
        var description: String
        var hasTLS = true
        var offers = true
        var isSigned = true
        var policy: MTASTSAnswer = .none("none")
        var isForbidden = false
        var trusts = true
        var status: String?
        var words = ""
    }

    static let cases: [Case] = [
        Case(description: "signed MX records and a trusted certificate"),
        Case(
            description: "an enforced policy", isSigned: false,
            policy: PublishedSecurityTests.policy(.enforce, "*.one.example")),
        Case(
            description: "a policy that is tried out", isSigned: false,
            policy: PublishedSecurityTests.policy(.testing, "*.one.example"), status: "5.7.10",
            words: "neither signed MX records nor an enforced MTA-STS policy name the host"),
        Case(description: "nothing proven", isSigned: false, status: "5.7.10", words: "neither signed MX records"),
        Case(
            description: "an unknown authority", trusts: false, status: "5.7.10",
            words: "the certificate of the host is not verified"),
        Case(description: "no TLS", hasTLS: false, status: "5.7.10", words: "the session has no TLS"),
        Case(description: "TLS that the operator forbids", isForbidden: true, status: "5.7.10", words: "no TLS"),
        Case(description: "no offer", offers: false, status: "5.7.30", words: "not offered by the host"),
    ]

    @Test("REQUIRETLS goes to a proven host that offers it, and comes back from others", arguments: cases)
    func required(_ test: Case) async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:mx.one.example")
        let context = try shop.context("mx")
        let server = try await ScriptedSMTPServer(
            .init { behaviour in
                if test.hasTLS { behaviour.tls = context }
                if test.offers { behaviour.capabilities.append("REQUIRETLS") }
            })
        let room = try DeliveryRoom()
        Room.sign(room, port: server.port, nil, mx: test.isSigned)
        let found = try await Room.deliver(room, server, policy: test.policy, demand: .required) { settings in
            settings.configure {
                if test.trusts { $0.outbound.caFile = shop.caFile }
                if test.isForbidden { $0.outbound.tls = .none }
            }
        }
        #expect(found.name == (test.status == nil ? "delivered" : "bounced"), "\(found.attempt.reply)")
        if let status = test.status { #expect(found.enhanced == status) }
        #expect(found.attempt.reply.text.contains(test.words), "\(found.attempt.reply)")
        #expect(server.commands.contains { $0.hasSuffix(" REQUIRETLS") } == (test.status == nil))
        #expect(server.messages.isEmpty == (test.status != nil))
        #expect(found.attempt.steps?.contains("REQUIRETLS: ") == true)
        await server.stop()
    }

    @Test("REQUIRETLS is proven by DANE as well")
    func byDANE() async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:other.example")
        let context = try shop.context("mx")
        let server = try await ScriptedSMTPServer(
            .init { behaviour in
                behaviour.tls = context
                behaviour.capabilities.append("REQUIRETLS")
            })
        let room = try DeliveryRoom()
        let record = try #require(TLSAssociation(endEntity: try DANETests.der(shop, "mx")))
        Room.sign(room, port: server.port, [record])
        let found = try await Room.deliver(room, server, demand: .required)
        #expect(found.name == "delivered" && found.attempt.steps?.contains("TLSA records of") == true)
        await server.stop()
    }

    @Test("TLS-Required: No goes whatever is published, and is not counted for reports")
    func optional() async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(.init { $0.tls = context })
        let room = try DeliveryRoom()
        let record = TLSAssociation(usage: 3, selector: 1, matching: 1, data: [UInt8](repeating: 9, count: 32))
        Room.sign(room, port: server.port, [record])
        let results = Room.Results()
        let found = try await Room.deliver(
            room, server, results: results, policy: Room.policy(.enforce, "else.example"), demand: .optional)
        #expect(found.name == "delivered" && server.messages.first?.overTLS == true)
        #expect(found.attempt.steps?.contains("TLS-Required: No") == true)
        #expect(results.all.isEmpty)
        await server.stop()
    }

    @Test("Mail that waits for a certificate does not hold up TLS-Required: No")
    func optionalBesideOthers() async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(.init { $0.tls = context })
        let room = try DeliveryRoom()
        let record = TLSAssociation(usage: 3, selector: 1, matching: 1, data: [UInt8](repeating: 9, count: 32))
        Room.sign(room, port: server.port, [record])
        try await room.serve(room.settings(port: server.port)) {
            _ = try await room.enqueue("a@one.example")
            #expect(await room.events.next().first?.name == "deferred")
            #expect(try await room.queue.suspendedSites().map(\.name) == ["one.example"])
            let report = try await room.enqueue("b@one.example") { $0.tlsDemand = .optional }
            let event = await room.events.next().first
            #expect(event?.name == "delivered" && event?.attempt?.id == report.description)
        }
        #expect(server.messages.count == 1)
        await server.stop()
    }

    /// What the host has: nothing, TLS of its own making, or all that REQUIRETLS asks for.
    @Test("A report about a message with REQUIRETLS goes everywhere, and asks for it where it can", arguments: 0...2)
    func report(_ security: Int) async throws {
        let shop = try await CertificateWorkshop.make()
        try await shop.issue("mx", names: "DNS:mx.one.example")
        let context = try shop.context("mx")
        let server = try await ScriptedSMTPServer(
            .init { behaviour in
                if security > 0 { behaviour.tls = context }
                behaviour.capabilities.append("REQUIRETLS")
            })
        let room = try DeliveryRoom()
        Room.sign(room, port: server.port, nil)
        let found = try await Room.deliver(room, server, demand: .required, isReport: true) { settings in
            settings.configure { if security > 1 { $0.outbound.caFile = shop.caFile } }
        }
        #expect(found.name == "delivered" && server.messages.count == 1)
        #expect(server.commands.contains { $0.hasSuffix(" REQUIRETLS") } == (security == 2))
        await server.stop()
    }
}
