import Testing

@testable import MailConfig

@Suite struct ManifestDiffTests {
    @Test func changesAreNamedWithTheirEffect() {
        let old = Manifest()
        var new = old
        #expect(ManifestDiff.changes(from: old, to: new).isEmpty)
        new.limits.messageSize = nil
        new.server.user = "martlet"
        new.listeners = [Listener(name: "mx", kind: .mx)]
        let changes = ManifestDiff.changes(from: old, to: new)
        #expect(changes.map(\.path) == ["server.user", "listeners", "limits.message_size"])
        #expect(changes.first?.description == "server.user: not set → martlet (takes effect at the next start)")
        #expect(changes.last?.description == "limits.message_size: 50MB → unlimited")
        let live = ManifestDiff.live(from: old, to: new)
        #expect(live.limits.messageSize == nil && live.server.user == nil && live.listeners == old.listeners)
    }

    /// Every stored value is reached by a setting: a manifest made of live and restart parts of another is that other.
    @Test func theSchemaReachesEverything() throws {
        let text = """
            server: {hostname: a.b, user: u, node: 3, dns: {forwarders: [192.0.2.1], hosts: {c.d: "::1"}, trust_anchor: /t}}
            storage: {data_directory: /d, undelete: 1d, expunge_records: 2d, messages_per_account: 5000}
            listeners: [{kind: mx}, {kind: device}, {kind: https}]
            tls: {certificates: [{chain: /c, key: /k}], self_signed: false, handshake_timeout: 1s}
            limits: {message_size: 1MB, header_size: 16KiB, recipients: 101, command_line: 1KiB, text_line: 1kB, commands: 11,
              errors: 2, login_failures: 1, sessions: 1, sessions_per_address: 1, received_hops: 31,
              future_release: 1d, future_release_storage: 1MB}
            smtp: {timeouts: {greeting: 1s, command: 1s, data: 1s, total: 1s}, greeting_delay: 1s}
            mail: {recipient_delimiter: "-"}
            logins: {scram: false, channel_binding: true, oauth2: {introspection_endpoint: "https://i.example/", client_id: m,
              client_secret_file: /s, claim: sub, scopes: [mail], audience: [a], cache: 1s, ca_file: /c,
              discovery: "https://i.example/d"}}
            imap: {login_timeout: 1s, idle_timeout: 1s, command_size: 8KiB, idle_keepalive: never, id: [name=x],
              client_workarounds: []}
            pop3: {login_timeout: 1s, idle_timeout: 1s, exclusive: true, login_delay: 1s,
              client_workarounds: no-nuls}
            queue: {lifetime: 1h, bounce_lifetime: 1h, delay_report: never, minimum_backoff: 1s, maximum_backoff: 2s, concurrency: 2,
              per_destination: 1, bounce_message_size: 1B, initial_per_destination: 1, dead_destination_wait: 1s,
              bulk_recipients: 2, bulk_logins: n}
            outbound: {helo_name: h.i, bind: [192.0.2.2], port: 26, tls: none, dane: off, mta_sts: off, mta_sts_port: 1, ca_file: /c,
              timeouts: {connect: 1s, command: 1s, final: 1s},
              smarthost: {host: s, port: 1, tls: implicit, verify: false, username: u, password_file: /p}}
            mta_sts: {mode: testing, max_age: 1d, hosts: m.n}
            relay: {networks: 192.0.2.1, permit: both, senders: "*", senders_bind_logins: true, bind_header_from: true,
              domains: d.e, recipients: "static:x", accept_risk: open-relay}
            sending: {save_sent: on, limits: {messages: {day: 1}}, rules: [{match: "*", send: false}]}
            devices: [{name: d, senders: "*", networks: 192.0.2.1}]
            milters: [{name: m, address: "unix:/m"}]
            bans: {enabled: false, failures: 2, window: 10s, duration: 10s, longest: 10s, network_after: 2, ignore: "::1"}
            authentication: {spf: enforce, dkim: "off", arc: enforce, iprev: "off", dmarc: observe, dmarc_reject: junk,
              temporary_errors: defer, timeout: 1s, exempt_networks: [], known_forwarders: .f.example,
              trusted_sealers: s.example, seal: "off", domains: [{match: d.example, dmarc: "off"}]}
            rewrite: {origin: o.p, header_clients: none, sender_canonical: "static:x", recipient_canonical: "static:x",
              canonical: "static:x", canonical_classes: [], masquerade_domains: q.r, masquerade_exceptions: root,
              masquerade_classes: [], always_bcc: b@c.d, sender_bcc: "static:x", recipient_bcc: "static:x",
              virtual: "static:x", header_checks: "static:x", generic: "static:x", sending_header_checks: "static:x",
              mime_header_checks: "static:x", nested_header_checks: "static:x",
              propagate_extensions: [], srs: {domain: s.t, secret_env: S}}
            routing: {routes: [{name: r, kind: hold}], rules: [{route: r, sender: "@a.b"}], transport: "static:x",
              sender_relay: "static:x", credentials: "static:x", tls_policy: "static:x"}
            dkim: {rsa_selector: r, ed25519_selector: e, rsa_bits: 1024, expire: 1d, retire_after: 60d,
              rotate_every: 90d, canonicalization: relaxed/simple,
              oversigned_headers: [From], signed_headers: [To], subdomains: own, key_table: "refile:/etc/k",
              signing_table: /etc/s, multiple_signatures: true}
            trace: {keep: 1d}
            log: {format: json, level: error, events: /e}
            control: {socket: /s, mode: 0666}
            sendmail: {enabled: false, directory: /s, trusted_users: www}
            reports: {dmarc: false, tls: false, from: a@b.c, organization: o, contact: c@b.c, max_size: 1MiB, delay: 1h,
              addresses: d@b.c, keep: 30d}
            """
        let new = try ManifestLoader.load(text: text, file: "m").get().manifest
        #expect(ManifestDiff.changes(from: Manifest(), to: new).count == Schema.settings.count)
        var copy = Manifest()
        for setting in Schema.settings { setting.copy(new, &copy) }
        #expect(copy == new)
    }
}

