// MARK: - What is served

extension Schema {
    private static let long: ClosedRange<Duration> = .seconds(1)...(.seconds(7 * 86400))

    static let mailServices: [Setting] = [
        Setting(
            "smtp.timeouts.greeting", \.smtp.timeouts.greeting, .duration(long, example: "5m"), .live,
            "From the banner to the first command."
        ),
        Setting(
            "smtp.timeouts.command", \.smtp.timeouts.command, .duration(long, example: "5m"), .live,
            "Between commands. RFC 5321 §4.5.3.2.7 asks for 5 minutes at least."
        ),
        Setting(
            "smtp.timeouts.data", \.smtp.timeouts.data, .duration(long, example: "5m"), .live,
            "Between two pieces of message text."
        ),
        Setting(
            "smtp.timeouts.total", \.smtp.timeouts.total, ValueType<Duration>.duration(long, example: "3h").orUnlimited,
            .live, "A whole session, however busy it is."
        ),
        Setting(
            "smtp.greeting_delay", \.smtp.greetingDelay, .duration(.zero...(.seconds(60)), example: "5s"), .live,
            "How long strangers on `mx` listeners wait for the greeting. Who speaks before it is refused: many programs "
                + "that send junk do. Trusted networks, this machine and other listeners don't wait. `0s` for nobody, since "
                + "every message of others would take that much longer."
        ),
        Setting(
            "mail.recipient_delimiter", \.mail.recipientDelimiter, .delimiters, .live,
            "The characters that part a tag from the user: mail for `user+tag` goes to `user`. `\"\"` turns it off."
        ),
        Setting(
            "imap.login_timeout", \.imap.loginTimeout, .duration(long, example: "3m"), .live,
            "How long a client may stay without a login."
        ),
        Setting(
            "imap.idle_timeout", \.imap.idleTimeout, .duration(long, example: "30m"), .live,
            "How long a logged-in client may be silent. RFC 9051 §5.4 asks for 30 minutes at least."
        ),
        Setting(
            "imap.idle_keepalive", \.imap.idleKeepalive,
            ValueType<Duration>.duration(.seconds(10)...(.seconds(3600)), example: "4m").orNever, .live,
            "How often a client in IDLE is told `* OK Still here`: routers and carriers forget a connection on which nothing is "
                + "said, some after five minutes, and mail then no longer comes at once. It also keeps clients connected that "
                + "never renew IDLE."
        ),
        Setting(
            "imap.id", \.imap.id, .list(of: .idField, named: "list of name=value", example: "name=Martlet"), .live,
            "What ID (RFC 2971) answers; `[]` answers NIL. It never has a version by itself."
        ),
        Setting(
            "imap.command_size", \.imap.commandSize, .size(8 * 1024...(16 << 20), example: "256KiB"), .live,
            "The longest command, literals included but for the message of APPEND."
        ),
        Setting(
            "imap.client_workarounds", \.imap.clientWorkarounds, .words(Manifest.IMAPWorkaround.self), .live,
            "Quirks of programs that are lived with; `[]` for none. `outlook-uidonly`: UIDONLY is not offered, since the service "
                + "by which newer Outlooks fetch mail enables it and then uses message numbers. `eight-bit-append`: APPEND takes "
                + "messages with 8-bit headers from programs that have not enabled UTF8=ACCEPT, as those that copy old mail "
                + "never do; RFC 9755 §4 wants them refused."
        ),
        Setting(
            "pop3.login_timeout", \.pop3.loginTimeout, .duration(long, example: "3m"), .live,
            "How long a client may stay without a login."
        ),
        Setting(
            "pop3.idle_timeout", \.pop3.idleTimeout, .duration(long, example: "10m"), .live,
            "How long a logged-in client may be silent. RFC 1939 §3 asks for 10 minutes at least."
        ),
        Setting(
            "pop3.exclusive", \.pop3.exclusive, .bool, .live,
            "One session at a time has an account's mailbox; another one is told `-ERR [IN-USE]`. Without it several may read "
                + "at once, each seeing the mailbox as it was at its login."
        ),
        Setting(
            "pop3.login_delay", \.pop3.loginDelay, .duration(.zero...(.seconds(86400)), example: "60s"), .live,
            "How long an account waits between two POP3 logins; announced as LOGIN-DELAY, and sooner ones are told "
                + "`-ERR [LOGIN-DELAY]`. `0s` for no wait."
        ),
        Setting(
            "pop3.client_workarounds", \.pop3.clientWorkarounds, .words(Manifest.POP3Workaround.self), .live,
            "Quirks of programs that are lived with. `no-nuls`: NUL octets go out as 0x80, since Outlook hangs on them. "
                + "`end-of-header`: a message that is a header alone gets an empty line, which Outlook Express and Netscape "
                + "wait for. `raw-headers`: messages with 8-bit headers go as they came also to programs that have not said UTF8; "
                + "without it those get a surrogate (RFC 6858), and a fetcher that removes what it fetched keeps nothing else."
        ),
    ]

