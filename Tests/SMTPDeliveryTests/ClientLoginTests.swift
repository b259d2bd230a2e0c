import MailConfig
import MailSyntax
import OutboundQueue
import SASLCore
import SMTPCore
import SMTPDelivery
import Testing

@Suite("Logging in at a next hop")
struct ClientLoginTests {
    static let credentials = ClientCredentials(username: "user", password: Array("pencil".utf8))

    static func open(
        _ script: @escaping RawServer.Script, _ credentials: ClientCredentials
    ) async throws -> (
        report: SessionProbe.Report, heard: RawServer.Memory
    ) {
        let server = try await RawServer(implicit: try ScriptedSMTPServer.context(), script: script)
        let report = try await Probe.run(
            try Probe.plan(server) { plan in
                plan.security = SessionSecurity(
                    TLSRequirement(level: .encrypt), isImplicit: true, host: "mx.one.example")
                plan.credentials = credentials
            })
        await server.stop()
        return (report, server.heard)
    }

    static func line(_ text: String) -> String { Base64.encode(Array(text.utf8)) }

    @Test("The strongest mechanism is used, with an initial response where it fits")
    func plain() async throws {
        let (report, heard) = try await Self.open(
            RawServer.scripted(["AUTH GSSAPI LOGIN PLAIN"], ["AUTH": [.say("235 ok\r\n")]]), Self.credentials)
        #expect(report.isOpen && report.failure == nil)
        #expect(heard.lines.contains("AUTH PLAIN " + Self.line("\0user\0pencil")))
        #expect(report.said.contains("AUTH PLAIN …"))
        let shown = report.events.map { "\($0)" }.joined()
        #expect(!shown.contains("pencil") && !shown.contains(Self.line("\0user\0pencil")))
    }

    @Test("A mechanism that the host refuses is followed by the next; a wrong password is not")
    func nextMechanism() async throws {
        let answers: RawServer.Script = { line, memory in
            switch line {
            case "AUTH CRAM-MD5": [.say("504 5.5.4 not today\r\n")]
            case "AUTH LOGIN": [.say("334 VXNlcm5hbWU6\r\n")]
            case Self.line("user"): [.say("334\r\n")]
            case Self.line("pencil"): [.say("235 2.7.0 ok\r\n")]
            default: RawServer.decent(["AUTH=LOGIN CRAM-MD5"], line, &memory)
            }
        }
        let (report, heard) = try await Self.open(answers, Self.credentials)
        #expect(report.isOpen)
        #expect(heard.lines.filter { $0.hasPrefix("AUTH") } == ["AUTH CRAM-MD5", "AUTH LOGIN"])
        let (refused, once) = try await Self.open(
            RawServer.scripted(["AUTH PLAIN LOGIN"], ["AUTH": [.say("535 5.7.8 wrong\r\n")]]), Self.credentials)
        #expect(!refused.isOpen && refused.failure?.scope == .host)
        #expect(refused.failure?.reply.text == "wrong (in reply to AUTH)")
        #expect(once.lines.filter { $0.hasPrefix("AUTH") }.count == 1)
    }

    @Test("A filter is honoured; without anything in common the words say what was offered")
    func filter() async throws {
        var credentials = Self.credentials
        credentials.mechanisms = ["login"]
        let (report, heard) = try await Self.open(
            RawServer.scripted(["AUTH PLAIN SCRAM-SHA-256"]), credentials)
        #expect(report.failure?.reply.text == "no login mechanism in common: the host offers PLAIN SCRAM-SHA-256")
        #expect(!heard.lines.contains { $0.hasPrefix("AUTH") })
        let (none, _) = try await Self.open(RawServer.scripted(["SIZE"]), credentials)
        #expect(none.failure?.reply.text == "no login mechanism in common: the host offers no login")
    }

