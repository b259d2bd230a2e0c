import Foundation
import MartletTesting
import Testing

/// examples/relay-container.yaml, from one user of the container network to a real Postfix as relay host.
@Suite(.serialized, .enabled(if: Peer.present("postfix", "swaks")))
struct RelayContainerTests {
    private static let password = "container secret 1"
    private static let recipient = "someone@\(PostfixPeer.domain)"

    @Test("Only the named user from the trusted networks gets through", .timeLimit(.minutes(2)))
    func onlyTheUser() async throws {
        try await withRelay { server, postfix in
            let anonymous = try await swaks(server, "--quit-after", "RCPT")
            #expect(anonymous.text.contains("530 5.7.0"), "\(anonymous)")
            let wrong = try await swaks(server, login("wrong") + ["--quit-after", "RCPT"])
            #expect(wrong.text.contains("535 5.7.8"), "\(wrong)")
            let forged = try await swaks(
                server, login(Self.password) + ["--from", "boss@elsewhere.test", "--quit-after", "RCPT"])
            #expect(forged.text.contains("553 5.7.1"), "\(forged)")
            let outside = try await swaks(
                server, login(Self.password) + ["--local-interface", "127.0.0.9", "--quit-after", "RCPT"])
            #expect(outside.text.contains("554 5.7.1"), "\(outside)")
            expectSuccess(try await swaks(server, login(Self.password)), server)
            try await eventually(within: .seconds(30), "the message at the relay host\n\(server.log.suffix(2000))") {
                postfix.messages.count == 1
            }
            #expect(postfix.messages.count == 1)
        }
    }

