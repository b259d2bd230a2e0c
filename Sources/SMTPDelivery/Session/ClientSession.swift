import MailSyntax
import NIOCore
import NetTransport
import OutboundQueue
import SMTPCore

/// One SMTP connection to a remote host, from its greeting to QUIT. Owned by one task.
///
/// Everything that goes wrong with the connection itself is thrown as a ``SessionError``; what the server answers to a
/// message is a value.
struct ClientSession {
    /// Where a session was when it broke.
    enum Stage: String, Sendable {
        case greeting = "waiting for the greeting"
        case hello = "EHLO"
        case startTLS = "STARTTLS"
        case auth = "AUTH"
        case mail = "MAIL FROM"
        case recipient = "RCPT TO"
        case data = "DATA"
        case content = "sending the message"
        case endOfData = "waiting for the reply to the end of data"
        case reset = "RSET"
    }

    let connection: Connection<SMTPReplyFramer>
    /// Such as `mx.example.org[192.0.2.1]`.
    let host: String
    let heloName: String
    let timeouts: DeliveryTimeouts
    private(set) var events: ConnectionEvents<SMTPReplyFrame>
    private(set) var capabilities = SMTPCapabilities()
    private(set) var tls: TLSInfo?
    /// A transaction was begun and not ended: RSET comes before the next.
    var isDirty = false

    init(
        connection: Connection<SMTPReplyFramer>,
        host: String,
        heloName: String,
        timeouts: DeliveryTimeouts
    ) {
        self.connection = connection
        self.host = host
        self.heloName = heloName
        self.timeouts = timeouts
        events = connection.events()
    }

    // MARK: Opening

    /// Greeting, EHLO, TLS and login, until a message can go.
    mutating func open(
        security: SessionSecurity,
        contexts: ClientTLSContexts,
        credentials: DeliverySettings.Credentials?
    ) async throws {
        if case .implicit = security.mode { tls = try await handshake() }
        let greeting = try await reply(.greeting, within: timeouts.command)
        guard greeting.isPositive else { throw SessionError.refused(.greeting, greeting) }
        try await hello(mustExtend: security.needsExtensions || credentials != nil)
        try await startTLSIfWanted(security, contexts: contexts)
        if let credentials { try await logIn(credentials) }
    }

    // RFC 5321 §3.2
    private mutating func hello(mustExtend: Bool) async throws {
        let extended = try await command("EHLO \(heloName)", .hello)
        if extended.isPositive {
            capabilities = SMTPCapabilities(extended)
            return
        }
        // Old servers don't know EHLO; one that is only busy says so with 421 or 4xx.
        guard extended.isPermanent, !mustExtend else { throw SessionError.refused(.hello, extended) }
        let plain = try await command("HELO \(heloName)", .hello)
        guard plain.isPositive else { throw SessionError.refused(.hello, plain) }
        capabilities = SMTPCapabilities()
    }

    private mutating func startTLSIfWanted(_ security: SessionSecurity, contexts: ClientTLSContexts) async throws {
        let verification: CertificateVerification
        let isRequired: Bool
        switch security.mode {
        case .clear, .implicit: return
        case .opportunistic: (verification, isRequired) = (.none, false)
        case .required(let wanted): (verification, isRequired) = (wanted, true)
        }
        guard capabilities.offersStartTLS else {
            if isRequired { throw SessionError.tlsUnavailable("the host does not offer STARTTLS") }
            return
        }
        let answer = try await command("STARTTLS", .startTLS)
        guard answer.code == 220 else {
            if isRequired { throw SessionError.refused(.startTLS, answer) }
            if answer.code == 421 { throw SessionError.refused(.startTLS, answer) }
            return
        }
        let context = try contexts.tls(serverName: security.serverName, verification: verification)
        try await send([.startClientTLS(context)], .startTLS)
        tls = try await handshake()
        // RFC 3207 §4.2: what was offered before is forgotten.
        do {
            try await hello(mustExtend: false)
        } catch SessionError.lost(.hello) {
            // With TLS 1.3 a server that likes nothing of our handshake can say so only now.
            throw SessionError.tlsFailed("the connection closed after the handshake")
        }
    }

