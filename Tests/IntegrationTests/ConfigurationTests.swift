import Foundation
import MartletTesting
import Testing

/// `martlet config` on manifests that are wrong, and on one that is right.
@Suite struct ConfigurationTests {
    private static let broken = Peer.fixtures.appending(path: "BadManifests")

    static let cases: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: broken.path)) ?? []).filter { !$0.hasPrefix(".") }
        .sorted()

    @Test func thereAreTenBrokenManifests() {
        #expect(Self.cases.count >= 10)
    }

    @Test(arguments: cases) func checkNamesLineColumnAndRemedy(name: String) async throws {
        let folder = Self.broken.appending(path: name)
        let file = folder.appending(path: "martlet.yaml").path
        let binary = try ServerUnderTest.binary()
        let result = try await ProcessRunner.run([binary, "config", "check", "--config", file])
        #expect(result.status == 78 && result.output.isEmpty, "\(result)")
        let expected = try String(contentsOf: folder.appending(path: "expected.txt"), encoding: .utf8)
        let said = result.errors.replacingOccurrences(of: file, with: "martlet.yaml")
        #expect(said == "martlet: \(expected)" || said == expected)
        // What can't be started with is not started with either.
        let serve = try await ProcessRunner.run([binary, "serve", "--config", file])
        #expect(serve.status == 78, "\(serve)")
    }

    @Test func environmentOverridesAreChecked() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let result = try await ProcessRunner.run(
            [try ServerUnderTest.binary(), "config", "check", "--config", server.config],
            environment: ["MARTLET_LIMITS_MESSAGE_SIZE": "0", "MARTLET_SMPT_TIMEOUTS": "1s"]
        )
        #expect(result.status == 78, "\(result)")
        #expect(result.errors.contains("MARTLET_LIMITS_MESSAGE_SIZE"), "\(result)")
        #expect(result.errors.contains("MARTLET_SMPT_TIMEOUTS"), "\(result)")
        // What Kubernetes sets for a service called martlet is none of ours.
        let links = try await ProcessRunner.run(
            [try ServerUnderTest.binary(), "config", "check", "--config", server.config],
            environment: ["MARTLET_PORT": "tcp://10.0.0.1:25", "MARTLET_SERVICE_HOST": "10.0.0.1"]
        )
        #expect(links.status == 0, "\(links)")
    }

    @Test func showAndReferenceRun() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        #expect(try await server.succeed("config", "check").contains("no errors"))
        let shown = try await server.succeed("config", "show")
        #expect(shown.contains(ServerUnderTest.hostname))
        let settings = try await server.succeed("config", "show", "--json")
        let parsed = try JSONSerialization.jsonObject(with: Data(settings.utf8)) as? [[String: Any]]
        #expect((parsed ?? []).contains { $0["path"] as? String == "limits.message_size" })
        let reference = try await ProcessRunner.run([try ServerUnderTest.binary(), "config", "reference"])
        #expect(reference.succeeded && reference.output.contains("MARTLET_LIMITS_MESSAGE_SIZE"))
    }

    @Test func quickstartCanBeRunAgain() async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let manifest = server.folder.text(of: "martlet.yaml")
        let again = try await server.succeed("quickstart", ServerUnderTest.account)
        #expect(again.contains("kept the manifest") && again.contains("kept the account"))
        #expect(!again.contains("shown this once"))
        #expect(server.folder.text(of: "martlet.yaml") == manifest)
    }
}
