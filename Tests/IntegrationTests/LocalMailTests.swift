import MartletTesting
import Testing

/// The `sendmail` command, by programs as they are; each case is a function in Tests/Fixtures/Clients with a server of its
/// own.
@Suite(.serialized)
struct LocalMailTests {
    @Test(arguments: Peer.cases("sendmail_cases"))
    func sendmail(name: String) async throws {
        let environment = ["IT_BINARY": try ServerUnderTest.binary()]
        let result = try await Peer.python(
            "sendmail_cases", [name], environment: environment, timeout: .seconds(180))
        #expect(result.succeeded, "\(result)")
    }

    @Test func theScriptHasCases() {
        #expect(Peer.cases("sendmail_cases").count >= 14)
    }
}