    private mutating func handshake() async throws -> TLSInfo {
        await setDeadline(timeouts.connect * 2)
        switch await events.next() {
        case .tlsEstablished(let info): return info
        case .tlsFailed(let failure): throw SessionError.tlsFailed("\(failure)")
        case .frame: throw SessionError.tlsFailed("the host went on in plaintext")
        case .deadlineReached: throw SessionError.tlsFailed("the handshake timed out")
        case .closed, .inputClosed:
            try Task.checkCancellation()
            throw SessionError.tlsFailed("the connection closed during the handshake")
        case .woken, .shuttingDown: return try await handshake()
        }
    }

    // RFC 4954 §4
    private mutating func logIn(_ credentials: DeliverySettings.Credentials) async throws {
        guard tls != nil else { throw SessionError.tlsUnavailable("credentials are never sent without TLS") }
        let user = Array(credentials.username.utf8)
        let answer: SMTPRemoteReply
        if capabilities.mechanisms.contains("PLAIN") {
            let response = [0] + user + [0] + credentials.password
            answer = try await command("AUTH PLAIN \(Base64.encode(response))", .auth)
        } else if capabilities.mechanisms.contains("LOGIN") {
            answer = try await logInByPrompts(user, credentials.password)
        } else {
            throw SessionError.noMechanism
        }
        guard answer.code == 235 else { throw SessionError.refused(.auth, answer) }
    }

    private mutating func logInByPrompts(_ user: [UInt8], _ password: [UInt8]) async throws -> SMTPRemoteReply {
        var answer = try await command("AUTH LOGIN", .auth)
        for secret in [user, password] {
            guard answer.code == 334 else { return answer }
            answer = try await command(Base64.encode(secret), .auth)
        }
        return answer
    }

    // MARK: Commands and replies

    /// Sends one command and waits for its reply.
    mutating func command(_ line: String, _ stage: Stage) async throws -> SMTPRemoteReply {
        try await send(lines: [line], stage)
        return try await reply(stage, within: timeouts.command)
    }

    /// Sends commands with one flush.
    func send(lines: [String], _ stage: Stage) async throws {
        var buffer = ByteBuffer()
        for line in lines {
            buffer.writeString(line)
            buffer.writeStaticString("\r\n")
        }
        try await send([.bytes(buffer)], stage)
    }

    func send(_ items: [Outbound<SMTPReplyFramer.Mode>], _ stage: Stage) async throws {
        do {
            try await connection.send(items)
        } catch {
            try Task.checkCancellation()
            throw SessionError.lost(stage)
        }
    }

    /// A connection that is closed already may still have told why: what it said is read all the same.
    private func setDeadline(_ timeout: Duration) async {
        try? await connection.send(.deadline(timeout))
    }

    /// The next reply. // RFC 5321 §4.5.3.2
    mutating func reply(_ stage: Stage, within timeout: Duration) async throws -> SMTPRemoteReply {
        await setDeadline(timeout)
        while true {
            switch await events.next() {
            case .frame(.reply(let reply)): return reply
            case .frame(.nonsense(let reason)): throw SessionError.nonsense(stage, reason)
            case .deadlineReached: throw SessionError.timedOut(stage)
            case .tlsFailed(let failure): throw SessionError.tlsFailed("\(failure)")
            case .closed, .inputClosed:
                try Task.checkCancellation()
                throw SessionError.lost(stage)
            case .woken, .shuttingDown, .tlsEstablished: continue
            }
        }
    }

    /// Waits for more work on an idle connection: true when woken, false when it is over.
    mutating func linger(_ duration: Duration) async -> Bool {
        guard (try? await connection.send(.deadline(duration))) != nil else { return false }
        while true {
            switch await events.next() {
            case .woken: return true
            case .tlsEstablished: continue
            // A reply that nobody asked for is "421 closing".
            case .frame, .deadlineReached, .tlsFailed, .inputClosed, .closed, .shuttingDown: return false
            }
        }
    }

    /// Says goodbye without waiting long for the answer. // RFC 5321 §4.1.1.10
    mutating func quit() async {
        guard (try? await send(lines: ["QUIT"], .reset)) != nil else { return }
        _ = try? await reply(.reset, within: .seconds(5))
    }
}

extension SessionSecurity {
    /// A server without EHLO can't give what is wanted.
    fileprivate var needsExtensions: Bool {
        if case .required = mode { return true }
        return false
    }
}
