import MartletTesting
import NetTransport
import SASLCore
import Testing

@testable import IMAPServer

/// The transcripts of Tests/Fixtures/Transcripts/imap, by whole sessions over a real store: without it there is no IMAP
/// session. Framer and parser alone have them in IMAPCoreTests.
@Suite(.timeLimit(.minutes(10))) struct TranscriptTests {
    private static let words = TranscriptWords(
        account: "ann@example.org", password: "secret", unknown: "nobody@example.org")

    private static func run(_ state: TranscriptState, _ body: (TestServer) async throws -> Void) async throws {
        let offersAll = state.setup == .everyMechanism
        try await TestServer.run(
            state.hasImplicitTLS ? .implicitTLS : .startTLS,
            settings: { $0.logins = SASLOffer(channelBinding: offersAll, tokens: offersAll) }, body)
    }

    @Test(arguments: TranscriptCase.all("imap"))
    func `a session without a socket keeps to the transcript`(_ played: TranscriptCase) async throws {
        let state = try TranscriptState.named(played.state, of: "imap")
        try await Self.run(state) { server in
            try await server.deliver(sampleMessage("transcript"))
            try await ChannelWire.with(adopting: { try await server.service.adopt($0) }) { wire, _ in
                try await WirePeer.play(played, from: state, over: wire, words: Self.words)
            }
        }
    }

    @Test(arguments: TranscriptCase.all("imap"))
    func `a server on a socket keeps to the transcript`(_ played: TranscriptCase) async throws {
        let state = try TranscriptState.named(played.state, of: "imap")
        try await Self.run(state) { server in
            try await server.deliver(sampleMessage("transcript"))
            try await SocketWire.with(port: server.port) { wire in
                try await WirePeer.play(played, from: state, over: wire, words: Self.words)
            }
        }
    }
}
