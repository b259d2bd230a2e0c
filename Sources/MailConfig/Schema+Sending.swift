import MailSyntax

// MARK: - Who may send

extension Schema {
    static let relaying: [Setting] = relay + sendingRules + savedSent + clients

    private static let relay: [Setting] = [
        Setting(
            "relay.networks", \.relay.networks, .networks, .live,
            "Trusted networks: their clients may send to any address, when `relay.permit` lets them."
        ),
        Setting(
            "relay.permit", \.relay.permit, .word, .live,
            "Who may send to addresses that are not hosted here: a client that has logged in, one in a trusted network, "
                + "either, or only one that is both."
        ),
        Setting(
            "relay.senders", \.relay.senders, .addressPatterns, .live, default: "none: any sender",
            "What a client that sends by its network may write into MAIL FROM: `user@example.org`, `@example.org`, "
                + "`@.example.org` for the domains below it, `<>` for the null reverse-path."
        ),
        Setting(
            "relay.senders_bind_logins", \.relay.sendersBindLogins, .bool, .live,
            "`relay.senders` also binds clients that have logged in."
        ),
        Setting(
            "relay.bind_header_from", \.relay.bindsHeaderFrom, .bool, .live,
            "The header's From has to be an address of the login too, as the reverse-path has. Without it a Sender field "
                + "names the login where From doesn't."
        ),
        Setting(
            "relay.domains", \.relay.domains, .domainPatterns, .live,
            "Domains that are not hosted here, for which mail is taken from anybody and sent on by a route, as a backup or "
                + "a gateway does."
        ),
        Setting(
            "relay.recipients", \.relay.recipients, .tables, .live, default: "none: all of them",
            "Tables of the addresses that exist in `relay.domains`; others are refused. A key may be `@example.org`."
        ),
        Setting(
            "relay.accept_risk", \.relay.acceptedRisks, .words(Manifest.Relay.Risk.self), .live,
            "Risks that are taken knowingly; without the word the manifest that has the risk is refused."
        ),
    ]

    private static let sendingRules: [Setting] = [
        Setting(
            "sending.limits", \.sending.limits, .sendLimits, .live, default: "none",
            "How much each account may send: `{messages: {minute: 30, hour: 300, day: 2000}, recipients: {day: 5000}}`."
        ),
        Setting(
            "sending.rules", \.sending.accounts,
            .sections(of: .addressRule, named: "list of rules", example: "match: user@example.org, send: false"), .live,
            "Exceptions for some addresses, the first that matches holds: `match` (an address pattern), `limits`, `send` and "
                + "`receive` (`true`), `save_sent` (as for everybody). An address that may not send can't stand in MAIL FROM of our own clients; mail for "
                + "one that may not receive is refused."
        ),
    ]

    private static let savedSent: [Setting] = [
        Setting(
            "sending.save_sent", \.sending.saveSent, .word, .live,
            "Whether what an account submits is also filed, as read, in its mailbox for sent mail, with the same commit that "
                + "accepts it. A client that then puts the same message there (APPEND with the same Message-ID, within a day) "
                + "makes no second one: it is told the UID of the first. `off`: clients do it, or nobody."
        )
    ]

    private static let clients: [Setting] = [
        Setting(
            "devices", \.devices,
            .sections(
                of: .device, named: "list of devices",
                example: "name: printer, username: printer, password_file: printer.password"), .live,
            "Credentials for printers, scripts and applications, which send and have no mailbox. Each has a `name`; a "
                + "`username` with `password_file` or `password_env` (the password itself, or a hash such as `$6$…`), or "
                + "none for a device known by its network on a listener of kind `device`; `senders`, the address patterns "
                + "it may write into MAIL FROM; `networks` it may come from; and `limits`."
        ),
        Setting(
            "milters", \.milters,
            .sections(
                of: .milter, named: "list of milters", example: "name: rspamd, address: \"inet:127.0.0.1:11332\""),
            .live,
            "Filters that speak the milter protocol, asked in this order. Each has a `name` and an `address` "
                + "(`inet:host:port` or `unix:/path`), and may have a `default_action` for when it fails (`tempfail`, "
                + "`accept`, `reject`, `quarantine`), `connect_timeout`, `command_timeout`, `content_timeout`, and "
                + "`listeners`, the names of those whose mail it sees (all)."
        ),
        Setting(
            "bans.enabled", \.bans.enabled, .bool, .live, "Keep addresses out that fail to log in again and again."),
        Setting(
            "bans.failures", \.bans.failures, .int(2...10_000, example: 10), .live,
            "Failed logins or abuses within `bans.window` that ban an address."
        ),
        Setting(
            "bans.window", \.bans.window, .duration(.seconds(10)...(.seconds(86400)), example: "10m"), .live,
            "How long a failure counts."),
        Setting(
            "bans.duration", \.bans.duration, .duration(.seconds(10)...(.seconds(30 * 86400)), example: "1h"), .live,
            "How long the first ban lasts; each further one of the same address lasts twice as long."
        ),
        Setting(
            "bans.longest", \.bans.longest, .duration(.seconds(10)...(.seconds(365 * 86400)), example: "7d"), .live,
            "The longest ban."
        ),
        Setting(
            "bans.network_after", \.bans.networkAfter,
            ValueType<Int>.int(2...10_000, example: 5).orNever, .live,
            "Banned addresses in one network (/24, or /56 in IPv6) that ban the whole of it."
        ),
        Setting(
            "bans.ignore", \.bans.ignore, .networks, .live,
            "Never banned. Trusted networks, proxies, this host and addresses that have just logged in are not either."
        ),
    ]
}

