import Foundation
import MartletTesting
import Testing

/// The manifests of `examples/` as they are, but for ports, hosts and paths: mail through Martlet to a real Postfix that
/// asks a real Dovecot for logins, and is also the MX of the recipients.
@Suite(.serialized, .enabled(if: Peer.present("postfix", "dovecot", "unbound", "openssl")))
struct RelayExampleTests {
    /// Who sends, and who Postfix says has logged in to bring it; nil for mail by MX.
    typealias Way = (sender: String, login: String?)

    private static let users = [
        "username", "username1", "username2", "user", "user@isp.example", "hisaccount", "your-account",
    ]

    @Test(.timeLimit(.minutes(2))) func standAlone() async throws {
        try await run("stand-alone", [:], [("a@one.example", nil), ("<>", nil)])
    }

    @Test(.timeLimit(.minutes(2))) func smarthostOn587() async throws {
        let ways: [Way] = [("a@one.example", "user@isp.example"), ("<>", "user@isp.example")]
        try await run("smarthost", ["[mail.isp.example]:587": .submission], ways)
    }

    @Test(.timeLimit(.minutes(2))) func smarthostOn465() async throws {
        let ways: [Way] = [("a@one.example", "user@isp.example"), ("b@two.example", "user@isp.example")]
        try await run("smarthost-465", ["[mail.isp.example]:465": .submissions], ways)
    }

    private static let perSender: [Way] = [
        ("user1@example.com", "username1"), ("user2@example.net", "username2"), ("else@example.org", "username"),
        ("<>", "username"),
    ]
    private static let perSenderHosts: [String: PeerPort] = [
        "[mail.example.com]:587": .submission, "[mail.example.net]:465": .submissions,
        "[mail.isp.example]:587": .submission,
    ]

    @Test(.timeLimit(.minutes(2))) func perSenderRelays() async throws {
        try await run("per-sender-relays", Self.perSenderHosts, Self.perSender)
    }

    @Test(.timeLimit(.minutes(2))) func perSenderTables() async throws {
        // A table can't say that another port than 465 is TLS from the first octet.
        let hosts = Self.perSenderHosts.mapValues { _ in PeerPort.submission }
        try await run("per-sender-tables", hosts, Self.perSender) { server, postfix in
            let isp = "[127.0.0.1]:\(postfix.submissionPort)"
            return try server.folder.write(
                """
                # who     login
                user1@example.com  username1:\(SASLPeer.password)
                user2@example.net  username2:\(SASLPeer.password)
                \(isp)  username:\(SASLPeer.password)

                """, to: "sasl_passwd", mode: 0o600)
        }
    }

    @Test(.timeLimit(.minutes(2))) func twoOfThreeDomainsThroughARelay() async throws {
        let ways: [Way] = [
            ("a@one.example", "user"), ("b@two.example", "user"), ("c@three.example", nil), ("d@unlisted.example", nil),
            ("e@sub.one.example", nil), ("direct@one.example", nil), ("<>", nil),
        ]
        try await run("relay-domains", ["[relay.example.com]:587": .submission], ways)
    }

    @Test(.timeLimit(.minutes(2))) func localAddressesLeaveAsTheProviders() async throws {
        let ways: [Way] = [
            ("his@localdomain.local", "hisaccount"), ("her@localdomain.local", "hisaccount"),
            ("else@localdomain.local", "hisaccount"), ("x@other.example", "hisaccount"),
        ]
        let leaving = [
            "his@localdomain.local": "hisaccount@hisisp.example", "her@localdomain.local": "heraccount@herisp.example",
            "else@localdomain.local": "hisaccount+local@hisisp.example",
        ]
        try await run("generic-maps", ["[mail.hisisp.example]:587": .submission], ways, leaving: leaving)
    }

    @Test(.timeLimit(.minutes(2))) func mailForTheAddressAtTheProviderStaysHere() async throws {
        let local = "your-login-name@hostname.localdomain"
        let outside = "your-account@your-isp.example"
        try await run(
            "canonical-virtual", ["[mail.your-isp.example]:587": .submission], [(local, "your-account")],
            leaving: [local: outside],
            before: { server in
                let secret = try server.folder.write(ServerUnderTest.password + "\n", to: "password", mode: 0o600)
                try await server.succeed("domain", "add", "hostname.localdomain", "--postmaster", local)
                try await server.succeed("account", "add", local, "--password-file", secret)
            },
            after: { server in
                let sent = try await Peer.python("relay_send", ["\(server.port(25))", outside, "someone@else.example"])
                expectSuccess(sent, server)
                let accounts = try await server.succeed("account", "list", "--json")
                #expect(accounts.filter { !$0.isWhitespace }.contains("\"messages\":1"), "\(accounts)")
            })
    }

    // MARK: Parts

    enum PeerPort: Sendable {
        case submission
        case submissions
    }

