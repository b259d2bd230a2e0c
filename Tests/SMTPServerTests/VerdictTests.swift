import DNSCore
import MailAuth
import MailConfig
import MailPolicy
import MailStore
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPServer
import Telemetry
import Testing

@testable import Directory

/// Mail of strangers, checked while it comes in.
@Suite struct VerdictTests {
    private typealias Adjust = @Sendable (inout Manifest.Authentication) -> Void

    /// A room whose server checks clients of this machine too.
    private static func settings(_ adjust: Adjust = { _ in }) -> (inout SMTPServerSettings) -> Void {
        var manifest = Manifest()
        manifest.authentication.exempt = []
        adjust(&manifest.authentication)
        let rules = PolicyRules(manifest)
        return { $0.rules = rules }
    }

    private static func envelope(_ sender: String = "a@sender.example") -> String {
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

        """
    }

    /// Sends a message and expects a reply.
    private static func send(
        _ room: MailRoom, from sender: String = "a@sender.example", _ message: String, reply: String = "250",
        _ adjust: Adjust = { _ in }
    ) async throws {
        try await room.run(adjust: settings(adjust)) { client, _ in
            await client.play(envelope(sender))
            await client.send(message.replacing("\n", with: "\r\n") + "\r\n.\r\n")
            let answer = await client.reply()
            #expect(answer.hasPrefix(reply), "\(answer)")
        }
    }

    private static func room(_ records: [String: String] = [:]) async throws -> MailRoom {
        let room = try await MailRoom()
        room.resolver.text("sender.example", "v=spf1 ip4:127.0.0.1 -all")
        for (name, text) in records { room.resolver.text(name, text) }
        return room
    }

    private static let forged = "From: ceo@bank.example\nSubject: x\n\nPay.\n"

    @Test func `what was found stands on top of the message, once, and in the log`() async throws {
        let room = try await Self.room(["_dmarc.sender.example": "v=DMARC1; p=reject"])
        try await Self.send(room, "From: a@sender.example\nSubject: x\n\nHello\n")
        let text = try #require(try await room.inbox(room.alice).first)
        let lines = text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0].hasPrefix("Return-Path:"))
        #expect(lines[1] == "Authentication-Results: mx.example.org;", "\(text)")
        #expect(text.contains("spf=pass smtp.mailfrom=sender.example"), "\(text)")
        #expect(text.contains("iprev=pass") && text.contains("policy.iprev=127.0.0.1"), "\(text)")
        #expect(text.contains("dmarc=pass") && text.contains("header.from=sender.example"), "\(text)")
        let accepted = room.events.events.compactMap { if case .accepted(let one) = $0 { one } else { nil } }
        #expect(accepted.first?.authentication == "spf=pass dmarc=pass")
    }

    @Test func `a forged author is rejected or goes to Junk as its domain says`() async throws {
        let room = try await Self.room(["_dmarc.bank.example": "v=DMARC1; p=reject"])
        try await Self.send(room, Self.forged, reply: "550 5.7.1 Rejected per DMARC policy of bank.example")
        #expect(try await room.inbox(room.alice).isEmpty)
        let refused = room.events.events.compactMap { if case .rejected(let one) = $0 { one } else { nil } }
        #expect(refused.map(\.stage) == ["data"])
        room.resolver.text("_dmarc.bank.example", "v=DMARC1; p=quarantine")
        try await Self.send(room, Self.forged)
        #expect(try await room.inbox(room.alice).isEmpty)
        let junk = try await room.messages(room.alice, in: "Junk")
        #expect(junk.count == 1 && junk[0].contains("dmarc=fail"))
        let delivered = room.events.events.compactMap { if case .delivered(let one) = $0 { one } else { nil } }
        #expect(delivered.last?.destination == "Junk")
        room.resolver.text("_dmarc.bank.example", "v=DMARC1; p=none")
        try await Self.send(room, Self.forged)
        #expect(try await room.inbox(room.alice).count == 1)
    }

    @Test func `the mailbox for junk is made where it is missing`() async throws {
        let room = try await Self.room(["_dmarc.bank.example": "v=DMARC1; p=quarantine"])
        try await room.store.deleteMailbox(room.alice.id, path: "Junk")
        try await Self.send(room, Self.forged)
        let made = try await room.store.mailbox(room.alice.id, path: "Junk")
        #expect(made?.messages == 1 && made?.specialUse == .junk)
        let other = try await Self.room(["_dmarc.bank.example": "v=DMARC1; p=quarantine"])
        try await other.store.deleteMailbox(other.alice.id, path: "Junk")
        _ = try await other.store.createMailbox(other.alice.id, path: "Werbung", specialUse: .junk)
        try await Self.send(other, Self.forged)
        #expect(try await other.messages(other.alice, in: "Werbung").count == 1)
    }

    @Test func `fields in our name are removed, those of others stay`() async throws {
        let room = try await Self.room()
        try await Self.send(
            room,
            """
            Authentication-Results: mx.example.org; dmarc=pass
            authentication-results: (a (nested) comment)
             "MX.Example.ORG" 1; spf=pass
            Authentication-Results: other.example; dkim=pass
            From: a@sender.example

            Hello

            """)
        let text = try #require(try await room.inbox(room.alice).first)
        #expect(text.components("uthentication-").count == 2 + 1, "\(text)")
        #expect(text.contains("Authentication-Results: other.example; dkim=pass"))
        #expect(!text.contains("MX.Example.ORG"))
    }

    @Test func `trouble with the DNS is neutral, or puts off where the manifest says so`() async throws {
        let room = try await Self.room()
        room.resolver.fail("_dmarc.bank.example", .txt, .timeout)
        try await Self.send(room, Self.forged)
        #expect(try await room.inbox(room.alice).first?.contains("dmarc=temperror") == true)
        try await Self.send(room, Self.forged, reply: "451 4.7.0") { $0.temporaryErrors = .defer }
    }

    @Test func `whose DNS hangs gets its message through in time, and a policy is still found`() async throws {
        let room = try await Self.room(["_dmarc.bank.example": "v=DMARC1; p=reject"])
        room.resolver.hang("slow.example", .txt)
        let quick: Adjust = { $0.timeout = .milliseconds(300) }
        try await Self.send(room, from: "a@slow.example", "From: a@slow.example\n\nHello\n", quick)
        #expect(try await room.inbox(room.alice).first?.contains("spf=temperror") == true)
        try await Self.send(room, from: "a@slow.example", Self.forged, reply: "550 5.7.1", quick)
    }

    @Test func `logins, trusted networks and exempt clients are not checked, nor anybody with all checks off`()
        async throws
    {
        let room = try await Self.room(["_dmarc.bank.example": "v=DMARC1; p=reject"])
        for adjust in [
            { $0.exempt = [IPNetwork("127.0.0.1")].compactMap(\.self) },
            {
                ($0.modes.spf, $0.modes.dkim, $0.modes.arc, $0.modes.reverse, $0.modes.dmarc) = (
                    .off, .off, .off, .off, .off
                )
            },
        ] as [Adjust] {
            try await Self.send(room, Self.forged, adjust)
        }
        let texts = try await room.inbox(room.alice)
        #expect(texts.count == 2 && texts.allSatisfy { !$0.contains("Authentication-Results") })
        #expect(!room.resolver.questions.contains("sender.example TXT"))
    }

    @Test func `what is only observed is told and not acted upon`() async throws {
        let room = try await Self.room(["_dmarc.bank.example": "v=DMARC1; p=reject"])
        try await Self.send(room, Self.forged) { $0.modes.dmarc = .observe }
        #expect(try await room.inbox(room.alice).first?.contains("dmarc=fail") == true)
    }

    @Test func `an author who is let off lets nobody else off`() async throws {
        let room = try await Self.room([
            "_dmarc.bank.example": "v=DMARC1; p=reject", "_dmarc.partner.example": "v=DMARC1; p=reject",
        ])
        let partner: Adjust = {
            guard let pattern = AddressPattern("partner.example") else { return }
            var rule = Manifest.Authentication.DomainRule(pattern: pattern)
            rule.dmarc = .observe
            $0.domains = [rule]
        }
        try await Self.send(room, "From: a@partner.example\n\nx\n", partner)
        for authors in ["a@partner.example, ceo@bank.example", "ceo@bank.example, a@partner.example"] {
            try await Self.send(room, "From: \(authors)\n\nx\n", reply: "550", partner)
        }
    }

    @Test func `only what is checked is told`() async throws {
        let room = try await Self.room(["_dmarc.sender.example": "v=DMARC1; p=reject"])
        let message = "From: a@sender.example\n\nx\n"
        func methods(_ adjust: Adjust) async throws -> [String] {
            try await Self.send(room, message, adjust)
            let text = try #require(try await room.inbox(room.alice).last).replacing("\r\n\t ", with: " ")
            let entries = text.split(separator: "\r\n").drop { !$0.hasPrefix("Authentication-Results") }.dropFirst()
            let found = entries.prefix { $0.hasPrefix("\t") }.map { String($0.dropFirst().prefix { $0 != "=" }) }
            // HELO has an entry of its own.
            return found.filter { !$0.isEmpty }.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
        }
        #expect(try await methods { _ in } == ["iprev", "spf", "dkim", "dmarc"])
        #expect(try await methods { $0.modes.reverse = .off } == ["spf", "dkim", "dmarc"])
        // DMARC goes by both, whether they matter by themselves or not.
        #expect(
            try await methods { ($0.modes.spf, $0.modes.dkim) = (.off, .off) } == ["iprev", "spf", "dkim", "dmarc"])
        #expect(try await methods { $0.modes.dmarc = .off } == ["iprev", "spf", "dkim"])
        #expect(try await methods { ($0.modes.dmarc, $0.modes.spf) = (.off, .off) } == ["iprev", "dkim"])
    }

    private static func forward(
        _ room: MailRoom, _ message: String, _ adjust: Adjust = { _ in }
    ) async throws -> QueuedSeal? {
        try await room.run(adjust: settings(adjust)) { client, _ in
            await client.play(envelope().replacing("alice@", with: "team@"))
            await client.send(message.replacing("\n", with: "\r\n") + "\r\n.\r\n")
            let answer = await client.reply()
            #expect(answer.hasPrefix("250"), "\(answer)")
        }
        return try await room.queue.list().last?.message.seal
    }

    @Test func `what goes on is to be sealed with what was found, whatever it says itself`() async throws {
        let room = try await Self.room(["_dmarc.sender.example": "v=DMARC1; p=reject"])
        let claim = "Authentication-Results: mx.example.org; dmarc=pass header.from=bank.example\n"
        let seal = try #require(try await Self.forward(room, claim + "From: a@sender.example\n\nHello\n"))
        #expect(seal.domain.ascii == "example.org" && seal.chain == nil)
        #expect(seal.results.hasPrefix("mx.example.org;") && seal.results.contains("spf=pass"), "\(seal)")
        #expect(!seal.results.contains("bank.example"))
        #expect(try await room.inbox(room.alice).first?.contains("Authentication-Results: \(seal.results)\r\n") == true)
    }

    @Test func `a copy that leaves is sealed by the domain that the message was for`() async throws {
        let room = try await Self.room()
        var manifest = Manifest()
        manifest.authentication.exempt = []
        manifest.rewrite.alwaysBCC = EmailAddress("archive@far.example")
        let rules = PolicyRules(manifest)
        try await room.run(adjust: { $0.rules = rules }) { client, _ in
            await client.play(Self.envelope())
            await client.send("From: a@sender.example\r\n\r\nHello\r\n.\r\n")
            #expect(await client.reply().hasPrefix("250"))
        }
        let message = try #require(try await room.queue.list().first?.message)
        #expect(message.seal?.domain.ascii == "example.org")
        #expect(try await room.inbox(room.alice).count == 1)
    }

    @Test func `nothing is sealed that was not checked, or that a client of ours sends`() async throws {
        let claim = "Authentication-Results: mx.example.org; dmarc=pass\nFrom: a@sender.example\n\nHello\n"
        let adjustments: [Adjust] = [
            { $0.exempt = [IPNetwork("127.0.0.0/8")].compactMap(\.self) }, { $0.sealing = .off },
            {
                $0.modes.spf = .off
                ($0.modes.dkim, $0.modes.arc, $0.modes.reverse, $0.modes.dmarc) = (.off, .off, .off, .off)
            },
        ]
        for adjust in adjustments {
            #expect(try await Self.forward(try await Self.room(), claim, adjust) == nil)
        }
        let room = try await Self.room()
        #expect(try await Self.forward(room, claim) { $0.modes.arc = .off }?.chain == .some(nil))
    }

    @Test(arguments: [0, 400_000])
    func `a signature is verified as the message comes, in memory and in a temporary`(padding: Int) async throws {
        let room = try await Self.room(["_dmarc.signed.example": "v=DMARC1; p=reject"])
        let key = try DKIMSigningKey.generate(.ed25519SHA256)
        room.resolver.text("one._domainkey.signed.example", key.publicRecord)
        let body = "Hello\r\n" + String(repeating: "0123456789\r\n", count: padding / 12)
        let header = "From: a@signed.example\r\nSubject: x\r\n"
        let domain = try #require(DomainName("signed.example"))
        let signer = DKIMSigner(domain: domain, keys: [.init(selector: "one", key: key)])
        var hasher = signer.bodyHasher
        hasher.update(Array(body.utf8))
        let field = try signer.sign(
            header: Array(header.utf8), bodyHash: hasher.finish(), at: Timestamp(seconds: 1_500_000_000))
        let message = (String(decoding: field, as: UTF8.self) + header + "\r\n" + body).replacing("\r\n", with: "\n")
        try await Self.send(room, from: "", message)
        let text = try #require(try await room.inbox(room.alice).first)
        #expect(text.contains("dkim=pass") && text.contains("dmarc=pass"), "\(text.prefix(1000))")
        try await Self.send(room, from: "", message + "and more\n", reply: "550 5.7")
        #expect(try await room.inbox(room.alice).count == 1)
    }
}

extension String {
    /// The pieces between occurrences.
    fileprivate func components(_ separator: String) -> [String] {
        var pieces: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            pieces.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return pieces + [String(rest)]
    }
}
