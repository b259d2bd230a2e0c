import MailConfig
import Testing

@Suite struct RoutingCheckTests {
    private static let isp = "{name: isp, kind: smarthost, hosts: [\"[mail.isp.example]:587\"]}"

    private func load(_ yaml: String) -> Result<LoadedManifest, ManifestErrors> {
        ManifestLoader.load(text: "server: {hostname: a.example.org}\n\(yaml)", file: "martlet.yaml")
    }

    private func warnings(_ yaml: String) throws -> [String] { try load(yaml).get().notes.map(\.description) }

    @Test(
        "Routes and rules that can't do what they say are errors",
        arguments: [
            ("routes: [{name: a, kind: smarthost}]", "the route `a` has no hosts"),
            ("routes: [{name: a, kind: hold, hosts: [b.example]}]", "takes none"),
            ("routes: [{name: a, kind: smarthost, hosts: [\"unix:/run/a\"]}]", "leads to a socket"),
            ("routes: [{name: a, kind: fail}]", "fails without a `text`"),
            ("routes: [{name: direct, kind: hold}]", "is not of kind `direct`"),
            ("routes: [\(isp), {name: isp, kind: hold}]", "two routes with the name `isp`"),
            ("routes: [\(isp)]\n  rules: [{route: ips}]", "did you mean `isp`?"),
            ("rules: [{route: nowhere}]", "name one of `direct`"),
            (
                "routes: [{name: a, kind: smarthost, hosts: [b], tls: none, login: {username: u, password_file: /p}}]",
                "would be sent in the clear"
            ),
            ("routes: [{name: a, kind: direct, login: {username: u, password_file: /p}}]", "can't use one"),
            ("routes: [{name: a, kind: smarthost, hosts: [b], tls: none, implicit_tls: true}]", "remove one of them"),
            ("routes: [{name: a, kind: smarthost, hosts: [b], tls: fingerprint}]", "asks for fingerprints"),
            ("routes: [{name: a, kind: hold, fallback: {route: direct}}]", "makes no attempts"),
            ("routes: [{name: a, kind: direct, fallback: {route: b}}]", "`b`, is not there"),
            (
                "routes: [{name: a, kind: direct, fallback: {route: b}}, {name: b, kind: direct, fallback: {route: a}}]",
                "in a circle: a → b → a"
            ),
            ("routes: [\(isp)]\n  rules: [{route: isp, sender: \"*@a.example\"}]", "not an address pattern"),
            ("routes: [{name: a, kind: smarthost, hosts: [\"smtp://b:587\"]}]", "a link is no host"),
            ("routes: [{name: a, kind: direct, source_addresses: [192.0.2.1, 192.0.2.2]}]", "of one family"),
        ])
    func errors(_ routing: String, _ hint: String) {
        guard case .failure(let errors) = load("routing:\n  \(routing)\n") else {
            return #expect(Bool(false), "accepted: \(routing)")
        }
        #expect(errors.description.contains(hint), "\(errors)")
        #expect(errors.diagnostics.allSatisfy { $0.line == 3 || $0.line == 4 }, "\(errors)")
    }

