import Foundation
import MartletTesting
import Testing

/// The same messages through Postfix and Martlet with the same tables: the same envelopes and headers come out.
@Suite(.enabled(if: Peer.present("postfix", "python3")))
struct RewritingTests {
    private static let fixtures = Peer.fixtures.appending(path: "Rewriting").path

    private func table(_ name: String) -> String { "texthash:\(Self.fixtures)/\(name)" }

    private func partChecks(_ areApart: Bool, _ write: (_ name: String, _ file: String) -> String) -> [String] {
        areApart ? ["mime_header_checks", "nested_header_checks"].map { write($0, "\(Self.fixtures)/\($0)") } : []
    }

    private func postfixSettings(_ sink: Int, _ areApart: Bool) -> [String] {
        [
            "relayhost = [127.0.0.1]:\(sink)", "myorigin = origin.test", "recipient_delimiter = +",
            "sender_canonical_maps = \(table("sender_canonical"))",
            "recipient_canonical_maps = \(table("recipient_canonical"))",
            "canonical_maps = \(table("canonical"))", "virtual_alias_maps = \(table("virtual"))",
            "smtp_generic_maps = \(table("generic"))", "sender_bcc_maps = \(table("sender_bcc"))",
            "recipient_bcc_maps = \(table("recipient_bcc"))", "masquerade_domains = !keep.masq.test masq.test",
            "masquerade_exceptions = root", "header_checks = regexp:\(Self.fixtures)/header_checks",
            "smtp_header_checks = regexp:\(Self.fixtures)/sending_checks",
        ] + partChecks(areApart) { "\($0) = regexp:\($1)" }
    }

    private func manifest(_ sink: Int, _ areApart: Bool) -> String {
        """

        relay:
          networks: ["127.0.0.0/8"]
        rewrite:
          origin: origin.test
          sender_canonical: [\(table("sender_canonical"))]
          recipient_canonical: [\(table("recipient_canonical"))]
          canonical: [\(table("canonical"))]
          virtual: [\(table("virtual"))]
          generic: [\(table("generic"))]
          sender_bcc: [\(table("sender_bcc"))]
          recipient_bcc: [\(table("recipient_bcc"))]
          masquerade_domains: ["!keep.masq.test", masq.test]
          masquerade_exceptions: [root]
          header_checks: ["regexp:\(Self.fixtures)/header_checks"]
          sending_header_checks: ["regexp:\(Self.fixtures)/sending_checks"]
          \(partChecks(areApart) { "\($0): [\"regexp:\($1)\"]" }.joined(separator: "\n  "))
        routing:
          routes:
            - {name: sink, kind: smarthost, hosts: ["[127.0.0.1]:\(sink)"], tls: none}
          rules:
            - {route: sink}

        """
    }

    /// - Parameter areApart: parts and attached messages have tables of their own.
    @Test("Envelope, header and parts are those of Postfix", .timeLimit(.minutes(3)), arguments: [false, true])
    func likePostfix(_ areApart: Bool) async throws {
        let ports = Peer.freePorts(2)
        let postfix = try PostfixPeer(routes: [], settings: postfixSettings(ports[0], areApart))
        let server = try ServerUnderTest()
        try await server.setUp()
        try server.folder.write(
            server.folder.text(of: "martlet.yaml") + manifest(ports[1], areApart), to: "martlet.yaml")
        let files = ports.map { server.folder.file("sink-\($0)") }
        let sinks = try zip(ports, files).map { port, file in
            try ChildProcess.start(
                ["/usr/bin/python3", "\(Self.fixtures)/sink.py", "\(port)", file], folder: server.folder.path)
        }
        defer { for sink in sinks { sink.signal(SIGTERM) } }
        try await eventually(within: .seconds(10), "the sinks listen") { ports.allSatisfy { !Peer.isFree($0) } }
        try await postfix.start()
        try await server.start()
        let result = try await ProcessRunner.run(
            [
                "/usr/bin/python3", "\(Self.fixtures)/compare.py", "\(postfix.port)", files[0], "\(server.port(25))",
                files[1],
            ], timeout: .seconds(120))
        #expect(
            result.succeeded,
            "\(result.output)\(result.errors)\n\(server.log.suffix(3000))\n\(postfix.log.suffix(3000))")
        await postfix.stop()
        #expect(try await server.stop() == 0)
    }

    @Test(
        "What an alias sends on leaves from an address of ours, and its bounce finds the sender",
        .timeLimit(.minutes(2)))
    func forwards() async throws {
        let port = Peer.freePorts(1)[0]
        let server = try ServerUnderTest()
        try await server.setUp()
        try server.folder.write("a secret of the test\n", to: "srs.secret", mode: 0o600)
        let manifest = """

            rewrite:
              srs: {domain: \(ServerUnderTest.domain), secret_file: srs.secret}
            routing:
              routes:
                - {name: sink, kind: smarthost, hosts: ["[127.0.0.1]:\(port)"], tls: none}
              rules:
                - {route: sink}

            """
        try server.folder.write(server.folder.text(of: "martlet.yaml") + manifest, to: "martlet.yaml")
        try await server.succeed("alias", "add", "fwd@\(ServerUnderTest.domain)", "away@elsewhere.test")
        let file = server.folder.file("sink")
        let sink = try ChildProcess.start(
            ["/usr/bin/python3", "\(Self.fixtures)/sink.py", "\(port)", file], folder: server.folder.path)
        defer { sink.signal(SIGTERM) }
        try await eventually(within: .seconds(10), "the sink listens") { !Peer.isFree(port) }
        try await server.start()
        let result = try await ProcessRunner.run(
            [
                "/usr/bin/python3", "\(Self.fixtures)/forward.py", "\(server.port(25))", file,
                "fwd@\(ServerUnderTest.domain)",
            ], timeout: .seconds(60))
        #expect(result.succeeded, "\(result.output)\(result.errors)\n\(server.log.suffix(3000))")
        #expect(try await server.stop() == 0)
    }
}
