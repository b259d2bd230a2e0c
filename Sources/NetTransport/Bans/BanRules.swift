package import MailSyntax

/// What a client did that counts towards a ban.
package enum Offence: String, Sendable, Hashable, CaseIterable {
    /// A wrong password or an unknown account, by any protocol.
    case login = "failed logins"
    /// Spoke before the greeting.
    case earlyTalking = "spoke before the greeting"
    /// Sent commands that may not come before an answer.
    case pipelining = "improper pipelining"
    /// Asked a server that it does not belong to to pass mail on.
    case relaying = "relay attempts"
    /// Made so many errors that its session was ended.
    case errors = "too many errors"
}

/// When and how long clients are kept out.
package struct BanRules: Sendable, Hashable {
    package var isEnabled = true
    /// Offences within `window` that ban; at least 1.
    package var failures = 10
    package var window: Duration = .seconds(600)
    /// The first ban; each further one of the same address is twice as long, up to `longest`.
    package var duration: Duration = .seconds(3600)
    package var longest: Duration = .seconds(7 * 86400)
    /// Banned addresses of one network that ban the network; nil: never.
    package var networkAfter: Int?
    /// Never banned.
    package var exempt: [IPNetwork] = []
    /// Addresses remembered; the bound on what a flood of them can make us hold.
    package var memory = 50_000

    package init() {}

    /// What counts as one client: an IPv4 address, an IPv6 /64.
    package static func client(_ address: IPAddress) -> IPNetwork {
        IPNetwork(address, prefixLength: address.isV6 ? 64 : 32)
    }

    /// The network that clients are counted together in: an IPv4 /24, an IPv6 /48.
    package static func neighbourhood(_ address: IPAddress) -> IPNetwork {
        IPNetwork(address, prefixLength: address.isV6 ? 48 : 24)
    }

    func exempts(_ address: IPAddress) -> Bool { address.isLoopback || exempt.contains { $0.contains(address) } }
}

/// A client or a network that is kept out.
package struct Ban: Sendable, Hashable {
    package var network: IPNetwork
    package var since: Timestamp
    /// nil: until somebody removes it.
    package var until: Timestamp?
    package var reason: String
    /// How many times in a row; the next lasts longer.
    package var count: Int
    /// An operator made it; offences don't change it, and no exemption goes before it.
    package var isManual: Bool

    package init(
        network: IPNetwork, since: Timestamp, until: Timestamp?, reason: String, count: Int, isManual: Bool
    ) {
        self.network = network
        self.since = since
        self.until = until
        self.reason = reason
        self.count = count
        self.isManual = isManual
    }

    package func holds(at now: Timestamp) -> Bool { until.map { $0 > now } ?? true }
}
