import MartletTesting
import Testing

/// Gives a suite a server of its own: set up and started before its tests, stopped after them.
struct ServerTrait: SuiteTrait, TestScoping {
    @TaskLocal static var current: ServerUnderTest?

    var environment: [String: String]
    /// A listener of each kind, not the seven standard ones alone.
    var hasEveryKind = false
    /// Channel binding, and access tokens of an introspection endpoint on port 8080, moved up like the others.
    var hasEveryMechanism = false

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let server = try ServerUnderTest(environment: environment)
        try await server.setUp()
        var more = hasEveryKind ? ["MARTLET_LISTENERS": server.everyListener] : [:]
        if hasEveryMechanism {
            more["MARTLET_LOGINS_CHANNEL_BINDING"] = "true"
            more["MARTLET_LOGINS_OAUTH2_INTROSPECTION_ENDPOINT"] =
                "http://127.0.0.1:\(server.port(8080))/introspect"
            more["MARTLET_LOGINS_OAUTH2_CLIENT_ID"] = "martlet"
        }
        try await server.start(more)
        do {
            try await Self.$current.withValue(server) { try await function() }
        } catch {
            _ = try? await server.stop()
            throw error
        }
        #expect(server.isRunning, "the server ended under the tests:\n\(server.log)")
        let status = try await server.stop()
        #expect(status == 0, "the server's exit status, after:\n\(server.log.suffix(4000))")
    }
}

extension Trait where Self == ServerTrait {
    /// A server with these overrides of its manifest.
    static func server(_ environment: [String: String] = [:]) -> Self { ServerTrait(environment: environment) }

    /// A server with every mechanism to log in by.
    static func server(everyMechanism: Bool) -> Self {
        ServerTrait(environment: [:], hasEveryMechanism: everyMechanism)
    }

    /// A server with a listener of each kind.
    static func server(everyKind: Bool) -> Self {
        ServerTrait(
            // UIDONLY is offered too.
            environment: ["MARTLET_IMAP_CLIENT_WORKAROUNDS": "eight-bit-append"], hasEveryKind: everyKind)
    }
}

/// The server of the suite that is running.
func server() throws -> ServerUnderTest {
    try #require(ServerTrait.current, "the suite has no server")
}

/// Expects a command to have ended well, and shows what it wrote and what the server logged otherwise.
func expectSuccess(
    _ result: ProcessResult,
    _ server: ServerUnderTest? = ServerTrait.current,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let log = result.succeeded ? "" : "\n--- log\n\(server?.log.suffix(3000) ?? "")"
    #expect(result.succeeded, "\(result)\(log)", sourceLocation: sourceLocation)
}
