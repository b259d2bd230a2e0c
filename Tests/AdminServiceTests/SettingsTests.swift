import Foundation
import MailConfig
import MailPolicy
import MailSyntax
import NetTransport
import SMTPServer
import Testing

@testable import AdminService

/// Every setting of the schema is used by something: a setting that nobody reads is a lie.
@Suite struct SettingsTests {
    /// How a setting takes effect.
    enum Use: Sendable {
        /// With this value what the services are given differs.
        case settings(String)
        /// These words stand in this file, where the value is used directly.
        case code(String, in: String)
    }

    private static let server = "Sources/AdminService/Server/"
    private static let reports = "Sources/AdminService/Reports/ServerSettings+Reports.swift"
    private static let storage = "Sources/AdminService/Operations/Stores+Mail.swift"
    private static let routing = "Sources/MailPolicy/Routing/RoutingTable.swift"
    private static let introspection = "Sources/OAuthClient/Introspection/"
    private static let signing = "Sources/MailPolicy/Signing/Signing.swift"
    private static let rewriting = "Sources/MailPolicy/Rewriting/"
    private static let verdict = "Sources/MailPolicy/Authentication/AuthenticationVerdict.swift"
    private static let authentication = "Sources/MailPolicy/Authentication/AuthenticationRules.swift"