    /// A SCRAM server that knows the password, or only pretends to.
    static func scram(_ password: String) -> RawServer.Script {
        { line, memory in
            let salt = Array("0123456789abcdef".utf8)
            if line.hasPrefix("AUTH SCRAM-SHA-256 ") {
                memory.step = 1
                let first = String(decoding: Base64.decode(line.dropFirst(19)) ?? [], as: UTF8.self).dropFirst(3)
                let nonce = first.split(separator: "=").last ?? ""
                memory.messages = [Array(first.utf8)]
                let challenge = "r=\(nonce)xyz,s=\(Base64.encode(salt)),i=4096"
                memory.messages.append(Array(challenge.utf8))
                return [.say("334 \(Self.line(challenge))\r\n")]
            }
            guard memory.step > 0, let message = Base64.decode(line) else {
                return RawServer.decent(["AUTH SCRAM-SHA-256 PLAIN"], line, &memory)
            }
            memory.step += 1
            guard memory.step == 2 else {
                memory.step = 0
                return [.say("235 2.7.0 ok\r\n")]
            }
            let text = String(decoding: message, as: UTF8.self)
            let bare = text.split(separator: ",").dropLast().joined(separator: ",")
            let auth = memory.messages[0] + [0x2C] + memory.messages[1] + [0x2C] + Array(bare.utf8)
            let verifier = SCRAMVerifier(password: Secret(password), salt: salt, iterations: 4096)
            return [.say("334 \(Self.line("v=" + Base64.encode(verifier.serverSignature(authMessage: auth))))\r\n")]
        }
    }

    @Test("With SCRAM the server has to know the password too")
    func scram() async throws {
        let (report, heard) = try await Self.open(Self.scram("pencil"), Self.credentials)
        #expect(report.isOpen && heard.lines.last == "QUIT")
        let (deceived, cancelled) = try await Self.open(Self.scram("guess"), Self.credentials)
        #expect(!deceived.isOpen && cancelled.lines.contains("*"))
        #expect(deceived.failure?.reply.text.contains("its SCRAM signature is wrong") == true)
        #expect(deceived.failure?.permanence == .temporary)
        let (hasty, _) = try await Self.open(
            RawServer.scripted(["AUTH SCRAM-SHA-256"], ["AUTH": [.say("235 come in\r\n")]]), Self.credentials)
        #expect(!hasty.isOpen && hasty.failure?.reply.text.contains("before it has proven itself") == true)
    }

    actor Tokens: AccessTokenSource {
        var tokens: [String]
        private(set) var refusals: [String] = []

        init(_ tokens: [String]) { self.tokens = tokens }

        func accessToken() async throws -> Secret {
            guard let first = tokens.first else { throw NoToken() }
            return Secret(first)
        }

        func refused(_ token: Secret, reason: String) async {
            refusals.append(reason)
            if tokens.count > 1 { tokens.removeFirst() }
        }
    }

    struct NoToken: Error, CustomStringConvertible {
        var description: String { "the refresh token was revoked" }
    }

    /// Takes one token.
    static func bearer(_ mechanism: String, good: String) -> RawServer.Script {
        { line, memory in
            let blob = #"{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}"#
            if line.hasPrefix("AUTH \(mechanism)") {
                let first = String(line.dropFirst(6 + mechanism.utf8.count))
                guard !first.isEmpty else { return [.say("334 \r\n")] }
                return Self.judge(first, good, blob)
            }
            if line.isEmpty || line == "AQ==" { return [.say("535 5.7.8 Username and Password not accepted\r\n")] }
            if let decoded = Base64.decode(line), decoded.contains(1) { return Self.judge(line, good, blob) }
            return RawServer.decent(["AUTH \(mechanism) PLAIN"], line, &memory)
        }
    }

    static func judge(_ message: String, _ good: String, _ blob: String) -> [RawServer.Act] {
        let text = String(decoding: Base64.decode(message) ?? [], as: UTF8.self)
        let isGood = text.contains("auth=Bearer \(good)\u{1}\u{1}") && text.contains("user")
        return isGood ? [.say("235 2.7.0 Accepted\r\n")] : [.say("334 \(Self.line(blob))\r\n")]
    }

    @Test(
        "A token logs in, in one line or, when it is long, in two", arguments: ["XOAUTH2", "OAUTHBEARER"], [10, 3000])
    func token(_ mechanism: String, _ length: Int) async throws {
        let token = String(repeating: "t", count: length)
        let source = Tokens([token])
        let (report, heard) = try await Self.open(
            Self.bearer(mechanism, good: token), ClientCredentials(username: "user", proof: .token(source)))
        #expect(report.isOpen && report.failure == nil)
        #expect(heard.lines.contains("AUTH \(mechanism)") == (length > 400))
        // RFC 5321 §4.5.3.1.4
        #expect(heard.lines.allSatisfy { !$0.hasPrefix("AUTH") || $0.utf8.count <= 510 })
    }

