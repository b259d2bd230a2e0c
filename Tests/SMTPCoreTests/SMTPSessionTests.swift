import MailSyntax
import NIOCore
import Testing

@testable import SMTPCore

/// Runs a transcript through the machine alone: `C:` lines in, `S:` prefixes out. Everybody is welcome but `unknown@…`,
/// and the password is always right unless the login is `wrong`.
private struct Machine {
    var session: SMTPSession
    var replies: [String] = []
    var isClosed = false
    private var inData = false

    init(
        role: SMTPSessionConfiguration.Role, isTLS: Bool = false, limits: SMTPLimits = SMTPLimits(),
        configure: (inout SMTPSessionConfiguration) -> Void = { _ in }
    ) {
        var configuration = SMTPSessionConfiguration(
            hostname: "mx.example.org", role: role, offersTLS: true, limits: limits)
        configure(&configuration)
        session = SMTPSession(configuration: configuration, isTLS: isTLS)
    }

    mutating func send(_ line: String) -> String {
        if inData {
            guard line == "." else { return "" }
            inData = false
            guard case .accept = session.dataEnded(octets: 1, fault: nil) else { return "?" }
            return text(session.messageDone(SMTPReply(250, .init(2, 0, 0), "Ok: queued")))
        }
        return perform(session.lineReceived(Array(line.utf8)))
    }

    private mutating func perform(_ action: SMTPSession.Action) -> String {
        switch action {
        case .reply, .replies, .close: return text(action)
        case .startTLS(let reply):
            session.tlsEstablished()
            return reply.description
        case .authenticate(_, let initial):
            let isRight = initial != nil
            return text(
                session.authenticationEnded(isRight ? .authenticated : .badCredentials, login: isRight ? "u@x" : nil))
        case .impersonate(let client):
            return text(session.impersonated(client, login: client.login?.value))
        case .judgeSender(let sender):
            let isStranger = sender.path.description.hasPrefix("stranger")
            return text(
                session.senderJudged(
                    sender, isStranger ? .authenticationRequired : SMTPReply(250, .init(2, 1, 0), "Ok")))
        case .judgeRecipient(let recipient):
            let isKnown = !recipient.path.description.hasPrefix("unknown")
            let no = SMTPReply(550, .init(5, 1, 1), "User unknown")
            return text(session.recipientJudged(isKnown ? SMTPReply(250, .init(2, 1, 5), "Ok") : no))
        case .receiveData(let reply):
            inData = true
            return reply.description
        case .receiveChunk:
            switch session.chunkEnded(octets: 1, fault: nil) {
            case .accept: return text(session.messageDone(SMTPReply(250, .init(2, 0, 0), "Ok: queued")))
            case .goOn(let reply), .refuse(let reply): return reply.description
            }
        }
    }

    private mutating func text(_ action: SMTPSession.Action) -> String {
        switch action {
        case .reply(let reply): return reply.description
        case .close(let reply):
            isClosed = true
            return reply.description
        case .replies(let replies):
            return replies.map(\.description).joined(separator: "|")
        default: return "\(action)"
        }
    }

