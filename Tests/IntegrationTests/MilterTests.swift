import Foundation
import MartletTesting
import Testing

/// Milters: scripted ones that change, refuse and misbehave, and the real OpenDKIM and rspamd.
@Suite(.serialized, .enabled(if: Peer.present("swaks", "python3")))
struct MilterTests {
    private static let message = "From: a@remote.test\nTo: b\nSubject: one\nX-Remove: yes\n\nHello\n"

    @Test("Each milter sees what the one before it has changed, and the changes are kept")
    func changesInOrder() async throws {
        let first = try await MilterPeerProcess.scripted(["header", "insert", "change", "remove"])
        let second = try await MilterPeerProcess.scripted(["silent", "body", "addrcpt=bob@example.test", "progress"])
        try await with([first, second]) { server in
            try await send(server, expecting: "250 2.0.0")
            let stored = try #require(newest(server))
            #expect(stored.contains("X-First: top\r\nFrom: a@remote.test\r\n"))
            #expect(stored.contains("Subject: changed\r\n by a milter\r\n"))
            #expect(stored.contains("X-Milter: seen ") && !stored.contains("X-Remove"))
            #expect(stored.hasSuffix("\r\n\r\nA new body\r\nin two pieces\r\n"))
            #expect(server.log.contains(" local=2 "))
            #expect(second.log.contains("L X-First|top|") && second.log.contains("{daemon_name}|mail.example.test|"))
        }
        #expect(first.log.contains("\nQ ") && second.log.contains("\nQ "))
    }

    @Test(
        "A milter that misbehaves has its default action, and the next message tries it again",
        arguments: [
            "close", "hang", "garbage", "oversize", "header=close", "helo=garbage", "mail=hang", "rcpt=oversize",
            "body=close",
        ])
    func misbehaviour(_ word: String) async throws {
        let milter = try await MilterPeerProcess.scripted([word])
        try await with([milter], more: "    command_timeout: 500ms\n    content_timeout: 500ms\n") { server in
            for _ in 0..<2 {
                try await send(server, expecting: "451 4.7.1")
            }
            #expect(server.log.components(separatedBy: "a milter failed").count == 3)
            #expect(newest(server) == nil)
        }
        let other = try await MilterPeerProcess.scripted([word])
        let more = "    default_action: accept\n    command_timeout: 500ms\n    content_timeout: 500ms\n"
        try await with([other], more: more) { server in
            try await send(server, expecting: "250 2.0.0")
        }
    }

    @Test(
        "A milter decides",
        arguments: [
            ("reject", "550 5.7.1"), ("tempfail", "451 4.7.1"), ("reply=554 5.7.9 no", "554 5.7.9 no"),
            ("rcpt=reject", "550 5.7.1"), ("connect=reject", "550 5.7.1"), ("mail=tempfail", "451 4.7.1"),
            ("discard", "250 2.0.0"), ("connect=accept", "250 2.0.0"), ("body=skip", "250 2.0.0"),
            ("delrcpt=alice@example.test", "250 2.0.0"),
        ])
    func decisions(_ word: String, _ reply: String) async throws {
        let milter = try await MilterPeerProcess.scripted([word])
        try await with([milter]) { server in
            try await send(server, expecting: reply)
            #expect((newest(server) != nil) == ["connect=accept", "body=skip"].contains(word))
        }
    }

    @Test("A milter that is not there has its default action")
    func absence() async throws {
        let milter = try await MilterPeerProcess.scripted([])
        await milter.stop()
        try await with([milter]) { server in
            try await send(server, expecting: "451 4.7.1")
            #expect(server.log.contains("it can't be reached"))
        }
    }

