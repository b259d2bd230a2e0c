import MailSyntax
import Testing

@testable import MailConfig

@Suite struct ListenerTests {
    private func load(_ items: String) throws -> [Listener] {
        let text = "server: {hostname: a.b}\nlisteners: [\(items)]\n"
        return try ManifestLoader.load(text: text, file: "martlet.yaml").get().manifest.listeners
    }

    @Test func `the keys of a listener are read and shown as they were written`() throws {
        let text =
            "{name: printers, kind: device, address: 192.0.2.1, port: 2500, auth: required, auth_without_tls: yes}"
        let listener = try #require(try load(text).first)
        var expected = Listener(name: "printers", kind: .device, address: "192.0.2.1", port: 2500)
        expected.auth = .required
        expected.allowsClearTextAuth = true
        #expect(listener == expected)
        let setting = try #require(Schema.settings.first { $0.path == "listeners" })
        var manifest = Manifest()
        manifest.listeners = [listener]
        let shown = try #require(setting.text(in: manifest))
        #expect(try load(String(shown.dropFirst().dropLast())) == [listener])
    }

    @Test(arguments: [
        ("submission", Listener.Auth.required), ("submissions", .required), ("device", .optional), ("mx", .off),
    ])
    func `logins have a standard for each kind`(kind: String, expected: Listener.Auth) throws {
        #expect(try load("{kind: \(kind)}").first?.authentication == expected)
        #expect(try load("{kind: \(kind), auth: off}").first?.authentication == .off)
    }

    @Test func `a listener of IMAP may take passwords in the clear`() throws {
        #expect(try load("{kind: imap, auth_without_tls: true}").first?.allowsClearTextAuth == true)
        #expect(try load("{kind: imap}").first?.allowsClearTextAuth == false)
    }

    @Test(arguments: [
        ("{kind: mx}", false), ("{kind: mx, auth: optional}", true), ("{kind: device}", true),
        ("{kind: device, auth_without_tls: true}", false), ("{kind: device, auth: off}", false),
        ("{kind: submission}", true), ("{kind: submission, auth: off}", false),
        ("{kind: submissions, auth: off}", true),
    ])
    func `a certificate is needed where passwords need it`(text: String, needsIt: Bool) throws {
        #expect(try load(text).first?.needsCertificate == needsIt)
    }

    @Test(arguments: [
        ("{kind: mx, auth: sometimes}", "not one of its words"),
        ("{kind: imap, auth: required}", "a rule for logins"),
        ("{kind: imaps, auth_without_tls: true}", "a rule for logins"),
        ("{kind: pop3, auth_without_tls: true}", "a rule for logins"),
        ("{kind: mx, socket: /run/x}", "with `socket`"),
        ("{kind: mx, socket_mode: 0600}", "with `socket_mode`"),
        ("{kind: mx, proxy: 10.0.0.0/33}", "not a network"),
        ("{kind: devices}", "not one of its words"),
    ])
    func `what does not go together is refused`(text: String, message: String) throws {
        let errors = try #require(throws: ManifestErrors.self) { try load(text) }
        #expect(errors.diagnostics.count == 1)
        #expect(errors.diagnostics.first?.message.contains(message) == true)
        #expect(errors.diagnostics.first?.line == 2)
    }
}
