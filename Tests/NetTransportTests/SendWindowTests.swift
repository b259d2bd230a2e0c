import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import NetTransport

@Suite struct SendWindowTests {
    static let piece = ByteBuffer(string: String(repeating: "x", count: 65_534) + "\r\n")

    /// Sends pieces and notes how much was outstanding before each.
    static func pour(_ count: Int, into connection: Connection<LineFramer>, peak: borrowing Mutex<Int>) async {
        for _ in 0..<count {
            let outstanding = connection.window.outstanding
            peak.withLock { $0 = max($0, outstanding) }
            guard (try? await connection.send(bytes: piece)) != nil else { return }
        }
    }

    @Test(arguments: [SessionExecutor.shared, .eventLoop])
    func `a session that outruns encryption waits for it`(executor: SessionExecutor) async throws {
        let peak = Mutex(0)
        let store = try Echo.store()
        let service = try Echo.service(.implicit(store), executor: executor) { connection in
            await Self.pour(400, into: connection, peak: peak)
        }
        let tls = try ClientTLSContexts().tls(serverName: "mail.example.org", verification: .none)
        let octets = Mutex(0)
        try await Echo.running(service) { port in
            try await Echo.client(port, tls: tls) { connection in
                var events = connection.events()
                while true {
                    switch await events.next() {
                    case .frame(let line): octets.withLock { $0 += line.utf8.count + 2 }
                    case .closed, .inputClosed: return
                    default: continue
                    }
                }
            }
        }
        #expect(octets.withLock(\.self) == 400 * Self.piece.readableBytes)
        #expect(peak.withLock(\.self) > 0 && peak.withLock(\.self) <= SendWindow.limit)
    }

    @Test func `a session that waits for a reader ends when the connection is aborted`() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let window = SendWindow()
        window.left(SendWindow.limit + 1)
        async let waited: Void = window.wait(for: channel)
        try await channel.close()
        await waited
        #expect(window.outstanding == SendWindow.limit + 1)
    }

    @Test func `what has landed lets the sender go on`() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let window = SendWindow()
        window.left(SendWindow.limit)
        await window.wait(for: channel)
        window.left(1)
        async let waited: Void = window.wait(for: channel)
        window.landed(1)
        await waited
        try await channel.close()
    }

    @Test func `a cancelled session does not wait`() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let window = SendWindow()
        window.left(SendWindow.limit + 1)
        let task = Task { await window.wait(for: channel) }
        task.cancel()
        await task.value
        try await channel.close()
    }
}