    static let uses: [String: Use] = [
        "server.hostname": .settings("other.example.org"),
        "server.user": .code("ServerUser(named: name)", in: server + "Server.swift"),
        "server.node": .code(
            "IDGenerator(node: manifest.server.node)", in: "Sources/AdminService/Operations/Stores.swift"),
        "server.dns.forwarders": .settings("192.0.2.53@53"),
        "server.dns.hosts": .settings("mx.example.org=192.0.2.1"),
        "server.dns.trust_anchor": .settings("/root.key"),
        "storage.data_directory": .code(
            "manifest.storage.dataDirectory", in: "Sources/AdminService/Operations/Stores.swift"),
        "listeners": .code("for listener in manifest.listeners", in: server + "ServerAssembly.swift"),
        "tls.certificates": .code("manifest.tls.certificates.map", in: server + "ServerCertificates.swift"),
        "tls.self_signed": .code("manifest.tls.selfSigned", in: server + "ServerCertificates.swift"),
        "tls.handshake_timeout": .code("live.follow(\\.tls.handshakeTimeout)", in: server + "ProtocolServers.swift"),
        "limits.message_size": .settings("1MB"),
        "limits.header_size": .settings("64KiB"),
        "limits.recipients": .settings("100"),
        "limits.command_line": .settings("1KiB"),
        "limits.text_line": .settings("2KiB"),
        "limits.commands": .settings("11"),
        "limits.errors": .settings("3"),
        "limits.login_failures": .settings("2"),
        "limits.sessions": .code("total: manifest.limits.sessions", in: server + "ServerAssembly.swift"),
        "limits.sessions_per_address": .code(
            "perPeer: manifest.limits.sessionsPerAddress", in: server + "ServerAssembly.swift"),
        "limits.received_hops": .settings("31"),
        "limits.future_release": .code("manifest.limits.futureRelease", in: "Sources/MailPolicy/FutureRelease.swift"),
        "limits.future_release_storage": .code(
            "manifest.limits.futureReleaseStorage", in: "Sources/MailPolicy/FutureRelease.swift"),
        "smtp.timeouts.greeting": .settings("11s"),
        "smtp.timeouts.command": .settings("12s"),
        "smtp.timeouts.data": .settings("13s"),
        "smtp.timeouts.total": .settings("14s"),
        "smtp.greeting_delay": .settings("5s"),
        "bans.enabled": .settings("false"),
        "bans.failures": .settings("7"),
        "bans.window": .settings("77s"),
        "bans.duration": .settings("78s"),
        "bans.longest": .settings("79h"),
        "bans.network_after": .settings("9"),
        "bans.ignore": .settings("192.0.2.9"),
        "relay.networks": .code("relay.networks", in: "Sources/MailPolicy/PolicyRules.swift"),
        "relay.permit": .code("relay.permit", in: "Sources/MailPolicy/Relaying.swift"),
        "relay.senders": .code("PatternIndex(manifest.relay.senders)", in: "Sources/MailPolicy/PolicyRules.swift"),
        "relay.senders_bind_logins": .code("relay.sendersBindLogins", in: "Sources/MailPolicy/SenderAdmission.swift"),
        "relay.bind_header_from": .code("relay.bindsHeaderFrom", in: "Sources/MailPolicy/HeaderAuthors.swift"),
        "relay.domains": .code("PatternIndex(manifest.relay.domains)", in: "Sources/MailPolicy/PolicyRules.swift"),
        "relay.recipients": .code("in: .relayRecipients", in: "Sources/MailPolicy/Relaying.swift"),
        "sending.limits": .code("manifest.sending.limits", in: "Sources/MailPolicy/SendRates.swift"),
        "sending.save_sent": .code("manifest.sending.saveSent", in: "Sources/MailPolicy/PolicyRules+Sent.swift"),
        "sending.rules": .code("manifest.sending.accounts", in: "Sources/MailPolicy/PolicyRules.swift"),
        "authentication.spf": .code("guard modes.spf == .enforce", in: verdict),
        "authentication.dkim": .code("guard modes.dkim == .enforce", in: verdict),
        "authentication.arc": .code("guard modes.arc == .enforce", in: verdict),
        "authentication.iprev": .code("guard modes.reverse == .enforce", in: verdict),
        "authentication.dmarc": .code("guard modes.dmarc == .enforce", in: verdict),
        "authentication.dmarc_reject": .code("modes.rejection == .reject", in: verdict),
        "authentication.temporary_errors": .code("settings.temporaryErrors == .defer", in: verdict),
        "authentication.known_forwarders": .code("settings.forwarders.first", in: authentication),
        "authentication.trusted_sealers": .code("settings.sealers.contains", in: verdict),
        "authentication.exempt_networks": .code("settings.exempt.contains", in: authentication),
        "authentication.seal": .code("guard setting != .off", in: "Sources/MailPolicy/Authentication/Sealing.swift"),
        "authentication.domains": .code("settings.domains[index]", in: authentication),
        "authentication.timeout": .code(
            "rules.settings.timeout", in: "Sources/SMTPServer/Authentication/MessageChecks.swift"),
        "milters": .code("rules.manifest.milters", in: "Sources/SMTPServer/SMTPConversation.swift"),
        "devices": .code("manifest.devices.map", in: "Sources/MailPolicy/PolicyRules.swift"),
        "relay.accept_risk": .code(
            "relay.acceptedRisks.contains", in: "Sources/MailConfig/ManifestValidator+Senders.swift"),
        "mail.recipient_delimiter": .code("next.mail.recipientDelimiter", in: server + "ServerState.swift"),
        "rewrite.origin": .code("origin = settings.origin", in: rewriting + "RewriteRules.swift"),
        "rewrite.header_clients": .code("switch settings.headerClients", in: rewriting + "RewriteRules.swift"),
        "rewrite.sender_canonical": .code("settings.senderCanonical", in: rewriting + "Canonical.swift"),
        "rewrite.recipient_canonical": .code("settings.recipientCanonical", in: rewriting + "Canonical.swift"),
        "rewrite.canonical": .code("settings.canonical.isEmpty", in: rewriting + "Canonical.swift"),
        "rewrite.canonical_classes": .code("settings.canonicalClasses", in: rewriting + "Canonical.swift"),
        "rewrite.masquerade_domains": .code("settings.masquerade.domains", in: rewriting + "Canonical.swift"),
        "rewrite.masquerade_exceptions": .code("settings.masquerade.exceptions", in: rewriting + "RewriteRules.swift"),
        "rewrite.masquerade_classes": .code("settings.masquerade.classes", in: rewriting + "Canonical.swift"),
        "rewrite.always_bcc": .code("settings.alwaysBCC", in: rewriting + "BlindCopies.swift"),
        "rewrite.sender_bcc": .code("hasTables(.senderBCC)", in: rewriting + "BlindCopies.swift"),
        "rewrite.recipient_bcc": .code("hasTables(.recipientBCC)", in: rewriting + "BlindCopies.swift"),
        "rewrite.virtual": .code("hasVirtual = !settings.virtual.isEmpty", in: rewriting + "RewriteRules.swift"),
        "rewrite.header_checks": .code("settings.headerChecks", in: rewriting + "RewriteRules.swift"),
        "rewrite.mime_header_checks": .code("settings.mimeHeaderChecks", in: rewriting + "HeaderChecks.swift"),
        "rewrite.nested_header_checks": .code("settings.nestedHeaderChecks", in: rewriting + "HeaderChecks.swift"),
        "rewrite.generic": .code("hasGeneric = !settings.generic.isEmpty", in: rewriting + "RewriteRules.swift"),
        "rewrite.sending_header_checks": .code(
            "settings.sendingHeaderChecks.isEmpty", in: rewriting + "RewriteRules.swift"),
        "rewrite.propagate_extensions": .code("settings.propagateExtensions", in: rewriting + "RewriteRules.swift"),
        "rewrite.srs": .code("manifest.rewrite.srs", in: server + "SRSSecrets.swift"),
        "logins.scram": .code("live.follow(\\.logins.scram)", in: server + "ServerAssembly.swift"),
        "logins.channel_binding": .code("logins.channelBinding", in: server + "ServerSettings.swift"),
        "logins.oauth2.introspection_endpoint": .code(
            "settings.introspectionEndpoint", in: introspection + "TokenIntrospector.swift"),
        "logins.oauth2.client_id": .code("settings.clientID", in: introspection + "TokenIntrospector.swift"),
        "logins.oauth2.client_secret_file": .code(
            "settings.clientSecretFile", in: introspection + "TokenIntrospector.swift"),
        "logins.oauth2.claim": .code("members[settings.claim]", in: introspection + "Introspection.swift"),
        "logins.oauth2.scopes": .code("settings.scopes", in: introspection + "Introspection.swift"),
        "logins.oauth2.audience": .code("settings.audience", in: introspection + "Introspection.swift"),
        "logins.oauth2.cache": .code("settings.cache", in: introspection + "TokenIntrospector.swift"),
        "logins.oauth2.ca_file": .code("settings.caFile", in: introspection + "TokenIntrospector.swift"),
        "logins.oauth2.discovery": .code("settings.discovery", in: server + "TokenLogins.swift"),
        "imap.login_timeout": .settings("15s"),
        "imap.idle_timeout": .settings("16s"),
        "imap.command_size": .settings("9KiB"),
        "imap.idle_keepalive": .code("manifest.imap.idleKeepalive", in: server + "ServerSettings.swift"),
        "imap.id": .code("manifest.imap.id", in: server + "ServerSettings.swift"),
        "imap.client_workarounds": .settings("eight-bit-append"),
        "pop3.client_workarounds": .settings("no-nuls"),
        "pop3.login_timeout": .settings("17s"),
        "pop3.idle_timeout": .settings("18s"),
        "pop3.exclusive": .code("manifest.pop3.exclusive", in: server + "ServerSettings.swift"),
        "pop3.login_delay": .code("manifest.pop3.loginDelay", in: server + "ServerSettings.swift"),
        "queue.lifetime": .code("message: manifest.queue.lifetime", in: server + "ServerAssembly.swift"),
        "queue.bounce_lifetime": .code("bounce: manifest.queue.bounceLifetime", in: server + "ServerAssembly.swift"),
        "queue.delay_report": .settings("3h"),
        "queue.minimum_backoff": .settings("7m"),
        "queue.maximum_backoff": .settings("2h"),
        "queue.concurrency": .settings("51"),
        "queue.per_destination": .settings("11"),
        "queue.initial_per_destination": .settings("4"),
        "queue.dead_destination_wait": .settings("90s"),
        "queue.bulk_recipients": .code(
            "manifest.queue.bulkRecipients", in: "Sources/AdminService/Operations/Stores.swift"),
        "queue.bulk_logins": .code(
            "manifest.queue.bulkLogins", in: "Sources/AdminService/Operations/Stores.swift"),
        "queue.bounce_message_size": .code(
            "live.follow(\\.queue.bounceMessageSize)", in: server + "ServerAssembly.swift"),
        "routing.routes": .code("manifest.effectiveRoutes", in: routing),
        "routing.rules": .code("manifest.routing.rules", in: routing),
        "routing.transport": .code("manifest.routing.transport", in: routing),
        "routing.sender_relay": .code("manifest.routing.senderRelay", in: routing),
        "routing.credentials": .code("manifest.routing.credentials", in: routing),
        "routing.tls_policy": .code("manifest.routing.tlsPolicy", in: routing),
        "outbound.helo_name": .settings("out.example.org"),
        "outbound.bind": .settings("192.0.2.9"),
        "outbound.port": .settings("2525"),
        "outbound.tls": .settings("none"),
        "mta_sts.mode": .code("settings.mode", in: server + "ServerSettings.swift"),
        "mta_sts.max_age": .code("settings.maxAge", in: server + "ServerSettings.swift"),
        "mta_sts.hosts": .code("settings.hosts", in: server + "ServerSettings.swift"),
        "outbound.dane": .code("manifest.outbound.dane", in: routing),
        "outbound.mta_sts": .code("manifest.outbound.mtaSTS", in: routing),
        "outbound.mta_sts_port": .code("outbound.mtaSTSPort", in: server + "ServerSettings.swift"),
        "outbound.ca_file": .code("outbound.caFile", in: "Sources/SMTPDelivery/Courier/Courier+Security.swift"),
        "outbound.timeouts.connect": .settings("19s"),
        "outbound.timeouts.command": .settings("21s"),
        "outbound.timeouts.final": .settings("22s"),
        "outbound.smarthost.host": .settings("smart.example.org"),
        "outbound.smarthost.port": .settings("2587"),
        "outbound.smarthost.tls": .settings("implicit"),
        "outbound.smarthost.verify": .settings("false"),
        "outbound.smarthost.username": .settings("somebody"),
        "outbound.smarthost.password_file": .settings("/secret"),
        "dkim.rsa_selector": .code(
            "manifest.dkim.rsaSelector", in: "Sources/AdminService/Operations/Operations+Keys.swift"),
        "dkim.ed25519_selector": .code(
            "manifest.dkim.ed25519Selector", in: "Sources/AdminService/Operations/Operations+Keys.swift"),
        "dkim.rsa_bits": .code(
            "bits: manifest.dkim.rsaBits", in: "Sources/AdminService/Operations/Operations+Keys.swift"),
        "dkim.expire": .code("manifest.dkim.expire", in: "Sources/SMTPDelivery/Content/DirectorySigner.swift"),
        "dkim.canonicalization": .code(
            "switch settings.canonicalization", in: "Sources/SMTPDelivery/Content/DirectorySigner.swift"),
        "dkim.oversigned_headers": .code(
            "settings.oversignedHeaders", in: "Sources/SMTPDelivery/Content/DirectorySigner.swift"),
        "dkim.signed_headers": .code(
            "settings.signedHeaders", in: "Sources/SMTPDelivery/Content/DirectorySigner.swift"),
        "dkim.subdomains": .code("manifest.dkim.subdomains", in: signing),
        "dkim.key_table": .code("manifest.dkim.keyTable", in: "Sources/MailTables/SigningTableFiles.swift"),
        "dkim.signing_table": .code("manifest.dkim.signingTable", in: "Sources/MailTables/SigningTableFiles.swift"),
        "dkim.multiple_signatures": .code("manifest.dkim.multipleSignatures", in: signing),
        "dkim.retire_after": .code(
            "manifest.dkimRetention", in: "Sources/AdminService/Keys/KeyRotator.swift"),
        "dkim.rotate_every": .code(
            "manifest.dkim.rotateEvery", in: "Sources/AdminService/Keys/KeyRotator.swift"),
        "log.format": .code("log.format", in: "Sources/AdminService/Logging/LogBackend.swift"),
        "log.level": .code("log.level", in: "Sources/AdminService/Logging/LogBackend.swift"),
        "log.events": .code("manifest.log.events", in: server + "Server.swift"),
        "reports.addresses": .code(
            "manifest.reports.addresses", in: "Sources/AdminService/ReportInbox/Operations+ReportInbox.swift"),
        "reports.keep": .code("live.follow(\\.reports.keep)", in: server + "ServerAssembly+ReportInbox.swift"),
        "storage.undelete": .code("manifest.storage.undelete", in: storage),
        "storage.expunge_records": .code("manifest.storage.expungeRecords", in: storage),
        "storage.messages_per_account": .code("manifest.storage.messagesPerAccount", in: storage),
        "trace.keep": .code("live.follow(\\.trace.keep)", in: server + "ServerAssembly.swift"),
        "control.socket": .code("manifest.controlSocket", in: server + "ServerAssembly.swift"),
        "control.mode": .code("manifest.control.mode", in: server + "ServerAssembly.swift"),
        "sendmail.enabled": .code("manifest.sendmail.enabled", in: server + "ServerAssembly.swift"),
        "sendmail.directory": .code("manifest.sendmailDirectory", in: server + "ServerAssembly.swift"),
        "sendmail.trusted_users": .code(
            "manifest.sendmail.trustedUsers", in: "Sources/MailPolicy/LocalUsers.swift"),
        "reports.dmarc": .code("manifest.reports.dmarc", in: server + "ProtocolServers.swift"),
        "reports.tls": .code("reports.tls", in: reports),
        "reports.from": .code("reports.from", in: reports),
        "reports.organization": .code("reports.organization", in: reports),
        "reports.contact": .code("reports.contact", in: reports),
        "reports.max_size": .code("reports.maximumSize", in: reports),
        "reports.delay": .code("reports.delay", in: reports),
    ]

