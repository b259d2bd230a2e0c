import Directory
import MartletTesting
import NetTransport
import POP3Core
import SASLCore
import Testing

@testable import POP3Server

/// The transcripts of Tests/Fixtures/Transcripts/pop3, by whole sessions; the machine alone has them in POP3CoreTests.
@Suite(.timeLimit(.minutes(10))) struct TranscriptTests {
    private static let words = TranscriptWords(
        account: "ann@example.com", password: "secret", unknown: "nobody@example.com")
    private static let message = "From: stranger@outside.example\r\nSubject: transcript\r\n\r\nHello there.\r\n"

    private static func fixture(_ state: TranscriptState) async throws -> Fixture {
        let offersAll = state.setup == .everyMechanism
        let delay = state.setup == .waiting ? Duration.seconds(3600) : .zero
        let fixture = try await Fixture {
            $0.logins = SASLOffer(channelBinding: offersAll, tokens: offersAll)
            $0.loginDelay = delay
        }
        try await fixture.append([message])
        if delay > .zero {
            let (maildrops, account) = (fixture.server.maildrops, fixture.account.id)
            #expect(maildrops.enter(account, isExclusive: false, delay: delay, now: .now) == .admitted)
            maildrops.leave(account)
        }
        return fixture
    }

    @Test(arguments: TranscriptCase.all("pop3"))
    func `a session without a socket keeps to the transcript`(_ played: TranscriptCase) async throws {
        let state = try TranscriptState.named(played.state, of: "pop3")
        let fixture = try await Self.fixture(state)
        let service = try fixture.service { state.hasImplicitTLS ? .implicit($0) : .startTLS($0) }
        try await ChannelWire.with(adopting: { try await service.adopt($0) }) { wire, _ in
            try await WirePeer.play(played, from: state, over: wire, words: Self.words)
        }
    }

    @Test(arguments: TranscriptCase.all("pop3"))
    func `a server on a socket keeps to the transcript`(_ played: TranscriptCase) async throws {
        let state = try TranscriptState.named(played.state, of: "pop3")
        let fixture = try await Self.fixture(state)
        try await fixture.running({ state.hasImplicitTLS ? .implicit($0) : .startTLS($0) }) { port, _ in
            try await SocketWire.with(port: port) { wire in
                try await WirePeer.play(played, from: state, over: wire, words: Self.words)
            }
        }
    }
}
