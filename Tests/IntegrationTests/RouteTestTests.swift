import Foundation
import MartletTesting
import Testing

/// `martlet route test` and mail by routes, against a real Postfix with Dovecot's logins.
@Suite("The test of a route", .serialized, .enabled(if: Peer.present("postfix", "dovecot", "openssl")))
struct RouteTestTests {
    struct Report: Decodable {
        struct Line: Decodable {
            var who: String
            var text: String
        }
        struct Certificate: Decodable {
            var names: [String]
        }
        struct TLS: Decodable {
            var verified: Bool
        }
        struct Visit: Decodable {
            var dialogue: [Line]
            var tls: TLS?
            var chain: [Certificate]
            var offers: [String]
            var login: String?
            var ready: Bool
            var message: String?
            var failure: String?
        }
        var visits: [Visit]
    }

    static func manifest(_ server: ServerUnderTest, _ postfix: PostfixPeer) throws {
        try server.folder.write(SASLPeer.password + "\n", to: "password")
        try server.folder.write("wrong\n", to: "wrong")
        let login = "username: \(SASLPeer.user), password_file: \(server.folder.file("password"))"
        let text = """
            routing:
              routes:
                - name: relay
                  kind: smarthost
                  hosts: ["[127.0.0.1]:\(postfix.submissionPort)"]
                  login: { \(login) }
                - name: wrapped
                  kind: smarthost
                  hosts: ["[127.0.0.1]:\(postfix.submissionsPort)"]
                  implicit_tls: yes
                  tls: { level: verify }
                  login: { \(login) }
                - name: wrong
                  kind: smarthost
                  hosts: ["[127.0.0.1]:\(postfix.submissionPort)"]
                  login: { username: \(SASLPeer.user), password_file: \(server.folder.file("wrong")) }

            """
        let written = server.folder.text(of: "martlet.yaml")
        try server.folder.write(written + text, to: "martlet.yaml", mode: 0o600)
    }

    static func report(_ server: ServerUnderTest, _ words: [String]) async throws -> (Report, code: Int) {
        let result = try await server.command(["route", "test"] + words + ["--json"])
        let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
        return (report, Int(result.status))
    }

    @Test(
        "It shows dialogue, certificate and login, sends only when told to, and names no secret",
        arguments: [true, false])
    func shows(_ isRunning: Bool) async throws {
        let sasl = try await SASLPeer.start(mechanisms: ["plain", "scram-sha-256"], keepsPassword: true)
        let postfix = try PostfixPeer(routes: [], sasl: sasl.socket)
        try await postfix.start()
        let server = try ServerUnderTest()
        try await server.setUp()
        try Self.manifest(server, postfix)
        if isRunning { try await server.start() }

        let (open, code) = try await Self.report(server, ["relay"])
        let visit = try #require(open.visits.first)
        #expect(code == 0 && visit.ready && visit.login == "accepted with SCRAM-SHA-256")
        #expect(visit.tls?.verified == false && visit.chain.count == 1)
        #expect(visit.offers.contains("DSN") && visit.message == nil)
        #expect(visit.dialogue.contains { $0.who == "client" && $0.text == "AUTH SCRAM-SHA-256 …" })

        let (strict, refused) = try await Self.report(server, ["wrapped"])
        #expect(refused == 69 && strict.visits.first?.failure?.contains("the certificate is self-signed") == true)
        #expect(strict.visits.first?.chain.count == 1)

        let (wrong, denied) = try await Self.report(server, ["wrong"])
        #expect(denied == 69 && wrong.visits.first?.login?.hasPrefix("refused with SCRAM-SHA-256: 535") == true)

        #expect(postfix.messages.isEmpty)
        let text = try await server.succeed(
            "route", "test", "relay", "--to", "box@\(PostfixPeer.domain)", "--from", ServerUnderTest.account)
        #expect(text.contains("  message: delivered: 250 2.0.0 Ok: queued as "))
        #expect(!text.contains(SASLPeer.password))
        #expect(text.contains("  signing/dkim: d=\(ServerUnderTest.domain) → s=rsa1, s=ed1 [directory]"), "\(text)")
        try await eventually(within: .seconds(20), postfix.log) { postfix.messages.count == 1 }
        let records = try await server.succeed("dkim", "record", ServerUnderTest.domain)
        let file = try server.folder.write(records, to: "records")
        expectSuccess(try await server.python("tool", "verify", postfix.mailFolder, file, "1"), server)

        if isRunning { _ = try await server.stop() }
        await postfix.stop()
        await sasl.stop()
    }
}