    @Test func `each setting of the schema is listed here, and no other`() {
        #expect(Set(Schema.settings.map(\.path)) == Set(Self.uses.keys))
    }

    @Test(arguments: Schema.settings.map(\.path))
    func `a setting is used`(path: String) throws {
        let setting = try #require(Schema.settings.first { $0.path == path })
        switch try #require(Self.uses[path]) {
        case .code(let words, let file):
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let text = try String(contentsOf: root.appending(path: file), encoding: .utf8)
            #expect(text.contains(words), "\(file) no longer uses \(path)")
        case .settings(let value):
            #expect(try given([setting.environmentName: value]) != given([:]), "nobody is given \(path)")
        }
    }

    /// Everything the services are given, as text.
    private func given(_ environment: [String: String]) throws -> String {
        // A smarthost with a login, so that its settings mean something.
        let text = """
            server: {hostname: mail.example.org}
            outbound: {smarthost: {host: relay.example.org, username: me, password_file: /p}}
            """
        let manifest = try ManifestLoader.load(text: text, file: "m.yaml", environment: environment).get().manifest
        let hostname = try #require(DomainName(manifest.server.hostname))
        let listener = Listener(name: "mx", kind: .mx)
        var parts = [
            "\(SMTPServerSettings(PolicyRules(manifest), listener: listener, hostname: hostname, hasCertificate: true))",
            "\(ServerSettings.imap(manifest))", "\(ServerSettings.pop3(manifest))",
            "\(try ServerSettings.resolver(manifest.server.dns))", "\(BanRules(manifest))",
        ]
        let rules = PolicyRules(manifest)
        parts += ["\(ServerSettings.delivery(rules, listeners: []))", "\(rules.routing)"]
        return parts.joined(separator: "\n")
    }
}

@Suite struct LiveManifestTests {
    @Test func `followers see what a reload may change, and nothing else`() throws {
        let text = "server: {hostname: mail.example.org}\n"
        var loaded = try ManifestLoader.load(text: text, file: "m.yaml").get()
        let live = LiveManifest(loaded)
        let errors = live.follow(\.limits.errors)
        let sessions = live.follow(\.limits.sessions)
        let written = text + "limits: {errors: 7, sessions: 1}\n"
        loaded = try ManifestLoader.load(text: written, file: "m.yaml").get()
        let changes = live.apply(loaded)
        #expect(changes.map(\.path) == ["limits.errors", "limits.sessions"])
        #expect(errors() == 7 && live.current.limits.errors == 7)
        #expect(sessions() == Manifest().limits.sessions)
        #expect(live.rules.origin("limits.errors") == "m.yaml:2" && live.rules.origin("limits.sessions") == "built in")
    }
}