    static let sending: [Setting] = queue + sites + outbound + smarthost + dkim

    private static let queue: [Setting] = [
        Setting(
            "queue.lifetime", \.queue.lifetime, .duration(.zero...(.seconds(30 * 86400)), example: "5d"), .live,
            "How long a message is tried before it is returned; 0s is one attempt. RFC 5321 §4.5.4.1 asks for 4 to 5 days at "
                + "least."
        ),
        Setting(
            "queue.bounce_lifetime", \.queue.bounceLifetime,
            .duration(.seconds(60)...(.seconds(30 * 86400)), example: "1d"), .live,
            "How long a bounce made here is tried before it is dropped."
        ),
        Setting(
            "queue.delay_report", \.queue.delayReport,
            ValueType<Duration>.duration(.seconds(60)...(.seconds(30 * 86400)), example: "4h").orNever, .live,
            "How old a message of one of our own users is when its sender is told, once, that it is still being tried."
        ),
        Setting(
            "queue.minimum_backoff", \.queue.minimumBackoff, .duration(.seconds(1)...(.seconds(86400)), example: "5m"),
            .live, "The shortest wait between attempts. A message waits as long as it is old, within these two bounds."
        ),
        Setting(
            "queue.maximum_backoff", \.queue.maximumBackoff, .duration(.seconds(1)...(.seconds(86400)), example: "1h"),
            .live,
            "The longest wait between attempts. Each wait is up to a tenth longer, so that what failed together does not "
                + "come back together."
        ),
        Setting(
            "queue.concurrency", \.queue.concurrency, .int(1...10_000, example: 50), unit: "connections", .live,
            "Deliveries at the same time, in all."
        ),
        Setting(
            "queue.per_destination", \.queue.perDestination, .int(1...1000, example: 10), unit: "connections", .live,
            "Deliveries at the same time to one destination."
        ),
        Setting(
            "queue.bounce_message_size", \.queue.bounceMessageSize, .size(0...(64 << 20), example: "50kB"), .live,
            "A bounce returns a message of up to this size whole, of a larger one the header."
        ),
    ]