    @Test("OpenDKIM signs what users send and nothing else", .enabled(if: Peer.present("opendkim", "opendkim-genkey")))
    func openDKIM() async throws {
        let (milter, record) = try await MilterPeerProcess.openDKIM(signing: ServerUnderTest.domain)
        try await with([milter]) { server in
            let login = [
                "--server", "127.0.0.1:\(server.port(587))", "--tls", "--auth", "PLAIN", "--auth-user",
                ServerUnderTest.account, "--auth-password", ServerUnderTest.password,
            ]
            try await send(server, expecting: "250 2.0.0", from: ServerUnderTest.account, more: login)
            let stored = try #require(newest(server))
            #expect(stored.contains("DKIM-Signature: v=1;") && stored.contains("s=milter"))
            try server.folder.write(stored, to: "signed.eml")
            try server.folder.write(record + "\n", to: "records")
            let settings = try server.folder.write(
                "Mode v\nTestDNSData file:\(server.folder.file("records"))\n", to: "verify.conf")
            let verified = try await ProcessRunner.run([
                try Peer.require("opendkim"), "-x", settings, "-t", server.folder.file("signed.eml"),
            ])
            #expect(verified.text.contains("succeeded"), "\(verified)")
            let before = stored
            try await send(server, expecting: "250 2.0.0", from: "x@remote.test")
            let strangers = try #require(newest(server, besides: before))
            #expect(!strangers.contains("DKIM-Signature"))
        }
    }

    @Test("rspamd refuses spam and lets the rest through", .enabled(if: Peer.present("rspamd")))
    func rspamd() async throws {
        let milter = try await MilterPeerProcess.rspamd()
        try await with([milter]) { server in
            let spam = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
            try await send(server, expecting: "554 5.7.1 Gtube pattern", body: spam)
            #expect(newest(server) == nil)
            try await send(server, expecting: "250 2.0.0")
        }
    }

    // MARK: Parts

    private func with(
        _ milters: [MilterPeerProcess], more: String = "", _ body: (ServerUnderTest) async throws -> Void
    ) async throws {
        let server = try ServerUnderTest()
        do {
            try await server.setUp()
            let items = milters.enumerated().map { number, milter in
                "  - name: m\(number)\n    address: inet:127.0.0.1:\(milter.port)\n\(more)"
            }
            let manifest = server.folder.text(of: "martlet.yaml") + "\nmilters:\n" + items.joined()
            try server.folder.write(manifest, to: "martlet.yaml", mode: 0o600)
            try await server.start()
            try await body(server)
        } catch {
            for milter in milters { await milter.stop() }
            _ = try? await server.stop()
            throw error
        }
        #expect(try await server.stop() == 0)
        for milter in milters { await milter.stop() }
    }

    /// Sends a message and looks for a reply.
    private func send(
        _ server: ServerUnderTest, expecting reply: String, from: String = "x@remote.test", body: String? = nil,
        more: [String] = []
    ) async throws {
        var message = Self.message.replacingOccurrences(of: "a@remote.test", with: body == nil ? "a@remote.test" : from)
        if from == ServerUnderTest.account { message = message.replacingOccurrences(of: "a@remote.test", with: from) }
        if let body { message += body + "\n" }
        let file = try server.folder.write(message, to: "message.eml")
        let target = more.isEmpty ? ["--server", "127.0.0.1:\(server.port(25))"] : more
        let result = try await ProcessRunner.run(
            [try Peer.require("swaks"), "--from", from, "--to", ServerUnderTest.account, "--data", file] + target)
        #expect(result.output.contains(reply), "\(result)\n\(server.log.suffix(3000))")
    }

    /// The text of a stored message; nil when there is none.
    private func newest(_ server: ServerUnderTest, besides other: String? = nil) -> String? {
        let blobs = server.folder.file("data/blobs")
        let paths = FileManager.default.enumerator(atPath: blobs)?.allObjects.compactMap { $0 as? String } ?? []
        let texts = paths.compactMap { try? String(contentsOfFile: "\(blobs)/\($0)", encoding: .utf8) }
        return texts.first { $0 != other && $0.contains("Received: ") }
    }
}
