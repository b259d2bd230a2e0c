import Testing

@testable import MailConfig

private func load(
    _ text: String, file: String = "/etc/martlet/martlet.yaml", environment: [String: String] = [:]
) throws(ManifestErrors) -> LoadedManifest {
    try ManifestLoader.load(text: text, file: file, environment: environment).get()
}

private let least = "server:\n  hostname: mail.example.org\n"

@Suite struct ManifestLoaderTests {
    @Test func aHostNameIsEnough() throws {
        let loaded = try load(least)
        var expected = Manifest()
        expected.server.hostname = "mail.example.org"
        #expect(loaded.manifest == expected)
        #expect(loaded.notes.isEmpty)
        #expect(loaded.origin("server.hostname") == .file("/etc/martlet/martlet.yaml", line: 2, column: 3))
        #expect(loaded.origin("server.node") == .standard)
    }

    @Test func aByteOrderMarkOrLineEndsOfWindowsChangeNothing() throws {
        let text = "server:\n  hostname: mail.example.org\nlimits:\n  message_size: 5MB\n"
        for variant in ["\u{FEFF}" + text, text.split(separator: "\n").joined(separator: "\r\n")] {
            let loaded = try load(variant)
            #expect(loaded.manifest.limits.messageSize == 5_000_000)
            #expect(loaded.origin("limits.message_size") == .file("/etc/martlet/martlet.yaml", line: 4, column: 3))
        }
    }