    @Test("A refused token is shown in words, reported, and another one tried once")
    func refusedToken() async throws {
        let source = Tokens(["old"])
        let (report, _) = try await Self.open(
            Self.bearer("XOAUTH2", good: "new"), ClientCredentials(username: "user", proof: .token(source)))
        let words = "the host says of the token: status 401, scope https://mail.google.com/"
        #expect(report.failure?.reply.text.contains(words) == true)
        #expect(report.failure?.scope == .host)
        #expect(await source.refusals == ["status 401, scope https://mail.google.com/"])
        let both = Tokens(["old", "new"])
        let (second, heard) = try await Self.open(
            Self.bearer("OAUTHBEARER", good: "new"), ClientCredentials(username: "user", proof: .token(both)))
        #expect(second.isOpen)
        #expect(heard.lines.filter { $0.hasPrefix("AUTH") }.count == 2)
    }

    @Test("Without a token the mail waits and the reason is told")
    func noToken() async throws {
        let (report, heard) = try await Self.open(
            RawServer.scripted(["AUTH XOAUTH2"]), ClientCredentials(username: "user", proof: .token(Tokens([]))))
        #expect(report.failure?.permanence == .temporary)
        #expect(report.failure?.reply.text == "no access token for the login: the refresh token was revoked")
        #expect(!heard.lines.contains { $0.hasPrefix("AUTH") })
    }

    @Test("Without TLS a password is sent only when that was asked for; a digest may be")
    func clear() async throws {
        for (allows, offer, sent) in [
            (false, "AUTH PLAIN LOGIN", []), (true, "AUTH PLAIN", ["AUTH PLAIN AHVzZXIAcGVuY2ls"]),
            (false, "AUTH PLAIN CRAM-MD5", ["AUTH CRAM-MD5"]),
        ] {
            let server = try await RawServer(script: RawServer.scripted([offer], ["AUTH": [.say("235 ok\r\n")]]))
            var credentials = Self.credentials
            credentials.allowsClearText = allows
            let report = try await Probe.run(
                try Probe.plan(server) { plan in
                    plan.credentials = credentials
                    plan.security = SessionSecurity(TLSRequirement(level: .may), host: "raw.test")
                })
            #expect(server.heard.lines.filter { $0.hasPrefix("AUTH") } == sent)
            if sent.isEmpty { #expect(report.failure?.reply.status == EnhancedStatusCode(4, 7, 4)) }
            await server.stop()
        }
    }

    @Test("A login that is listed after STARTTLS only is found there")
    func afterStartTLS() async throws {
        let tls = try ScriptedSMTPServer.context()
        let server = try await RawServer { line, memory in
            if line == "STARTTLS" { return [.say("220 go\r\n"), .startTLS(tls)] }
            if line.hasPrefix("AUTH") { return [.say("235 ok\r\n")] }
            return RawServer.decent(memory.overTLS == 0 ? ["STARTTLS"] : ["AUTH PLAIN"], line, &memory)
        }
        let report = try await Probe.run(
            try Probe.plan(server) { plan in
                plan.credentials = Self.credentials
                plan.security = SessionSecurity(TLSRequirement(level: .encrypt), host: "raw.test")
            })
        #expect(report.isOpen && report.capabilities.mechanisms == ["PLAIN"])
        await server.stop()
    }

    @Test(
        "What AUTH answers never bounces mail",
        arguments: ["421 x", "432 x", "454 x", "500 x", "535 x", "554 x", "250 x"])
    func classified(_ answer: String) async throws {
        let (report, _) = try await Self.open(
            RawServer.scripted(["AUTH PLAIN"], ["AUTH": [.say(answer + "\r\n")]]), Self.credentials)
        #expect(report.failure?.scope == .host)
        #expect(!report.isOpen)
    }

    @Test(
        "Challenges that make no sense end the login",
        arguments: ["334 !!!", "334 " + String(repeating: "A", count: 20_000)])
    func nonsense(_ challenge: String) async throws {
        let script: RawServer.Script = { line, memory in
            if line == "*" { return [.say("501 cancelled\r\n")] }
            if line == "AUTH CRAM-MD5" { return [.say(challenge + "\r\n")] }
            let acts = RawServer.decent(["AUTH CRAM-MD5"], line, &memory)
            return acts.isEmpty ? [.say("535 5.7.8 wrong\r\n")] : acts
        }
        let (report, heard) = try await Self.open(script, Self.credentials)
        #expect(!report.isOpen && report.failure?.scope == .host)
        #expect(heard.lines.contains("*") == challenge.contains("!"))
    }
}
