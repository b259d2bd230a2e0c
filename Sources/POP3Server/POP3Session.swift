import Directory
import Logging
import MailStore
import MailSyntax
import NIOCore
import NetTransport
import POP3Core
import Telemetry

/// One connection: carries out what its machine asks for.
struct POP3Session {
    let server: POP3Server
    let connection: Connection<POP3Framer>
    let options: POP3ServerOptions
    var machine: POP3Machine
    var exchange: LoginExchange?
    var mailbox: MailboxID?
    var account: Account?
    /// The account whose maildrop this session is counted in.
    var entered: AccountID?
    var tls: TLSInfo?
    /// Whether the answer in hand waits, so that guessing is slow.
    var isAnswerHeldBack = false
    var retrieved = 0
    /// A closed word for the event at the end.
    var ending = "peer-closed"

    init(_ server: POP3Server, _ connection: Connection<POP3Framer>, _ security: POP3Security) {
        self.server = server
        self.connection = connection
        options = server.options()
        machine = POP3Machine(
            hostname: options.hostname, security: security, loginDelay: Int(options.loginDelay.components.seconds),
            limits: options.limits)
    }

    mutating func run() async {
        let started = ContinuousClock.now
        await converse()
        if let entered { server.maildrops.leave(entered) }
        let elapsed = started.duration(to: .now)
        server.events.record(
            .disconnected(
                MailEvent.Disconnected(
                    service: LoginProtocol.pop3.rawValue,
                    peer: peer,
                    reason: ending,
                    messages: retrieved,
                    duration: Int(elapsed / .milliseconds(1))
                )
            )
        )
    }

    var peer: MailEvent.Peer {
        MailEvent.Peer(
            session: connection.info.id.description,
            listener: connection.info.listener,
            client: connection.info.remote.description,
            login: account?.address.description,
            tls: tls?.version
        )
    }

    private mutating func converse() async {
        var events = connection.events()
        try? await connection.send([.deadline(options.loginTimeout), .totalDeadline(options.loginTimeout)])
        if !connection.info.hasImplicitTLS { await send(machine.greeting) }
        while await handle(await events.next()) {}
    }

    /// Whether the session goes on.
    private mutating func handle(_ event: ConnectionEvent<POP3Frame>) async -> Bool {
        switch event {
        case .frame(let frame): return await handle(frame)
        case .tlsEstablished(let info):
            tls = info
            machine.tlsEstablished()
            offerMechanisms()
            // RFC 8314 §3.3: inside TLS from the start the greeting comes after the handshake
            if connection.info.hasImplicitTLS { await send(machine.greeting) }
            return true
        case .tlsFailed(let failure):
            ending = "protocol"
            server.logger.info("TLS failed", metadata: metadata(failure))
            if !connection.info.hasImplicitTLS { _ = await perform(machine.tlsRefused()) }
            return false
        case .deadlineReached:
            // RFC 1939 §3: closed without an answer, and nothing is removed
            ending = "timeout"
            return false
        case .shuttingDown:
            ending = "shutdown"
            _ = await perform(machine.shutDown())
            return false
        case .woken: return true
        case .inputClosed, .closed: return false
        }
    }

    private mutating func handle(_ frame: POP3Frame) async -> Bool {
        // An account that was disabled or removed since it logged in: nothing is removed, as after a lost connection.
        if let account, !server.store.isOpen(account.id) {
            ending = "disabled"
            _ = await send(Array("-ERR [SYS/PERM] Account is disabled.\r\n".utf8))  // RFC 3206 §4
            return false
        }
        let mode: POP3FramingMode = machine.isExchanging ? .authentication : .command
        let pauses = POP3Framer.pauses(after: frame, in: mode)
        let action =
            switch frame {
            case .line(let line): machine.lineReceived(line)
            case .lineTooLong: machine.lineTooLongReceived()
            }
        let isUpgrade = if case .startTLS = action { true } else { false }
        guard await perform(action) else { return false }
        guard pauses, !isUpgrade else { return true }
        return (try? await connection.send(.expect(machine.isExchanging ? .authentication : .command))) != nil
    }

    /// Carries out an action and what follows from it. Whether the session goes on.
    private mutating func perform(_ first: POP3Action) async -> Bool {
        var action = first
        while true {
            if isAnswerHeldBack {
                isAnswerHeldBack = false
                try? await Task.sleep(for: options.loginFailureDelay)
            }
            switch action {
            case .reply(let bytes): return await send(bytes)
            case .close(let bytes):
                if ending == "peer-closed" { ending = bytes.first == UInt8(ascii: "+") ? "quit" : "errors" }
                if !bytes.isEmpty { await send(bytes) }
                return false
            case .startTLS(let reply):
                return (try? await connection.send(.upgradeTLS(reply: ByteBuffer(bytes: reply)))) != nil
            case .login(let login): action = await logIn(login)
            case .exchange(let step): action = await advance(step)
            case .list(var listing):
                while let piece = listing.nextPiece() {
                    guard await send(piece) else { return false }
                }
                return true
            case .retrieve(let retrieval): return await retrieve(retrieval)
            case .remove(let uids): action = await remove(uids)
            }
        }
    }

    /// Whether the connection still stands.
    @discardableResult
    func send(_ bytes: [UInt8]) async -> Bool {
        (try? await connection.send(bytes: ByteBuffer(bytes: bytes))) != nil
    }

    func metadata(_ error: any Error) -> Logger.Metadata {
        [
            LogKey.pop3Session: "\(connection.info.id)", LogKey.remoteAddress: "\(connection.info.remote)",
            LogKey.error: "\(error)",
        ]
    }
}