// MARK: - Sections

extension ValueType where Value == SendLimits.Rate {
    static var rate: ValueType {
        let count = ValueType<Int>.int(1...1_000_000_000, example: 100).optional
        return .section(
            named: "rates", example: "minute: 10, hour: 100, day: 1000", start: .init(),
            fields: [
                .init("minute", \.minute, count), .init("hour", \.hour, count), .init("day", \.day, count),
            ])
    }
}

extension ValueType where Value == SendLimits {
    static var sendLimits: ValueType {
        .section(
            named: "section of limits", example: "messages: {hour: 100}", start: .init(),
            fields: [.init("messages", \.messages, .rate), .init("recipients", \.recipients, .rate)])
    }
}

extension ValueType where Value == Manifest.AddressRule {
    static var addressRule: ValueType {
        .section(
            named: "rule", example: "match: user@example.org, send: false",
            start: .init(pattern: .any), origin: \Value.origin,
            fields: [
                .init("match", \.pattern, .addressPattern, required: true),
                .init("limits", \.limits, ValueType<SendLimits>.sendLimits.optional),
                .init("send", \.maySend, .bool), .init("receive", \.mayReceive, .bool),
                .init("save_sent", \.saveSent, ValueType<Manifest.SavedSent>.word.optional),
            ])
    }
}

extension ValueType where Value == Manifest.Device {
    static var device: ValueType {
        .section(
            named: "device", example: "name: printer, username: printer, password_file: printer.password",
            start: .init(name: "", senders: []), origin: \Value.origin, exclusive: [["password_file", "password_env"]],
            fields: [
                .init("name", \.name, .objectName, required: true),
                .init("username", \.username, ValueType<String>.credential.optional),
            ] + SectionField.secret("password", \.password) + [
                .init("senders", \.senders, .addressPatterns, required: true),
                .init("networks", \.networks, .networks), .init("limits", \.limits, .sendLimits),
            ])
    }
}

extension ValueType where Value == Manifest.Milter {
    static var milter: ValueType {
        let wait = ValueType<Duration>.duration(.milliseconds(100)...(.seconds(3600)), example: "30s")
        return .section(
            named: "milter", example: "name: rspamd, address: \"inet:127.0.0.1:11332\"",
            start: .init(name: "", endpoint: .unix(path: "")), origin: \Value.origin,
            fields: [
                .init("name", \.name, .objectName, required: true),
                .init("address", \.endpoint, .milterEndpoint, required: true),
                .init("default_action", \.defaultAction, .word), .init("connect_timeout", \.connectTimeout, wait),
                .init("command_timeout", \.commandTimeout, wait), .init("content_timeout", \.contentTimeout, wait),
                .init("listeners", \.listeners, .list(of: .objectName, named: "list of listeners", example: "mx")),
            ])
    }
}

extension ValueType where Value == Manifest.Milter.Endpoint {
    /// `inet:host:port`, `inet:port@host` as Sendmail writes it, `unix:/path` or `local:/path`.
    static var milterEndpoint: ValueType {
        .scalar("milter address", example: "inet:127.0.0.1:8891") { text throws(ValueProblem) in
            let problem = ValueProblem(
                message: "is `\(text)`, not the address of a milter",
                remedy: "write `inet:127.0.0.1:8891` or `unix:/run/opendkim/opendkim.sock`")
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let rest = parts.last, !rest.isEmpty else { throw problem }
            switch parts.first {
            case "unix", "local":
                guard rest.hasPrefix("/"), rest.utf8.count <= 107 else { throw problem }
                return .unix(path: String(rest))
            case "inet", "inet6":
                guard let endpoint = tcp(rest) else { throw problem }
                return endpoint
            default: throw problem
            }
        } render: {
            $0.description
        }
    }

    private static func tcp(_ text: Substring) -> Value? {
        let portFirst = text.split(separator: "@", maxSplits: 1)
        let host: Substring
        let port: Int?
        if portFirst.count == 2 {
            (host, port) = (portFirst[1], Int(portFirst[0]))
        } else {
            guard let colon = text.lastIndex(of: ":") else { return nil }
            (host, port) = (text[..<colon], Int(text[text.index(after: colon)...]))
        }
        let name = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host
        guard let port, (1...65535).contains(port), IPAddress(name) != nil || DomainName(name) != nil else {
            return nil
        }
        return .tcp(host: String(name), port: port)
    }
}
