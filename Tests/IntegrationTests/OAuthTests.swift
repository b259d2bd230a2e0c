import MartletTesting
import Testing

/// Tokens end to end: a provider and a mail server that look at every field, and the whole program between them.
@Suite(.serialized)
struct OAuthTests {
    @Test(arguments: Peer.cases("oauth_cases"))
    func oauth(name: String) async throws {
        let environment = ["IT_BINARY": try ServerUnderTest.binary()]
        let result = try await Peer.python("oauth_cases", [name], environment: environment, timeout: .seconds(120))
        #expect(result.succeeded, "\(result)")
    }
}
