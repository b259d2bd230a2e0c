import MailSyntax
import Testing

@testable import MailConfig

@Suite struct ManifestValidatorTests {
    @Test(arguments: [
        ("listeners: []", "`listeners` is empty"),
        ("listeners: [{kind: mx}, {kind: mx, port: 26}]", "two items with the name `mx`"),
        ("listeners: [{kind: mx}, {kind: imap, address: 127.0.0.1, port: 25}]", "want the same port 25"),
        ("tls: {self_signed: false}", "needs a certificate"),
        ("queue: {minimum_backoff: 2h}", "longer than `queue.maximum_backoff`"),
        ("queue: {lifetime: 1m}", "ends before the second attempt"),
        ("outbound: {smarthost: {port: 25}}", "`outbound.smarthost.host` is not"),
        ("outbound: {smarthost: {host: h, username: u}}", "`outbound.smarthost.password_file` is not"),
        ("outbound: {smarthost: {host: h, password_file: f}}", "`outbound.smarthost.username` is not"),
        ("outbound: {smarthost: {host: h, username: u, password_file: f, tls: none}}", "in the clear"),
        ("outbound: {bind: [192.0.2.1, 192.0.2.2]}", "two addresses of one family"),
        ("limits: {message_size: 100kB, header_size: 200kB}", "larger than `limits.message_size`"),
        ("dkim: {rsa_selector: ED1}", "are the same"),
        ("dkim: {retire_after: 4d}", "shorter than `queue.lifetime`"),
        ("dkim: {retire_after: 6d}\nqueue: {bounce_lifetime: 10d}", "shorter than `queue.bounce_lifetime`"),
        ("dkim: {rotate_every: 5d}", "shorter than the time that replaced keys are kept for"),
        ("mta_sts: {mode: testing}", "no listener is there to serve the policy"),
        ("mta_sts: {hosts: '*.*.example.org'}", "not a host name"),
        ("authentication: {trusted_sealers: s.example, arc: 'off'}", "but `authentication.arc` is `off`"),
        ("authentication: {temporary_errors: defer, dmarc: observe}", "no check is enforced"),
        ("authentication: {domains: [{match: d.example}]}", "a rule for `@d.example` that says nothing"),
        ("authentication: {domains: [{match: a@d.example, spf: 'off'}]}", "not a domain"),
        ("authentication: {seal: sometimes}", "is `sometimes`, not a domain"),
        (
            "authentication: {spf: 'off', dkim: 'off', arc: 'off', iprev: 'off', dmarc: 'off', seal: s.example}",
            "there is nothing to tell of"
        ),
        ("authentication: {known_forwarders: 'a b'}", "neither a network nor a host name"),
        ("storage: {data_directory: /\(String(repeating: "x", count: 100))}", "longer than 100 octets"),
    ])
    func contradictionsAreFound(text: String, message: String) throws {
        let errors = try #require(throws: ManifestErrors.self) {
            try ManifestLoader.load(text: "server: {hostname: a.b}\n\(text)\n", file: "martlet.yaml").get()
        }
        #expect(errors.diagnostics.count == 1)
        #expect(errors.diagnostics.first?.message.contains(message) == true)
        #expect(errors.diagnostics.first?.line == 2)
    }

    @Test(arguments: [
        "listeners: [{kind: mx, port: 0}, {kind: imap, port: 0}]",
        "listeners: [{kind: mx, address: 127.0.0.1}, {name: mx6, kind: mx, address: \"::1\"}]",
        "limits: {message_size: 100kB}", "listeners: [{kind: mx}]\ntls: {self_signed: false}",
        "outbound: {smarthost: {host: h, tls: none}}", "outbound: {bind: [\"::1\", 127.0.0.1]}",
        "outbound: {smarthost: }", "mta_sts: {mode: off, max_age: 1d}",
        "listeners: [{kind: mx}, {kind: https}]\nmta_sts: {mode: none, hosts: [mx.example.org, '*.example.net']}",
        "authentication: {trusted_sealers: s.example, known_forwarders: [192.0.2.1, '2001:db8::/32', h.example, .f.example]}",
        "authentication: {spf: off, dmarc: observe, exempt_networks: [], seal: Example.org}",
    ])
    func whatAgreesIsAccepted(text: String) throws {
        _ = try ManifestLoader.load(text: "server: {hostname: a.b}\n\(text)\n", file: "martlet.yaml").get()
    }

    @Test func aDomainNeedsAPostmaster() throws {
        let good = try #require(DomainName("example.org"))
        let bad = try #require(DomainName("example.net"))
        let found = ManifestValidator.check(domains: [
            .init(domain: good, hasPostmaster: true, origin: "directory revision 7"),
            .init(domain: bad, hasPostmaster: false, origin: "directory revision 8"),
        ])
        #expect(found.map(\.file) == ["directory revision 8"])
        #expect(found.first?.remedy == "`martlet alias add postmaster@example.net ADDRESS`")
    }
}