    static func check(_ machine: inout Machine, _ transcript: String) {
        var last = machine.session.greeting.description
        for line in transcript.split(separator: "\n") {
            let text = String(line.dropFirst(3))
            if line.hasPrefix("C: ") { last = machine.send(text) }
            if line.hasPrefix("S: ") { #expect(last.hasPrefix(text), "\(line)") }
            if line.hasPrefix("# close") { #expect(machine.isClosed) }
        }
    }
}

@Suite struct SMTPSessionTests {
    @Test func `chunks are counted together against the size limit`() {
        var machine = Machine(role: .mx)
        Machine.check(
            &machine,
            """
            C: EHLO c.example
            C: MAIL FROM:<a@b.example>
            C: RCPT TO:<a@b.example>
            S: 250
            C: BDAT 40000000
            S: 250
            C: BDAT 40000000
            S: 552 5.3.4
            C: BDAT 1 LAST
            S: 552 5.3.4
            """)
    }

    @Test func `limits hold at N and N + 1`() {
        var limits = SMTPLimits()
        limits.errors = 3
        limits.idleCommands = 4
        limits.recipients = 2
        limits.loginFailures = 2
        var machine = Machine(role: .mx, limits: limits)
        for _ in 0..<3 { #expect(machine.send("FOO").hasPrefix("500")) }
        #expect(machine.send("FOO").hasPrefix("421 4.7.0") && machine.isClosed)
        machine = Machine(role: .mx, limits: limits)
        for _ in 0..<4 { #expect(machine.send("NOOP").hasPrefix("250")) }
        #expect(machine.send("NOOP").hasPrefix("421 4.7.0") && machine.isClosed)
        machine = Machine(role: .mx, limits: limits)
        for _ in 0..<4 { #expect(machine.send("EHLO x").hasPrefix("250")) }
        #expect(machine.send("HELO x").hasPrefix("421 4.7.0") && machine.isClosed)
        machine = Machine(role: .mx, limits: limits)
        Machine.check(
            &machine,
            """
            C: EHLO x
            C: MAIL FROM:<a@b.example>
            C: RCPT TO:<a@b.example>
            S: 250
            C: RCPT TO:<b@b.example>
            S: 250
            C: RCPT TO:<c@b.example>
            S: 452 4.5.3
            C: DATA
            S: 354
            """)
        _ = machine.send(".")
        for line in ["MAIL FROM:<a@b.example>", "RCPT TO:<a@b.example>", "RCPT TO:<b@b.example>"] {
            #expect(machine.send(line).hasPrefix("250"))
        }
        // As many are put off as may be taken, then as many errors as there may be.
        for _ in 0..<5 { #expect(machine.send("RCPT TO:<c@b.example>").hasPrefix("452 4.5.3")) }
        #expect(machine.send("RCPT TO:<c@b.example>").hasPrefix("421 4.7.0") && machine.isClosed)
        machine = Machine(role: .submission, isTLS: true, limits: limits)
        _ = machine.send("EHLO x")
        #expect(machine.send("AUTH PLAIN").hasPrefix("535"))
        #expect(machine.send("AUTH PLAIN").hasPrefix("421 4.7.0") && machine.isClosed)
    }

    @Test func `a refused last chunk ends the transaction, an earlier one does not`() {
        for (last, next) in [(true, "250"), (false, "503")] {
            var machine = Machine(role: .mx)
            Machine.check(&machine, "C: EHLO x\nC: MAIL FROM:<a@b.example>\nC: RCPT TO:<a@b.example>\nS: 250")
            let action = machine.session.lineReceived(Array("BDAT 5\(last ? " LAST" : "")".utf8))
            #expect(action == .receiveChunk(size: 5, isFirst: true, isKept: true))
            let verdict = machine.session.chunkEnded(octets: 5, fault: .bareLineEnding)
            #expect(verdict == .refuse(.bareLineEndingInData))
            #expect(machine.send("MAIL FROM:<a@b.example>").hasPrefix(next))
        }
    }

    @Test func `LMTP has LHLO, and as many replies as recipients`() {
        var machine = Machine(role: .lmtp)
        #expect(machine.session.greeting.text.hasSuffix(" LMTP Martlet"))
        Machine.check(
            &machine,
            """
            C: EHLO x
            S: 500 5.5.2
            C: HELO x
            S: 500 5.5.2
            C: DATA
            S: 503 5.5.1
            C: LHLO x
            S: 250 mx.example.org
            C: DATA
            S: 503 5.5.1
            C: MAIL FROM:<a@b.example>
            S: 250
            C: RCPT TO:<unknown@b.example>
            S: 550
            C: DATA
            S: 503 5.5.1
            C: RCPT TO:<a@b.example>
            S: 250
            C: RCPT TO:<a@b.example>
            S: 250
            C: DATA
            S: 354
            C: .
            S: 250 2.0.0 Ok: queued|250 2.0.0 Ok: queued
            """)
        var smtp = Machine(role: .mx)
        #expect(smtp.send("LHLO x").hasPrefix("500 5.5.2"))
    }

    // RFC 2033 §4.3
    @Test func `a last chunk without recipients has no reply at all with LMTP`() {
        for (line, expected) in [("BDAT 1 LAST", Optional(SMTPSession.Action.replies([]))), ("BDAT 1", nil)] {
            var machine = Machine(role: .lmtp)
            Machine.check(&machine, "C: LHLO x\nC: MAIL FROM:<a@b.example>\nS: 250")
            let action = machine.session.lineReceived(Array(line.utf8))
            #expect(action == .receiveChunk(size: 1, isFirst: true, isKept: false))
            guard case .refuse(let reply) = machine.session.chunkEnded(octets: 1, fault: nil) else {
                Issue.record("taken")
                continue
            }
            #expect(machine.session.dataRefused(reply) == expected ?? .replies([.recipientFirst]))
        }
    }

    @Test func `DSN is for clients that are known`() {
        let mail = "MAIL FROM:<a@b.example> RET=HDRS ENVID=x"
        for role in [SMTPSessionConfiguration.Role.submission, .lmtp, .device, .sendmail] {
            #expect(Machine(role: role).session.keywords.contains("DSN"))
        }
        var stranger = Machine(role: .mx)
        #expect(!stranger.session.keywords.contains("DSN"))
        _ = stranger.send("EHLO x")
        #expect(stranger.send(mail).hasPrefix("555 5.5.4"))
        var known = Machine(role: .mx)
        known.session.knowsClient = true
        #expect(known.session.keywords.contains("DSN"))
        _ = known.send("EHLO x")
        #expect(known.send(mail).hasPrefix("250"))
        #expect(known.send("RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY").hasPrefix("501 5.5.4"))
    }

    // RFC 8689 §2
    @Test func `REQUIRETLS belongs to sessions inside TLS`() {
        let mail = "MAIL FROM:<a@b.example> REQUIRETLS"
        var clear = Machine(role: .mx)
        #expect(!clear.session.keywords.contains("REQUIRETLS"))
        _ = clear.send("EHLO x")
        #expect(clear.send(mail).hasPrefix("555 5.5.4"))
        var encrypted = Machine(role: .mx, isTLS: true)
        #expect(encrypted.session.keywords.contains("REQUIRETLS"))
        _ = encrypted.send("EHLO x")
        #expect(encrypted.send(mail + "=yes").hasPrefix("501 5.5.4"))
        #expect(encrypted.send(mail).hasPrefix("250"))
    }

    @Test func `XCLIENT begins the session anew for another client`() throws {
        var machine = Machine(role: .mx) { $0.offersXClient = true }
        #expect(machine.session.keywords.contains("XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"))
        Machine.check(
            &machine,
            """
            C: EHLO filter.example
            S: 250
            C: XCLIENT
            S: 501 5.5.4
            C: XCLIENT FOO=x
            S: 501 5.5.4
            C: XCLIENT ADDR=192.0.2.256
            S: 501 5.5.4
            C: XCLIENT ADDR=192.0.2.1 addr=192.0.2.2
            S: 501 5.5.4
            C: XCLIENT PORT=65536
            S: 501 5.5.4
            C: XCLIENT PROTO=HTTP
            S: 501 5.5.4
            C: XCLIENT NAME=a+2
            S: 501 5.5.4
            C: XCLIENT HELO=a+0D+0Ab
            S: 501 5.5.4
            C: XCLIENT NAME=client.example ADDR=IPV6:2001:db8::1 PORT=1025 PROTO=ESMTP HELO=client.example
            S: 220 mx.example.org
            C: MAIL FROM:<a@b.example>
            S: 250
            C: XCLIENT ADDR=192.0.2.1
            S: 503 5.5.1
            C: RSET
            S: 250
            C: xclient name=[unavailable] helo=[UNAVAILABLE] login=[TEMPUNAVAIL]
            S: 220
            C: MAIL FROM:<a@b.example>
            S: 503 5.5.1
            """)
        guard
            case .impersonate(let client) = machine.session.lineReceived(
                Array("XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 LOGIN=a+2Bb@c.example DESTPORT=25".utf8))
        else {
            Issue.record("not taken")
            return
        }
        #expect(client.name == .unavailable && client.address?.value == IPAddress("2001:db8::1"))
        #expect(client.login == .value("a+b@c.example") && client.destinationPort == .value(25) && client.helo == nil)
        var stranger = Machine(role: .mx)
        #expect(!stranger.session.keywords.contains { $0.hasPrefix("XCLIENT") })
        #expect(stranger.send("XCLIENT ADDR=192.0.2.1").hasPrefix("550 5.7.0"))
    }

    @Test func `logins are offered as the listener says`() {
        for (role, authentication, clear, isTLS, offered) in [
            (SMTPSessionConfiguration.Role.mx, SMTPSessionConfiguration.Authentication.off, false, true, false),
            (.mx, .off, true, false, false), (.mx, .optional, false, false, false), (.mx, .optional, false, true, true),
            (.mx, .required, true, false, true), (.device, .optional, true, false, true),
            (.device, .optional, false, false, false), (.submission, .required, false, true, true),
            (.submission, .off, false, true, false),
        ] {
            var machine = Machine(role: role, isTLS: isTLS) {
                $0.authentication = authentication
                $0.offersClearTextAuthentication = clear
            }
            #expect(machine.session.keywords.contains("AUTH PLAIN LOGIN") == offered)
            _ = machine.send("EHLO x")
            let code = offered ? "235" : authentication == .off ? "502 5.5.1" : "538 5.7.11"
            #expect(machine.send("AUTH PLAIN AGEAYg==").hasPrefix(code))
            #expect(!machine.session.keywords.contains("AUTH PLAIN LOGIN"))
        }
    }

    @Test func `who has to log in and can't yet is told to begin TLS`() {
        var machine = Machine(role: .submission)
        Machine.check(
            &machine,
            """
            C: EHLO x
            C: RCPT TO:<a@b.example>
            S: 530 5.7.0 Must issue
            C: MAIL FROM:<stranger@b.example>
            S: 530 5.7.0 Must issue
            C: MAIL FROM:<trusted@b.example>
            S: 250
            C: RCPT TO:<a@b.example>
            S: 250
            """)
        machine = Machine(role: .device, isTLS: false) { $0.offersClearTextAuthentication = true }
        Machine.check(
            &machine,
            """
            C: EHLO x
            C: MAIL FROM:<stranger@b.example>
            S: 530 5.7.0 Authentication required
            """)
    }

    @Test func `the with clause names what was used`() {
        var machine = Machine(role: .submission, isTLS: true)
        #expect(machine.session.protocolName == "SMTP")
        _ = machine.send("EHLO x")
        #expect(machine.session.protocolName == "ESMTPS")
        _ = machine.send("AUTH PLAIN AGEAYg==")
        #expect(machine.session.protocolName == "ESMTPSA")
        _ = machine.send("MAIL FROM:<ü@b.example> SMTPUTF8")
        #expect(machine.session.protocolName == "UTF8SMTPSA")
    }

    @Test func `replies render with every line and no control characters`() {
        let reply = SMTPReply(250, .init(2, 0, 0), lines: ["a", "b\r\nQUIT", "ü"])
        #expect(String(buffer: reply.bytes) == "250-2.0.0 a\r\n250-2.0.0 b??QUIT\r\n250 2.0.0 ??\r\n")
    }
}