@Suite struct ManifestFuzzTests {
    /// Whatever is done to a manifest, it is read or refused with places; nothing traps.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func mutatedManifestsAreReadOrRefused(seed: UInt64) {
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(max(1, bound)))
        }
        let whole = Array(ManifestTemplate.render(hostname: "mail.example.org", dataDirectory: "/d").unicodeScalars)
        let pieces: [[Unicode.Scalar]] = [
            "\n", " ", "\t", ":", ": ", "-", "- ", "[", "]", "{", "}", "\"", "'", "#", "&a ", "*a", "!!x ", "|", ">",
            "%", "@",
            "\u{E000}", "\u{85}", "\r", "\u{0}", "é", "? ", "<<: ", "---\n", "...\n", "\\", "~", "server:",
            "hostname: a.b\n",
        ].map { Array($0.unicodeScalars) }
        for _ in 0..<300 {
            var text = whole
            for _ in 0...next(6) {
                let at = next(text.count)
                switch next(4) {
                case 0: text.removeSubrange(at..<min(text.count, at + next(40)))
                case 1: text.insert(contentsOf: text[at..<min(text.count, at + next(200))], at: next(text.count))
                default: text.insert(contentsOf: pieces[next(pieces.count)], at: at)
                }
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: text)
            if case .failure(let errors) = ManifestLoader.load(text: String(view), file: "m") {
                #expect(!errors.diagnostics.isEmpty, "seed \(seed)")
                #expect(errors.diagnostics.allSatisfy { ($0.line ?? 0) > 0 && ($0.column ?? 0) > 0 }, "seed \(seed)")
            }
        }
    }

    @Test func theEnvironmentAloneIsEnough() throws {
        let loaded = try ManifestLoader.load(
            text: "", file: "martlet.yaml", environment: ["MARTLET_SERVER_HOSTNAME": "mail.example.org"]
        ).get()
        #expect(loaded.manifest.server.hostname == "mail.example.org")
    }
}
