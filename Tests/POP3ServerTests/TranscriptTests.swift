import MartletTesting
import NetTransport
import POP3Core
import Testing

/// The transcripts of Tests/Fixtures/Transcripts/pop3, by whole sessions; the machine alone has them in POP3CoreTests.
@Suite(.timeLimit(.minutes(10))) struct TranscriptTests {
    private static let words = TranscriptWords(
        account: "ann@example.com", password: "secret", unknown: "nobody@example.com")
    private static let message = "From: stranger@outside.example\r\nSubject: transcript\r\n\r\nHello there.\r\n"

    @Test(arguments: TranscriptCase.all("pop3"))
    func `a session without a socket keeps to the transcript`(_ played: TranscriptCase) async throws {
        let state = try TranscriptState.named(played.state, of: "pop3")
        let fixture = try await Fixture()
        try await fixture.append([Self.message])
        let service = try fixture.service { state.hasImplicitTLS ? .implicit($0) : .startTLS($0) }
        try await ChannelWire.with(adopting: { try await service.adopt($0) }) { wire, _ in
            try await WirePeer.play(played, from: state, over: wire, words: Self.words)
        }
    }

    @Test(arguments: TranscriptCase.all("pop3"))
    func `a server on a socket keeps to the transcript`(_ played: TranscriptCase) async throws {
        let state = try TranscriptState.named(played.state, of: "pop3")
        let fixture = try await Fixture()
        try await fixture.append([Self.message])
        try await fixture.running({ state.hasImplicitTLS ? .implicit($0) : .startTLS($0) }) { port, _ in
            try await SocketWire.with(port: port) { wire in
                try await WirePeer.play(played, from: state, over: wire, words: Self.words)
            }
        }
    }
}
