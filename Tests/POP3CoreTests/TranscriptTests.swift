import MailSyntax
import MartletTesting
import NIOCore
import POP3Core
import SASLCore
import Testing

/// The transcripts of Tests/Fixtures/Transcripts/pop3, by framer and machine alone.
@Suite struct TranscriptTests {
    @Test(arguments: TranscriptCase.all("pop3"), [TranscriptCut.whole, .octets])
    func `the machine keeps to the transcript`(_ played: TranscriptCase, cut: TranscriptCut) async throws {
        let state = try TranscriptState.named(played.state, of: "pop3")
        let words = TranscriptWords(account: "ann@example.com", password: "secret", unknown: "nobody@example.com")
        try await TranscriptPlayer.play(played, from: state, on: MachinePeer(state.setup), words: words, cut: cut)
    }
}

/// Framer and machine, one account and a maildrop with one message.
private final class MachinePeer: TranscriptPeer {
    private struct Silence: Error, CustomStringConvertible {
        let description = "the machine has nothing more to say"
    }

    private static let message = "From: stranger@outside.example\r\nSubject: transcript\r\n\r\nHello there.\r\n"

    private var machine: POP3Machine
    private let offer: SASLOffer
    private let binding: ChannelBinding?
    private let isWaiting: Bool
    private var framer = POP3Framer()
    private var buffer = ByteBuffer()
    private var output = ByteBuffer()
    private var exchange: SASLServer?
    private var isClosed = false
    private var hasGreeted = false

    init(_ setup: TranscriptState.Setup) {
        let offersAll = setup == .everyMechanism
        offer = SASLOffer(channelBinding: offersAll, tokens: offersAll)
        binding = offer.binding(endPoint: Array("digest".utf8))
        isWaiting = setup == .waiting
        machine = POP3Machine(
            hostname: "mail.example.com", security: .plaintext,
            mechanisms: offer.mechanisms(isSecure: true, binding: binding).map(\.rawValue),
            loginDelay: isWaiting ? 3600 : 0)
    }

    func send(_ octets: [UInt8]) {
        greet()
        buffer.writeBytes(octets)
        while !isClosed, let frame = framer.next(&buffer) {
            switch frame {
            case .line(let line): perform(machine.lineReceived(line))
            case .lineTooLong: perform(machine.lineTooLongReceived())
            }
            if framer.isPaused { framer.expect(machine.isExchanging ? .authentication : .command) }
        }
    }

    func receive() throws -> [UInt8]? {
        greet()
        guard output.readableBytes == 0 else {
            defer { output = ByteBuffer() }
            return Array(output.readableBytesView)
        }
        guard isClosed else { throw Silence() }
        return nil
    }

    func startTLS() { machine.tlsEstablished() }

    private func greet() {
        if !hasGreeted { output.writeBytes(machine.greeting) }
        hasGreeted = true
    }

    private func perform(_ action: POP3Action) {
        switch action {
        case .reply(let bytes): output.writeBytes(bytes)
        case .close(let bytes):
            output.writeBytes(bytes)
            isClosed = true
        case .startTLS(let reply):
            // What a connection does with octets behind STLS. // RFC 2595 §4
            guard buffer.readableBytes == 0 else {
                perform(machine.tlsRefused())
                isClosed = true
                return
            }
            output.writeBytes(reply)
            framer.reset()
        case .login(let login):
            check(user: login.user, isRight: login.password == Array("secret".utf8))
        case .exchange(let step): advance(step)
        case .list(var listing):
            while let piece = listing.nextPiece() { output.writeBytes(piece) }
        case .retrieve(let retrieval):
            output.writeBytes(retrieval.head(octets: retrieval.entry.octets))
            var writer = POP3MessageWriter(bodyLines: retrieval.bodyLines)
            writer.write(Array(Self.message.utf8), into: &output)
            writer.finish(into: &output)
        case .remove: perform(machine.deletionsFinished(.removed))
        }
    }

    // MARK: logging in

    private func check(user: [UInt8], isRight: Bool) {
        guard isRight, user == Array("ann@example.com".utf8) else { return perform(machine.loginRefused()) }
        guard !isWaiting else { return perform(machine.loggedInTooSoon()) }
        let entry = POP3Maildrop.Entry(uid: 1, octets: Self.message.utf8.count)
        perform(machine.loginAccepted(POP3Maildrop(uidValidity: 7, entries: [entry])))
    }

    private func advance(_ step: POP3Exchange) {
        let line: SASLLine?
        switch step {
        case .start(let name, let initial):
            guard let mechanism = SASLMechanism(name: name) else { return perform(machine.exchangeFailed("unknown")) }
            exchange = SASLServer(mechanism, binding: binding)
            line = initial.map { SASLLine(initialResponse: $0) }
        case .line(let octets): line = SASLLine(continuation: octets)
        case .lineTooLong: line = .malformed
        }
        guard var server = exchange else { return perform(machine.exchangeFailed("no exchange")) }
        exchange = nil
        let result: SASLStep
        switch line {
        case nil: result = server.start(initialResponse: nil)
        case .response(let message):
            result = if case .start = step { server.start(initialResponse: message) } else { server.respond(message) }
        case .cancel: return perform(machine.exchangeFailed("authentication cancelled"))
        case .malformed: return perform(machine.exchangeFailed("not base64"))
        }
        follow(result, &server)
    }

    private func follow(_ result: SASLStep, _ server: inout SASLServer) {
        switch result {
        case .challenge(let challenge):
            exchange = server
            perform(machine.challenge(SASLLine.encode(challenge)))
        case .verifier:
            let verifier = SCRAMVerifier(password: Secret("secret"), salt: Array("salt".utf8))
            follow(server.provide(verifier), &server)
        case .proven: check(user: Array("ann@example.com".utf8), isRight: true)
        case .token(let token) where token.token == Secret(TranscriptWords.token):
            check(user: Array("ann@example.com".utf8), isRight: true)
        case .token: follow(server.refuseToken(Array("{\"status\":\"invalid_token\"}".utf8)), &server)
        case .failed(.wrongProof), .failed(.tokenRefused): perform(machine.loginRefused())
        case .credentials(let credentials):
            check(user: Array(credentials.login.utf8), isRight: credentials.password == Secret("secret"))
        case .failed(.authorizationDenied), .failed(.channelBinding), .failed(.downgrade),
            .failed(.unsupportedChannelBinding):
            perform(machine.loginRefused())
        case .failed(let failure): perform(machine.exchangeFailed(failure.description))
        }
    }
}
