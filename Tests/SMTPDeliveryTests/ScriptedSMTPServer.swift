import Glibc
import MailSyntax
import NIOCore
import NIOPosix
import NIOSSL
import NetTransport
import Synchronization
import Testing

/// An SMTP server that does what a script says, well or badly, and remembers what it got.
final class ScriptedSMTPServer: Sendable {
    enum Step: Sendable {
        case reply(String)
        /// Says nothing, ever.
        case hang
        case close
        /// A reset instead of an end.
        case reset
        case replyAndClose(String)
    }

    struct Behaviour: Sendable {
        var greeting = Step.reply("220 mx.test ESMTP")
        var capabilities = ["PIPELINING", "SIZE 1000000", "8BITMIME"]
        /// By verb; "." is the end of data.
        var steps: [String: Step] = [:]
        /// By recipient.
        var recipients: [String: Step] = [:]
        /// Recipients taken in one transaction.
        var recipientLimit = Int.max
        /// Messages of one connection that get a reply; the next is taken, and the connection closed without one.
        var closesAfterMessages = Int.max
        var tls: NIOSSLContext?
        var breaksTLS = false
        /// TLS from the first octet, with `tls`.
        var isImplicit = false

        init(_ change: (inout Behaviour) -> Void = { _ in }) { change(&self) }
    }

    struct Received: Sendable {
        var mail: String
        var recipients: [String]
        var data: String
        var overTLS: Bool
    }

    struct Memory: Sendable {
        var connections = 0
        var open = 0
        /// Most connections at the same time.
        var peak = 0
        var commands: [String] = []
        var messages: [Received] = []
    }

    let port: Int
    private let channel: any Channel

