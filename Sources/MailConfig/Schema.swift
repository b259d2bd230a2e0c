/// All settings of the server half, in the order of the reference.
package enum Schema {
    package static let settings: [Setting] =
        server + network + limits + userLogins + mailServices + relaying + authentication + rewriting + sending
        + ownPolicy + routing
        + localMail + operating + reports + receivedReports

    /// What a section is for, in the reference and in the manifest that `quickstart` writes.
    package static let sections: [(path: String, doc: String)] = [
        ("server", "Who this server is and how it finds others."),
        (
            "server.dns",
            "Martlet resolves names itself, validating DNSSEC unless `forwarders` are asked; the host's resolver is not."
        ),
        ("storage", "Where mail and state are kept."),
        ("tls", "Certificates. TLS 1.2 and 1.3 are spoken, nothing older. The files are read again on reload."),
        ("limits", "What one peer can ask for."),
        (
            "logins",
            "How people log in to IMAP, POP3 and submission. Passwords as they are (PLAIN, LOGIN) are always offered over TLS."
        ),
        ("logins.oauth2", "Logins with access tokens. `docs/imap.md` has an example."),
        ("smtp", "SMTP as a server."),
        ("smtp.timeouts", "How long an SMTP client may take before it is told 421."),
        ("mail", "What holds for addresses."),
        ("relay", "Who may send to addresses that are not hosted here."),
        ("sending", "How much accounts may send, and which addresses may not send or receive."),
        ("bans", "Addresses that are kept out for a time."),
        (
            "authentication",
            "How mail of other servers is checked: each check is `off`, `observe` (made and told of) or `enforce`. "
                + "`docs/authentication.md` explains them."
        ),
        ("rewrite", "Changes of addresses and header fields. `docs/rewriting.md` has the order."),
        ("imap", "IMAP."),
        ("pop3", "POP3."),
        ("queue", "Messages that leave, and how long they are tried."),
        ("outbound", "How Martlet sends."),
        (
            "mta_sts",
            "The MTA-STS policy that others find for the domains hosted here. `docs/transport-security.md` explains it."
        ),
        ("outbound.timeouts", "How long a remote server may take."),
        ("outbound.smarthost", "A host that takes all outgoing mail; without one, mail goes to the MX of each domain."),
        ("routing", "Which way mail goes that is not kept here. `docs/routing.md` has examples."),
        ("dkim", "Signatures on mail that leaves. Keys are made when a domain is added."),
        ("log", "What is logged."),
        ("trace", "The stored history of each message."),
        (
            "reports",
            "Reports to other domains on their mail, and those of others on ours. `docs/reports.md` explains them."
        ),
        ("sendmail", "Mail of programs of this host. `docs/sendmail.md` explains it."),
        ("control", "The socket that `martlet` commands use; its file permissions guard it."),
    ]

    static let byPath: [String: Setting] = Dictionary(settings.map { ($0.path, $0) }) { first, _ in first }

    static let byEnvironmentName: [String: Setting] =
        Dictionary(settings.map { ($0.environmentName, $0) }) { first, _ in first }

    /// The keys that may stand in a section: its settings and the sections below it.
    static func keys(in section: String) -> [String] {
        let prefix = section.isEmpty ? "" : "\(section)."
        var keys: [String] = []
        for setting in settings where setting.path.hasPrefix(prefix) {
            guard let key = setting.path.dropFirst(prefix.count).split(separator: ".").first.map(String.init) else {
                continue
            }
            if !keys.contains(key) { keys.append(key) }
        }
        return keys
    }

    static func isSection(_ path: String) -> Bool {
        settings.contains { $0.path.hasPrefix("\(path).") }
    }
}

// MARK: - Who and where

extension Schema {
    private static let server: [Setting] = [
        Setting(
            "server.hostname", \.server.hostname, .hostname, .restart, required: true,
            "The full name of this host. It stands in the banner, in `Received` and in EHLO, and should be the name "
                + "that the reverse DNS of the address gives."
        ),
        Setting(
            "server.user", \.server.user, ValueType<String>.userName.optional, .restart, default: "not set: stay",
            "The system user to become after the ports are bound, when started as root."
        ),
        Setting(
            "server.node", \.server.node, .int(0...1023, example: 0),
            .restart, "The number of this node, different on each node that shares a database. It is part of every id."
        ),
        Setting(
            "server.dns.forwarders", \.server.dns.forwarders,
            .list(of: .forwarder, named: "list of address@port", example: "192.0.2.53@53"),
            .restart, "DNS servers to ask instead of resolving from the root down. The port is 53 when it is left out."
        ),
        Setting(
            "server.dns.hosts", \.server.dns.hosts, .staticHosts,
            .restart, "Host names with fixed addresses, for a closed network or a test; they are never asked for."
        ),
        Setting(
            "server.dns.trust_anchor", \.server.dns.trustAnchor, ValueType<String>.path.optional,
            .restart, default: "the root's keys, which are built in; none with `forwarders`",
            "A file of DS or DNSKEY records that DNSSEC is validated against, such as the key of a private root. With "
                + "`forwarders` and without this nothing is validated."
        ),
        Setting(
            "storage.data_directory", \.storage.dataDirectory, .path,
            .restart, "The folder of the database, the messages, the DKIM keys and the self-signed certificate."
        ),
        Setting(
            "storage.undelete", \.storage.undelete, .duration(.zero...(.seconds(366 * 86400)), example: "14d"), .live,
            "How long a message can be brought back after it was expunged or its mailbox deleted (`martlet undelete`). It "
                + "takes room on the disk for as long, but none of its account's quota. `0` keeps nothing."
        ),
        Setting(
            "storage.expunge_records", \.storage.expungeRecords,
            .duration(.seconds(86400)...(.seconds(3650 * 86400)), example: "180d"), .live,
            "How long it is remembered which messages went, for clients that ask what changed while they were away "
                + "(QRESYNC). One that was away for longer compares the whole mailbox."
        ),
        Setting(
            "storage.messages_per_account", \.storage.messagesPerAccount,
            ValueType<Int>.int(1000...1_000_000_000, example: 2_000_000).orUnlimited, unit: "messages", .live,
            "How many messages an account may keep, beside its quota in octets. More is refused as over quota."
        ),
    ]

