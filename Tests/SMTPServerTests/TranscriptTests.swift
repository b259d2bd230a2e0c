import Logging
import MartletTesting
import NIOPosix
import NetTransport
import SMTPCore
import SMTPServer
import Telemetry
import Testing

/// The transcripts of Tests/Fixtures/Transcripts/smtp, by whole sessions; the machine alone has them in SMTPCoreTests.
@Suite(.timeLimit(.minutes(10))) struct TranscriptTests {
    private static let words = TranscriptWords(
        account: "alice@example.org", password: "secret", unknown: "nobody@example.org")

    @Test(arguments: TranscriptCase.all("smtp"))
    func `a session without a socket keeps to the transcript`(_ played: TranscriptCase) async throws {
        let state = try TranscriptState.named(played.state, of: "smtp")
        let service = try Self.service(state)
        try await ChannelWire.with(adopting: { try await service.adopt($0) }) { wire, _ in
            try await WirePeer.play(played, from: state, over: wire, words: Self.words)
        }
    }

    @Test(arguments: TranscriptCase.all("smtp"))
    func `a server on a socket keeps to the transcript`(_ played: TranscriptCase) async throws {
        let state = try TranscriptState.named(played.state, of: "smtp")
        let service = try Self.service(state)
        let port = try #require(try await service.bind().first).port
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            defer { service.stop(drainTime: .zero) }
            try await SocketWire.with(port: port) { wire in
                try await WirePeer.play(played, from: state, over: wire, words: Self.words)
            }
        }
    }

    private static let tls = Result { try TestServer.store() }

    private static func role(_ listener: TranscriptState.Listener) -> SMTPSessionConfiguration.Role {
        switch listener {
        case .standard: .mx
        case .submission: .submission
        case .lmtp: .lmtp
        case .device: .device
        }
    }

    private static func service(_ state: TranscriptState) throws -> ListenerService<SMTPServerFramer> {
        let store = try tls.get()
        return try TestServer.service(
            backend: FakeBackend(),
            events: RecordingEventSink(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            role(state.listener),
            tls: state.hasImplicitTLS ? .implicit(store) : .startTLS(store)
        ) { settings in
            guard state.listener == .device else { return }
            settings.authentication = .optional
            settings.offersClearTextAuthentication = true
        }
    }
}