    @Test("Header checks take away what applications tell about themselves", .timeLimit(.minutes(2)))
    func headerChecks() async throws {
        try await withRelay { server, postfix in
            let sent = try await swaks(
                server,
                login(Self.password) + [
                    "--header", "X-Mailer: secret 1.0", "--add-header", "X-PHP-Originating-Script: 33:mail.php",
                    "--add-header", "User-Agent: secret 2.0", "--add-header", "MIME-Version: 1.0 (Secret 3.0)",
                    "--add-header", "X-Kept: yes",
                ])
            expectSuccess(sent, server)
            try await eventually(within: .seconds(30), "the message at the relay host\n\(server.log.suffix(2000))") {
                postfix.messages.count == 1
            }
            let text = try String(contentsOfFile: try #require(postfix.messages.first), encoding: .utf8)
            #expect(!text.contains("secret") && !text.contains("Secret") && !text.contains("mail.php"), "\(text)")
            #expect(text.contains("MIME-Version: 1.0\n") && text.contains("X-Kept: yes\n"), "\(text)")
            let mailer = "rewrite/sending_header_checks: X-Mailer: secret 1.0 (removed) ["
            try await history(server, has: mailer)
            // The relay host adds its own; ours would name the application's host.
            #expect(text.components(separatedBy: "\nReceived:").count == 2, "\(text)")
        }
    }

    @Test("Mail of a domain whose mailboxes are elsewhere is signed with its key", .timeLimit(.minutes(2)))
    func signs() async throws {
        try await withRelay { server, postfix in
            let added = try await server.succeed("domain", "add", "test.com", "--send-only")
            #expect(added.contains("its mailboxes are elsewhere"), "\(added)")
            let sent = try await swaks(server, login(Self.password) + ["--header", "X-Mailer: secret 1.0"])
            expectSuccess(sent, server)
            try await eventually(within: .seconds(30), "the message at the relay host\n\(server.log.suffix(2000))") {
                postfix.messages.count == 1
            }
            let records = try server.folder.write(try await server.succeed("dkim", "record", "test.com"), to: "records")
            expectSuccess(try await server.python("tool", "verify", postfix.mailFolder, records, "1"), server)
            let text = try String(contentsOfFile: try #require(postfix.messages.first), encoding: .utf8)
            #expect(text.contains("d=test.com;") && !text.contains("secret"), "\(text)")
            try await history(server, has: "signing/dkim: d=test.com → s=rsa1, s=ed1 [directory]")
            // Nobody is unknown there, and mail for it takes the way of all mail.
            let colleague = try await swaks(
                server, login(Self.password) + ["--to", "boss@test.com", "--quit-after", "RCPT"])
            expectSuccess(colleague, server)
            let explained = try await server.succeed(
                "explain", "--from", "app@test.com", "--to", "boss@test.com", "--client", "127.0.0.1", "--auth",
                "test@test.com")
            #expect(explained.contains("signing/from-domain: From: app@test.com → d=test.com [directory]"))
            #expect(explained.contains("= route relayhost"), "\(explained)")
            let zone = try await server.succeed("dns", "records", "test.com", "--address", "198.51.100.7")
            #expect(zone.contains("a:relay.test.com ~all") && !zone.contains(" IN MX "), "\(zone)")
        }
    }

    @Test("A message over the limit is refused, declared or not", .timeLimit(.minutes(2)))
    func size() async throws {
        try await withRelay { server, postfix in
            let body = String(repeating: String(repeating: "x", count: 70) + "\n", count: 20_000)
            let file = try server.folder.write(body, to: "large")
            let large = try await swaks(server, login(Self.password) + ["--body", "@\(file)"])
            #expect(large.text.contains("552 5.3.4"), "\(large.text.suffix(500))")
            #expect(postfix.messages.isEmpty)
        }
    }

    @Test("The log is a JSON object a line", .timeLimit(.minutes(2)))
    func jsonLog() async throws {
        try await withRelay { server, postfix in
            expectSuccess(try await swaks(server, login(Self.password)), server)
            try await eventually(within: .seconds(30), "the message at the relay host") { postfix.messages.count == 1 }
            let lines = server.log.split(separator: "\n")
            #expect(lines.count > 3)
            for line in lines {
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                #expect(object is [String: Any], "\(line)")
            }
            #expect(server.log.contains(Self.recipient))
            #expect(!server.log.contains(Self.password))
        }
    }

    // MARK: Parts

    private func withRelay(_ body: (ServerUnderTest, PostfixPeer) async throws -> Void) async throws {
        let server = try ServerUnderTest(environment: ["APP_PASSWORD": Self.password])
        let postfix = try PostfixPeer(routes: [])
        try server.useExample(
            "relay-container",
            replacing: [
                "port: 587": "port: \(server.port(587)), address: 127.0.0.1",
                "/var/lib/martlet": server.data,
                "127.0.0.0/8": "127.0.0.0/30",
                "[192.168.0.1]": "[127.0.0.1]:\(postfix.port)",
                "10240000B": "1MB",
            ])
        do {
            try await postfix.start()
            try await server.start()
            try await body(server, postfix)
        } catch {
            await postfix.stop()
            _ = try? await server.stop()
            throw error
        }
        await postfix.stop()
        #expect(try await server.stop() == 0)
    }

    /// The outcome is recorded after the relay host has the message.
    private func history(_ server: ServerUnderTest, has step: String) async throws {
        var trace = ""
        try await eventually(within: .seconds(20), "\(step) in the history") {
            trace = try await server.succeed("trace", "--to", Self.recipient)
            return trace.contains("delivered, attempt 1")
        }
        #expect(trace.contains(step), "\(trace)")
        let json = try await server.succeed("trace", "--to", Self.recipient, "--json")
        #expect(json.contains("\"steps\""), "\(json)")
    }

    private func login(_ password: String) -> [String] {
        ["--auth", "PLAIN", "--auth-user", "test@test.com", "--auth-password", password]
    }

    private func swaks(_ server: ServerUnderTest, _ words: String...) async throws -> ProcessResult {
        try await swaks(server, words)
    }

    private func swaks(_ server: ServerUnderTest, _ words: [String]) async throws -> ProcessResult {
        let from = words.contains("--from") ? [] : ["--from", "app@test.com"]
        let to = words.contains("--to") ? [] : ["--to", Self.recipient]
        return try await ProcessRunner.run(
            ["swaks", "--server", "127.0.0.1:\(server.port(587))", "--helo", "app"] + to + from + words)
    }
}
