package import MailSyntax

/// What is asked of TLS towards a server.
package enum TLSLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Never.
    case none
    /// When it is offered; without a check of the certificate.
    case may
    /// What the host's zone asks for with TLSA records; as `may` where it asks for nothing.
    case dane
    /// Always; without a check of the certificate.
    case encrypt
    /// Always; the certificate must be one that the host's zone publishes with TLSA records.
    case daneOnly = "dane-only"
    /// Always; the certificate must be valid for the host or one of `match`, as found by MX.
    case verify
    /// Always; the certificate must be valid for the next hop's name or one of `match`, whatever DNS says.
    case secure
    /// Always; the certificate or its key must have one of the fingerprints.
    case fingerprint

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    package static func < (a: TLSLevel, b: TLSLevel) -> Bool { a.rank < b.rank }
}

/// What destinations and hosts publish about TLS, and is asked for.
package struct TLSDiscovery: OptionSet, Sendable, Hashable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// TLSA records. // RFC 7672
    package static let dane = TLSDiscovery(rawValue: 1)
    /// The policy of the domain. // RFC 8461
    package static let mtaSTS = TLSDiscovery(rawValue: 2)
}

/// What is asked of TLS towards the hosts of a route or a destination.
package struct TLSRequirement: Sendable, Hashable {
    package var level: TLSLevel
    /// Names, instead of the host's, that the certificate may be valid for.
    package var match: [String]
    /// SHA-256 of the certificate or its public key, 64 hexadecimal digits in lower case, without colons.
    package var fingerprints: [String]
    /// PEM file of authorities instead of the system's; an absolute path.
    package var caFile: String?
    /// Our own certificate, shown when asked for.
    package var certificate: Manifest.Certificate?
    /// SNI instead of the host's name.
    package var serverName: String?
    /// What may ask for more than `level`; not written, but found out.
    package var discovery: TLSDiscovery = []

    package init(
        level: TLSLevel, match: [String] = [], fingerprints: [String] = [], caFile: String? = nil,
        certificate: Manifest.Certificate? = nil, serverName: String? = nil
    ) {
        self.level = level
        self.match = match
        self.fingerprints = fingerprints
        self.caFile = caFile
        self.certificate = certificate
        self.serverName = serverName
    }

    /// TLSA records are asked for.
    package var asksDANE: Bool { level == .dane || level == .daneOnly || discovery.contains(.dane) }

    /// The same, with TLS in any case.
    package func encrypted() -> TLSRequirement {
        guard level < .encrypt else { return self }
        var raised = self
        if level == .dane { raised.discovery.insert(.dane) }
        raised.level = .encrypt
        return raised
    }
}

/// Where a route leads.
package struct RouteHost: Sendable, Hashable, CustomStringConvertible {
    package enum Place: Sendable, Hashable {
        /// A host name or an address; its MX is not looked up. Written `[host]`, or `[host]:port`.
        case host(String)
        /// The hosts of a domain's MX records, or its addresses where it has none.
        case domain(String)
        /// A Unix-domain socket, of LMTP.
        case socket(path: String)
    }

    package var place: Place
    /// nil: 25; 24 for LMTP.
    package var port: Int?
    /// For `choose: weight`; 1…1000.
    package var weight: Int

    package init(_ place: Place, port: Int? = nil, weight: Int = 1) {
        self.place = place
        self.port = port
        self.weight = weight
    }

    /// As Postfix writes a next hop: `[mail.isp.example]:587`.
    package var description: String {
        let suffix = port.map { ":\($0)" } ?? ""
        return switch place {
        case .host(let host): "[\(host)]\(suffix)"
        case .domain(let domain): "\(domain)\(suffix)"
        case .socket(let path): "unix:\(path)"
        }
    }
}

/// How a client proves who it is to a route's hosts.
package struct RouteLogin: Sendable, Hashable {
    package var username: String
    /// nil with `oauth2`.
    package var password: SecretSource?
    package var oauth2: OAuth2?
    /// Names of SASL mechanisms that may be used; empty: the strongest of those offered.
    package var mechanisms: [String]
    /// PLAIN and LOGIN also without TLS.
    package var allowsClearText: Bool

    package init(
        username: String, password: SecretSource? = nil, oauth2: OAuth2? = nil, mechanisms: [String] = [],
        allowsClearText: Bool = false
    ) {
        self.username = username
        self.password = password
        self.oauth2 = oauth2
        self.mechanisms = mechanisms
        self.allowsClearText = allowsClearText
    }
}

