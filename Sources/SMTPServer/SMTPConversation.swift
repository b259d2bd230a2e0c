import Logging
import MailConfig
import MailIntake
import MailPolicy
import MailSyntax
import NIOCore
import NetTransport
import SMTPCore
import Telemetry

/// One SMTP session: owns the machine, asks policy, directory and store, and writes the replies.
///
/// Replies gather in `output` while more complete lines are at hand, so that a pipelined group is one write.
/// A message's 250 is written only after `backend.accept` returned.
struct SMTPConversation {
    /// Why the session ended, for the event.
    enum End: String {
        case quit
        case peerClosed = "peer-closed"
        case timeout
        case errors
        case shutdown
        case protocolError = "protocol"
    }

    let context: SMTPContext
    let connection: Connection<SMTPServerFramer>
    /// Who the client is: the connection's, or what a trusted one says with XCLIENT.
    var info: ConnectionInfo
    var reverseName: PendingName
    /// The client is in one of `relay.networks`.
    var isTrusted: Bool
    let started = ContinuousClock.now
    var stream: ConnectionEvents<SMTPFrame>
    var session: SMTPSession
    var tls: TLSInfo?
    var login: LoginFacts?
    /// Who brings mail by the `sendmail` command.
    var localUser: LocalUser?
    var output = ByteBuffer()
    var envelope: SMTPEnvelope?
    var collector: MessageCollector?
    /// nil where there are none for the listener.
    var milters: MilterChain?
    /// A milter wants the message in hand to be taken and thrown away.
    var isDiscarding = false
    /// Shutdown was announced while data was coming in; it is finished first.
    var isStopping = false
    var isTakingData = false
    /// The line in hand paused the framer, which then waits for `.expect`. A resume that belongs to an earlier line
    /// would let message text through as commands.
    var isFramerPaused = false
    var hasGreeted = false
    var messages = 0
    var end = End.peerClosed

    init(context: SMTPContext, connection: Connection<SMTPServerFramer>, reverseName: PendingName) {
        self.context = context
        self.connection = connection
        info = connection.info
        self.reverseName = reverseName
        stream = connection.events()
        isTrusted = context.settings.rules.trusts(connection.info.remote)
        var configuration = context.settings.session
        configuration.judgesBareNames = isTrusted || context.settings.role == .sendmail
        configuration.offersXClient = context.settings.xclients.contains { $0.contains(connection.info.remote) }
        session = SMTPSession(configuration: configuration, isTLS: connection.info.hasImplicitTLS)
        session.knowsClient = isTrusted
        login = deviceAtHand
        milters = makeMilters()
    }

    /// The milters of the listener, for one client; nil where there are none.
    func makeMilters() -> MilterChain? {
        let named = context.settings.rules.manifest.milters
        guard !named.isEmpty else { return nil }
        return MilterChain(
            named, listener: context.settings.listener,
            loop: connection.eventLoop, logger: logger)
    }

    /// The device that is known by its network, on a listener for devices.
    var deviceAtHand: LoginFacts? {
        guard context.settings.role == .device else { return nil }
        let rules = context.settings.rules
        return rules.device(at: info.remote).flatMap { rules.login(of: $0) }
    }

    var peer: MailEvent.Peer {
        MailEvent.Peer(
            session: info.id.description,
            listener: context.settings.listener,
            client: info.remote.description,
            helo: session.helo,
            login: login?.name ?? localUser?.description,
            tls: tls?.version
        )
    }

    var logger: Logger {
        var logger = context.logger
        logger[metadataKey: LogKey.smtpSession] = "\(info.id)"
        logger[metadataKey: LogKey.remoteAddress] = "\(info.remote)"
        return logger
    }

    mutating func run() async {
        if let total = context.settings.timeouts.total { await send([.totalDeadline(total)]) }
        if await begin() { while await handle(await stream.next()) {} }
        milters?.quit()
        let elapsed = started.duration(to: .now)
        let milliseconds = elapsed.components.seconds * 1000 + elapsed.components.attoseconds / 1_000_000_000_000_000
        context.events.record(
            .disconnected(
                .init(
                    service: "smtp",
                    peer: peer,
                    reason: end.rawValue,
                    messages: messages,
                    duration: Int(milliseconds)
                )
            )
        )
    }

    /// Returns false when the session is over before it has begun.
    private mutating func begin() async -> Bool {
        guard !info.hasImplicitTLS else { return true }
        if context.settings.greetingDelay > .zero, isStranger, !session.configuration.offersXClient,
            await spokeTooEarly()
        {
            return false
        }
        await greet()
        return true
    }

    mutating func greet() async {
        hasGreeted = true
        await send([.bytes(session.greeting.bytes), .deadline(context.settings.timeouts.greeting)])
    }

    /// Returns false when the session is over.
    private mutating func handle(_ event: ConnectionEvent<SMTPFrame>) async -> Bool {
        switch event {
        case .frame(let frame):
            return await handle(frame)
        case .tlsEstablished(let info):
            tls = info
            session.tlsEstablished()
            offerMechanisms()
            login = deviceAtHand
            isFramerPaused = false
            envelope = nil
            collector = nil
            if !hasGreeted { await greet() }
            return true
        case .tlsFailed(let failure):
            return await handle(failure)
        case .deadlineReached:
            if isStopping { return await stop() }
            end = .timeout
            return await leave(.timeout)
        case .shuttingDown:
            isStopping = true
            guard isTakingData else { return await stop() }
            await send([.totalDeadline(context.settings.drainPatience)])
            return true
        case .woken:
            return true
        case .inputClosed:
            await flush()
            return false
        case .closed:
            return false
        }
    }

