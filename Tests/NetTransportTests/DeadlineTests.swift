import MartletTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import NetTransport

/// Deadlines of a connection, on a channel whose time is moved by hand.
@Suite(.timeLimit(.minutes(10))) struct DeadlineTests {
    /// Sets an idle deadline of 60 s and a total one of 150 s, says which was reached, and echoes lines.
    private static func session(_ connection: Connection<LineFramer>) async {
        var events = connection.events()
        try? await connection.send([
            .deadline(.seconds(60)), .totalDeadline(.seconds(150)), .bytes(ByteBuffer(string: "HELLO\r\n")),
        ])
        while true {
            switch await events.next() {
            case .frame("STARTTLS"): try? await connection.send(.upgradeTLS(reply: ByteBuffer(string: "GO\r\n")))
            case .frame(let line): try? await connection.send(bytes: ByteBuffer(string: line + "\r\n"))
            case .deadlineReached(let deadline):
                try? await connection.send(bytes: ByteBuffer(string: "\(deadline)\r\n"))
            case .tlsFailed(let failure): try? await connection.send(bytes: ByteBuffer(string: "\(failure)\r\n"))
            case .inputClosed, .closed: return
            default: continue
            }
        }
    }

    private static func with(
        _ tls: ListenerTLS = .none,
        _ body: (ChannelWire, NIOAsyncTestingChannel) async throws -> Void
    ) async throws {
        let service = try Echo.service(tls, session: { await session($0) })
        try await ChannelWire.with(adopting: { try await service.adopt($0) }, body)
    }

    /// What the session says next; "(closed)" when the channel was.
    private static func next(_ wire: ChannelWire) async throws -> String {
        guard let octets = try await wire.receive() else { return "(closed)" }
        return String(buffer: octets)
    }

    private static func exchange(_ line: String, _ wire: ChannelWire) async throws {
        try await wire.send(ByteBuffer(string: line + "\r\n"))
        #expect(try await next(wire) == line + "\r\n", "nothing else was said before")
    }

    @Test func `the idle deadline counts from the last line, and is off when it was reached`() async throws {
        try await Self.with { wire, channel in
            #expect(try await Self.next(wire) == "HELLO\r\n")
            await channel.testingEventLoop.advanceTime(by: .seconds(59))
            try await Self.exchange("a", wire)
            await channel.testingEventLoop.advanceTime(by: .seconds(59))
            // Half a line is no sign of life.
            try await wire.send(ByteBuffer(string: "b"))
            await channel.testingEventLoop.advanceTime(by: .seconds(1))
            #expect(try await Self.next(wire) == "idle\r\n")
            await channel.testingEventLoop.advanceTime(by: .seconds(20))
            try await wire.send(ByteBuffer(string: "\r\n"))
            #expect(try await Self.next(wire) == "b\r\n")
        }
    }

    @Test func `nothing extends the total deadline`() async throws {
        try await Self.with { wire, channel in
            #expect(try await Self.next(wire) == "HELLO\r\n")
            for line in ["a", "b", "c"] {
                await channel.testingEventLoop.advanceTime(by: .seconds(49))
                try await Self.exchange(line, wire)
            }
            await channel.testingEventLoop.advanceTime(by: .seconds(3))
            #expect(try await Self.next(wire) == "total\r\n")
        }
    }

    @Test func `a handshake that takes too long ends the connection, not before its time`() async throws {
        try await Self.with(.startTLS(try Echo.store())) { wire, channel in
            #expect(try await Self.next(wire) == "HELLO\r\n")
            try await wire.send(ByteBuffer(string: "STARTTLS\r\n"))
            #expect(try await Self.next(wire) == "GO\r\n")
            await channel.testingEventLoop.advanceTime(by: .seconds(29))
            #expect(channel.isActive)
            await channel.testingEventLoop.advanceTime(by: .seconds(2))
            let end = try await Self.next(wire)
            #expect(end == "(closed)")
        }
        try await Self.with(.implicit(try Echo.store())) { wire, channel in
            await channel.testingEventLoop.advanceTime(by: .seconds(29))
            #expect(channel.isActive)
            await channel.testingEventLoop.advanceTime(by: .seconds(2))
            let end = try await Self.next(wire)
            #expect(end == "(closed)")
        }
    }

    @Test func `a peer that does not read is let go, unless it reads again in time`() async throws {
        try await Self.with { wire, channel in
            #expect(try await Self.next(wire) == "HELLO\r\n")
            let stall = FramingHandler<LineFramer>.Timing().writeStall
            try await Self.setWritable(false, channel)
            await channel.testingEventLoop.advanceTime(by: stall - .seconds(1))
            try await Self.setWritable(true, channel)
            await channel.testingEventLoop.advanceTime(by: .seconds(2))
            #expect(channel.isActive)
            try await Self.setWritable(false, channel)
            await channel.testingEventLoop.advanceTime(by: stall)
            #expect(!channel.isActive)
        }
    }

    private static func setWritable(_ isWritable: Bool, _ channel: NIOAsyncTestingChannel) async throws {
        channel.isWritable = isWritable
        try await channel.testingEventLoop.executeInContext { channel.pipeline.fireChannelWritabilityChanged() }
        await channel.testingEventLoop.run()
    }
}