    init(_ behaviour: Behaviour = Behaviour(), address: String = "127.0.0.1", port: Int = 0) async throws {
        let memory = Handler.Shared()
        shared = memory
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if behaviour.isImplicit, let tls = behaviour.tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(Handler(behaviour, memory))
                }
            }
            .bind(host: address, port: port).get()
        self.port = try #require(channel.localAddress?.port)
    }

    private let shared: Handler.Shared

    var messages: [Received] { shared.memory.withLock { $0.messages } }
    var commands: [String] { shared.memory.withLock { $0.commands } }
    var connections: Int { shared.memory.withLock { $0.connections } }
    var peak: Int { shared.memory.withLock { $0.peak } }

    func stop() async { try? await channel.close() }

    /// A context with a self-signed certificate.
    static func context() throws -> NIOSSLContext {
        let folder = "/tmp/martlet-delivery-tls-\(UInt64.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        let files = CertificateFiles(certificateChain: folder + "/cert.pem", privateKey: folder + "/key.pem")
        try SelfSignedCertificate.write(
            names: [try #require(DomainName("mx.one.example"))],
            addresses: [],
            now: Timestamp(seconds: 1_790_000_000),
            to: files
        )
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificateChain).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.privateKey, format: .pem))
        )
        return try NIOSSLContext(configuration: configuration)
    }
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    final class Shared: Sendable {
        let memory = Mutex(ScriptedSMTPServer.Memory())
    }

    private let behaviour: ScriptedSMTPServer.Behaviour
    private let shared: Shared
    private var buffer = ByteBuffer()
    private var inData = false
    private var mail = ""
    private var recipients: [String] = []
    private var data = ""
    private var overTLS = false
    private var prompts = 0
    private var messages = 0

    init(_ behaviour: ScriptedSMTPServer.Behaviour, _ shared: Shared) {
        self.behaviour = behaviour
        self.shared = shared
        overTLS = behaviour.isImplicit
    }

    func channelActive(context: ChannelHandlerContext) {
        shared.memory.withLock { memory in
            memory.connections += 1
            memory.open += 1
            memory.peak = max(memory.peak, memory.open)
        }
        perform(behaviour.greeting, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        shared.memory.withLock { $0.open -= 1 }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var piece = unwrapInboundIn(data)
        buffer.writeBuffer(&piece)
        while let end = buffer.readableBytesView.firstIndex(of: 0x0A) {
            let count = end - buffer.readerIndex + 1
            let line = buffer.readString(length: count) ?? ""
            take(String(line.dropLast(1)).trimmedCR, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func take(_ line: String, _ context: ChannelHandlerContext) {
        if inData { return takeData(line, context) }
        shared.memory.withLock { $0.commands.append(line) }
        if prompts > 0 {
            prompts -= 1
            return say(prompts == 1 ? "334 UGFzc3dvcmQ6" : "235 2.7.0 ok", context)
        }
        let verb = line.prefix { $0 != " " && $0 != ":" }.uppercased()
        if let step = behaviour.steps[verb], verb != "STARTTLS" { return perform(step, context) }
        switch verb {
        case "EHLO":
            let offers = behaviour.capabilities + (behaviour.tls != nil && !overTLS ? ["STARTTLS"] : [])
            let lines = ["mx.test"] + offers
            for (index, text) in lines.enumerated() {
                say("250\(index == lines.count - 1 ? " " : "-")\(text)", context)
            }
        case "MAIL":
            mail = line
            recipients = []
            say("250 2.1.0 ok", context)
        case "RCPT": takeRecipient(line, context)
        case "DATA":
            if recipients.isEmpty { return say("503 5.5.1 no recipients", context) }
            inData = true
            data = ""
            say("354 go on", context)
        case "STARTTLS": startTLS(context)
        case "AUTH": takeAuth(line, context)
        case "QUIT":
            say("221 bye", context)
            context.close(promise: nil)
        default: say("250 2.0.0 ok", context)
        }
    }

    private func takeRecipient(_ line: String, _ context: ChannelHandlerContext) {
        let address = line.dropFirst("RCPT TO:<".count).prefix { $0 != ">" }
        if let step = behaviour.recipients[String(address)] { return perform(step, context) }
        guard recipients.count < behaviour.recipientLimit else { return say("452 4.5.3 too many recipients", context) }
        recipients.append(String(address))
        say("250 2.1.5 ok", context)
    }

    private func takeAuth(_ line: String, _ context: ChannelHandlerContext) {
        if line == "AUTH LOGIN" {
            prompts = 2
            return say("334 VXNlcm5hbWU6", context)
        }
        say("235 2.7.0 ok", context)
    }

    private func takeData(_ line: String, _ context: ChannelHandlerContext) {
        guard line == "." else {
            data += (line.hasPrefix(".") ? String(line.dropFirst()) : line) + "\n"
            return
        }
        inData = false
        if let step = behaviour.steps["."] { return perform(step, context) }
        messages += 1
        if messages > behaviour.closesAfterMessages { return perform(.close, context) }
        let received = ScriptedSMTPServer.Received(mail: mail, recipients: recipients, data: data, overTLS: overTLS)
        shared.memory.withLock { $0.messages.append(received) }
        say("250 2.0.0 queued as X1", context)
    }

    private func startTLS(_ context: ChannelHandlerContext) {
        if case .some(let step) = behaviour.steps["STARTTLS"] { return perform(step, context) }
        say("220 ready", context)
        if behaviour.breaksTLS { return say("this is no TLS at all, sorry for that", context) }
        guard let tls = behaviour.tls else { return }
        overTLS = true
        try? context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
    }

    private func perform(_ step: ScriptedSMTPServer.Step, _ context: ChannelHandlerContext) {
        switch step {
        case .reply(let text): say(text, context)
        case .hang: break
        case .close: context.close(promise: nil)
        case .replyAndClose(let text):
            say(text, context)
            context.close(promise: nil)
        case .reset:
            _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(Glibc.linger(l_onoff: 1, l_linger: 0))
            context.close(promise: nil)
        }
    }

    private func say(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(NIOAny(ByteBuffer(string: text + "\r\n")), promise: nil)
    }
}

extension String {
    fileprivate var trimmedCR: String { unicodeScalars.last == "\r" ? String(unicodeScalars.dropLast()) : self }
}
