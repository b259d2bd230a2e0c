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
    let plan: SessionPlan
    let contexts: ClientTLSContexts
    private(set) var events: ConnectionEvents<SMTPReplyFrame>
    private(set) var capabilities = SMTPCapabilities()
    private(set) var tls: TLSInfo?
    /// Why there is no TLS, where it was tried.
    private(set) var tlsFailure: TLSFailure?
    /// A transaction was begun and not ended: RSET comes before the next.
    var isDirty = false
    /// What comes next on the connection can't be known any more: no further transaction.
    var isSpent = false
    /// Messages have ended here: an answer may be one of theirs that came too late or was one too many.
    var isUsed = false

    /// Such as `mx.example.org[192.0.2.1]`.
    var host: String { plan.host }
    var timeouts: DeliveryTimeouts { plan.timeouts }

    /// Connects and runs `body`, which begins with ``open()``.
    ///
    /// - Throws: ``SessionError`` when no connection comes about, else what `body` throws.
    static func with<Result: Sendable>(
        _ plan: SessionPlan,
        id: MailID,
        contexts: ClientTLSContexts,
        group: any EventLoopGroup,
        body: @Sendable (inout ClientSession) async throws -> Result
    ) async throws -> Result {
        let implicit = plan.security.isImplicit ? try tls(plan.security, contexts) : nil
        do {
            return try await ClientConnection.with(
                plan.endpoint, id: id, framer: SMTPReplyFramer(), timeout: plan.timeouts.connect, implicitTLS: implicit,
                group: group
            ) { connection in
                var session = ClientSession(connection: connection, plan: plan, contexts: contexts)
                plan.observer?(.connected)
                return try await body(&session)
            }
        } catch let error as SessionError {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw SessionError.connectFailed(SessionError.describe(error))
        }
    }

    private init(connection: Connection<SMTPReplyFramer>, plan: SessionPlan, contexts: ClientTLSContexts) {
        self.connection = connection
        self.plan = plan
        self.contexts = contexts
        events = connection.events()
    }

    // MARK: Opening

    /// Greeting, EHLO, TLS and login, until a message can go.
    mutating func open() async throws {
        if plan.security.isImplicit { tls = try await handshake() }
        let greeting = try await reply(.greeting, within: timeouts.command)
        guard greeting.isPositive else { throw SessionError.refused(.greeting, greeting) }
        let needsTLS = plan.security.isRequired && tls == nil
        try await hello(mustExtend: needsTLS || plan.credentials != nil)
        if plan.security.wantsStartTLS { try await startTLS() }
        if let credentials = plan.credentials { try await logIn(credentials) }
    }

    // RFC 5321 §3.2
    private mutating func hello(mustExtend: Bool) async throws {
        let verb = plan.kind == .lmtp ? "LHLO" : "EHLO"  // RFC 2033 §4.1
        let extended = try await command("\(verb) \(plan.heloName)", .hello)
        if extended.isPositive {
            capabilities = SMTPCapabilities(extended)
            return
        }
        // Old servers don't know EHLO; one that is only busy says so with 421 or 4xx.
        guard extended.isPermanent, !mustExtend, plan.kind == .smtp else {
            throw SessionError.refused(.hello, extended)
        }
        let plain = try await command("HELO \(plan.heloName)", .hello)
        guard plain.isPositive else { throw SessionError.refused(.hello, plain) }
        capabilities = SMTPCapabilities()
    }

    private mutating func startTLS() async throws {
        let isRequired = plan.security.isRequired
        guard capabilities.offersStartTLS else {
            if isRequired { throw SessionError.tlsUnavailable("the host does not offer STARTTLS") }
            return
        }
        let context = try Self.tls(plan.security, contexts)
        let answer = try await command("STARTTLS", .startTLS)
        guard answer.code == 220 else {
            if isRequired || answer.code == 421 { throw SessionError.refused(.startTLS, answer) }
            return
        }
        try await send([.startClientTLS(context)], .startTLS)
        tls = try await handshake()
        // RFC 3207 §4.2: what was offered before is forgotten.
        capabilities = SMTPCapabilities()
        do {
            try await hello(mustExtend: plan.credentials != nil)
        } catch SessionError.lost(.hello) {
            // With TLS 1.3 a server that likes nothing of our handshake can say so only now.
            throw SessionError.tlsFailed("the connection closed after the handshake")
        }
    }

    private static func tls(_ security: SessionSecurity, _ contexts: ClientTLSContexts) throws -> ClientTLS {
        do {
            return try contexts.tls(security.request)
        } catch {
            throw SessionError.tlsUnusable("\(error)")
        }
    }

    private mutating func handshake() async throws -> TLSInfo {
        await setDeadline(timeouts.connect * 2)
        switch await events.next() {
        case .tlsEstablished(let info):
            plan.observer?(.tlsEstablished(info))
            return info
        case .tlsFailed(let failure):
            plan.observer?(.tlsFailed(failure))
            tlsFailure = failure
            throw SessionError.tlsFailed("\(failure)")
        case .frame: throw SessionError.tlsFailed("the host went on in plaintext")
        case .deadlineReached: throw SessionError.tlsFailed("the handshake timed out")
        case .closed, .inputClosed:
            try Task.checkCancellation()
            throw SessionError.tlsFailed("the connection closed during the handshake")
        case .woken, .shuttingDown: return try await handshake()
        }
    }

    // MARK: Commands and replies

    /// Sends one command and waits for its reply.
    ///
    /// - Parameter shown: what observers see in its place.
    mutating func command(_ line: String, _ stage: Stage, shown: String? = nil) async throws -> SMTPRemoteReply {
        try await send(lines: [line], stage, shown: shown)
        return try await reply(stage, within: timeouts.command)
    }

    /// Sends commands with one flush.
    func send(lines: [String], _ stage: Stage, shown: String? = nil) async throws {
        var buffer = ByteBuffer()
        for line in lines {
            buffer.writeString(line)
            buffer.writeStaticString("\r\n")
            if let observer = plan.observer { observer(.said(shown ?? line)) }
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
            case .frame(.reply(let reply)):
                plan.observer?(.heard(reply))
                return reply
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

    /// The host takes DSN parameters and with them the duty of reporting; where it doesn't, a successful delivery is to
    /// be reported as relayed. // RFC 3461 §5.2.2
    var relaysDSN: Bool { capabilities.offersDSN }
}
