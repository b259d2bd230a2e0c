package import MailSyntax

/// Which addresses a rule means.
package enum AddressPattern: Sendable, Hashable, CustomStringConvertible {
    /// `*`: every address, but not the null reverse-path.
    case any
    /// `<>`
    case null
    case address(EmailAddress)
    /// `@example.org`
    case domain(DomainName)
    /// `@.example.org`: the domains below it.
    case subdomains(DomainName)

    /// - Parameter text: `*`, `<>`, `user@example.org`, `@example.org`, `@.example.org`; a bare `example.org` is the
    ///   domain, `.example.org` the domains below it.
    package init?(_ text: some StringProtocol) {
        switch text {
        case "*": self = .any
        case "<>": self = .null
        default:
            let name = text.first == "@" ? text.dropFirst() : text[...]
            if text.first != "@", text.contains("@") {
                // `*@example.org` is somebody's `@example.org`; as an address it would match nobody, in silence.
                guard let address = EmailAddress(text), !address.localPart.contains("*") else { return nil }
                self = .address(address)
            } else if name.first == "." {
                guard let domain = DomainName(name.dropFirst()) else { return nil }
                self = .subdomains(domain)
            } else {
                guard let domain = DomainName(name) else { return nil }
                self = .domain(domain)
            }
        }
    }

    package func matches(_ path: ReversePath) -> Bool {
        guard let address = path.address else { return self == .null }
        return matches(address)
    }

    /// Addresses are compared folded, without regard to case.
    package func matches(_ address: EmailAddress) -> Bool {
        switch self {
        case .any: true
        case .null: false
        case .address(let own): own.folded == address.folded
        case .domain(let domain): address.domain == domain
        case .subdomains(let domain): address.domain?.isSubdomain(of: domain) == true
        }
    }

    package var description: String {
        switch self {
        case .any: "*"
        case .null: "<>"
        case .address(let address): address.description
        case .domain(let domain): "@\(domain)"
        case .subdomains(let domain): "@.\(domain)"
        }
    }
}

/// How much one sender may send. nil: no limit.
package struct SendLimits: Sendable, Hashable {
    package struct Rate: Sendable, Hashable {
        package var minute: Int?
        package var hour: Int?
        package var day: Int?

        package init(minute: Int? = nil, hour: Int? = nil, day: Int? = nil) {
            self.minute = minute
            self.hour = hour
            self.day = day
        }
    }

    package var messages: Rate
    package var recipients: Rate

    package init(messages: Rate = Rate(), recipients: Rate = Rate()) {
        self.messages = messages
        self.recipients = recipients
    }
}

/// Where a secret is read from; it never stands in the manifest.
package enum SecretSource: Sendable, Hashable {
    /// The first line of a file; read each time it is needed.
    case file(String)
    /// An environment variable of the server's process.
    case environment(String)
}

extension Manifest {
    /// Who may send to addresses that are not hosted here.
    package struct Relay: Sendable, Equatable {
        package enum Permit: String, Sendable, CaseIterable {
            /// A client that has logged in, or one in a trusted network.
            case either
            /// Only a client that has logged in.
            case login
            /// Only a client in a trusted network; a login there is of no use for relaying.
            case network
            /// A client that has logged in and is in a trusted network.
            case both
        }

        /// Named risks that an operator takes knowingly.
        package enum Risk: String, Sendable, CaseIterable {
            /// Anybody on the internet may send through this server.
            case openRelay = "open-relay"
        }

        /// Trusted networks.
        package var networks: [IPNetwork] = []
        package var permit = Permit.either
        /// Who may stand in MAIL FROM of a client that relays by its network; empty: anybody.
        package var senders: [AddressPattern] = []
        /// `senders` also binds clients that have logged in.
        package var sendersBindLogins = false
        /// A login's From field has to be an address of the login, as its reverse-path has.
        package var bindsHeaderFrom = false
        /// Domains that are relayed for whoever brings mail for them, by a route.
        package var domains: [AddressPattern] = []
        /// Recipients that exist in `domains`; empty: all.
        package var recipients: [TableSource] = []
        package var acceptedRisks: Set<Risk> = []
    }

    /// What accounts and addresses may send and receive.
    package struct Sending: Sendable, Equatable {
        /// For every account that has no item of its own.
        package var limits = SendLimits()
        package var accounts: [AddressRule] = []
        /// Where what an account sends is kept.
        package var saveSent = SavedSent.off
    }

