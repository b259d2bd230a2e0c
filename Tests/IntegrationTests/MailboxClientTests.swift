import MartletTesting
import Testing

/// The programs that people read mail with, each driven through a day: a case is a function of
/// Tests/Fixtures/Clients/mailbox_client_cases.py; Roundcube in a browser is webmail_cases.py, Thunderbird
/// without a screen thunderbird_cases.py.
@Suite(.serialized)
struct MailboxClientTests {
    /// A server whose certificate is for localhost, which these programs verify.
    private func withServer(_ body: (ServerUnderTest, [String: String]) async throws -> Void) async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let certificate = try await server.makeCertificate("clients", names: ["localhost"])
        try await server.start(["MARTLET_TLS_CERTIFICATES": certificate])
        let chain = server.folder.file("clients.crt")
        do {
            try await body(server, server.scriptEnvironment.merging(["IT_CERTIFICATE": chain]) { _, new in new })
        } catch {
            _ = try? await server.stop()
            throw error
        }
        #expect(try await server.stop() == 0, "\(server.log.suffix(3000))")
    }

    private func passes(_ script: String, _ name: String, within limit: Duration) async throws {
        try await withServer { server, environment in
            let result = try await Peer.python(script, [name], environment: environment, timeout: limit)
            expectSuccess(result, server)
        }
    }

    @Test(arguments: Peer.cases("mailbox_client_cases"))
    func reads(name: String) async throws {
        try await passes("mailbox_client_cases", name, within: .seconds(240))
    }

    @Test(arguments: Peer.cases("webmail_cases"))
    func readsInABrowser(name: String) async throws {
        try await passes("webmail_cases", name, within: .seconds(300))
    }

    @Test(arguments: Peer.cases("thunderbird_cases"))
    func readsInThunderbird(name: String) async throws {
        try await passes("thunderbird_cases", name, within: .seconds(400))
    }

    @Test func theScriptsHaveCases() {
        #expect(Peer.cases("mailbox_client_cases").count >= 9)
        #expect(Peer.cases("webmail_cases").count == 1)
        #expect(Peer.cases("thunderbird_cases").count == 2)
    }
}