    private static let network: [Setting] = [
        Setting(
            "listeners", \.listeners, .listeners, .restart, default: "the seven standard ports on every address",
            "The ports to listen on. Each item has a `kind` (`mx`, `submission`, `submissions`, `imap`, `imaps`, `pop3`, "
                + "`pop3s`, `lmtp`, `device` or `https`) and may have an `address` (`any`; 127.0.0.1 for `lmtp`), a `port` (that of "
                + "its kind, 24 for `lmtp`, 2525 for `device`) and a `name` (its kind). An `lmtp` listener may have a "
                + "`socket` (a path, with the file mode `socket_mode`) instead of address and port. Where mail is taken, `auth` says whether a login is `required` (standard on "
                + "submission; trusted networks need none), `optional` (on `device`) or `off` (on `mx`), and "
                + "`auth_without_tls: true` (there and on `imap`) lets passwords travel in the clear. "
                + "`proxy` lists the networks of proxies, which have to begin with a PROXY header (version 1 or 2), `xclient` those "
                + "of clients that may use XCLIENT. "
                + "A list that is written replaces the seven standard ones."
        ),
        Setting(
            "tls.certificates", \.tls.certificates, .certificates, .live,
            "PEM files: `chain` (the certificate and its intermediates) and `key`. A client that names a server gets "
                + "the certificate for it, any other the first one."
        ),
        Setting(
            "tls.self_signed", \.tls.selfSigned, .bool,
            .restart, "Make a self-signed certificate in the data directory when `tls.certificates` is empty."
        ),
        Setting(
            "tls.handshake_timeout", \.tls.handshakeTimeout, .duration(.seconds(1)...(.seconds(600)), example: "30s"),
            .live,
            "How long a TLS handshake may take."
        ),
    ]

    private static let limits: [Setting] = [
        Setting(
            "limits.message_size", \.limits.messageSize,
            ValueType<Int>.size(64 * 1024...(1 << 40), example: "50MB").orUnlimited, .live,
            "The largest message that is taken, announced as SIZE. RFC 5321 §4.5.3.1.7 asks for 64KiB at least."
        ),
        Setting(
            "limits.header_size", \.limits.headerSize, .size(16 * 1024...(8 << 20), example: "256KiB"), .live,
            "The largest header of a message; it is kept in memory."
        ),
        Setting(
            "limits.recipients", \.limits.recipients, .int(100...50_000, example: 1000), unit: "recipients", .live,
            "Recipients of one SMTP transaction. RFC 5321 §4.5.3.1.8 asks for 100 at least."
        ),
        Setting(
            "limits.command_line", \.limits.commandLine, .size(1024...(64 * 1024), example: "4KiB"), .live,
            "The longest SMTP command, with its end of line. AUTH lines have 12 KiB (RFC 4954 §4.3) in any case."
        ),
        Setting(
            "limits.text_line", \.limits.textLine, .size(1000...(64 << 20), example: "1MiB"), .live,
            "The longest line of message text. RFC 5321 §4.5.3.1.6 asks for 1000 octets; real senders need more."
        ),
        Setting(
            "limits.commands", \.limits.commands, .int(10...100_000, example: 100), unit: "commands", .live,
            "SMTP commands that bring no message nearer (NOOP, RSET, VRFY, HELP) since the last one accepted."
        ),
        Setting(
            "limits.errors", \.limits.errors, .int(1...10_000, example: 20), unit: "errors", .live,
            "Commands of a session that may be refused before it is closed: in SMTP those refused for good, in IMAP (in a "
                + "row) and POP3 those that are none."
        ),
        Setting(
            "limits.login_failures", \.limits.loginFailures, .int(1...100, example: 5), unit: "logins", .live,
            "Logins of a session that may fail before it is closed, in any protocol."
        ),
        Setting(
            "limits.sessions", \.limits.sessions, ValueType<Int>.int(1...1_000_000, example: 5000).orUnlimited,
            unit: "sessions", .restart, "Sessions at the same time, of all protocols."
        ),
        Setting(
            "limits.sessions_per_address", \.limits.sessionsPerAddress,
            ValueType<Int>.int(1...1_000_000, example: 250).orUnlimited, unit: "sessions",
            .restart,
            "Sessions at the same time from one address. An office behind one address needs several for each person."
        ),
        Setting(
            "limits.received_hops", \.limits.receivedHops, .int(30...1000, example: 100), unit: "fields", .live,
            "`Received` fields after which a message counts as looping. RFC 5321 §6.3 asks for 100 at least."
        ),
        Setting(
            "limits.future_release", \.limits.futureRelease, .duration(.zero...(.seconds(366 * 86400)), example: "30d"),
            .live,
            "How far ahead users may have a message sent (FUTURERELEASE, on submission ports after a login). `0` offers "
                + "nothing."
        ),
        Setting(
            "limits.future_release_storage", \.limits.futureReleaseStorage,
            ValueType<Int>.size(64 * 1024...(1 << 40), example: "100MB").orUnlimited, .live,
            "How much of one login's may wait for its time; a message counts as 4 KiB at least. More is answered 552."
        ),
    ]
}