    private static let outbound: [Setting] = [
        Setting(
            "outbound.helo_name", \.outbound.heloName, ValueType<String>.hostname.optional, .live,
            default: "`server.hostname`", "The name said in EHLO to other servers."
        ),
        Setting(
            "outbound.bind", \.outbound.bind, .list(of: .address, named: "list of IP addresses", example: "192.0.2.1"),
            .live, "Local addresses to send from: one IPv4 and one IPv6 address at most."
        ),
        Setting(
            "outbound.port", \.outbound.port, .int(1...65535, example: 25), .live,
            "The port of hosts found by MX. Anything but 25 is for closed networks and tests."
        ),
        Setting(
            "outbound.tls", \.outbound.tls, .word, .live,
            "TLS towards hosts found by MX: when it is offered, always (mail waits otherwise), or never."
        ),
        Setting(
            "outbound.dane", \.outbound.dane, .word, .live,
            "`auto`: where `server.dns` validates DNSSEC, a host found by MX that publishes TLSA records gets mail only over "
                + "TLS that they prove (RFC 7672); others as `outbound.tls` says. `off`: they are not asked for."
        ),
        Setting(
            "outbound.mta_sts", \.outbound.mtaSTS, .word, .live,
            "`auto`: a domain's MTA-STS policy (RFC 8461) is fetched and kept to, where DANE does not prove its hosts. "
                + "`off`: it is not asked for."
        ),
        Setting(
            "outbound.mta_sts_port", \.outbound.mtaSTSPort, .int(1...65535, example: 443), .live,
            "The port that MTA-STS policies are fetched from. Anything but 443 is for closed networks and tests."
        ),
        Setting(
            "outbound.ca_file", \.outbound.caFile, ValueType<String>.path.optional, .live,
            default: "the system's authorities",
            "A PEM file of authorities instead of the system's: for the servers of MTA-STS policies and for the hosts that "
                + "such a policy names. For closed networks and tests."
        ),
        Setting(
            "outbound.timeouts.connect", \.outbound.timeouts.connect, .duration(long, example: "30s"), .live,
            "To connect to a host."
        ),
        Setting(
            "outbound.timeouts.command", \.outbound.timeouts.command, .duration(long, example: "5m"), .live,
            "For the banner and the reply to a command. RFC 5321 §4.5.3.2 asks for 5 minutes."
        ),
        Setting(
            "outbound.timeouts.final", \.outbound.timeouts.final, .duration(long, example: "10m"), .live,
            "For the reply to the end of a message. RFC 5321 §4.5.3.2.6 asks for 10 minutes."
        ),
    ]

    private static let smarthost: [Setting] = [
        Setting(
            "outbound.smarthost.host", \.outbound.smarthostSettings.host, ValueType<String>.host.optional, .live,
            "A host name, whose MX is not looked up, or an address."
        ),
        Setting(
            "outbound.smarthost.port", \.outbound.smarthostSettings.port,
            ValueType<Int>.int(1...65535, example: 587).optional, .live,
            default: "587; 465 with `tls: implicit`, 25 with `tls: none`", "The port of the smarthost."
        ),
        Setting(
            "outbound.smarthost.tls", \.outbound.smarthostSettings.tls, .word, .live,
            "How TLS starts: by STARTTLS (required), from the first octet, or not at all (and then without a login)."
        ),
        Setting(
            "outbound.smarthost.verify", \.outbound.smarthostSettings.verify, .bool, .live,
            "The certificate must be valid for the host. Without that a stranger can read the password."
        ),
        Setting(
            "outbound.smarthost.username", \.outbound.smarthostSettings.username, ValueType<String>.credential.optional,
            .live, "The user name to log in with; needs `password_file`."
        ),
        Setting(
            "outbound.smarthost.password_file", \.outbound.smarthostSettings.passwordFile,
            ValueType<String>.path.optional,
            .live, secret: true, "A file with the password on its first line. The password is never shown."
        ),
    ]

    static let operating: [Setting] = [
        Setting("log.format", \.log.format, .word, .restart, "Readable lines, or a JSON object a line."),
        Setting("log.level", \.log.level, .word, .live, "The least important level that is written."),
        Setting(
            "log.events", \.log.events, ValueType<String>.path.optional, .restart, default: "not set: with the log",
            "A file for the mail events: one line for each message accepted, rejected, delivered, deferred or bounced, "
                + "and each login."
        ),
        Setting(
            "trace.keep", \.trace.keep,
            ValueType<Duration>.duration(.seconds(3600)...(.seconds(3650 * 86400)), example: "30d").orUnlimited, .live,
            "How long the history of a message is kept after it was accepted: how it came, what was decided and why."
        ),
        Setting(
            "control.socket", \.control.socket, ValueType<String>.path.optional,
            .restart, default: "`control.sock` in the data directory",
            "The path of the control socket, at most 100 octets."
        ),
        Setting(
            "control.mode", \.control.mode, .fileMode,
            .restart, "The permission bits of the control socket: who may open it rules the server."
        ),
    ]
}
