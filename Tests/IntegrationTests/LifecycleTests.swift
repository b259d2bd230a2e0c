import Foundation
import Glibc
import MartletTesting
import Testing

/// Start, reload and stop, and what keeps a server from starting.
@Suite(.serialized) struct LifecycleTests {
    private func fresh(_ environment: [String: String] = [:]) async throws -> ServerUnderTest {
        let server = try ServerUnderTest(environment: environment)
        try await server.setUp()
        return server
    }

    @Test func hangupReplacesCertificatesAndKeepsSessions() async throws {
        let server = try await fresh()
        let value = try await server.makeCertificate("live", names: [ServerUnderTest.hostname])
        try await server.start(["MARTLET_TLS_CERTIFICATES": value])
        expectSuccess(try await server.python("lifecycle", "reload"), server)
        #expect(try await server.stop() == 0)
    }

    @Test func aBrokenCertificateKeepsTheOldOne() async throws {
        let server = try await fresh()
        let value = try await server.makeCertificate("live", names: [ServerUnderTest.hostname])
        try await server.start(["MARTLET_TLS_CERTIFICATES": value])
        try server.folder.write("rubbish\n", to: "live.crt")
        let result = try await server.command(["reload"])
        #expect(result.status == 78 && result.errors.contains("live.crt"), "\(result)")
        expectSuccess(try await server.python("smtp_cases", "logs_in_by_plain_and_login"), server)
        #expect(try await server.stop() == 0)
    }

    @Test func terminationSaysGoodbye() async throws {
        let server = try await fresh()
        try await server.start()
        expectSuccess(try await server.python("lifecycle", "drain"), server)
        #expect(try await server.stop() == 0)
        #expect(server.log.contains("stopped"))
    }

    @Test func aPortInUseIsNamed() async throws {
        let first = try await fresh()
        try await first.start()
        let second = try await fresh()
        let port = first.port(143)
        let text = second.folder.text(of: "martlet.yaml")
        try second.folder.write(
            text.replacingOccurrences(of: "\(second.port(143))", with: "\(port)"), to: "martlet.yaml")
        let result = try await second.command(["serve"])
        #expect(result.status == 69, "\(result)")
        #expect(result.errors.contains("\(port)") && result.errors.contains("in use"), "\(result)")
        #expect(try await first.stop() == 0)
    }

    @Test func aSecondServerOnTheSameDataIsRefused() async throws {
        let server = try await fresh()
        try await server.start()
        let result = try await server.command(["serve"])
        #expect(result.status == 75 && result.errors.contains("in use by"), "\(result)")
        #expect(server.isRunning)
        #expect(try await server.stop() == 0)
    }

    @Test func anUnreadableKeyIsNamed() async throws {
        let server = try await fresh()
        let value = try await server.makeCertificate("live", names: [ServerUnderTest.hostname])
        let key = server.folder.file("live.key")
        for damage in ["missing", "rubbish", "another"] {
            switch damage {
            case "missing": try FileManager.default.removeItem(atPath: key)
            case "rubbish": try server.folder.write("rubbish\n", to: "live.key")
            default:
                _ = try await server.makeCertificate("other", names: ["other.example"])
                try server.folder.write(server.folder.text(of: "other.key"), to: "live.key")
            }
            let result = try await ProcessRunner.run(
                [try ServerUnderTest.binary(), "serve", "--config", server.config],
                environment: ["MARTLET_TLS_CERTIFICATES": value],
                timeout: .seconds(20)
            )
            #expect(result.status == 78 && result.errors.contains("live."), "\(damage): \(result)")
        }
    }

    @Test func killedServersStartAgain() async throws {
        let server = try await fresh()
        try await server.start()
        expectSuccess(try await server.python("tool", "fill", "3"), server)
        server.signal(SIGKILL)
        try await eventually(within: .seconds(10), "the server is gone") { !server.isRunning }
        try await server.start()
        let count = try await server.python("tool", "count", ServerUnderTest.account)
        #expect(count.output == "3\n", "\(count)")
        #expect(try await server.stop() == 0)
    }

    @Test func eachNameGetsItsCertificate() async throws {
        let server = try await fresh()
        let first = try await server.makeCertificate("first", names: [ServerUnderTest.hostname])
        let second = try await server.makeCertificate("second", names: ["mail.second.test", "*.third.test"])
        try await server.start(["MARTLET_TLS_CERTIFICATES": "\(first),\(second)"])
        expectSuccess(try await server.python("lifecycle", "names"), server)
        #expect(try await server.stop() == 0)
    }

    /// As root the server binds, then becomes its user for good, and still does everything.
    @Test(.enabled(if: getuid() == 0)) func privilegesAreGivenUp() async throws {
        let server = try await fresh(["MARTLET_SERVER_USER": "mail"])
        try await server.start()
        let process = try #require(server.processID)
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let identities = status.split(separator: "\n").filter { $0.hasPrefix("Uid:") || $0.hasPrefix("Gid:") }
        #expect(identities.count == 2)
        for line in identities { #expect(!line.split(separator: "\t").contains("0"), "\(line)") }
        expectSuccess(try await server.python("tool", "fill", "2"), server)
        try await server.succeed("account", "list")
        try await server.succeed("reload")
        #expect(try await server.stop() == 0)
        // What root does meanwhile is the server's afterwards.
        try await server.succeed("domain", "add", "later.test", "--postmaster", ServerUnderTest.account)
        try await server.start()
        let count = try await server.python("tool", "count", ServerUnderTest.account)
        #expect(count.output == "2\n", "\(count)")
        expectSuccess(try await server.command(["selftest"]), server)
        #expect(try await server.stop() == 0)
    }
}
