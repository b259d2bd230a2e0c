import MailSyntax
import MartletTesting
import NIOCore
import SASLCore
import Testing

@testable import SMTPCore

/// The transcripts of Tests/Fixtures/Transcripts/smtp, by framer and machine alone.
@Suite struct TranscriptTests {
    @Test(arguments: TranscriptCase.all("smtp"), [TranscriptCut.whole, .octets])
    func `the machine keeps to the transcript`(_ played: TranscriptCase, cut: TranscriptCut) async throws {
        let state = try TranscriptState.named(played.state, of: "smtp")
        let words = TranscriptWords(account: "alice@example.org", password: "secret", unknown: "nobody@example.org")
        try await TranscriptPlayer.play(played, from: state, on: MachinePeer(state), words: words, cut: cut)
    }
}

/// Framer and machine, and a policy that knows `alice@example.org` and the postmaster, `full@…` who has no room, and nobody
/// else of that domain.
private final class MachinePeer: TranscriptPeer {
    private struct Silence: Error, CustomStringConvertible {
        let description = "the machine has nothing more to say"
    }

    private let now = Timestamp(seconds: 1_790_000_000)
    private var session: SMTPSession
    private var framer = SMTPServerFramer(limits: SMTPLimits())
    private var isHandshakeFirst: Bool
    private var buffer = ByteBuffer()
    private var output = ByteBuffer()
    private var exchange: SASLServer?
    private var isClosed = false

    init(_ state: TranscriptState) {
        let role: SMTPSessionConfiguration.Role =
            switch state.listener {
            case .standard: .mx
            case .submission: .submission
            case .lmtp: .lmtp
            case .device: .device
            }
        var configuration = SMTPSessionConfiguration(
            hostname: "mx.example.org", role: role, offersTLS: true, limits: SMTPLimits())
        configuration.futureRelease = 30 * 86_400
        if role == .submission { configuration.mechanisms = ["SCRAM-SHA-256", "PLAIN", "LOGIN"] }
        if role == .device {
            configuration.authentication = .optional
            configuration.offersClearTextAuthentication = true
        }
        session = SMTPSession(configuration: configuration, isTLS: state.hasImplicitTLS)
        isHandshakeFirst = state.hasImplicitTLS
        if !isHandshakeFirst { say(session.greeting) }
    }

    func send(_ octets: [UInt8]) {
        buffer.writeBytes(octets)
        while !isClosed, let frame = framer.next(&buffer) { handle(frame) }
    }

    func receive() throws -> [UInt8]? {
        guard output.readableBytes == 0 else {
            defer { output = ByteBuffer() }
            return Array(output.readableBytesView)
        }
        guard isClosed else { throw Silence() }
        return nil
    }

    func startTLS() {
        session.tlsEstablished()
        if isHandshakeFirst { say(session.greeting) }
        isHandshakeFirst = false
    }

    private func say(_ reply: SMTPReply) { output.writeImmutableBuffer(reply.bytes) }

    private func handle(_ frame: SMTPFrame) {
        switch frame {
        case .line(let line, _) where exchange != nil: respond(SASLLine(continuation: line))
        case .line(let line, _): perform(session.lineReceived(line, now: now))
        case .lineTooLong: perform(session.brokenLineReceived(.lineTooLong))
        case .bareLineEnding: perform(session.brokenLineReceived(.bareLineEnding))
        case .data: break
        case .dataEnded(let octets, let fault):
            let verdict =
                session.isTakingChunks
                ? session.chunkEnded(octets: octets, fault: fault) : session.dataEnded(octets: octets, fault: fault)
            switch verdict {
            case .goOn(let reply): perform(.reply(reply))
            case .refuse(let reply): perform(session.dataRefused(reply))
            case .accept: perform(session.messageDone(SMTPReply(250, .init(2, 0, 0), "Ok: queued as 1")))
            }
        }
    }