    @Test func everySettingReachesItsPlace() throws {
        let loaded = try load(
            """
            server:
              hostname: Mail.Example.ORG.
              user: martlet
              node: 7
              dns:
                forwarders: [192.0.2.53, "2001:db8::53@5353"]
                hosts: {mx.example.net: [192.0.2.1, "2001:db8::1"], one.example.net: 192.0.2.2}
                trust_anchor: root.key
            storage: {data_directory: ./data}
            listeners:
              - {name: in, kind: mx, address: 127.0.0.1, port: 2525}
              - kind: imaps
            tls:
              certificates: [{chain: /tls/a.pem, key: keys/a.key}]
              self_signed: no
            limits: {message_size: unlimited, recipients: 100, sessions: 12}
            smtp: {timeouts: {command: 1h30m, total: unlimited}}
            mail: {recipient_delimiter: ""}
            outbound:
              bind: ["2001:db8::2", 192.0.2.3]
              smarthost: {host: smtp.example.net, tls: implicit, username: u, password_file: pw}
            dkim: {expire: 14d}
            log: {format: json, level: debug}
            control: {mode: 0660}
            """
        )
        let manifest = loaded.manifest
        #expect(manifest.server.hostname == "mail.example.org")
        #expect(manifest.server.dns.forwarders.map(\.description) == ["192.0.2.53@53", "2001:db8::53@5353"])
        #expect(manifest.server.dns.hosts.first?.addresses == ["192.0.2.1", "2001:db8::1"])
        #expect(manifest.server.dns.trustAnchor == "/etc/martlet/root.key")
        #expect(manifest.storage.dataDirectory == "/etc/martlet/data")
        #expect(manifest.controlSocket == "/etc/martlet/data/control.sock")
        #expect(
            manifest.listeners == [
                Listener(name: "in", kind: .mx, address: "127.0.0.1", port: 2525),
                Listener(name: "imaps", kind: .imaps),
            ]
        )
        #expect(manifest.tls.certificates == [.init(chain: "/tls/a.pem", key: "/etc/martlet/keys/a.key")])
        #expect(!manifest.tls.selfSigned)
        #expect(manifest.limits.messageSize == nil)
        #expect(manifest.limits.sessions == 12)
        #expect(manifest.smtp.timeouts.command == .seconds(5400))
        #expect(manifest.smtp.timeouts.total == nil)
        #expect(manifest.mail.recipientDelimiter.isEmpty)
        let smarthost = try #require(manifest.outbound.smarthost)
        #expect(smarthost.port == 465 && smarthost.tls == .implicit && smarthost.verify)
        #expect(smarthost.passwordFile == "/etc/martlet/pw")
        #expect(manifest.dkim.expire == .seconds(14 * 86400))
        #expect(manifest.control.mode == 0o660)
    }

    @Test(arguments: [
        ("limits: {recipients: 99}", false), ("limits: {recipients: 100}", true), ("limits: {recipients: 50000}", true),
        ("limits: {recipients: 50001}", false), ("server: {node: 1023}", true), ("server: {node: 1024}", false),
        ("server: {node: -1}", false), ("limits: {message_size: 64KiB}", true),
        ("limits: {message_size: 65535B}", false),
        ("pop3: {idle_timeout: 999ms}", false), ("pop3: {idle_timeout: 1s}", true), ("pop3: {idle_timeout: 1w}", true),
        ("pop3: {idle_timeout: 1w1s}", false), ("limits: {recipients: 99999999999999999999}", false),
    ])
    func rangesEndWhereTheySay(text: String, isGood: Bool) {
        let result = ManifestLoader.load(
            text: text, file: "m.yaml", environment: ["MARTLET_SERVER_HOSTNAME": "mail.example.org"]
        )
        #expect(((try? result.get()) != nil) == isGood)
    }

    @Test func allProblemsAreReportedAtOnceAndInOrder() throws {
        let errors = try #require(throws: ManifestErrors.self) {
            try load(
                "log: {level: loud}\nserver:\n  hostname: x y\n  hostname: a.b\n  color: red\n",
                environment: ["MARTLET_LOG_FORMAT": "xml"]
            )
        }
        #expect(errors.diagnostics.map(\.line) == [1, 4, 5, nil])
    }

    @Test(arguments: [
        "", "\n", "---\n", "[]", "a", "\u{FEFF}", "? [a]\n: b\n", "a: &x [*x]\n", "server: &a {dns: *a}\n", "\u{0}",
        "\t",
        "a: b: c", "server: !!map {hostname: 3}", "%YAML 9.9\n---\na: 1", "'", "\"\\q\"", "- - - -",
        "{a: {a: {a: {a: 1}}}}",
        "<<: {}\n<<: {}\n", "~: 1\n~: 2\n", "\u{E000}: 1\n", "server:\n  \"hostname\": a.b\n  'hostname': c.d\n",
    ])
    func hostileTextIsRefusedWithAPlace(text: String) throws {
        let errors = try #require(throws: ManifestErrors.self) { try load(text) }
        #expect(!errors.diagnostics.isEmpty)
        #expect(errors.diagnostics.allSatisfy { ($0.line ?? 0) > 0 && !$0.remedy.isEmpty })
    }

    @Test func aliasesCannotBlowUp() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
        }
        #expect(throws: ManifestErrors.self) { try load(text) }
    }

    @Test func aKeyWrittenThreeTimesIsReportedTwice() throws {
        let errors = try #require(throws: ManifestErrors.self) {
            try load("server:\n  hostname: a.b\nlog: {level: info, level: info, level: info}\n")
        }
        #expect(errors.diagnostics.map(\.column) == [20, 33])
        #expect(errors.diagnostics.allSatisfy { $0.message.contains("`level` is written twice, first in line 3") })
    }
}

