import NIOCore
import NIOEmbedded
import Testing

@testable import NetTransport

@Suite("Compression of a connection")
struct CompressionHandlerTests {

    private func pair() throws -> (client: EmbeddedChannel, server: EmbeddedChannel) {
        let (client, server) = (EmbeddedChannel(), EmbeddedChannel())
        try client.pipeline.syncOperations.addHandler(CompressionHandler())
        try server.pipeline.syncOperations.addHandler(CompressionHandler())
        return (client, server)
    }

    private func received(_ channel: EmbeddedChannel) throws -> [UInt8] {
        var octets: [UInt8] = []
        while let piece = try channel.readInbound(as: ByteBuffer.self) { octets += piece.readableBytesView }
        return octets
    }

    /// The same with demand for all that is there.
    private func drained(_ channel: EmbeddedChannel) throws -> [UInt8] {
        var octets = try received(channel)
        while true {
            channel.read()
            channel.embeddedEventLoop.run()
            let more = try received(channel)
            guard !more.isEmpty else { return octets }
            octets += more
        }
    }

    private func compressed(_ text: [UInt8], by channel: EmbeddedChannel) throws -> [UInt8] {
        try channel.writeOutbound(ByteBuffer(bytes: text))
        var octets: [UInt8] = []
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { octets += piece.readableBytesView }
        return octets
    }

    @Test("octets come out as they went in, however they are cut", arguments: [1, 2, 7, 1000])
    func cuts(size: Int) throws {
        let (client, server) = try pair()
        for text in ["a NOOP\r\n", "b SELECT INBOX\r\n", String(repeating: "c FETCH 1:* (FLAGS)\r\n", count: 200)] {
            let octets = try compressed(Array(text.utf8), by: client)
            for start in stride(from: 0, to: octets.count, by: size) {
                try server.writeInbound(ByteBuffer(bytes: octets[start..<min(octets.count, start + size)]))
                server.embeddedEventLoop.run()
            }
            #expect(try drained(server) == Array(text.utf8))
        }
    }

    @Test("a piece for each demand, not all that a few octets stand for")
    func bomb() throws {
        let (client, server) = try pair()
        let octets = try compressed([UInt8](repeating: 0x41, count: 10_000_000), by: client)
        #expect(octets.count < 50_000)
        // No demand but the one that brought the octets.
        server.pipeline.fireChannelRead(ByteBuffer(bytes: octets))
        var total = try received(server).count
        #expect(total > 0 && total <= CompressionHandler.piece)
        while total < 10_000_000 {
            server.read()
            server.embeddedEventLoop.run()
            let more = try received(server).count
            guard more > 0 else { break }
            total += more
        }
        #expect(total == 10_000_000)
    }

    @Test("memory is given back when nothing moves, and the conversation goes on as before")
    func rest() throws {
        let (client, server) = (EmbeddedChannel(), EmbeddedChannel())
        let (mine, theirs) = (CompressionHandler(patience: .seconds(10)), CompressionHandler(patience: .seconds(10)))
        try client.pipeline.syncOperations.addHandler(mine)
        try server.pipeline.syncOperations.addHandler(theirs)
        for round in 0..<5 {
            let text = Array("a\(round) FETCH 1:* (FLAGS UID RFC822.SIZE ENVELOPE)\r\n".utf8)
            try server.writeInbound(ByteBuffer(bytes: compressed(text, by: client)))
            #expect(try received(server) == text)
            try client.writeInbound(ByteBuffer(bytes: compressed(text + text, by: server)))
            #expect(try received(client) == text + text)
            #expect(theirs.holdsMemory)
            server.embeddedEventLoop.advanceTime(by: .seconds(9))
            #expect(theirs.holdsMemory)
            server.embeddedEventLoop.advanceTime(by: .seconds(1))
            #expect(!theirs.holdsMemory)
            // The client's compressor goes on, and refers to what it sent before.
            if round == 2 { client.embeddedEventLoop.advanceTime(by: .seconds(20)) }
        }
    }

    @Test("in the middle of a block nothing is forgotten")
    func restInside() throws {
        let (client, server) = try pair()
        let text = Array(String(repeating: "b STORE 1 +FLAGS (\\Seen)\r\n", count: 50).utf8)
        let octets = try compressed(text, by: client)
        try server.writeInbound(ByteBuffer(bytes: octets.prefix(octets.count / 2)))
        server.embeddedEventLoop.advanceTime(by: .seconds(100))
        try server.writeInbound(ByteBuffer(bytes: octets.dropFirst(octets.count / 2)))
        #expect(try drained(server) == text)
    }

    @Test("what is not compressed is an error, once")
    func damaged() throws {
        let (_, server) = try pair()
        #expect(throws: StreamInflater.Damaged.self) {
            try server.writeInbound(ByteBuffer(string: "a NOOP\r\nb NOOP\r\n\u{7F}\u{7F}\u{7F}\u{7F}"))
        }
        try server.writeInbound(ByteBuffer(string: "more"))
        #expect(try received(server).isEmpty)
    }

    @Test("the end of input waits for what came before it")
    func end() throws {
        let (client, server) = try pair()
        let octets = try compressed([UInt8](repeating: 0x42, count: 100_000), by: client)
        server.pipeline.fireChannelRead(ByteBuffer(bytes: octets))
        server.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        var total = try received(server).count
        for _ in 0..<10 {
            server.read()
            server.embeddedEventLoop.run()
            total += try received(server).count
        }
        #expect(total == 100_000)
    }

    @Test("octets that came behind the command are taken as compressed")
    func early() throws {
        let client = EmbeddedChannel()
        try client.pipeline.syncOperations.addHandler(CompressionHandler())
        let octets = try compressed(Array("x NOOP\r\n".utf8), by: client)
        let server = EmbeddedChannel()
        try server.pipeline.syncOperations.addHandler(CompressionHandler(early: ByteBuffer(bytes: octets)))
        server.read()
        server.embeddedEventLoop.run()
        #expect(try received(server) == Array("x NOOP\r\n".utf8))
    }
}