    /// Whether the server keeps what accounts send.
    package enum SavedSent: String, Sendable, CaseIterable {
        /// It is the client's to do.
        case off
        /// In the account's mailbox for what was sent, as a part of accepting it.
        case on
    }

    /// An exception for some addresses; the first that matches holds.
    package struct AddressRule: Sendable, Hashable {
        package var pattern: AddressPattern
        package var limits: SendLimits?
        package var maySend: Bool
        package var mayReceive: Bool
        /// nil: as for everybody.
        package var saveSent: SavedSent?
        package var origin: String

        package init(
            pattern: AddressPattern, limits: SendLimits? = nil, maySend: Bool = true, mayReceive: Bool = true,
            origin: String = ""
        ) {
            self.pattern = pattern
            self.limits = limits
            self.maySend = maySend
            self.mayReceive = mayReceive
            self.origin = origin
        }
    }

    /// A credential for a printer, a script, an application: fixed sender addresses, networks and a rate. It has no
    /// mailbox.
    package struct Device: Sendable, Hashable {
        /// Unique; in logs and traces.
        package var name: String
        /// What it logs in with; nil: it does not log in and is known by its network, on a `device` listener only.
        package var username: String?
        /// The password, in clear or as a hash with its scheme (`{SHA512-CRYPT}…`, `$6$…`).
        package var password: SecretSource?
        /// What it may write into MAIL FROM (and, with `relay.bind_header_from`, into From).
        package var senders: [AddressPattern]
        /// Where it may come from; empty: anywhere (only with a login).
        package var networks: [IPNetwork]
        package var limits: SendLimits
        package var origin: String

        package init(
            name: String, username: String? = nil, password: SecretSource? = nil, senders: [AddressPattern],
            networks: [IPNetwork] = [], limits: SendLimits = SendLimits(), origin: String = ""
        ) {
            self.name = name
            self.username = username
            self.password = password
            self.senders = senders
            self.networks = networks
            self.limits = limits
            self.origin = origin
        }
    }

    /// Who is kept out, and for how long.
    package struct Bans: Sendable, Equatable {
        package var enabled = true
        /// Failed logins or abuses of one address within `window` that ban it.
        package var failures = 10
        package var window: Duration = .seconds(600)
        /// How long the first ban lasts; each further one of the same address is twice as long, up to `longest`.
        package var duration: Duration = .seconds(3600)
        package var longest: Duration = .seconds(7 * 86400)
        /// Bans of addresses in one network (/24, /48) that ban the network; nil: never.
        package var networkAfter: Int? = 5
        /// Never banned, beside the trusted networks, proxies and loopback.
        package var ignore: [IPNetwork] = []
    }

    /// A filter that speaks the milter protocol.
    package struct Milter: Sendable, Hashable {
        package enum DefaultAction: String, Sendable, CaseIterable {
            /// As if it were not there.
            case accept
            /// 451
            case tempfail
            /// 5xx
            case reject
            /// The message is kept and not delivered until released.
            case quarantine
        }

        package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
            case tcp(host: String, port: Int)
            case unix(path: String)

            package var description: String {
                switch self {
                case .tcp(let host, let port): "inet:\(host):\(port)"
                case .unix(let path): "unix:\(path)"
                }
            }
        }

        package var name: String
        package var endpoint: Endpoint
        /// What is done when it can't be reached, times out or breaks the protocol.
        package var defaultAction: DefaultAction
        package var connectTimeout: Duration
        package var commandTimeout: Duration
        package var contentTimeout: Duration
        /// Names of listeners; empty: every SMTP and LMTP listener and mail from `sendmail`.
        package var listeners: [String]
        package var origin: String

        package init(
            name: String, endpoint: Endpoint, defaultAction: DefaultAction = .tempfail,
            connectTimeout: Duration = .seconds(30), commandTimeout: Duration = .seconds(30),
            contentTimeout: Duration = .seconds(300), listeners: [String] = [], origin: String = ""
        ) {
            self.name = name
            self.endpoint = endpoint
            self.defaultAction = defaultAction
            self.connectTimeout = connectTimeout
            self.commandTimeout = commandTimeout
            self.contentTimeout = contentTimeout
            self.listeners = listeners
            self.origin = origin
        }
    }
}