@Suite struct EnvironmentTests {
    @Test func theEnvironmentWins() throws {
        let loaded = try load(
            least,
            environment: [
                "MARTLET_SERVER_HOSTNAME": "env.example.org", "MARTLET_LIMITS_MESSAGE_SIZE": "unlimited",
                "MARTLET_SERVER_DNS_FORWARDERS": "192.0.2.1, 192.0.2.2@54", "MARTLET_OUTBOUND_SMARTHOST_HOST": "h",
                "MARTLET_OUTBOUND_SMARTHOST_PORT": "2525", "PATH": "/bin", "MARTLET_CONFIG": "x",
                "MARTLET_LISTENERS": "kind=mx;port=2525,name=i;kind=imaps;address=127.0.0.1",
                "MARTLET_TLS_CERTIFICATES": "chain=/a;key=/b",
                "MARTLET_SERVER_DNS_HOSTS": "mx.example.org=192.0.2.1;192.0.2.2,b.example.org=192.0.2.3",
            ]
        )
        #expect(loaded.manifest.server.hostname == "env.example.org")
        #expect(loaded.origin("server.hostname") == .environment(name: "MARTLET_SERVER_HOSTNAME"))
        #expect(loaded.manifest.limits.messageSize == nil)
        #expect(loaded.manifest.server.dns.forwarders.map(\.port) == [53, 54])
        #expect(loaded.manifest.outbound.smarthost?.port == 2525)
        #expect(loaded.manifest.listeners.map(\.name) == ["mx", "i"])
        #expect(loaded.manifest.listeners.map(\.port) == [2525, 993])
        #expect(loaded.manifest.tls.certificates == [.init(chain: "/a", key: "/b")])
        #expect(loaded.manifest.server.dns.hosts.map(\.addresses.count) == [2, 1])
        #expect(loaded.notes.isEmpty)
    }

    @Test(arguments: [
        ("MARTLET_NAME", "/web/martlet"), ("MARTLET_ENV_LANG", "C"),
        ("MARTLET_PORT", "tcp://10.0.0.1:25"), ("MARTLET_SERVICE_HOST", "10.0.0.1"), ("MARTLET_SERVICE_PORT", "25"),
        ("MARTLET_SERVICE_PORT_SMTP", "25"), ("MARTLET_PORT_25_TCP", "tcp://10.0.0.1:25"),
        ("MARTLET_PORT_25_TCP_ADDR", "10.0.0.1"), ("MARTLET_PORT_25_TCP_PORT", "25"),
        ("MARTLET_PORT_25_TCP_PROTO", "tcp"), ("MARTLET_IMAP_SERVICE_HOST", "10.0.0.1"),
        ("MARTLET_IMAP_PORT_143_TCP", "tcp://10.0.0.1:143"), ("MARTLET_OUTBOUND_PORT", "tcp://10.0.0.1:25"),
    ])
    func whatOrchestratorsInjectIsIgnoredWithANote(name: String, value: String) throws {
        let loaded = try load(least, environment: [name: value])
        #expect(loaded.notes.count == 1)
        #expect(loaded.notes.first?.message.contains(name) == true)
        #expect(loaded.manifest == (try load(least)).manifest)
    }

    @Test(arguments: [
        ("MARTLET_SERVER_HOSTNAM", "x", "did you mean `MARTLET_SERVER_HOSTNAME`?"),
        ("MARTLET_LIMIT_MESSAGE_SIZE", "1MB", "did you mean `MARTLET_LIMITS_MESSAGE_SIZE`?"),
        ("MARTLET_ZZZ", "1", "unset it; `martlet config reference` lists the names"),
        ("MARTLET_SERVER_NODE", "9999", "write a whole number from 0 to 1023"),
        ("MARTLET_LISTENERS", "kind=mx;prot=25", "did you mean `port`?"),
        ("MARTLET_TLS_CERTIFICATES", "a.pem", "write only `chain`, `key`"),
    ])
    func anythingElseIsAnError(name: String, value: String, remedy: String) throws {
        let errors = try #require(throws: ManifestErrors.self) { try load(least, environment: [name: value]) }
        let first = try #require(errors.diagnostics.first)
        #expect(first.file == "environment \(name)")
        #expect(first.line == nil)
        #expect(first.remedy == remedy)
    }

    @Test func environmentNamesAreUnique() {
        #expect(Set(Schema.settings.map(\.environmentName)).count == Schema.settings.count)
        #expect(Set(Schema.settings.map(\.path)).count == Schema.settings.count)
    }
}
