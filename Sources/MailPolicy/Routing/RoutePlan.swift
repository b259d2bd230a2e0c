package import MailConfig
package import MailSyntax

/// What a way out is chosen by.
package struct RouteFacts: Sendable, Hashable {
    /// After rewriting.
    package var sender: ReversePath
    /// After rewriting and expansion.
    package var recipient: EmailAddress
    /// The account's address or the device's name; nil for mail without a login.
    package var login: String?
    /// Octets; 0 while it isn't known.
    package var size: Int
    /// Attempts that have failed for this recipient so far.
    package var failedAttempts: Int
    /// The route that an operator chose for this recipient.
    package var pinned: String?
    /// The recipient has a mailbox here, and `pinned` is to be taken instead.
    package var leavesMailbox = false
    /// The route that the mail has last been on: where that is one of kind `hold`, it was released from there.
    package var releasedFrom: String?

    package init(
        sender: ReversePath, recipient: EmailAddress, login: String? = nil, size: Int = 0, failedAttempts: Int = 0,
        pinned: String? = nil, releasedFrom: String? = nil
    ) {
        self.sender = sender
        self.recipient = recipient
        self.login = login
        self.size = size
        self.failedAttempts = failedAttempts
        self.pinned = pinned
        self.releasedFrom = releasedFrom
    }
}

/// Where mail from one sender for one recipient goes.
package enum RouteDecision: Sendable, Hashable {
    /// The domain is hosted here.
    case local
    case deliver(RoutePlan)
    /// It is kept in the queue until an operator releases it.
    case hold(route: String)
    /// It is taken and thrown away.
    case discard(route: String)
    /// It is refused, or returned when it was taken already; a temporary reply defers it.
    case fail(PolicyReply, route: String)

    /// The name of the route, in the queue's rows and in the record of each attempt.
    package var routeName: String {
        switch self {
        case .local: "local"
        case .deliver(let plan): plan.name
        case .hold(let route), .discard(let route), .fail(_, let route): route
        }
    }
}

/// A way out with everything that a courier needs to take it.
package struct RoutePlan: Sendable, Hashable {
    /// The route's name; the next hop's text where a table named one.
    package var name: String
    /// `direct`, `smarthost` or `lmtp`.
    package var kind: Manifest.Route.Kind
    /// In the order of the manifest; at least one. For `direct` it is the recipient's domain or address literal.
    package var hosts: [PlannedHost]
    package var choice: Manifest.Route.Choice
    /// One of each address family at most; empty: the system chooses.
    package var sourceAddresses: [IPAddress]
    package var heloName: String
    package var pace: RoutePace
    /// Where the route, or the table's entry, was written.
    package var origin: String

    package init(
        name: String, kind: Manifest.Route.Kind, hosts: [PlannedHost], choice: Manifest.Route.Choice = .order,
        sourceAddresses: [IPAddress] = [], heloName: String, pace: RoutePace = RoutePace(),
        origin: String = TraceStep.builtIn
    ) {
        self.name = name
        self.kind = kind
        self.hosts = hosts
        self.choice = choice
        self.sourceAddresses = sourceAddresses
        self.heloName = heloName
        self.pace = pace
        self.origin = origin
    }

    /// Where mail waits together, fails together and may share a connection: a domain, or a route with the login that is
    /// offered there. The same for equal plans, also after a restart.
    package var siteName: String {
        if kind == .direct, let domain = hosts.first?.text {
            return name == Manifest.Route.direct.name ? domain : "\(domain) by \(name)"
        }
        let logins = Set(hosts.compactMap(\.login?.username)).sorted()
        let login = logins.isEmpty ? "" : " as \(logins.joined(separator: ", "))"
        return "\(name)\(login) [\(String(fingerprint, radix: 16))]"
    }

    /// Of all that two connections may differ in; of secrets, where they come from. FNV-1a, 32 bits.
    private var fingerprint: UInt32 {
        var hash: UInt32 = 0x811C_9DC5
        func add(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
            hash = (hash ^ 0xFF) &* 0x0100_0193
        }
        add("\(kind) \(heloName) \(sourceAddresses)")
        for host in hosts {
            let tls = host.tls
            add("\(host.text) \(host.port) \(host.isTLSImplicit) \(host.asksLoginByHost)")
            add(
                "\(tls.level) \(tls.discovery.rawValue) \(tls.match) \(tls.fingerprints) \(tls.serverName ?? "") \(tls.caFile ?? "")"
            )
            add("\(tls.certificate?.chain ?? "") \(tls.certificate?.key ?? "")")
            if let login = host.login { add("\(login) \(login.origin) \(login.mechanisms) \(login.allowsClearText)") }
        }
        return hash
    }
}

