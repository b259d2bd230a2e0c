import MailSyntax
import NIOCore
import NIOPosix
import NetTransport

/// A tiny SMTP server on loopback that takes anything and shows what it took: the other end of the world, for a test.
struct MailSink: Sendable {
    struct Received: Sendable {
        var from: String
        var to: [String]
        /// As it came, unstuffed, CRLF lines.
        var message: [UInt8]
    }

    private typealias Connection = UnclaimedChannel<ByteBuffer, ByteBuffer>

    let port: Int
    private let server: UnclaimedChannel<Connection, Never>
    private let continuation: AsyncStream<Received>.Continuation
    /// What arrived, in order.
    let received: AsyncStream<Received>

    init(group: any EventLoopGroup) async throws {
        server = UnclaimedChannel(
            try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0) { child in
                child.eventLoop.makeCompletedFuture {
                    Connection(try NIOAsyncChannel(wrappingChannelSynchronously: child))
                }
            })
        port = server.channel.localAddress?.port ?? 0
        (received, continuation) = AsyncStream.makeStream(of: Received.self, bufferingPolicy: .bufferingNewest(16))
    }

    /// Serves until the task is cancelled.
    func run() async throws {
        try await server.take().executeThenClose { inbound in
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in inbound {
                    group.addTask { try? await serve(connection.take()) }
                }
            }
        }
    }

    private func serve(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var session = SinkSession()
            try await outbound.write(ByteBuffer(string: "220 sink.martlet.invalid ESMTP\r\n"))
            for try await buffer in inbound {
                session.received(Array(buffer.readableBytesView))
                while let step = session.next() {
                    if let message = step.message { continuation.yield(message) }
                    try await outbound.write(ByteBuffer(string: step.reply + "\r\n"))
                    if step.isLast { return }
                }
            }
        }
    }
}

/// The sink's side of one SMTP session, as a value.
struct SinkSession {
    struct Step {
        var reply: String
        var message: MailSink.Received?
        var isLast = false
    }

    private var buffer: [UInt8] = []
    private var from = ""
    private var to: [String] = []
    private var data: [UInt8]?

    mutating func received(_ bytes: [UInt8]) {
        buffer.append(contentsOf: bytes)
        // More than any test message: whoever this is, it gets no memory.
        if buffer.count + (data?.count ?? 0) > 1 << 20 { buffer = Array("QUIT\r\n".utf8) }
    }

    /// The answer to the next whole line, or nil when more has to come.
    mutating func next() -> Step? {
        while let end = buffer.firstIndex(of: 0x0A) {
            let line = Array(buffer[..<end])
            buffer.removeFirst(end + 1)
            guard data != nil else { return command(line) }
            if let step = text(line) { return step }
        }
        return nil
    }

    private mutating func text(_ line: [UInt8]) -> Step? {
        if line == Array(".\r".utf8) {
            let message = MailSink.Received(from: from, to: to, message: data ?? [])
            data = nil
            to = []
            return Step(reply: "250 2.0.0 kept", message: message)
        }
        data?.append(contentsOf: line.first == 0x2E ? line.dropFirst() : line[...])
        data?.append(0x0A)
        return nil
    }

    private mutating func command(_ line: [UInt8]) -> Step {
        let text = String(decoding: line.filter { $0 != 0x0D }, as: UTF8.self)
        let verb = text.prefix { $0.isLetter }.uppercased()
        switch verb {
        case "EHLO": return Step(reply: "250-sink.martlet.invalid\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SMTPUTF8")
        case "MAIL":
            from = Self.path(text)
            to = []
            return Step(reply: "250 2.1.0 ok")
        case "RCPT":
            to.append(Self.path(text))
            return Step(reply: "250 2.1.5 ok")
        case "DATA":
            data = []
            return Step(reply: "354 go on")
        case "QUIT": return Step(reply: "221 2.0.0 bye", isLast: true)
        case "HELO", "NOOP", "RSET": return Step(reply: "250 ok")
        default: return Step(reply: "502 5.5.1 no")
        }
    }

    private static func path(_ text: String) -> String {
        guard let open = text.firstIndex(of: "<"), let close = text.lastIndex(of: ">"), open < close else { return "" }
        return String(text[text.index(after: open)..<close])
    }
}