    private mutating func handle(_ failure: TLSFailure) async -> Bool {
        end = .protocolError
        switch failure {
        case .plaintextAfterUpgrade:
            logger.info("octets after STARTTLS")
            return await leave(.pipelinedTLS)
        case .unavailable:
            output.writeImmutableBuffer(SMTPReply(454, .init(4, 7, 0), "TLS not available now").bytes)
            await flush()
            return true
        case .handshake(let reason), .untrusted(let reason, _, _):
            logger.info("TLS handshake failed", metadata: [LogKey.reason: "\(reason)"])
            return false
        }
    }

    private mutating func handle(_ frame: SMTPFrame) async -> Bool {
        switch frame {
        case .line(let line, let sequel):
            isFramerPaused = sequel == .pause || sequel == .pauseAhead
            if sequel != .nothing, sequel != .pause, isOutOfTurn(line, sequel) { return await refusePipelining(line) }
            let now = session.offersFutureRelease ? context.backend.now() : nil
            return await perform(session.lineReceived(line, now: now), holdsReply: sequel == .line)
        case .lineTooLong:
            return await perform(session.brokenLineReceived(.lineTooLong))
        case .bareLineEnding:
            return await perform(session.brokenLineReceived(.bareLineEnding))
        case .data(let piece):
            await collector?.append(piece)
            return true
        case .dataEnded(let octets, let fault):
            isTakingData = false
            let goesOn = await dataEnded(octets: octets, fault: fault)
            return goesOn && isStopping ? await stop() : goesOn
        }
    }

    // MARK: actions

    mutating func perform(_ action: SMTPSession.Action, holdsReply: Bool = false) async -> Bool {
        switch action {
        case .reply(let reply):
            reply.render(into: &output)
            if !session.isInTransaction, envelope != nil { envelope = nil }
            if !holdsReply || output.readableBytes > 16_384 { await flush() }
            return true
        case .replies(let replies):
            for reply in replies { reply.render(into: &output) }
            envelope = nil
            await flush()
            return true
        case .close(let reply):
            end = session.lastVerb == "quit" ? .quit : session.lastVerb == "other" ? .protocolError : .errors
            if end == .errors { report(.errors) }
            return await leave(reply)
        case .impersonate(let client):
            return await impersonate(client)
        case .startTLS(let reply):
            await send([.bytes(takeOutput()), .upgradeTLS(reply: reply.bytes)])
            return true  // Still paused where TLS does not come about.
        case .authenticate(let mechanism, let initialResponse):
            return await authenticate(mechanism, initialResponse)
        case .judgeSender(let sender):
            return await perform(await judge(sender), holdsReply: holdsReply)
        case .judgeRecipient(let recipient):
            return await perform(await judge(recipient), holdsReply: holdsReply)
        case .receiveData(let reply):
            reply.render(into: &output)
            beginMessage()
            await expectData(.data(limit: context.settings.limits.messageSize))
            return true
        case .receiveChunk(let size, let isFirst, let isKept):
            if isKept, isFirst { beginMessage() }
            if !isKept { collector = nil }
            let isBinary = session.isTakingBinary
            await expectData(.chunk(size: size, limit: nil, isFirst: isFirst, isBinary: isBinary))
            return true
        }
    }

    private mutating func beginMessage() {
        let backend = context.backend
        collector = MessageCollector(
            memoryLimit: context.settings.memoryLimit,
            headerLimit: context.settings.limits.headerSize,
            isBinary: session.isTakingBinary,
            makeSpool: { try backend.makeSpool() }
        )
        let rules = context.settings.rules.authentication
        if envelope?.senderChecks != nil, rules.mayCheckDKIM || rules.mayCheckARC {
            collector?.tap = SignatureTap(withARC: rules.mayCheckARC)
        }
    }

    private mutating func expectData(_ mode: SMTPFramingMode) async {
        isTakingData = true
        isFramerPaused = false
        await send([.bytes(takeOutput()), .deadline(context.settings.timeouts.data), .expect(mode)])
    }

    // MARK: writing

    mutating func takeOutput() -> ByteBuffer {
        defer { output = ByteBuffer() }
        return output
    }

    /// Writes what has gathered and lets the framer go on.
    mutating func flush() async {
        var items: [Outbound<SMTPFramingMode>] = [
            .bytes(takeOutput()), .deadline(context.settings.timeouts.command),
        ]
        if isFramerPaused { items.append(.expect(.command)) }
        isFramerPaused = false
        await send(items)
    }

    /// A failed write is seen as `.closed` next.
    func send(_ items: [Outbound<SMTPFramingMode>]) async {
        try? await connection.send(items)
    }

    /// Says a last word and ends the session.
    mutating func leave(_ reply: SMTPReply) async -> Bool {
        reply.render(into: &output)
        await send([.bytes(takeOutput())])
        return false
    }

    private mutating func stop() async -> Bool {
        end = .shutdown
        return await leave(.shuttingDown)
    }
}
