import MartletTesting
import Testing

/// Logins that don't send the password, end to end: SCRAM with and without channel binding, and access tokens.
@Suite(.serialized)
struct LoginTests {
    @Test(arguments: Peer.cases("login_cases"))
    func login(name: String) async throws {
        let environment = ["IT_BINARY": try ServerUnderTest.binary()]
        let result = try await Peer.python("login_cases", [name], environment: environment, timeout: .seconds(180))
        #expect(result.succeeded, "\(result)")
    }
}

/// Programs that leave mail on the server, over restarts.
@Suite(.serialized)
struct POP3KeepTests {
    @Test(arguments: Peer.cases("pop3_keep_cases"))
    func keeps(name: String) async throws {
        let environment = ["IT_BINARY": try ServerUnderTest.binary()]
        let result = try await Peer.python("pop3_keep_cases", [name], environment: environment, timeout: .seconds(180))
        #expect(result.succeeded, "\(result)")
    }
}

/// Copies of what was sent.
@Suite(.serialized)
struct SentCopyTests {
    @Test(arguments: Peer.cases("sent_cases"))
    func sent(name: String) async throws {
        let environment = ["IT_BINARY": try ServerUnderTest.binary()]
        let result = try await Peer.python("sent_cases", [name], environment: environment, timeout: .seconds(180))
        #expect(result.succeeded, "\(result)")
    }
}
