import MailSyntax
import NIOCore
import NIOPosix
import NIOSSL
import NetTransport
import OutboundQueue
import SMTPDelivery
import Synchronization
import Testing

/// A server that says exactly what a test tells it to, octet for octet, and keeps every octet that it hears.
final class RawServer: Sendable {
    enum Act: Sendable {
        /// As it stands; line ends are the test's affair.
        case say(String)
        case startTLS(NIOSSLContext)
        case close
        case reset
    }

    /// What to do about a line (without its end) or, between DATA and the dot, about the dot alone.
    typealias Script = @Sendable (_ line: String, _ memory: inout Memory) -> [Act]

    struct Memory: Sendable {
        /// Everything heard, of all connections, inside TLS and outside.
        var octets: [UInt8] = []
        var lines: [String] = []
        var messages: [[UInt8]] = []
        var connections = 0
        var overTLS = 0
        /// For scripts that count.
        var step = 0
    }

    let port: Int
    private let channel: any Channel

    init(
        greeting: [Act] = [.say("220 raw.test ESMTP\r\n")], implicit: NIOSSLContext? = nil, path: String? = nil,
        script: @escaping Script
    ) async throws {
        let box = Box()
        self.box = box
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let implicit {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: implicit))
                    }
                    try channel.pipeline.syncOperations.addHandler(RawHandler(greeting, script, box))
                }
            }
        if let path {
            channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
            port = 0
        } else {
            channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            port = try #require(channel.localAddress?.port)
        }
    }

    final class Box: Sendable {
        let memory = Mutex(Memory())
    }

    private let box: Box

    var heard: Memory { box.memory.withLock { $0 } }

    func stop() async { try? await channel.close() }

    /// Answers as a decent server would.
    static func decent(_ capabilities: [String], _ line: String, _ memory: inout Memory) -> [Act] {
        let verb = line.prefix { $0 != " " && $0 != ":" }.uppercased()
        switch verb {
        case "EHLO", "LHLO":
            let lines = ["raw.test"] + capabilities
            return lines.enumerated().map { .say("250\($0 == lines.count - 1 ? " " : "-")\($1)\r\n") }
        case "DATA": return [.say("354 go on\r\n")]
        case "QUIT": return [.say("221 2.0.0 bye\r\n"), .close]
        case "HELO", "MAIL", "RCPT", "RSET", "NOOP", "VRFY", "AUTH", "*", ".", "BDAT": return [.say("250 2.0.0 ok\r\n")]
        default: return []
        }
    }

    /// A decent server with some answers of its own, by verb; `.` is the end of data.
    static func scripted(_ capabilities: [String], _ answers: [String: [Act]] = [:]) -> Script {
        { line, memory in
            let verb = line.prefix { $0 != " " && $0 != ":" }.uppercased()
            return answers[verb] ?? decent(capabilities, line, &memory)
        }
    }
}

private final class RawHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let greeting: [RawServer.Act]
    private let script: RawServer.Script
    private let box: RawServer.Box
    private var buffer = ByteBuffer()
    private var inData = false
    private var isData = false
    private var chunk = 0
    private var data: [UInt8] = []

    init(_ greeting: [RawServer.Act], _ script: @escaping RawServer.Script, _ box: RawServer.Box) {
        self.greeting = greeting
        self.script = script
        self.box = box
    }

    func channelActive(context: ChannelHandlerContext) {
        box.memory.withLock { $0.connections += 1 }
        perform(greeting, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var piece = unwrapInboundIn(data)
        box.memory.withLock { $0.octets += Array(piece.readableBytesView) }
        buffer.writeBuffer(&piece)
        while true {
            if chunk > 0 {
                guard let bytes = buffer.readBytes(length: chunk) else { return }
                chunk = 0
                box.memory.withLock { $0.messages.append(bytes) }
                answer(".", context)
                continue
            }
            guard let end = buffer.readableBytesView.firstIndex(of: 0x0A),
                var line = buffer.readBytes(length: end - buffer.readerIndex + 1)
            else { return }
            line.removeLast()
            if line.last == 0x0D { line.removeLast() }
            take(line, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(ChannelEvent.inputClosed) = event as? ChannelEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func take(_ line: [UInt8], _ context: ChannelHandlerContext) {
        guard inData else { return answer(String(decoding: line, as: UTF8.self), context) }
        guard line == [0x2E] else {
            data += (line.first == 0x2E ? Array(line.dropFirst()) : line) + [0x0D, 0x0A]
            return
        }
        inData = false
        box.memory.withLock { $0.messages.append(data) }
        data = []
        answer(".", context)
    }

    private func answer(_ line: String, _ context: ChannelHandlerContext) {
        let acts = box.memory.withLock { memory in
            memory.lines.append(line)
            return script(line, &memory)
        }
        let words = line.split(separator: " ")
        isData = line == "DATA"
        if words.first == "BDAT", words.count > 1 {
            chunk = Int(words[1]) ?? 0
            return
        }
        perform(acts, context)
    }

    private func perform(_ acts: [RawServer.Act], _ context: ChannelHandlerContext) {
        for act in acts {
            switch act {
            case .say(let text):
                if text.hasPrefix("354"), isData { inData = true }
                context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
            case .startTLS(let tls):
                box.memory.withLock { $0.overTLS += 1 }
                try? context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
            case .close: context.close(promise: nil)
            case .reset:
                _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                context.close(promise: nil)
            }
        }
    }
}
