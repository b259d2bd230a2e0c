import Blobs
import Directory
import IMAPCore
import Logging
import MailStore
import MailSyntax
import NIOCore
import NetTransport
import SASLCore
import SQLEngine
import Telemetry

// One IMAP session, from greeting to close.
//
// Everything here belongs to the one task of its connection: no locks. What comes is taken in a task of its own, which the
// session's waits for: a task keeps the most memory it ever needed, and what an idle session keeps is the UID view and
// little more. IDLE is a state, not a command that waits.
//
// The order of a command: parse → may it be given in this state → carry out, sending data as it comes → announce what
// others changed, as far as the command allows → tagged answer. What was changed is durable before the tagged OK.

/// One client's session.
final class IMAPSession {
    enum Phase {
        case notAuthenticated
        case authenticated(Account)
        /// LOGOUT was answered, or BYE said.
        case over
    }

    let service: IMAPServerDependencies
    let connection: Connection<IMAPFramer>
    private let canStartTLS: Bool
    private var events: ConnectionEvents<IMAPFrame>
    var encoder = IMAPResponseEncoder()
    var phase = Phase.notAuthenticated
    var selection: Selection?
    /// What the client has switched on. Mailbox names follow it at once, both ways.
    var enabled: EnabledExtensions = [] {
        didSet {
            encoder.nameEncoding = enabled.nameEncoding
            encoder.messageNaming = enabled.messageNaming
        }
    }
    var tls: TLSInfo?
    /// RFC 4978 §3
    var isCompressed = false
    var loginFailures = 0
    /// What the client says it is, in each line of the log from then on.
    var clientName: String?
    /// Who was logged in, kept for the record of the end.
    var lastLogin: String?
    /// Messages whose octets were fetched or appended.
    var messagesTold = 0
    let started = ContinuousClock.now
    private var badCommands = 0
    /// Nil until NOTIFY is given. RFC 5465 §3.1
    var notification: NotifyState?
    /// Set from IDLE to DONE.
    var idling: Idling?
    /// The command in hand adds messages of its own, or must tell what it removes, whatever NOTIFY says.
    var isChangingMessages = false
    /// The tag of the command in hand.
    private(set) var tag = ""
    /// When the client last heard how far the command in hand has come, or when it began.
    var progressTold = ContinuousClock.now
    /// The frame in hand paused the framer, which waits for `.expect`. A client that pipelines may have had a later frame
    /// made already: a resume sent for an earlier one would throw its APPEND away, or take what follows IDLE as commands.
    var isFramerPaused = false

    init(service: IMAPServerDependencies, connection: Connection<IMAPFramer>, canStartTLS: Bool) {
        self.service = service
        self.connection = connection
        self.canStartTLS = canStartTLS
        events = connection.events()
    }

    /// Says whose each line is. Made for each line: kept, it would be a twentieth of an idle session.
    var logger: Logger {
        var logger = service.logger
        logger[metadataKey: LogKey.imapSession] = "\(connection.info.id)"
        logger[metadataKey: LogKey.listener] = "\(connection.info.listener)"
        logger[metadataKey: LogKey.remoteAddress] = "\(connection.info.remote)"
        if case .authenticated(let account) = phase { logger[metadataKey: LogKey.account] = "\(account.address)" }
        if let clientName { logger[metadataKey: LogKey.imapClient] = "\(clientName)" }
        return logger
    }

    var stage: IMAPFramingStage {
        if case .authenticated = phase { .authenticated } else { .notAuthenticated }
    }

    var parser: IMAPParser { IMAPParser(limits: service.settings.limits, nameEncoding: enabled.nameEncoding) }

    var capabilityState: CapabilityState {
        CapabilityState(
            isSecure: tls != nil,
            canStartTLS: canStartTLS,
            allowsPlaintext: service.settings.allowsPlaintextLogin,
            mechanisms: mechanisms,
            isAuthenticated: stage == .authenticated,
            isCompressed: isCompressed,
            appendLimit: service.settings.limits.toldAppendSize,
            withheld: service.settings.withheld
        )
    }

    /// What the TLS connection is known by; nil where it doesn't matter.
    var channelBinding: ChannelBinding? { service.settings.logins.binding(endPoint: tls?.endPoint) }

