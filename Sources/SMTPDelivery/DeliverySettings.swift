package import MailConfig
package import MailSyntax
package import OutboundQueue

/// How long a remote server may take. // RFC 5321 §4.5.3.2
package struct DeliveryTimeouts: Sendable, Hashable {
    /// To connect.
    package var connect: Duration = .seconds(30)
    /// The greeting and each reply to a command.
    package var command: Duration = .seconds(300)
    /// The reply to the end of data.
    package var final: Duration = .seconds(600)

    package init() {}
}

/// How mail leaves.
package struct DeliverySettings: Sendable {
    /// A login at the smarthost. Never shown.
    package struct Credentials: Sendable, CustomStringConvertible {
        package var username: String
        package var password: [UInt8]

        package init(username: String, password: [UInt8]) {
            self.username = username
            self.password = password
        }

        package var description: String { "\(username):•••" }
    }

    /// The name in EHLO.
    package var heloName: String
    /// Takes all mail when set; else MX records decide.
    package var smarthost: Smarthost?
    /// The login at the smarthost, read anew for each connection; nil for none.
    package var credentials: @Sendable () throws -> Credentials?
    /// The port of hosts found by MX.
    package var port = 25
    package var tls = Manifest.Outbound.TLSPolicy.opportunistic
    package var timeouts = DeliveryTimeouts()
    /// Local addresses to send from, at most one of each family.
    package var sourceAddresses: [IPAddress] = []
    /// Names under which this server is an MX, for finding loops.
    package var ownNames: Set<DomainName> = []
    /// Addresses at which this server is an MX.
    package var ownAddresses: Set<IPAddress> = []
    /// Deliveries at the same time, in all and to one destination.
    package var concurrency = 50
    package var perDestination = 10
    /// Connections to a destination at first; each success allows more.
    package var initialPerDestination = 5
    /// How long a destination that is down is left alone at first; each time it is still down, twice as long.
    package var shortestSuspension: Duration = .seconds(60)
    /// How long an idle connection waits for another message.
    package var linger: Duration = .seconds(2)
    /// Messages on one connection at most.
    package var messagesPerConnection = 100
    /// Hosts' addresses tried in one attempt at most.
    package var addressesPerAttempt = 5
    package var policy = FailurePolicy()
    /// When the sender of a message, if one of us, hears that it is still being tried; nil for never.
    package var delayReport: Duration? = .seconds(4 * 3600)
    /// A fixed target for a destination, before MX records and the smarthost; reached in clear and without a login.
    /// For the self-test's sink on loopback.
    package var pinned: @Sendable (_ destination: String) -> RouteTarget? = { _ in nil }

    package init(
        heloName: String,
        smarthost: Smarthost? = nil,
        credentials: @escaping @Sendable () throws -> Credentials? = { nil }
    ) {
        self.heloName = heloName
        self.smarthost = smarthost
        self.credentials = credentials
    }

    var bounds: DeliveryBoard.Bounds {
        var bounds = DeliveryBoard.Bounds(
            concurrency: concurrency, perSite: perDestination, initial: initialPerDestination)
        bounds.shortestSuspension = shortestSuspension
        bounds.longestSuspension = max(shortestSuspension, policy.schedule.maximum)
        return bounds
    }

    /// Jobs in memory at most; what is beyond stays in the queue's rows.
    var mostWaiting: Int { max(1000, concurrency * 20) }
}
