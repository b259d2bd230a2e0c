import Foundation
import MartletTesting
import Testing

/// All mail through a real Postfix that asks for a login, which a real Dovecot judges.
@Suite(.serialized, .enabled(if: Peer.present("postfix", "dovecot", "openssl")))
struct SmarthostTests {
    struct Way: Sendable, CustomTestStringConvertible {
        var tls: String
        var mechanisms: [String]

        var testDescription: String { "\(tls), \(mechanisms.joined(separator: " "))" }
    }

    @Test(
        "Mail leaves by a login at the smarthost",
        .timeLimit(.minutes(2)),
        arguments: [
            Way(tls: "starttls", mechanisms: ["plain", "login"]), Way(tls: "starttls", mechanisms: ["login"]),
            Way(tls: "implicit", mechanisms: ["plain", "login"]), Way(tls: "implicit", mechanisms: ["login"]),
        ])
    func delivers(_ way: Way) async throws {
        try await with(way, password: SASLPeer.password) { server, postfix in
            try await submit(server)
            try await eventually(within: .seconds(30), "the message at the smarthost\n\(server.log.suffix(2000))") {
                !postfix.messages.isEmpty
            }
            let text = try String(contentsOfFile: try #require(postfix.messages.first), encoding: .utf8)
            #expect(text.contains("(Authenticated sender: \(SASLPeer.user))"))
            #expect(text.contains(" with ESMTPSA id "))
            try await eventually(within: .seconds(10), "the queue is empty") { try await isEmpty(server) }
        }
    }

    @Test(
        "A wrong password is told to the operator, mail waits, and leaves when the file is right",
        .timeLimit(.minutes(2)))
    func wrongPassword() async throws {
        try await with(Way(tls: "starttls", mechanisms: ["plain"]), password: "wrong") { server, postfix in
            try await submit(server)
            try await eventually(within: .seconds(30), "the log tells it\n\(server.log.suffix(2000))") {
                server.log.contains("a route takes no login")
            }
            try await eventually(within: .seconds(10), "the queue tells it") {
                try await server.succeed("queue", "list", "--json").contains("535")
            }
            #expect(try await !isEmpty(server) && postfix.messages.isEmpty)
            try writePassword(SASLPeer.password, server)
            try await server.succeed("queue", "flush")
            try await eventually(within: .seconds(30), "the message at the smarthost") { !postfix.messages.isEmpty }
        }
    }

    @Test("A smarthost that can't prove its name gets no login and no mail", .timeLimit(.minutes(2)))
    func unprovenName() async throws {
        let way = Way(tls: "starttls", mechanisms: ["plain"])
        try await with(way, password: SASLPeer.password, verify: true) { server, postfix in
            try await submit(server)
            try await eventually(within: .seconds(30), "the queue tells it") {
                try await server.succeed("queue", "list", "--json").contains("TLS failed")
            }
            #expect(!postfix.log.contains("sasl_method") && postfix.messages.isEmpty)
        }
    }

    // MARK: Parts

    private func with(
        _ way: Way,
        password: String,
        verify: Bool = false,
        _ body: (ServerUnderTest, PostfixPeer) async throws -> Void
    ) async throws {
        let server = try ServerUnderTest()
        try await server.setUp()
        let sasl = try await SASLPeer.start(mechanisms: way.mechanisms)
        let postfix = try PostfixPeer(routes: [], sasl: sasl.socket)
        do {
            try await postfix.start()
            try writePassword(password, server)
            try await server.start([
                "MARTLET_OUTBOUND_SMARTHOST_HOST": "127.0.0.1", "MARTLET_OUTBOUND_SMARTHOST_TLS": way.tls,
                "MARTLET_OUTBOUND_SMARTHOST_PORT":
                    "\(way.tls == "implicit" ? postfix.submissionsPort : postfix.submissionPort)",
                "MARTLET_OUTBOUND_SMARTHOST_VERIFY": "\(verify)",
                "MARTLET_OUTBOUND_SMARTHOST_USERNAME": SASLPeer.user,
                "MARTLET_OUTBOUND_SMARTHOST_PASSWORD_FILE": server.folder.file("smarthost.password"),
            ])
            try await body(server, postfix)
        } catch {
            await leave(postfix, sasl)
            _ = try? await server.stop()
            throw error
        }
        await leave(postfix, sasl)
        #expect(try await server.stop() == 0)
    }

    private func leave(_ postfix: PostfixPeer, _ sasl: SASLPeer) async {
        await postfix.stop()
        await sasl.stop()
    }

    private func writePassword(_ password: String, _ server: ServerUnderTest) throws {
        try server.folder.write(password + "\n", to: "smarthost.password", mode: 0o600)
    }

    private func submit(_ server: ServerUnderTest) async throws {
        expectSuccess(try await server.python("bulk", "submit", "sink@\(PostfixPeer.domain)", "1"), server)
    }

    private func isEmpty(_ server: ServerUnderTest) async throws -> Bool {
        try await server.succeed("queue", "list", "--json").filter { !$0.isWhitespace } == "[]"
    }
}
