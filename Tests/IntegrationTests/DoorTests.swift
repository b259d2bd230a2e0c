import Foundation
import MartletTesting
import Testing

/// The doors beside SMTP and logins, with what uses them: Postfix and swaks by LMTP, haproxy, swaks with XCLIENT.
@Suite(.serialized)
struct DoorTests {
    private func running(
        _ listeners: (ServerUnderTest) -> String, body: (ServerUnderTest) async throws -> Void
    ) async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        try await server.start(["MARTLET_LISTENERS": listeners(server)])
        do {
            try await body(server)
        } catch {
            _ = try? await server.stop()
            throw error
        }
        #expect(try await server.stop() == 0)
    }

    private func swaks(_ words: String...) async throws -> ProcessResult {
        try await ProcessRunner.run(
            [try Peer.require("swaks"), "--helo", "peer.example", "--from", "a@b.example"] + words,
            timeout: .seconds(30))
    }

    @Test(.enabled(if: Peer.present("postfix")), .timeLimit(.minutes(3)))
    func `Postfix delivers by LMTP, each message once`() async throws {
        try await running(\.everyListener) { server in
            let port = server.port(24)
            let table = "transport_maps = inline:{ { \(ServerUnderTest.domain) = lmtp:inet:127.0.0.1:\(port) } }"
            let postfix = try PostfixPeer(routes: [], settings: [table])
            try await postfix.start()
            let sent = try await server.python("bulk", "by-peer", "\(postfix.port)", "50", timeout: .seconds(60))
            expectSuccess(sent, server)
            let arrived = try await server.python("bulk", "arrived", "50", timeout: .seconds(100))
            await postfix.stop()
            #expect(arrived.succeeded, "\(arrived)\n\(postfix.log.suffix(3000))")
            #expect(server.log.contains("listener=lmtp"))
        }
    }

    @Test(.enabled(if: Peer.present("swaks")), .timeLimit(.minutes(2)))
    func `swaks delivers by LMTP on a port and on a socket`() async throws {
        let socket = { (server: ServerUnderTest) in server.folder.file("lmtp") }
        try await running {
            "\($0.everyListener),kind=lmtp;name=local;socket=\(socket($0));socket_mode=0600"
        } body: { server in
            let both = "\(ServerUnderTest.account),\(ServerUnderTest.second)"
            let port = "127.0.0.1:\(server.port(24))"
            expectSuccess(try await swaks("--protocol", "LMTP", "--server", port, "--to", both), server)
            expectSuccess(try await swaks("--protocol", "LMTP", "--socket", socket(server), "--to", both), server)
            let unknown = try await swaks("--protocol", "LMTP", "--server", port, "--to", "x@elsewhere.example")
            #expect(unknown.text.contains("554 5.7.1"), "\(unknown)")
        }
    }

    @Test(.enabled(if: Peer.present("swaks")), .timeLimit(.minutes(2)))
    func `swaks speaks for another client with XCLIENT`() async throws {
        try await running {
            "kind=mx;address=127.0.0.1;port=\($0.port(25));xclient=127.0.0.1"
        } body: { server in
            let result = try await swaks(
                "--server", "127.0.0.1", "--port", "\(server.port(25))", "--to", ServerUnderTest.account,
                "--xclient", "ADDR=192.0.2.7 NAME=client.example")
            expectSuccess(result, server)
            #expect(server.log.contains("client=192.0.2.7"), "\(server.log.suffix(2000))")
        }
    }

    @Test(
        .enabled(if: Peer.present("haproxy", "swaks")), .timeLimit(.minutes(2)),
        arguments: ["send-proxy", "send-proxy-v2"])
    func `behind haproxy the client is who connected to it`(option: String) async throws {
        try await running {
            "kind=mx;address=127.0.0.1;port=\($0.port(25));proxy=127.0.0.1"
        } body: { server in
            let front = Peer.freePorts(1)[0]
            let configuration = try server.folder.write(
                """
                defaults
                  mode tcp
                  timeout connect 5s
                  timeout client 30s
                  timeout server 30s
                listen mx
                  bind 127.0.0.1:\(front)
                  server martlet 127.0.0.1:\(server.port(25)) \(option) check inter 1s check-send-proxy

                """, to: "haproxy.cfg")
            let proxy = try ChildProcess.start(
                [try Peer.require("haproxy"), "-f", configuration, "-db"], environment: [:],
                folder: server.folder.path, output: .nullDevice, errors: .nullDevice)
            defer { proxy.signal(SIGTERM) }
            try await eventually(within: .seconds(10), "haproxy listens") { !Peer.isFree(front) }
            let result = try await swaks(
                "--server", "127.0.0.1", "--port", "\(front)", "--local-interface", "127.0.0.2", "--to",
                ServerUnderTest.account)
            expectSuccess(result, server)
            #expect(server.log.contains("client=127.0.0.2"), "\(server.log.suffix(2000))")
            let direct = try await swaks(
                "--server", "127.0.0.1", "--port", "\(server.port(25))", "--to", ServerUnderTest.account)
            #expect(!direct.succeeded)
        }
    }
}
