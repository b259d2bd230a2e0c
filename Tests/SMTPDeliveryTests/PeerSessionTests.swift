import MailConfig
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPDelivery
import Testing

@Suite("Sessions with real servers", .serialized, .enabled(if: Peer.present("postfix", "dovecot", "openssl")))
struct PeerSessionTests {
    static let text = "From: a@example.org\r\nSubject: x\r\n\r\nHello\r\n.dot\r\n"

    @Test("Postfix with Dovecot's logins takes each mechanism, by STARTTLS and by TLS from the first octet")
    func postfix() async throws {
        let sasl = try await SASLPeer.start(
            mechanisms: ["plain", "login", "cram-md5", "scram-sha-256"], keepsPassword: true)
        let postfix = try PostfixPeer(routes: [], sasl: sasl.socket)
        try await postfix.start()
        var sent = 0
        for (mechanism, isImplicit) in [
            ("", false), ("SCRAM-SHA-256", true), ("CRAM-MD5", false), ("PLAIN", true), ("LOGIN", false),
        ] {
            let report = try await Self.submit(postfix, mechanism, isImplicit: isImplicit)
            #expect(report.outcomes == ["250"], "\(report.events)\n\(postfix.log)")
            #expect(report.said.contains { $0.hasPrefix("AUTH \(mechanism.isEmpty ? "SCRAM-SHA-256" : mechanism)") })
            #expect(report.relaysDSN)
            sent += 1
        }
        let wrong = try await Self.submit(postfix, "", password: "guess", isImplicit: false)
        #expect(wrong.failure?.reply.code == 535 && wrong.failure?.scope == .host)
        try await eventually(within: .seconds(20), postfix.log) { postfix.messages.count == sent }
        await postfix.stop()
        await sasl.stop()
    }

    static func submit(
        _ postfix: PostfixPeer, _ mechanism: String, password: String = SASLPeer.password, isImplicit: Bool
    ) async throws -> SessionProbe.Report {
        let plan = try Probe.plan(port: isImplicit ? postfix.submissionsPort : postfix.submissionPort) { plan in
            plan.security = SessionSecurity(
                TLSRequirement(level: .encrypt), isImplicit: isImplicit, host: PostfixPeer.hostname)
            plan.credentials = ClientCredentials(
                username: SASLPeer.user, password: Array(password.utf8),
                mechanisms: mechanism.isEmpty ? [] : [mechanism])
        }
        return try await Probe.run(plan, letter: try Probe.letter(text, to: "box@\(PostfixPeer.domain)"))
    }

    @Test("Dovecot's LMTP answers for each recipient, over TCP and a Unix-domain socket", arguments: [true, false])
    func dovecot(_ isUnix: Bool) async throws {
        let peer = try await LMTPPeer.start()
        let plan = try Probe.plan(port: peer.port) { plan in
            plan.kind = .lmtp
            plan.security = .clear
            if isUnix { plan.endpoint = .unix(path: peer.socket) }
        }
        let recipients = LMTPPeer.users + ["nobody@\(LMTPPeer.domain)"]
        let report = try await Probe.run(plan, letter: try Probe.letter(Array(Self.text.utf8), to: recipients))
        #expect(report.outcomes.count == 4, "\(report.events)\n\(peer.log)")
        #expect(report.outcomes.first == "250" && report.outcomes.dropFirst(2).first == "250")
        #expect(report.outcomes.dropFirst().first.map { ["retry 4.2.2", "bounce 5.2.2"].contains($0) } == true)
        #expect(report.outcomes.last == "bounce 5.1.1")
        #expect(peer.messages(of: LMTPPeer.users[0]).count == 1 && peer.messages(of: LMTPPeer.users[2]).count == 1)
        await peer.stop()
    }

    @Test("Dovecot takes a binary message in a chunk")
    func dovecotBinary() async throws {
        let peer = try await LMTPPeer.start()
        let plan = try Probe.plan(port: peer.port) { plan in
            plan.kind = .lmtp
            plan.security = .clear
        }
        let letter = try Probe.letter(TransactionTests.binary, to: [LMTPPeer.users[0]]) { $0.bodyType = .binaryMIME }
        let report = try await Probe.run(plan, letter: letter)
        #expect(report.outcomes == ["250"], "\(report.events)\n\(peer.log)")
        #expect(peer.messages(of: LMTPPeer.users[0]).count == 1)
        await peer.stop()
    }
}
