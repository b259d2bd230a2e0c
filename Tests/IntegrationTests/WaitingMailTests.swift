import Foundation
import MartletTesting
import Testing

/// Mail that waits here: by its sender's wish, for an operator's word.
@Suite(.serialized, .enabled(if: Peer.present("python3")))
struct WaitingMailTests {
    @Test("A message goes at the time that its sender chose, over a restart, or when an operator releases it")
    func futureRelease() async throws {
        try await with { server in
            _ = try await id(server, "later", "for", "2", "at once", ServerUnderTest.second)
            expectSuccess(try await server.python("waiting", "wait", ServerUnderTest.second, "at once"), server)
            let soon = try await id(server, "later", "until", "3", "soon", ServerUnderTest.second)
            let late = try await id(
                server, "later", "for", "86400", "tomorrow", ServerUnderTest.second, "x@far.example")
            #expect(try await server.succeed("queue", "list").contains("waits until 20"))
            let shown = try await server.succeed("queue", "show", late)
            #expect(shown.contains("Goes:     to a mailbox here"))
            #expect(shown.contains("Waits:    until 20"))
            let trace = try await server.succeed("trace", late)
            #expect(trace.contains("future-release") && trace.contains("for;86400"))
            try await server.succeed("queue", "flush")
            #expect(try await server.stop() == 0)
            try await server.start()
            expectSuccess(try await server.python("waiting", "wait", ServerUnderTest.second, "soon"), server)
            #expect(try await subjects(server, ServerUnderTest.second) == ["at once", "soon"])
            #expect(try await server.command(["queue", "show", soon]).status != 0)

            // What leaves stays; what is for the mailbox goes.
            try await server.succeed("queue", "hold", late, "--to", "far.example")
            try await server.succeed("queue", "release", late, "--to", ServerUnderTest.second)
            expectSuccess(try await server.python("waiting", "wait", ServerUnderTest.second, "tomorrow"), server)
            let log = try await server.succeed("trace", late)
            #expect(log.contains("delivered, attempt 1") && log.contains("route local"))
            #expect(server.log.contains("via=local"))
            try await server.succeed("queue", "remove", late)
            #expect(try await server.succeed("queue", "list").contains("empty"))
            let explained = try await server.succeed(
                "explain", "--from", ServerUnderTest.account, "--to", "x@far.example", "--auth",
                ServerUnderTest.account, "--hold-for", "2h")
            #expect(explained.contains("admission/future-release: for;7200 → 20"))
        }
    }

    @Test("What a header check, a milter or a rule holds is in the mailbox once it is released, and before in none")
    func held() async throws {
        let milter = try await MilterPeerProcess.scripted(["quarantine"])
        let checks = "rewrite:\n  header_checks: [\"regexp:{ {/^Subject:.*keep/ HOLD} }\"]\n"
        let filter = "milters:\n  - name: m\n    address: inet:127.0.0.1:\(milter.port)\n    listeners: [mx]\n"
        for (name, more) in [("check", checks), ("milter", filter), ("rule", "")] {
            try await with(more) { server in
                if name == "rule" {
                    try await server.succeed("queue", "rule", "add", "hold", "--to", ServerUnderTest.account)
                }
                expectSuccess(try await server.python("waiting", "bring", "keep this"), server)
                #expect(try await subjects(server, ServerUnderTest.account).isEmpty, "\(name)")
                let list = try await server.succeed("queue", "list", "--held", "--json")
                let entries = try #require(JSONSerialization.jsonObject(with: Data(list.utf8)) as? [[String: Any]])
                let id = try #require(entries.first?["id"] as? String, "\(name): \(list)")
                #expect(try await server.succeed("queue", "show", id, "--message").contains("keep this"))
                try await server.succeed("queue", "release", id)
                expectSuccess(
                    try await server.python("waiting", "wait", ServerUnderTest.account, "keep this"), server)
                #expect(try await subjects(server, ServerUnderTest.account) == ["keep this"], "\(name)")
                #expect(try await server.succeed("queue", "list").contains("empty"))
            }
        }
        await milter.stop()
    }

    @Test("A stranger hears nothing of held mail whose account is removed, and no row is left")
    func accountRemoved() async throws {
        try await with { server in
            try await server.succeed("queue", "rule", "add", "hold", "--to", ServerUnderTest.second)
            expectSuccess(
                try await server.python("waiting", "bring", "for nobody", ServerUnderTest.second), server)
            #expect(try await server.succeed("queue", "list").contains("held"))
            try await server.succeed("account", "remove", ServerUnderTest.second)
            try await eventually(within: .seconds(20), "the queue is empty") {
                try await server.succeed("queue", "list").contains("empty")
            }
            #expect(server.log.contains("bounced"))
            #expect(try await subjects(server, ServerUnderTest.account).isEmpty)
        }
    }

    @Test("A server that is killed while it files what was due files the rest afterwards, and nothing twice")
    func killed() async throws {
        try await with { server in
            expectSuccess(try await server.python("waiting", "many", "200", "5", ServerUnderTest.second), server)
            try await eventually(within: .seconds(40), "something is filed") { server.log.contains("via=local") }
            server.signal(SIGKILL)
            try await eventually(within: .seconds(10), "the server is gone") { !server.isRunning }
            try await server.start()
            try await eventually(within: .seconds(40), "all is filed") { try await count(server) >= 200 }
            let found = try await subjects(server, ServerUnderTest.second)
            #expect(found.count == 200 && Set(found).count == 200)
            #expect(try await server.succeed("queue", "list").contains("empty"))
        }
    }

    // MARK: Parts

    private func count(_ server: ServerUnderTest) async throws -> Int {
        let result = try await server.python("waiting", "count", ServerUnderTest.second)
        return Int(result.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    private func with(_ more: String = "", _ body: (ServerUnderTest) async throws -> Void) async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        try server.folder.write(
            server.folder.text(of: "martlet.yaml") + "\n" + more, to: "martlet.yaml", mode: 0o600)
        try await server.start()
        do {
            try await body(server)
        } catch {
            _ = try? await server.stop()
            throw error
        }
        #expect(try await server.stop() == 0)
    }

    /// The queue id that a script prints.
    private func id(_ server: ServerUnderTest, _ arguments: String...) async throws -> String {
        let result = try await Peer.python("waiting", arguments, environment: server.scriptEnvironment)
        expectSuccess(result, server)
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Of the messages in INBOX, oldest first.
    private func subjects(_ server: ServerUnderTest, _ account: String) async throws -> [String] {
        let result = try await server.python("waiting", "subjects", account)
        expectSuccess(result, server)
        return result.output.split(separator: "\n").map(String.init)
    }
}
