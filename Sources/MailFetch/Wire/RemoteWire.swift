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

/// How long another server may be silent, and how much it may say.
package struct RemoteLimits: Sendable {
    package var connect = Duration.seconds(30)
    /// Silence.
    package var silence = Duration.seconds(120)
    /// Octets of a line, literals apart.
    package var line = 65_536
    /// Octets of a literal that is not a message.
    package var literal = 65_536
    /// Octets of a message.
    package var message = 256 << 20
    /// Messages of a folder.
    package var messages = 2_000_000

    package init() {}
}

/// One connection to another mail server: lines out; lines and counted octets in. Belongs to one task.
struct RemoteWire {
    let connection: Connection<ChunkFramer>
    let limits: RemoteLimits
    let host: String
    private var events: ConnectionEvents<[UInt8]>
    private var buffer: [UInt8] = []
    private var position = 0
    private(set) var hasTLS = false
    /// Somebody called `connection.wake()` since it was last looked at.
    var wasWoken = false

    init(_ connection: Connection<ChunkFramer>, host: String, limits: RemoteLimits) async throws {
        self.connection = connection
        self.limits = limits
        self.host = host
        events = connection.events()
        try? await connection.send(.deadline(limits.silence))
        if connection.info.hasImplicitTLS { try await expectTLS() }
    }

    /// Sends a line; CRLF is added.
    func send(_ line: String) async throws { try await send(Array(line.utf8) + [0x0D, 0x0A]) }

    func send(_ bytes: [UInt8]) async throws {
        do {
            try await connection.send(bytes: ByteBuffer(bytes: bytes))
        } catch {
            try Task.checkCancellation()
            throw RemoteFailure(.lost, "\(host) closed the connection")
        }
    }

    /// The next line without its line end.
    mutating func line() async throws -> [UInt8] {
        var searched = 0
        while true {
            if let end = buffer[(position + searched)...].firstIndex(of: 0x0A) {
                var line = buffer[position..<end]
                if line.last == 0x0D { line.removeLast() }
                position = end + 1
                return Array(line)
            }
            searched = buffer.count - position
            guard searched <= limits.line else {
                throw RemoteFailure(.malformed, "\(host) sent a line without an end")
            }
            try await more()
        }
    }

    /// The next line without its line end, or a part of one that is longer than lines are.
    mutating func piece() async throws -> (octets: [UInt8], isLast: Bool) {
        var searched = 0
        while true {
            if buffer[(position + searched)...].contains(0x0A) { return (try await line(), true) }
            searched = buffer.count - position
            if searched > limits.line {
                // The last octet may be the CR of the line end.
                let end = buffer.count - 1
                defer { position = end }
                return (Array(buffer[position..<end]), false)
            }
            try await more()
        }
    }

    /// Exactly `count` octets.
    mutating func octets(_ count: Int) async throws -> [UInt8] {
        guard count >= 0, count <= limits.literal else {
            throw RemoteFailure(.malformed, "\(host) announced \(count) octets where a few were expected")
        }
        while buffer.count - position < count { try await more() }
        defer { position += count }
        return Array(buffer[position..<(position + count)])
    }

    /// Exactly `count` octets, in pieces.
    mutating func stream(_ count: Int, _ body: ([UInt8]) async throws -> Void) async throws {
        guard count >= 0, count <= limits.message else {
            throw RemoteFailure(
                .malformed, "\(host) announced a message of \(count) octets, more than \(limits.message)")
        }
        var rest = count
        while rest > 0 {
            if position == buffer.count { try await more() }
            let taken = min(rest, buffer.count - position)
            try await body(Array(buffer[position..<(position + taken)]))
            position += taken
            rest -= taken
        }
    }

    /// Waits until something arrives, somebody wakes us, or the time is over.
    mutating func wait(_ duration: Duration) async throws {
        guard position == buffer.count, !wasWoken else { return }
        try? await connection.send(.deadline(duration))
        do {
            try await more()
        } catch let failure as RemoteFailure where failure.kind == .timeout {
            // Nothing came, which is what it mostly does.
        }
        try? await connection.send(.deadline(limits.silence))
    }

    /// Whether a line or a part of one is at hand.
    var hasInput: Bool { position < buffer.count }

    /// Begins TLS after the server's go-ahead was read.
    mutating func startTLS(_ tls: ClientTLS) async throws {
        // RFC 3501 §6.2.1: what was said before TLS is worth nothing, and what comes behind the go-ahead is an attack.
        guard position == buffer.count else {
            throw RemoteFailure(.tls, "\(host) wrote on after its go-ahead for TLS")
        }
        do {
            try await connection.send(.startClientTLS(tls))
        } catch {
            throw RemoteFailure(.lost, "\(host) closed the connection")
        }
        try await expectTLS()
    }

    private mutating func expectTLS() async throws {
        switch await events.next() {
        case .tlsEstablished: hasTLS = true
        case .tlsFailed(let failure): throw RemoteFailure(.tls, "TLS with \(host): \(failure.description)")
        case .woken:
            wasWoken = true
            try await expectTLS()
        case .deadlineReached: throw RemoteFailure(.timeout, "\(host) does not answer while TLS begins")
        default:
            try Task.checkCancellation()
            throw RemoteFailure(.tls, "\(host) closed the connection before TLS was there")
        }
    }

    private mutating func more() async throws {
        if position > 65_536 || position == buffer.count {
            buffer.removeFirst(position)
            position = 0
        }
        switch await events.next() {
        case .frame(let bytes): buffer.append(contentsOf: bytes)
        case .deadlineReached:
            throw RemoteFailure(.timeout, "\(host) was silent for \(limits.silence.components.seconds) seconds")
        case .tlsFailed(let failure): throw RemoteFailure(.tls, "TLS with \(host): \(failure.description)")
        case .woken: wasWoken = true
        case .tlsEstablished: return
        case .inputClosed, .closed, .shuttingDown:
            try Task.checkCancellation()
            throw RemoteFailure(.lost, "\(host) closed the connection")
        }
    }
}