    /// What AUTHENTICATE takes now.
    var mechanisms: [SASLMechanism] {
        service.settings.logins.mechanisms(isSecure: tls != nil, binding: channelBinding)
    }

    /// The account of a session that is logged in.
    func login() throws(CommandRefusal) -> Account {
        guard case .authenticated(let account) = phase else { throw .bad(.clientBug, "Please log in first.") }
        return account
    }

    // MARK: The life of a session

    /// Serves the client; returns when the session is over, with everything said.
    func run() async {
        var reason = "quit"
        do {
            try await apart { try await $0.begin() }
            while true {
                if case .over = phase { break }
                try await takeNext()
            }
        } catch {
            reason = sayBye(error)
        }
        let ended = reason
        try? await apart { session in
            session.idling = nil
            try? await session.flush()
            await session.deselect()
            session.recordEnd(ended)
        }
    }

    /// Tells the client why the session ends, and says it in a word for the record.
    @inline(never)
    private func sayBye(_ error: any Error) -> String {
        guard let end = error as? SessionEnd else {
            logger.error("session failed", metadata: [LogKey.error: "\(error)"])
            untagged(.bye, .serverBug, "Internal error, closing connection.")
            return "errors"
        }
        if let bye = end.bye { encoder.untagged(bye) }
        return end.reason
    }

    /// Waits for what comes next, and takes it.
    @inline(never)
    private func takeNext() async throws {
        let event = await nextEvent()
        try await apart { try await $0.take(event) }
    }

    /// Does a piece of the session's work in a task of its own, whose memory goes with it.
    // Not inlined: a task's room would then stand in the frame of the session's.
    @inline(never)
    private func apart(_ work: @escaping @Sendable (IMAPSession) async throws -> Void) async throws {
        // This task does nothing with the session until the other has ended.
        nonisolated(unsafe) let session = self
        async let done: Void = work(session)
        try await done
    }

    private func begin() async throws {
        if connection.info.hasImplicitTLS { try await awaitTLS() }
        try await greet()
    }

    /// Takes what came between commands, or while the client idles.
    private func take(_ event: ConnectionEvent<IMAPFrame>) async throws {
        if idling != nil { return try await takeIdling(event) }
        switch event {
        case .frame(let frame): try await handle(frame)
        case .woken, .tlsEstablished: break
        case let other: throw SessionEnd(event: other)
        }
        // Between commands, where NOTIFY lets the server speak.
        if idling == nil, stage == .authenticated { try await notifyIfAsked() }
    }

    private func awaitTLS() async throws {
        switch await nextEvent() {
        case .tlsEstablished(let info): tls = info
        default: throw SessionEnd.connectionLost
        }
    }

    private func greet() async throws {
        if let deadline = service.settings.loginDeadline {
            try await control(.totalDeadline(deadline))
            try await control(.deadline(deadline))
        }
        untagged(.ok, .capability(IMAPCapabilities.keywords(capabilityState)), service.settings.greeting)
        try await flush()
    }

    /// The next event of the connection, whatever it is.
    func nextEvent() async -> ConnectionEvent<IMAPFrame> {
        var events = events
        let event = await events.next()
        self.events = events
        if case .frame(let frame) = event { isFramerPaused = IMAPFramer.pauses(after: frame) }
        return event
    }

    /// The next frame; ends the session when there will be none.
    func nextFrame() async throws -> IMAPFrame {
        while true {
            switch await nextEvent() {
            case .frame(let frame): return frame
            case .woken, .tlsEstablished: continue
            case let other: throw SessionEnd(event: other)
            }
        }
    }

    /// What can't be read now can be told later.
    /// - Parameter expungesMayBeTold: no command may be on its way.
    func notifyIfAsked(expungesMayBeTold: Bool = false) async throws {
        guard notification != nil else { return }
        do {
            try await tellNotifications(expungesMayBeTold: expungesMayBeTold)
        } catch let end as SessionEnd {
            throw end
        } catch is CancellationError {
            throw SessionEnd.connectionLost
        } catch {
            logger.error("changes can't be read", metadata: [LogKey.error: "\(error)"])
        }
    }

    // MARK: Frames

