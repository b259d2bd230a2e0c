import Foundation
import MartletTesting
import Testing

/// A server that only sends: no domains, no mailboxes, no port 25. Clients come from addresses of this host.
@Suite(.enabled(if: Peer.present("swaks")))
struct SendOnlyTests {
    private func start() async throws -> ServerUnderTest {
        let server = try ServerUnderTest()
        try server.folder.makeFolder("data", mode: 0o700)
        try server.folder.write("secret\n", to: "printer.password", mode: 0o600)
        let manifest = """
            server: {hostname: out.example.test, dns: {forwarders: ["127.0.0.1@9"]}}
            storage: {data_directory: \(server.data)}
            listeners:
              - {kind: submission, address: 127.0.0.1, port: \(server.port(587))}
              - {kind: device, address: 127.0.0.1, port: \(server.port(2525)), auth_without_tls: true}
            relay: {networks: [127.0.5.0/24], senders: ["@example.test"]}
            devices:
              - name: printer
                username: printer
                password_file: printer.password
                senders: [scan@example.test]
                networks: [127.0.7.0/24]
                limits: {messages: {hour: 1}}
              - {name: camera, senders: ["@alarm.example.test"], networks: [127.0.9.1]}
            """
        try server.folder.write(manifest, to: "martlet.yaml", mode: 0o600)
        try await server.start()
        return server
    }

    private func swaks(_ port: Int, _ client: String, _ sender: String, _ more: String...) async throws -> ProcessResult
    {
        try await ProcessRunner.run(
            [
                "swaks", "--server", "127.0.0.1", "--port", "\(port)", "--local-interface", client, "--helo", "peer",
                "--from", sender, "--to", "user@example.net",
            ] + more)
    }

    @Test func `networks and devices send, others don't, and it is explained`() async throws {
        let server = try await start()
        let submission = server.port(587)
        #expect(try await swaks(submission, "127.0.5.9", "app@example.test").succeeded)
        let stranger = try await swaks(submission, "127.0.6.9", "app@example.test")
        #expect(!stranger.succeeded && stranger.output.contains("530 5.7.0"))
        let other = try await swaks(submission, "127.0.5.9", "app@example.net")
        #expect(other.output.contains("554 5.7.1 <app@example.net>: Sender address rejected"), "\(other)")

        let login = ["--auth", "PLAIN", "--auth-user", "printer", "--auth-password", "secret"]
        let devices = server.port(2525)
        func device(_ client: String, _ sender: String) async throws -> ProcessResult {
            try await swaks(devices, client, sender, login[0], login[1], login[2], login[3], login[4], login[5])
        }
        #expect(try await device("127.0.7.3", "scan@example.test").succeeded)
        #expect(try await device("127.0.7.3", "scan@example.test").output.contains("450 4.7.1"))
        #expect(try await device("127.0.5.9", "scan@example.test").output.contains("535 5.7.8"))
        #expect(try await device("127.0.7.3", "boss@example.test").output.contains("553 5.7.1"))
        #expect(try await swaks(devices, "127.0.9.1", "door@alarm.example.test").succeeded)
        #expect(try await swaks(devices, "127.0.9.2", "door@alarm.example.test").output.contains("530 5.7.0"))

        let queue = try await server.succeed("queue", "list")
        #expect(queue.contains("app@example.test") && queue.contains("door@alarm.example.test"))
        let explained = try await server.succeed(
            "explain", "--from", "scan@example.test", "--to", "user@example.net", "--client", "127.0.7.3", "--auth",
            "printer")
        #expect(explained.contains("the device printer") && explained.contains("1 messages per hour"))
        #expect(explained.contains("deferred: 450 4.7.1"), "\(explained)")
        #expect(try await server.stop() == 0)
        // The same without a server.
        let offline = try await server.succeed(
            "explain", "--from", "app@example.test", "--to", "user@example.net", "--client", "127.0.5.9")
        #expect(offline.contains("accepted: 1 sent on"), "\(offline)")
    }
}