    @Test func aRouteByDANENeedsAResolverThatValidates() throws {
        func load(_ dns: String) -> Result<LoadedManifest, ManifestErrors> {
            ManifestLoader.load(
                text: "server: {hostname: a.example.org, dns: \(dns)}\nrouting:\n  routes: [\n    "
                    + "{name: a, kind: smarthost, hosts: [b.example], tls: dane-only}]\n  rules: [{route: a}]\n",
                file: "martlet.yaml")
        }
        guard case .failure(let errors) = load("{forwarders: [192.0.2.53]}") else { return #expect(Bool(false)) }
        #expect(errors.description.contains("asks for `dane-only`, and `server.dns` validates nothing"), "\(errors)")
        #expect(errors.diagnostics.first?.line == 4)
        for dns in ["{}", "{forwarders: [192.0.2.53], trust_anchor: /k}"] { _ = try load(dns).get() }
    }

    @Test func aSmarthostAndADefaultRuleAreAContradiction() {
        let yaml = "outbound: {smarthost: {host: h.example}}\nrouting:\n  rules: [{route: direct}]\n"
        guard case .failure(let errors) = load(yaml) else { return #expect(Bool(false)) }
        #expect(errors.description.contains("takes all mail, and so does `outbound.smarthost`"))
    }

    @Test(
        "What can never matter is said",
        arguments: [
            ("routes: [\(isp)]", "no mail takes it"),
            ("routes: [\(isp)]\n  rules: [{route: isp}, {route: direct, sender: \"@a.example\"}]", "takes everything"),
            (
                "routes: [\(isp)]\n  rules: [{route: isp, sender: \"@a.example\"}, {route: direct, sender: u@a.example}]",
                "(line 4), for `isp`, takes all that it would take"
            ),
            (
                """
                routes:
                    - {name: isp, kind: smarthost, hosts: [b], sender_logins: [
                        {sender: x@c.example, username: u, password_file: /p}]}
                  rules: [{route: isp, sender: "@a.example"}]
                """, "the login for `x@c.example` on the route `isp` is never used"
            ),
            (
                """
                routes:
                    - {name: isp, kind: smarthost, hosts: [b], sender_logins: [
                        {sender: "@c.example", username: u, password_file: /p},
                        {sender: x@c.example, username: v, password_file: /p}]}
                  rules: [{route: isp, sender: "@c.example"}]
                """, "the login for `x@c.example` on the route `isp` is never used: the one for `@c.example`"
            ),
            (
                "routes: [\(isp)]\n  rules: [{route: isp, sender: u@a.example, except: {sender: \"@a.example\"}}]",
                "`except` takes out all"
            ),
            (
                "routes: [{name: isp, kind: smarthost, hosts: [\"b:587\"], implicit_tls: true}]\n  rules: [{route: isp}]",
                "begins with STARTTLS there"
            ),
            (
                "routes: [{name: isp, kind: smarthost, hosts: [\"[A.example.org]:25\"]}]\n  rules: [{route: isp}]",
                "leads to this very server"
            ),
            ("routes: [\(isp)]\n  rules: [{route: isp, larger_than: 50MB}]", "not below `limits.message_size`"),
            ("routes: [\(isp)]\n  rules: [{route: isp, login: printer}]", "no device has the name `printer`"),
            (
                "routes: [{name: isp, kind: smarthost, hosts: [\"b:465\"], implicit_tls: false}]\n  rules: [{route: isp}]",
                "goes to port 465"
            ),
            ("credentials: [{\"[mail.isp.example]:587\": \"u:p\"}]", "nothing uses the logins"),
            (
                "routes: [\(isp)]\n  rules: [{route: isp}]\n  credentials: [{\"[mail.isp.example]\": \"u:p\"}]",
                "the login for `[mail.isp.example]` in `routing.credentials` is never used"
            ),
        ])
    func warns(_ routing: String, _ hint: String) throws {
        let found = try warnings("routing:\n  \(routing)\n")
        #expect(found.count == 1 && found.first?.contains(hint) == true, "\(found)")
        #expect(!found.contains { $0.contains("u:p") })
    }

    @Test(
        "What can matter is not complained about",
        arguments: [
            "routes: [\(isp)]\n  rules: [{route: isp, sender: \"@a.example\"}, {route: direct}]",
            "routes: [\(isp)]\n  rules: [{route: isp, sender: u@a.example}, {route: direct, sender: \"@a.example\"}]",
            "routes: [\(isp)]\n  rules: [{route: isp, sender: \"*\"}, {route: direct, sender: \"<>\"}]",
            "routes: [\(isp), {name: direct, kind: direct, fallback: {route: isp, after: 3}}]",
            "routes: [\(isp)]\n  sender_relay: [{\"@a.example\": \"route:isp\"}]",
            "routes: [\(isp)]\n  transport: [\"hash:/etc/transport\"]",
            "routes: [\(isp)]\n  rules: [{route: isp}]\n  credentials: [{\"[mail.isp.example]:587\": \"u:p\"}]",
            "sender_relay: [{\"@a.example\": \"[h]:587\"}]\n  credentials: [{\"[h]:587\": \"u:p\", \"u@a.example\": \"u:p\"}]",
            "sender_relay: [{\"@a.example\": \"isp.example\"}]\n  credentials: [{\"mx.isp.example\": \"u:p\"}]",
        ])
    func quiet(_ routing: String) throws {
        #expect(try warnings("routing:\n  \(routing)\n") == [])
    }
}
