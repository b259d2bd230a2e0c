import MailConfig
import MailPolicy
import MailSyntax
import MartletTesting
import NIOCore
import NetTransport
import SMTPCore
import SMTPServer
import Testing

/// Who may send, on the wire.
@Suite struct SendingTests {
    private static let preamble = "server: {hostname: mx.example.org}\nlisteners: [{kind: mx}, {kind: device}]\n"

    private func rules(_ text: String) throws -> PolicyRules {
        PolicyRules(try ManifestLoader.load(text: Self.preamble + text, file: "m.yaml").get())
    }

    private static func plain(_ login: String, _ password: String = "secret") -> String {
        "AUTH PLAIN " + Base64.encode(Array("\0\(login)\0\(password)".utf8))
    }

    private func play(
        _ role: SMTPSessionConfiguration.Role, _ manifest: String, _ transcript: String, backend: FakeBackend,
        adjust: (inout SMTPServerSettings) -> Void = { _ in }
    ) async throws {
        let rules = try rules(manifest)
        try await TestServer(backend: backend).run(
            role,
            adjust: { settings in
                settings.rules = rules
                adjust(&settings)
            }
        ) { client, _ in
            await client.play("S: 220\nC: EHLO c\nS: 250\n" + transcript)
        }
    }

    @Test func `a trusted network submits without a login and without TLS`() async throws {
        let backend = FakeBackend()
        let message = "C: DATA\nS: 354\nC: Subject: x\nC: \nC: text\nC: .\nS: 250"
        try await play(
            .submission, "relay: {networks: 127.0.0.0/8}",
            "C: MAIL FROM:<app@example.net>\nS: 250\nC: RCPT TO:<x@elsewhere.example>\nS: 250\n" + message,
            backend: backend)
        let text = try backend.text(0)
        #expect(text.contains("\r\nFrom: app@example.net\r\n") && text.contains("\r\nMessage-ID: <"))
    }

    @Test(arguments: [
        ("", "530 5.7.0"),
        ("relay: {networks: 192.0.2.0/24}", "530 5.7.0"),
        ("relay: {networks: 127.0.0.1, permit: login}", "530 5.7.0"),
        ("relay: {networks: 127.0.0.1, permit: both}", "530 5.7.0"),
        ("relay: {networks: 127.0.0.1, permit: network}", "250"),
        ("relay: {networks: 127.0.0.1, senders: \"@example.net\"}", "250"),
        (
            "relay: {networks: 127.0.0.1, senders: \"@example.org\"}",
            "554 5.7.1 <app@example.net>: Sender address rejected: Access denied"
        ),
        ("sending: {rules: [{match: app@example.net, send: false}]}\nrelay: {networks: 127.0.0.1}", "554 5.7.1"),
    ])
    func `submission without a login is for trusted networks`(_ test: (String, String)) async throws {
        try await play(
            .submission, test.0, "C: MAIL FROM:<app@example.net>\nS: \(test.1)", backend: FakeBackend(),
            adjust: { $0.offersTLS = false })
    }

    @Test func `on port 25 the senders of a network are judged when it relays`() async throws {
        try await play(
            .mx, "relay: {networks: 127.0.0.1, senders: \"@example.org\"}",
            """
            C: MAIL FROM:<app@example.net>
            S: 250
            C: RCPT TO:<alice@example.org>
            S: 250
            C: RCPT TO:<x@elsewhere.example>
            S: 554 5.7.1 <app@example.net>: Sender address rejected: Access denied
            C: RSET
            S: 250
            C: MAIL FROM:<>
            S: 250
            C: RCPT TO:<x@elsewhere.example>
            S: 554 5.7.1 <>: Sender address rejected
            C: RSET
            S: 250
            C: MAIL FROM:<app@example.org>
            S: 250
            C: RCPT TO:<x@elsewhere.example>
            S: 250
            """, backend: FakeBackend())
    }

    @Test func `strangers reach hosted and relayed domains alone`() async throws {
        try await play(
            .mx, "relay: {domains: [partner.example, .partner.example]}",
            """
            C: MAIL FROM:<a@example.net>
            S: 250
            C: RCPT TO:<x@elsewhere.example>
            S: 554 5.7.1 <x@elsewhere.example>: Relay access denied
            C: RCPT TO:<x@partner.example>
            S: 250
            C: RCPT TO:<x@deep.partner.example>
            S: 250
            C: RCPT TO:<x@notpartner.example>
            S: 554
            """, backend: FakeBackend())
    }

    @Test func `an address that may not receive is refused, with a tag too`() async throws {
        try await play(
            .mx, "sending: {rules: [{match: alice@example.org, receive: false}]}",
            """
            C: MAIL FROM:<a@example.net>
            S: 250
            C: RCPT TO:<alice+x@example.org>
            S: 554 5.7.1 <alice+x@example.org>: Recipient address rejected: Access denied
            C: RCPT TO:<postmaster@example.org>
            S: 250
            """, backend: FakeBackend())
    }

