import MartletTesting
import Testing

/// Next hops on their bad days, and the whole program before them; each case is a function in Tests/Fixtures/Clients with a
/// server of its own.
@Suite(.serialized, .enabled(if: Peer.present("openssl")))
struct UpstreamTests {
    @Test(arguments: Peer.cases("upstream_cases"))
    func upstream(name: String) async throws {
        let environment = ["IT_BINARY": try ServerUnderTest.binary()]
        let result = try await Peer.python("upstream_cases", [name], environment: environment, timeout: .seconds(180))
        #expect(result.succeeded, "\(result)")
    }

    @Test func theScriptHasCases() {
        #expect(Peer.cases("upstream_cases").count >= 14)
    }
}

/// The queue by hand, tables that go bad, and manifests that must not start.
@Suite(.serialized)
struct OperatorDayTests {
    @Test(arguments: Peer.cases("operator_cases"))
    func operatorDay(name: String) async throws {
        let environment = ["IT_BINARY": try ServerUnderTest.binary()]
        let result = try await Peer.python("operator_cases", [name], environment: environment, timeout: .seconds(120))
        #expect(result.succeeded, "\(result)")
    }

    @Test func theScriptHasCases() {
        #expect(Peer.cases("operator_cases").count >= 7)
    }
}
