import MailSyntax
import Testing

@testable import MailConfig

/// What the manifest says of relaying, rewriting and routes.
@Suite
struct SendingManifestTests {
    private func load(_ text: String, environment: [String: String] = [:]) throws -> Manifest {
        let whole = "server:\n  hostname: mail.example.org\n" + text
        return try ManifestLoader.load(text: whole, file: "/etc/martlet/martlet.yaml", environment: environment).get()
            .manifest
    }

    private func diagnostics(_ text: String) -> [String] {
        let whole = "server:\n  hostname: mail.example.org\n" + text
        guard case .failure(let errors) = ManifestLoader.load(text: whole, file: "martlet.yaml") else { return [] }
        return errors.diagnostics.map(\.description)
    }

    @Test
    func `networks, senders and risks are read`() throws {
        let manifest = try load(
            """
            relay:
              networks: [192.168.1.0/28, "2001:db8::/32", 127.0.0.1]
              permit: both
              senders: ["@example.org", "@.example.net", "<>", "a@b.test"]
              accept_risk: open-relay
            """)
        #expect(manifest.relay.networks.map(\.description) == ["192.168.1.0/28", "2001:db8::/32", "127.0.0.1"])
        #expect(manifest.relay.permit == .both)
        #expect(manifest.relay.senders.map(\.description) == ["@example.org", "@.example.net", "<>", "a@b.test"])
        #expect(manifest.relay.acceptedRisks == [.openRelay])
    }

    @Test
    func `an address within a network is no network`() {
        let found = diagnostics("relay:\n  networks: [192.168.1.77/24]\n")
        #expect(found.count == 1)
        #expect(found.first?.contains("martlet.yaml:4:14") == true)
        #expect(found.first?.contains("write `192.168.1.0/24`") == true)
    }

    @Test
    func `a route is read with its login, TLS, pace and place`() throws {
        let manifest = try load(
            """
            routing:
              routes:
                - name: isp
                  kind: smarthost
                  hosts: ["[mail.isp.example]:587", {host: "[backup.isp.example]:465", weight: 3}]
                  choose: weight
                  tls: {level: secure, match: [.isp.example], ca_file: ca.pem}
                  login: {username: me, password_file: isp.password, mechanisms: [plain]}
                  sender_logins:
                    - {sender: b@example.org, username: b, password_env: B_PASSWORD}
                  source_addresses: [192.0.2.1]
                  fallback: {route: direct, after: 3}
                  pace: {connections: 2, per_minute: 60, warm_up: {first: 50, began: 2026-11-21}}
              rules:
                - {sender: "@example.org", except: {recipient: "@intern.test"}, route: isp}
            """)
        let route = try #require(manifest.routing.routes.first)
        #expect(route.hosts.map(\.description) == ["[mail.isp.example]:587", "[backup.isp.example]:465"])
        #expect(route.hosts.map(\.weight) == [1, 3])
        #expect(route.tls == TLSRequirement(level: .secure, match: [".isp.example"], caFile: "/etc/martlet/ca.pem"))
        #expect(route.login?.password == .file("/etc/martlet/isp.password"))
        #expect(route.login?.mechanisms == ["PLAIN"])
        #expect(route.senderLogins.first?.login.password == .environment("B_PASSWORD"))
        #expect(route.fallback == .init(route: "direct", after: 3))
        #expect(route.pace.warmUp?.first == 50)
        #expect(route.origin == "/etc/martlet/martlet.yaml:5")
        let rule = try #require(manifest.routing.rules.first)
        #expect(rule.when.senders.map(\.description) == ["@example.org"])
        #expect(rule.except.recipients.map(\.description) == ["@intern.test"])
    }

    @Test
    func `a level alone is a TLS section`() throws {
        let manifest = try load("routing:\n  routes:\n    - {name: a, kind: direct, tls: verify}\n")
        #expect(manifest.routing.routes.first?.tls == TLSRequirement(level: .verify))
    }