    private static let printer =
        "devices: [{name: printer, username: Printer, password_file: /p, senders: printer@example.org}]"

    @Test(
        arguments: [
            (printer, "printer", "secret", "235"),
            (printer, "printer", "wrong", "535"),
            (printer.dropLast(2) + ", networks: 127.0.0.0/8}]", "PRINTER", "secret", "235"),
            (printer.dropLast(2) + ", networks: 192.0.2.1}]", "printer", "secret", "535 5.7.8"),
        ] as [(String, String, String, String)])
    func `a device logs in where it may be`(_ test: (String, String, String, String)) async throws {
        var transcript = "C: \(Self.plain(test.1, test.2))\nS: \(test.3)\n"
        if test.3 == "235" {
            transcript += """
                C: MAIL FROM:<other@example.org>
                S: 553 5.7.1 <other@example.org>: Sender address rejected: not owned by user printer
                C: MAIL FROM:<>
                S: 553 5.7.1
                C: MAIL FROM:<scan>
                S: 250
                C: RCPT TO:<x@elsewhere.example>
                S: 250
                """
        }
        try await play(
            .device, test.0, transcript, backend: FakeBackend(),
            adjust: {
                $0.authentication = .optional
                $0.offersClearTextAuthentication = true
            })
    }

    @Test(
        arguments: [
            ("relay: {permit: both, networks: 192.0.2.0/24}\n" + printer, "554 5.7.1"),
            ("relay: {permit: network, networks: 192.0.2.0/24}\n" + printer, "554 5.7.1"),
            ("relay: {permit: both, networks: 127.0.0.1}\n" + printer, "250"),
            (
                "relay: {permit: both, networks: 192.0.2.0/24}\n" + printer.dropLast(2) + ", networks: 127.0.0.1}]",
                "250"
            ),
        ] as [(String, String)])
    func `a device without networks of its own sends from where anybody may`(_ test: (String, String)) async throws {
        try await play(
            .submission, test.0,
            """
            C: \(Self.plain("printer", "secret"))
            S: 235
            C: MAIL FROM:<printer@example.org>
            S: 250
            C: RCPT TO:<x@elsewhere.example>
            S: \(test.1)
            """, backend: FakeBackend(), adjust: { $0.offersClearTextAuthentication = true })
    }

    @Test func `a device without a login is known by its network, and nobody else is`() async throws {
        let camera = "devices: [{name: camera, senders: \"@cam.example\", networks: 127.0.0.1}]"
        try await play(
            .device, camera,
            """
            C: MAIL FROM:<any@cam.example>
            S: 250
            C: RCPT TO:<x@elsewhere.example>
            S: 250
            C: RSET
            S: 250
            C: MAIL FROM:<any@example.org>
            S: 553 5.7.1 <any@example.org>: Sender address rejected: not owned by user camera
            """, backend: FakeBackend())
        try await play(
            .device, camera.replacing("127.0.0.1", with: "192.0.2.1"), "C: MAIL FROM:<any@cam.example>\nS: 530",
            backend: FakeBackend())
        // Only on a listener for devices.
        try await play(
            .mx, camera, "C: MAIL FROM:<any@cam.example>\nS: 250\nC: RCPT TO:<x@elsewhere.example>\nS: 554 5.7.1",
            backend: FakeBackend())
    }

    @Test(arguments: [
        ("From: Alice <alice@example.org>", "250"),
        ("From: alice@example.org, Bob <bob@example.org>", "550 5.7.1 <bob@example.org>: From address rejected"),
        ("From: Team: alice@example.org, bob@example.org;", "550 5.7.1 <bob@example.org>"),
        ("From: Team: alice@example.org;", "250"),
        // Granted to her.
        ("From: Sales <sales@example.org>", "250"),
        ("From: undisclosed:;", "550 5.7.1"),
        (
            "From: \"alice@example.org\" <ceo@example.com>",
            "550 5.7.1 <ceo@example.com>: From address rejected: not owned"
        ),
        ("From: bob@-bad-.example", "550 5.7.1"),
        ("Subject: no author", "250"),
    ])
    func `with bind_header_from every author is the login's own`(_ test: (String, String)) async throws {
        let rules = try rules("relay: {bind_header_from: true}")
        try await TestServer(backend: FakeBackend()).run(
            .submission, tls: .implicit(try TestServer.store()), adjust: { $0.rules = rules }
        ) { client, _ in
            await client.play(
                """
                S: (tls)
                S: 220
                C: EHLO c
                S: 250
                C: \(Self.plain("alice@example.org"))
                S: 235
                C: MAIL FROM:<alice@example.org>
                S: 250
                C: RCPT TO:<x@elsewhere.example>
                S: 250
                C: DATA
                S: 354
                C: \(test.0)
                C| \\r\\n
                C: text
                C: .
                S: \(test.1)
                """)
        }
    }
}