/// One of the places that a route leads to.
package struct PlannedHost: Sendable, Hashable {
    package var place: RouteHost.Place
    /// As it was written; keys of the tables `credentials` and `tls_policy` are compared with it.
    package var text: String
    package var port: Int
    package var weight: Int
    /// TLS from the first octet.
    package var isTLSImplicit: Bool
    package var tls: TLSRequirement
    /// Offered to this place and to no other.
    package var login: PlannedLogin?
    /// The place is a domain, and the table `credentials` may have a login by the name of one of its hosts, which goes
    /// before `login`: ask `Policy.login(at:rules:_:)` when they are known.
    package var asksLoginByHost: Bool

    package init(
        place: RouteHost.Place, text: String, port: Int, weight: Int = 1, isTLSImplicit: Bool = false,
        tls: TLSRequirement, login: PlannedLogin? = nil, asksLoginByHost: Bool = false
    ) {
        self.place = place
        self.text = text
        self.port = port
        self.weight = weight
        self.isTLSImplicit = isTLSImplicit
        self.tls = tls
        self.login = login
        self.asksLoginByHost = asksLoginByHost
    }
}

extension PlannedHost {
    /// The place with a login, for which TLS is needed unless the login may go without.
    package func taking(_ login: PlannedLogin) -> PlannedHost {
        var host = self
        host.login = login
        // What is `none` stays so: the session refuses to send a password, and says it.
        if !login.allowsClearText, tls.level == .may || tls.level == .dane { host.tls = tls.encrypted() }
        return host
    }
}

/// Who we are to a route's hosts, and how it is proven.
package struct PlannedLogin: Sendable, Hashable, CustomStringConvertible {
    package enum Proof: Sendable, Hashable, CustomStringConvertible {
        /// Read anew for each connection.
        case password(SecretSource)
        /// From a table. Never shown.
        case text(String)
        case oauth2(OAuth2)

        package var description: String {
            switch self {
            case .password: "a password"
            case .text: "•••"
            case .oauth2: "OAuth 2"
            }
        }
    }

    package var username: String
    package var proof: Proof
    /// Names of SASL mechanisms that may be used; empty: the strongest of those offered.
    package var mechanisms: [String]
    /// PLAIN and LOGIN also without TLS.
    package var allowsClearText: Bool
    /// Where it was written.
    package var origin: String

    package init(
        username: String, proof: Proof, mechanisms: [String] = [], allowsClearText: Bool = false,
        origin: String = TraceStep.builtIn
    ) {
        self.username = username
        self.proof = proof
        self.mechanisms = mechanisms
        self.allowsClearText = allowsClearText
        self.origin = origin
    }

    /// nil when it has neither a password nor tokens, which a manifest that is in force does not have.
    package init?(_ login: RouteLogin, origin: String) {
        if let oauth2 = login.oauth2 {
            self.init(username: login.username, proof: .oauth2(oauth2), origin: origin)
        } else if let password = login.password {
            self.init(username: login.username, proof: .password(password), origin: origin)
        } else {
            return nil
        }
        mechanisms = login.mechanisms
        allowsClearText = login.allowsClearText
    }

    package var description: String { "\(username):\(proof)" }
}