    private func run(
        _ example: String, _ hosts: [String: PeerPort], _ ways: [Way], leaving: [String: String] = [:],
        credentials: (ServerUnderTest, PostfixPeer) throws -> String? = { _, _ in nil },
        before: (ServerUnderTest) async throws -> Void = { _ in },
        after: (ServerUnderTest) async throws -> Void = { _ in }
    ) async throws {
        let server = try ServerUnderTest()
        let sasl = try await SASLPeer.start(mechanisms: ["plain", "login"], users: Self.users)
        let postfix = try PostfixPeer(routes: [], sasl: sasl.socket)
        let zone = try await ZonePeer.start(
            zones: [PostfixPeer.domain],
            records: [
                "\(PostfixPeer.domain). 300 IN MX 10 \(PostfixPeer.hostname).",
                "\(PostfixPeer.hostname). 300 IN A 127.0.0.1",
            ])
        do {
            try await postfix.start()
            try use(example, server, postfix, hosts, credentials: try credentials(server, postfix))
            try await before(server)
            try await server.start([
                "MARTLET_SERVER_DNS_FORWARDERS": zone.forwarder, "MARTLET_OUTBOUND_PORT": "\(postfix.port)",
            ])
            try await send(ways, leaving, server, postfix)
            try await after(server)
        } catch {
            await leave(postfix, sasl, zone)
            _ = try? await server.stop()
            throw error
        }
        await leave(postfix, sasl, zone)
        #expect(try await server.stop() == 0)
    }

    /// The example with this test's ports, hosts and files. The peer's certificate is known by its fingerprint only.
    private func use(
        _ example: String, _ server: ServerUnderTest, _ postfix: PostfixPeer, _ hosts: [String: PeerPort],
        credentials: String?
    ) throws {
        var texts = ["/var/lib/martlet": server.data, "port: 25}": "port: \(server.port(25))}"]
        for (host, port) in hosts {
            let implicit = port == .submissions
            texts[host] = "[127.0.0.1]:\(implicit ? postfix.submissionsPort : postfix.submissionPort)"
        }
        let password = try server.folder.write(SASLPeer.password + "\n", to: "relay.password", mode: 0o600)
        for name in ["isp", "work", "home", "relay"] { texts["/etc/martlet/\(name).password"] = password }
        if let credentials { texts["/etc/postfix/sasl_passwd"] = credentials }
        let file = Peer.root.appending(path: "examples/\(example).yaml")
        let written = try String(contentsOf: file, encoding: .utf8)
        let isImplicit = hosts.contains { $0.value == .submissions && written.contains($0.key) }
        texts["tls: secure"] = "tls: encrypt"
        try server.useExample(example, replacing: texts.filter { written.contains($0.key) })
        guard isImplicit else { return }
        // The peer's port is not 465, which alone would say it.
        let text = try String(contentsOfFile: server.config, encoding: .utf8)
        let implicit = "hosts: [\"[127.0.0.1]:\(postfix.submissionsPort)\"]"
        try server.folder.write(
            text.replacingOccurrences(of: implicit, with: "implicit_tls: true\n      \(implicit)"), to: "martlet.yaml",
            mode: 0o600)
    }

    /// - Parameter leaving: what senders are called on the way out, where that is another address.
    private func send(
        _ ways: [Way], _ leaving: [String: String], _ server: ServerUnderTest, _ postfix: PostfixPeer
    ) async throws {
        let sent = try await Peer.python(
            "relay_send", ["\(server.port(25))", "sink@\(PostfixPeer.domain)"] + ways.map(\.sender))
        expectSuccess(sent, server)
        try await eventually(
            within: .seconds(40), "\(ways.count) messages\n\(server.log.suffix(3000))\n\(postfix.log.suffix(3000))"
        ) {
            postfix.messages.count >= ways.count
        }
        let texts = try postfix.messages.map { try String(contentsOfFile: $0, encoding: .utf8) }
        for (sender, login) in ways {
            let path = sender == "<>" ? "<>" : "<\(leaving[sender] ?? sender)>"
            let text = try #require(texts.first { $0.contains("Return-Path: \(path)\n") }, "nothing from \(sender)")
            let hop = try #require(text.components(separatedBy: "\nReceived: ").dropFirst().first)
            if let address = leaving[sender] {
                #expect(text.contains("\nFrom: \(address)\n") && !text.contains(sender), "\(text)")
            }
            if let login {
                #expect(hop.contains("(Authenticated sender: \(login))"), "\(sender): \(hop)")
                #expect(hop.contains(" with ESMTPSA id "), "\(sender): \(hop)")
            } else {
                #expect(!hop.contains("Authenticated sender") && !hop.contains("ESMTPSA"), "\(sender): \(hop)")
            }
        }
        try await eventually(within: .seconds(10), "the queue is empty") {
            try await server.succeed("queue", "list", "--json").filter { !$0.isWhitespace } == "[]"
        }
    }

    private func leave(_ postfix: PostfixPeer, _ sasl: SASLPeer, _ zone: ZonePeer) async {
        await postfix.stop()
        await sasl.stop()
        await zone.stop()
    }
}
