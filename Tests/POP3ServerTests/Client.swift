import MailSyntax
import NIOCore
import NIOPosix
import NetTransport
import Testing

/// Lines of a server.
struct ClientFramer: ConnectionFramer {
    var isPaused = false

    mutating func next(_ buffer: inout ByteBuffer) -> String? {
        guard let end = buffer.readableBytesView.firstIndex(of: 10) else { return nil }
        let line = buffer.readString(length: end - buffer.readableBytesView.startIndex + 1) ?? ""
        return line.hasSuffix("\r\n") ? String(line.dropLast()) : line
    }

    mutating func expect(_ mode: Bool) {}
    mutating func reset() {}
}

/// A POP3 client that fails the test where the server does not answer.
struct Client {
    let connection: Connection<ClientFramer>
    var events: ConnectionEvents<String>

    struct Ended: Error {}

    static func with(
        _ port: Int,
        implicitTLS: Bool = false,
        _ body: @Sendable (inout Client) async throws -> Void
    ) async throws {
        let tls = implicitTLS ? try tls() : nil
        try await ClientConnection.with(
            to: try #require(IPAddress("127.0.0.1")),
            port: port,
            id: MailID(rawValue: 1),
            framer: ClientFramer(),
            timeout: .seconds(10),
            implicitTLS: tls,
            group: .singletonMultiThreadedEventLoopGroup
        ) { connection in
            var client = Client(connection: connection, events: connection.events())
            try await connection.send(.deadline(.seconds(30)))
            if implicitTLS { try await client.expectTLS() }
            try await body(&client)
        }
    }

    static func tls() throws -> ClientTLS {
        try ClientTLSContexts().tls(serverName: "mail.example.com", verification: .none)
    }

    mutating func expectTLS() async throws {
        guard case .tlsEstablished = await events.next() else { throw Ended() }
    }

    mutating func startTLS() async throws {
        try await expect("STLS", "+OK begin TLS")
        try await connection.send(.startClientTLS(Client.tls()))
        try await expectTLS()
    }

    mutating func logIn() async throws {
        try await expect("USER ann@example.com", "+OK send PASS")
        #expect(try await ask("PASS secret").hasPrefix("+OK logged in"))
    }

    func send(_ text: String) async throws {
        try await connection.send(bytes: ByteBuffer(string: text))
    }

    mutating func line() async throws -> String {
        switch await events.next() {
        case .frame(let line): return line
        default: throw Ended()
        }
    }

    /// Sends a command and returns the first line of the answer.
    mutating func ask(_ command: String) async throws -> String {
        try await send(command + "\r\n")
        return try await line()
    }

    mutating func expect(
        _ command: String, _ answer: String, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let line = try await ask(command)
        #expect(line == answer, sourceLocation: location)
    }

    /// The lines of a multi-line answer after its first, still stuffed, without the terminating one.
    mutating func rest() async throws -> [String] {
        var lines: [String] = []
        while true {
            let line = try await line()
            if line == "." { return lines }
            lines.append(line)
        }
    }

    mutating func askLines(_ command: String) async throws -> [String] {
        let first = try await ask(command)
        #expect(first.hasPrefix("+OK"))
        return try await rest()
    }

    mutating func expectEnd() async {
        while true {
            switch await events.next() {
            case .closed, .inputClosed: return
            case .frame(let line): Issue.record("unexpected: \(line)")
            default: continue
            }
        }
    }
}