    private func perform(_ action: SMTPSession.Action) {
        switch action {
        case .reply(let reply):
            say(reply)
            if framer.isPaused { framer.expect(.command) }
        case .replies(let replies):
            for reply in replies { say(reply) }
            if framer.isPaused { framer.expect(.command) }
        case .close(let reply):
            say(reply)
            isClosed = true
        case .startTLS(let reply):
            // What a connection does with octets behind STARTTLS. // RFC 3207 §4.2
            guard buffer.readableBytes == 0 else { return perform(.close(.pipelinedTLS)) }
            say(reply)
            framer.reset()
        case .authenticate(let name, let initial): authenticate(name, initial)
        case .impersonate(let client): perform(session.impersonated(client, login: nil))
        case .judgeSender(let sender): perform(session.senderJudged(sender, verdict(on: sender)))
        case .judgeRecipient(let recipient): perform(session.recipientJudged(verdict(on: recipient)))
        case .receiveData(let reply):
            say(reply)
            framer.expect(.data(limit: SMTPLimits().messageSize))
        case .receiveChunk(let size, let isFirst, _):
            framer.expect(.chunk(size: size, limit: nil, isFirst: isFirst, isBinary: session.isTakingBinary))
        }
    }

    // MARK: policy

    private func verdict(on sender: SMTPSender) -> SMTPReply {
        if session.configuration.authentication == .required, session.login == nil { return .authenticationRequired }
        if let latest = session.latestRelease, let time = sender.release?.time(from: now), time > latest {
            return .badArguments("Too late")
        }
        let isOwn = session.login == nil || sender.path.description == session.login
        return isOwn ? SMTPReply(250, .init(2, 1, 0), "Ok") : SMTPReply(553, .init(5, 7, 1), "Not your address")
    }

    private func verdict(on recipient: SMTPRecipient) -> SMTPReply {
        let ok = SMTPReply(250, .init(2, 1, 5), "Ok")
        guard case .address(let address) = recipient.path else { return ok }
        guard address.domain?.ascii == "example.org" else {
            return session.login == nil ? SMTPReply(554, .init(5, 7, 1), "Relay access denied") : ok
        }
        return switch address.localPart.lowercased() {
        case "alice", "postmaster": ok
        case "full": SMTPReply(452, .init(4, 2, 2), "Mailbox full")
        default: SMTPReply(550, .init(5, 1, 1), "User unknown")
        }
    }

    // MARK: AUTH

    private func authenticate(_ name: String, _ initial: [UInt8]?) {
        guard let mechanism = SASLMechanism(name: name) else { return end(.unknownMechanism) }
        var server = SASLServer(mechanism)
        guard let initial else { return follow(server.start(initialResponse: nil), server) }
        guard case .response(let message) = SASLLine(initialResponse: initial) else { return end(.badBase64) }
        follow(server.start(initialResponse: message), server)
    }

    private func respond(_ line: SASLLine) {
        guard var server = exchange else { return }
        exchange = nil
        switch line {
        case .response(let message): follow(server.respond(message), server)
        case .cancel: end(.authenticationCancelled)
        case .malformed: end(.badBase64)
        }
    }

    private func follow(_ step: SASLStep, _ server: SASLServer) {
        var server = server
        switch step {
        case .verifier:
            let verifier = SCRAMVerifier(password: Secret("secret"), salt: Array("salt".utf8))
            let next = server.provide(verifier)
            follow(next, server)
        case .proven: end(.authenticated, login: "alice@example.org")
        case .token:
            let next = server.refuseToken(Array("{}".utf8))
            follow(next, server)
        case .failed(.wrongProof), .failed(.tokenRefused): end(.badCredentials)
        case .challenge(let challenge):
            exchange = server
            say(SMTPReply(334, nil, SASLLine.encode(challenge)))
            framer.expect(.authResponse)
        case .credentials(let credentials):
            let isRight = credentials.login == "alice@example.org" && credentials.password == Secret("secret")
            end(isRight ? .authenticated : .badCredentials, login: isRight ? credentials.login : nil)
        case .failed(.authorizationDenied): end(.badCredentials)
        case .failed: end(SMTPReply(501, .init(5, 5, 2), "Malformed authentication response"))
        }
    }

    private func end(_ reply: SMTPReply, login: String? = nil) {
        perform(session.authenticationEnded(reply, login: login))
    }
}