/// How fast a route is used. nil: as `queue` has it.
package struct RoutePace: Sendable, Hashable {
    /// A daily cap that grows, for an address that nobody knows yet.
    package struct WarmUp: Sendable, Hashable {
        /// Messages on the first day.
        package var first: Int
        /// Each day's cap is this many per cent of the day before: 130.
        package var growth: Int
        /// The cap ends when it reaches this many messages.
        package var until: Int
        /// `2026-11-21`: the first day.
        package var began: String

        package init(first: Int, growth: Int = 150, until: Int = 100_000, began: String) {
            self.first = first
            self.growth = growth
            self.until = until
            self.began = began
        }
    }

    /// Connections at the same time to one destination of the route.
    package var connections: Int?
    /// Messages a minute to one destination.
    package var perMinute: Int?
    /// Between the starts of two messages to one destination.
    package var delay: Duration?
    package var messagesPerConnection: Int?
    /// Recipients of one transaction.
    package var recipients: Int?
    package var warmUp: WarmUp?

    package init() {}
}

extension Manifest {
    /// A named way out.
    package struct Route: Sendable, Hashable {
        package enum Kind: String, Sendable, CaseIterable {
            /// To the MX of each recipient's domain.
            case direct
            case smarthost
            case lmtp
            /// Kept in the queue until released.
            case hold
            /// Taken and thrown away, with a trace.
            case discard
            /// Refused with `text`: at RCPT where it is known, else by a bounce.
            case fail
        }

        package enum Choice: String, Sendable, CaseIterable {
            /// The first that works.
            case order
            /// One by chance, by weight; then the others.
            case weight
        }

        package struct SenderLogin: Sendable, Hashable {
            package var sender: AddressPattern
            package var login: RouteLogin
            package var origin: String

            package init(sender: AddressPattern, login: RouteLogin, origin: String = "") {
                self.sender = sender
                self.login = login
                self.origin = origin
            }
        }

        package struct Fallback: Sendable, Hashable {
            /// The name of a route.
            package var route: String
            /// After so many failed attempts, 1 or more.
            package var after: Int

            package init(route: String, after: Int) {
                self.route = route
                self.after = after
            }
        }

        /// Unique; letters, digits, `-`, `_`, `.`. `direct` is there without being written.
        package var name: String
        package var kind: Kind
        /// One or more for `smarthost` and `lmtp`, none else.
        package var hosts: [RouteHost] = []
        package var choice = Choice.order
        /// nil: `outbound.tls` for `direct`, `encrypt` for a smarthost, `none` for LMTP.
        package var tls: TLSRequirement?
        /// TLS from the first octet; nil: with port 465.
        package var implicitTLS: Bool?
        package var login: RouteLogin?
        /// Before `login`, by reverse-path; the first that matches.
        package var senderLogins: [SenderLogin] = []
        /// One IPv4 and one IPv6 address at most; empty: `outbound.bind`.
        package var sourceAddresses: [IPAddress] = []
        /// In EHLO; nil: `outbound.helo_name`.
        package var heloName: String?
        /// For `fail`: what the sender is told, one line, maybe with an enhanced status code (`5.7.1 …`) in front.
        package var text: String?
        package var fallback: Fallback?
        package var pace = RoutePace()
        package var origin: String

        package init(name: String, kind: Kind, hosts: [RouteHost] = [], origin: String = "") {
            self.name = name
            self.kind = kind
            self.hosts = hosts
            self.origin = origin
        }

        /// The route that is always there.
        package static let direct = Route(name: "direct", kind: .direct, origin: "built in")
    }

    /// Which mail takes which route. The first rule that matches holds; without one it is `direct`.
    package struct RoutingRule: Sendable, Hashable {
        /// What is written holds; empty means everything.
        package struct Conditions: Sendable, Hashable {
            /// The reverse-path, after canonical rewriting and masquerading.
            package var senders: [AddressPattern] = []
            package var recipients: [AddressPattern] = []
            /// Who logged in: accounts' addresses, devices' names.
            package var logins: [String] = []
            /// Octets.
            package var largerThan: Int?

            package init() {}

            package var isEmpty: Bool { senders.isEmpty && recipients.isEmpty && logins.isEmpty && largerThan == nil }
        }

        /// The name of a route.
        package var route: String
        /// Each kind that is written has to match.
        package var when = Conditions()
        /// Any that matches makes the rule not hold.
        package var except = Conditions()
        package var origin: String

        package init(route: String, when: Conditions = .init(), except: Conditions = .init(), origin: String = "") {
            self.route = route
            self.when = when
            self.except = except
            self.origin = origin
        }
    }
}

extension Manifest {
    /// Which way mail goes that is not kept here.
    package struct Routing: Sendable, Equatable {
        package var routes: [Route] = []
        package var rules: [RoutingRule] = []
        /// Tables that people bring, asked before the rules: recipient → `transport:nexthop`, as Postfix reads it.
        package var transport: [TableSource] = []
        /// Then: sender → next hop.
        package var senderRelay: [TableSource] = []
        /// Logins for next hops of the two tables, and for routes that have none: sender or next hop → `user:password`.
        package var credentials: [TableSource] = []
        /// Next hop or recipient's domain → TLS level and its parameters, as Postfix reads it.
        package var tlsPolicy: [TableSource] = []
    }
}
