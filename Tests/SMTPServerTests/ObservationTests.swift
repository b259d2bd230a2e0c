import DNSCore
import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import SMTPServer
import Testing

/// What authors' domains are told of messages that came.
@Suite struct ObservationTests {
    private typealias Adjust = @Sendable (inout Manifest.Authentication) -> Void

    /// Sends a message from `a@sender.example`, which this client may, and gives what was observed.
    private static func observe(
        _ record: String, at name: String = "_dmarc.bank.example", from author: String = "ceo@bank.example",
        sender: String = "a@sender.example", header: String = "", reply: String = "250", others: [String: String] = [:],
        _ adjust: Adjust = { _ in }
    ) async throws -> [DMARCObservation] {
        let room = try await MailRoom()
        room.resolver.text("sender.example", "v=spf1 ip4:127.0.0.1 -all")
        room.resolver.text(name, record)
        for (name, text) in others { room.resolver.text(name, text) }
        var manifest = Manifest()
        manifest.authentication.exempt = []
        adjust(&manifest.authentication)
        let rules = PolicyRules(manifest)
        try await room.run(adjust: { $0.rules = rules }) { client, _ in
            await client.play(
                """
                S: 220
                C: EHLO client.example
                S: 250
                C: MAIL FROM:<\(sender)>
                S: 250
                C: RCPT TO:<alice@example.org>
                S: 250
                C: DATA
                S: 354

                """)
            await client.send("\(header)From: \(author)\r\nSubject: x\r\n\r\nPay.\r\n.\r\n")
            let answer = await client.reply()
            #expect(answer.hasPrefix(reply), "\(answer)")
        }
        return room.observed.all
    }

    private static let rua = "rua=mailto:d@bank.example!10m"

    @Test func `a forgery is told with what was done, and what was found`() async throws {
        let all = try await Self.observe("v=DMARC1; p=reject; np=quarantine; adkim=s; \(Self.rua)", reply: "550")
        let one = try #require(all.first)
        #expect(all.count == 1)
        #expect(one.policy.destinations == [ReportURI("mailto:d@bank.example", limit: 10 << 20)])
        let published = one.policy.published
        #expect(published.domain == "bank.example" && published.policy == "reject")
        #expect(published.subdomainPolicy == "reject" && published.nonexistentPolicy == "quarantine")
        #expect(published.dkimAlignment == "s" && published.spfAlignment == "r" && published.testing == "n")
        #expect(published.failureOptions == "0" && published.discoveryMethod == "treewalk")
        let record = one.record
        #expect(record.source.description == "127.0.0.1" && record.count == 1)
        #expect(record.evaluated == DMARCReport.Evaluated(disposition: "reject", dkim: "fail", spf: "fail"))
        #expect(
            record.identifiers
                == DMARCReport.Identifiers(
                    headerFrom: "bank.example", envelopeFrom: "sender.example", envelopeTo: "example.org"))
        #expect(record.spf == [DMARCReport.SPF(domain: "sender.example", scope: "mfrom", result: "pass")])
        #expect(record.dkim.isEmpty)
    }

    @Test func `what passes is told too, with the organization's record`() async throws {
        let all = try await Self.observe(
            "v=DMARC1; p=quarantine; rua=mailto:d@sender.example", at: "_dmarc.sender.example",
            from: "a@news.sender.example")
        let one = try #require(all.first)
        #expect(one.policy.published.domain == "sender.example")
        #expect(one.record.identifiers.headerFrom == "news.sender.example")
        #expect(one.record.evaluated == DMARCReport.Evaluated(disposition: "pass", dkim: "fail", spf: "pass"))
    }

    @Test func `a null sender has an empty domain`() async throws {
        let all = try await Self.observe("v=DMARC1; p=none; \(Self.rua)", sender: "")
        #expect(all.first?.record.identifiers.envelopeFrom == "")
        #expect(all.first?.record.evaluated.disposition == "none")
    }

    @Test func `nobody who does not ask is told, and nobody of a message that is to come again`() async throws {
        #expect(try await Self.observe("v=DMARC1; p=none").isEmpty)
        #expect(try await Self.observe("v=DMARC1; p=none; \(Self.rua)") { $0.modes.dmarc = .off }.isEmpty)
        let deferred = try await Self.observe(
            "v=DMARC1; p=none; \(Self.rua)", sender: "a@broken.example", reply: "550",
            others: ["broken.example": "v=spf1 -all"]
        ) { $0.modes.spf = .enforce }
        // Refused for another check: its own policy has done nothing.
        #expect(deferred.first?.record.evaluated.disposition == "none")
    }

    @Test func `less than the domain asks for has its reason`() async throws {
        func reasons(_ record: String, header: String = "", _ adjust: Adjust = { _ in }) async throws -> [String] {
            let all = try await Self.observe(record, header: header, adjust)
            let evaluated = try #require(all.first).record.evaluated
            return [evaluated.disposition] + evaluated.reasons.map { $0.type + ($0.comment.map { ": \($0)" } ?? "") }
        }
        let reject = "v=DMARC1; p=reject; \(Self.rua)"
        #expect(try await reasons("v=DMARC1; p=reject; t=y; \(Self.rua)") == ["quarantine", "policy_test_mode"])
        #expect(
            try await reasons(reject) { $0.modes.dmarc = .observe }
                == ["none", "local_policy: policies are not enforced here"])
        #expect(try await reasons(reject) { $0.modes.rejection = .junk } == ["quarantine", "local_policy"])
        #expect(try await reasons(reject, header: "List-Id: <l.example>\r\n") == ["quarantine", "mailing_list"])
        #expect(
            try await reasons(reject) { $0.forwarders = [Manifest.Forwarder("127.0.0.1/32")].compactMap(\.self) }
                == ["none", "trusted_forwarder"])
    }
}
