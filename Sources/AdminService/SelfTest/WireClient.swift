import MailSyntax
import NIOCore
import NetTransport

/// Hands on whatever arrives; the client cuts lines and literals itself.
struct ChunkFramer: ConnectionFramer {
    enum Mode: Sendable {
        case chunk
    }

    private(set) var isPaused = false

    mutating func next(_ buffer: inout ByteBuffer) -> [UInt8]? {
        guard buffer.readableBytes > 0 else { return nil }
        return buffer.readBytes(length: min(buffer.readableBytes, 65_536))
    }

    mutating func expect(_ mode: Mode) { isPaused = false }

    mutating func reset() { isPaused = false }
}

/// What a probe of the self-test did not get.
struct ProbeFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}

/// One connection of a probe: lines out, lines and counted octets in. Belongs to one task.
struct WireClient {
    private let connection: Connection<ChunkFramer>
    private var events: ConnectionEvents<[UInt8]>
    private var buffer: [UInt8] = []
    private var position = 0

    /// The most octets that one answer may have.
    private static let limit = 8 << 20

    init(_ connection: Connection<ChunkFramer>) async throws {
        self.connection = connection
        events = connection.events()
        try await connection.send(.deadline(.seconds(20)))
        if connection.info.hasImplicitTLS { try await expectTLS() }
    }

    /// Sends a line; CRLF is added.
    func send(_ line: String) async throws {
        try await connection.send(bytes: ByteBuffer(string: line + "\r\n"))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await connection.send(bytes: ByteBuffer(bytes: bytes))
    }

    /// The next line without its line end.
    mutating func line() async throws -> String {
        while true {
            if let end = buffer[position...].firstIndex(of: 0x0A) {
                var line = buffer[position..<end]
                if line.last == 0x0D { line.removeLast() }
                position = end + 1
                return String(decoding: line, as: UTF8.self)
            }
            try await more()
        }
    }

    /// Exactly `count` octets.
    mutating func octets(_ count: Int) async throws -> [UInt8] {
        guard count >= 0, count <= Self.limit else { throw ProbeFailure("the server announced \(count) octets") }
        while buffer.count - position < count { try await more() }
        defer { position += count }
        return Array(buffer[position..<(position + count)])
    }

    /// Begins TLS after the server's go-ahead was read.
    mutating func startTLS(_ tls: ClientTLS) async throws {
        guard position == buffer.count else { throw ProbeFailure("the server wrote on after its answer to STARTTLS") }
        try await connection.send(.startClientTLS(tls))
        try await expectTLS()
    }

    private mutating func expectTLS() async throws {
        switch await events.next() {
        case .tlsEstablished: return
        case .tlsFailed(let failure): throw ProbeFailure(failure.description)
        default: throw ProbeFailure("the connection ended before TLS was there")
        }
    }

    private mutating func more() async throws {
        if position > 65_536 || position == buffer.count {
            buffer.removeFirst(position)
            position = 0
        }
        guard buffer.count - position < Self.limit else { throw ProbeFailure("the server's answer has no end") }
        switch await events.next() {
        case .frame(let bytes): buffer.append(contentsOf: bytes)
        case .deadlineReached: throw ProbeFailure("no answer within 20 seconds")
        case .tlsFailed(let failure): throw ProbeFailure(failure.description)
        case .woken, .tlsEstablished: return
        case .inputClosed, .closed, .shuttingDown: throw ProbeFailure("the server closed the connection")
        }
    }
}