    @Test
    func `tables are files, entries or rules`() throws {
        let manifest = try load(
            """
            rewrite:
              generic: hash:/etc/postfix/generic
              canonical:
                - {joe: joe@isp.example, "@old.test": "@new.test"}
                - pcre: ["/^x(.*)$/ y$1"]
              virtual: {info@example.org: [a@example.org, b@example.net]}
            """)
        #expect(manifest.rewrite.generic.first?.content == .file("/etc/postfix/generic"))
        #expect(manifest.rewrite.canonical.map(\.format) == [.text, .pcre])
        #expect(
            manifest.rewrite.canonical.first?.content
                == .entries([
                    .init(key: "joe", value: "joe@isp.example", line: 6),
                    .init(key: "@old.test", value: "@new.test", line: 6),
                ]))
        #expect(manifest.rewrite.canonical.last?.content == .rules([.init(text: "/^x(.*)$/ y$1", line: 7)]))
        #expect(
            manifest.rewrite.virtual.first?.content
                == .entries([.init(key: "info@example.org", value: "a@example.org, b@example.net", line: 8)]))
    }

    @Test
    func `devices, limits, milters and SRS are read`() throws {
        let manifest = try load(
            """
            sending:
              limits: {messages: {hour: 100}, recipients: {day: 500}}
              rules: [{match: x@example.org, send: false}]
            devices:
              - {name: printer, username: printer, password_file: p, senders: p@example.org, networks: 192.0.2.7}
            milters:
              - {name: dkim, address: "inet:8891@localhost", default_action: accept}
            rewrite:
              srs: {domain: example.org, secret_file: srs}
            """)
        #expect(manifest.sending.limits.messages.hour == 100)
        #expect(manifest.sending.accounts.first?.maySend == false)
        #expect(manifest.devices.first?.networks.first?.description == "192.0.2.7")
        #expect(manifest.milters.first?.endpoint == .tcp(host: "localhost", port: 8891))
        #expect(manifest.rewrite.srs?.secret == .file("/etc/martlet/srs"))
    }

    @Test(arguments: [
        ("devices: [{name: a}]\n", "has no `senders`"),
        ("devices: [{name: a, senders: '*', pasword_file: x}]\n", "did you mean `password_file`?"),
        ("devices: [{name: a, senders: '*', password_file: x, password_env: Y}]\n", "keep one of them"),
        ("devices: [{name: a, senders: '*', password_env: 'p!ss'}]\n", "never the secret itself"),
        ("routing: {routes: [{name: a, kind: smarthst}]}\n", "did you mean `smarthost`?"),
        ("routing: {routes: [{name: a, kind: smarthost, hosts: ['[mail']}]}\n", "a `]` is missing"),
        ("rewrite: {generic: 'mysql:/etc/x.cf'}\n", "sqlite:PATH"),
        ("milters: [{name: a, address: localhost}]\n", "not the address of a milter"),
        ("rewrite: {srs: {domain: example.org}}\n", "has no secret"),
        ("relay: {permit: anybody}\n", "write one of `either`"),
    ])
    func `a mistake is named with its place and a remedy`(text: String, expected: String) {
        let found = diagnostics(text)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.contains("martlet.yaml:3:") == true)
        #expect(found.first?.contains(expected) == true, "\(found)")
    }

    @Test
    func `routes come from the environment, with dots for sections`() throws {
        let manifest = try load(
            "",
            environment: [
                "MARTLET_ROUTING_ROUTES":
                    "name=isp;kind=smarthost;hosts=[mail.isp.example]:587;login.username=u;login.password_env=P;tls.level=verify",
                "MARTLET_ROUTING_RULES": "route=isp", "MARTLET_RELAY_NETWORKS": "127.0.0.0/8,::1",
                "MARTLET_SENDING_LIMITS": "messages.hour=10",
            ])
        #expect(manifest.routing.routes.first?.login?.username == "u")
        #expect(manifest.routing.routes.first?.tls?.level == .verify)
        #expect(manifest.routing.rules.first?.route == "isp")
        #expect(manifest.relay.networks.count == 2)
        #expect(manifest.sending.limits.messages.hour == 10)
    }

    @Test
    func `what is read is shown as it was written`() throws {
        let manifest = try load(
            """
            routing:
              routes:
                - {name: isp, kind: smarthost, hosts: "[mail.isp.example]:587", tls: {level: secure}}
            rewrite:
              masquerade_domains: ["!a.example.org", example.org]
            """)
        let shown = Dictionary(
            Schema.settings.compactMap { setting in setting.text(in: manifest).map { (setting.path, $0) } },
            uniquingKeysWith: { first, _ in first })
        #expect(
            shown["routing.routes"]
                == "[{name: isp, kind: smarthost, hosts: [\"[mail.isp.example]:587\"], tls: {level: secure}}]")
        #expect(shown["rewrite.masquerade_domains"] == "[\"!a.example.org\", example.org]")
    }
}
