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

    init(role: SMTPSessionConfiguration.Role, isTLS: Bool = false, limits: SMTPLimits = SMTPLimits()) {
        let configuration = SMTPSessionConfiguration(
            hostname: "mx.example.org", role: role, offersTLS: true, limits: limits)
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
        case .reply, .close: return text(action)
        case .startTLS(let reply):
            session.tlsEstablished()
            return reply.description
        case .authenticate(_, let initial):
            let isRight = initial != nil
            return text(
                session.authenticationEnded(isRight ? .authenticated : .badCredentials, login: isRight ? "u@x" : nil))
        case .judgeSender(let sender):
            return text(session.senderJudged(sender, SMTPReply(250, .init(2, 1, 0), "Ok")))
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
    @Test(arguments: [
        """
        S: 220 mx.example.org ESMTP
        C: MAIL FROM:<a@b.example>
        S: 503 5.5.1 Send HELO
        C: EHLO c.example
        S: 250 mx.example.org PIPELINING SIZE 50000000 STARTTLS ENHANCEDSTATUSCODES 8BITMIME SMTPUTF8 CHUNKING HELP
        C: RCPT TO:<a@b.example>
        S: 503 5.5.1 Need MAIL
        C: DATA
        S: 503 5.5.1 Need MAIL
        C: MAIL FROM:<a@b.example> SIZE=50000001
        S: 552 5.3.4
        C: MAIL FROM:<FBI>
        S: 501 5.1.7
        C: MAIL FROM:<a@b.example> BODY=8BITMIME
        S: 250 2.1.0
        C: MAIL FROM:<a@b.example>
        S: 503 5.5.1 Nested
        C: DATA
        S: 503 5.5.1 Need RCPT
        C: RCPT TO:<unknown@x.example>
        S: 550 5.1.1
        C: DATA
        S: 554 5.5.1 No valid
        C: RCPT TO:<Postmaster>
        S: 250 2.1.5
        C: RCPT TO:<someone>
        S: 501 5.1.3
        C: DATA
        S: 354
        C: text
        C: .
        S: 250 2.0.0 Ok: queued
        C: RCPT TO:<a@b.example>
        S: 503
        C: VRFY a
        S: 252 2.0.0
        C: EXPN a
        S: 502 5.5.1
        C: ETRN a
        S: 500 5.5.2
        C: AUTH PLAIN
        S: 502 5.5.1
        C: HELP
        S: 214 2.0.0 Commands: HELO EHLO STARTTLS MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT
        C: NOOP anything
        S: 250
        C: QUIT
        S: 221 2.0.0
        # close
        """,
        """
        C: EHLO c.example
        C: MAIL FROM:<a@bücher.example>
        S: 553 5.6.7
        C: MAIL FROM:<@bücher.example:a@b.example>
        S: 553 5.6.7
        C: MAIL FROM:<a@bücher.example> SMTPUTF8
        S: 250
        C: RSET
        C: MAIL FROM:<a@b.example>
        S: 250
        C: RCPT TO:<a@bücher.example>
        S: 553 5.6.7
        C: RCPT TO:<ä@b.example>
        S: 553 5.6.7
        """,
        """
        C: EHLO c.example
        C: MAIL FROM:<a@b.example>
        S: 250
        C: RCPT TO:<a@b.example>
        S: 250
        C: BDAT 5
        S: 250 2.0.0
        C: DATA
        S: 503 5.5.1 BDAT
        C: RCPT TO:<b@b.example>
        S: 503 5.5.1 BDAT
        C: BDAT 5 LAST
        S: 250 2.0.0 Ok: queued
        C: BDAT 5 LAST
        S: 503 5.5.1 Need MAIL
        C: MAIL FROM:<a@b.example>
        S: 250
        C: BDAT 5
        S: 503 5.5.1 Need RCPT
        C: RCPT TO:<a@b.example>
        S: 503
        C: BDAT 5 LAST
        S: 503
        C: RSET
        S: 250
        C: MAIL FROM:<a@b.example>
        C: RCPT TO:<a@b.example>
        S: 250
        C: BDAT 40000000
        S: 250
        C: BDAT 40000000
        S: 552 5.3.4
        C: BDAT 1 LAST
        S: 552 5.3.4
        """,
        """
        C: GET / HTTP/1.1
        S: 554
        # close
        """,
        """
        C: HELO c.example
        S: 250 mx.example.org
        C: MAIL FROM:<dörte@b.example>
        S: 553 5.6.7
        C: MAIL FROM:<dörte@b.example> SMTPUTF8
        S: 250
        C: HELO c.example
        S: 250
        C: RCPT TO:<a@b.example>
        S: 503
        """,
    ])
    func `the mx machine follows the transcript`(transcript: String) {
        var machine = Machine(role: .mx)
        Machine.check(&machine, transcript)
    }

    @Test(arguments: [
        """
        C: EHLO c.example
        S: 250 mx.example.org PIPELINING SIZE 50000000 STARTTLS ENHANCEDSTATUSCODES
        C: MAIL FROM:<a@b.example>
        S: 530 5.7.0 Must issue a STARTTLS
        C: AUTH PLAIN AGEAYg==
        S: 538 5.7.11
        C: STARTTLS
        S: 220
        C: AUTH PLAIN AGEAYg==
        S: 503 5.5.1 Send HELO
        C: EHLO c.example
        S: 250 mx.example.org PIPELINING SIZE 50000000 AUTH PLAIN LOGIN ENHANCED
        C: STARTTLS
        S: 503
        C: MAIL FROM:<a@b.example>
        S: 530 5.7.0 Authentication
        C: RCPT TO:<a@b.example>
        S: 530 5.7.0 Authentication
        C: AUTH CRAM-MD5
        S: 504 5.5.4
        C: AUTH PLAIN AGEAYg==
        S: 235 2.7.0
        C: AUTH PLAIN AGEAYg==
        S: 503
        C: EHLO c.example
        S: 250 mx.example.org PIPELINING SIZE 50000000 ENHANCED
        C: MAIL FROM:<FBI>
        S: 250
        """
    ])
    func `the submission machine follows the transcript`(transcript: String) {
        var machine = Machine(role: .submission)
        Machine.check(&machine, transcript)
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