    private func handle(_ frame: IMAPFrame) async throws {
        switch frame {
        case .command(let octets):
            try await handle(command: octets)
        case .continuationNeeded:
            // RFC 3501 §7.5
            encoder.continuation("OK")
            try await flush()
        case .appendBegin(let prefix, let size, let literal):
            try await handleAppend(prefix: prefix, size: size, literal: literal)
        case .refused(let prefix, let problem):
            try await refuse(prefix: prefix, problem)
        case .fatal(let problem):
            throw SessionEnd.bye(.limit, problem.text, "protocol")
        case .line, .appendData, .appendNext, .appendEnd:
            // Nothing asked for these: the framer and this session disagree, which must not become a command.
            throw SessionEnd.outOfStep
        }
    }

    private func handle(command octets: [UInt8]) async throws {
        let command: IMAPCommand
        do throws(IMAPParseError) {
            command = try parser.parse(octets)
        } catch {
            try await refuse(error)
            return
        }
        try await answer(command.tag) { try await self.carryOut(command) }
    }

    /// Carries out a command and gives its tagged answer.
    /// - Throws: ``SessionEnd`` alone; everything else becomes an answer.
    /// - Parameter refused: runs before the answer to a command that failed.
    func answer(
        _ tag: String,
        _ body: () async throws -> Completion,
        refused: () async throws -> Void = {}
    ) async throws {
        self.tag = tag
        isChangingMessages = false
        progressTold = .now
        let completion: Completion
        do {
            completion = try await body()
        } catch let end as SessionEnd {
            throw end
        } catch is CommandAnswered {
            return
        } catch is CancellationError {
            throw SessionEnd.connectionLost
        } catch {
            completion = self.completion(of: error)
            try await refused()
        }
        try await announceIfPossible(completion.announce)
        isChangingMessages = false
        tagged(tag, completion.status)
        try await resumeFramer()
        try noteBad(completion.status.condition == .bad)
    }

    private func resumeFramer() async throws {
        guard isFramerPaused else { return try await flush() }
        try await control(.expect(.command(stage)))
    }

    /// What others changed can be told later too: a store that can't be read now takes no answer away.
    func announceIfPossible(_ what: Completion.Announcement) async throws(SessionEnd) {
        do {
            try await announce(what)
        } catch let end as SessionEnd {
            throw end
        } catch is CancellationError {
            throw .connectionLost
        } catch {
            logger.error("changes can't be read", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func completion(of error: any Error) -> Completion {
        if let refusal = error as? CommandRefusal {
            let isBad = refusal.status.condition == .bad
            return Completion(refusal.status, announce: isBad ? .nothing : .withoutExpunges)
        }
        if let refusal = (error as? MailStoreError)?.refusal {
            return Completion(refusal.status, announce: .withoutExpunges)
        }
        logger.error("command failed", metadata: [LogKey.error: "\(error)"])
        if error is DatabaseError || error is FileError {
            return Completion(
                .no, .unavailable, "Temporary failure [\(connection.info.id)]. Try again later.", announce: .nothing)
        }
        return Completion(
            IMAPStatus(.no, .serverBug, "Internal error [\(connection.info.id)]. Try again later."), announce: .nothing)
    }

    // MARK: What could not be read

    private func refuse(_ error: IMAPParseError) async throws {
        let status = IMAPStatus(error.condition, error.responseCode, "Error in IMAP command: \(error)")
        if let tag = error.tag {
            tagged(tag, status)
        } else {
            untagged(status.condition, status.code, status.text)
        }
        try await resumeFramer()
        try noteBad(true)
    }

    private func refuse(prefix: [UInt8], _ problem: IMAPFramingProblem) async throws {
        let status = IMAPStatus(.bad, .limit, problem.text)
        if let tag = parser.tag(of: prefix) {
            tagged(tag, status)
        } else {
            untagged(status.condition, status.code, status.text)
        }
        try await flush()
        try noteBad(true)
    }

    private func noteBad(_ isBad: Bool) throws(SessionEnd) {
        badCommands = isBad ? badCommands + 1 : 0
        if badCommands >= service.settings.maximumBadCommands {
            throw .bye(nil, "Too many invalid IMAP commands.", "errors")
        }
    }
}

extension IMAPFramingProblem {
    /// For the client.
    var text: String {
        switch self {
        case .lineTooLong: "Command line too long."
        case .literalTooLarge: "Literal too large."
        case .commandTooLarge: "Command too large."
        case .tooManyLiterals: "Too many literals."
        }
    }
}
