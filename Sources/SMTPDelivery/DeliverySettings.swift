package import MailAuth
package import MailConfig
package import MailPolicy
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
    /// Which way each message takes: looked up anew for each attempt.
    package var rules: PolicyRules
    /// Answers what finding a way asks: hosted domains and tables.
    package var lookup: @Sendable (Lookup) async -> Answer = { lookup in
        if case .hosted = lookup { .flag(false) } else { .unavailable("there are no tables") }
    }
    /// Reads a password, anew for each connection. What is thrown is shown to the operator.
    package var secret: @Sendable (SecretSource) throws -> [UInt8] = { source in throw NoSecret(source: source) }
    /// The tokens of a login at a route's hosts; nil where there are none yet.
    package var tokens: @Sendable (_ route: String, PlannedLogin) -> (any AccessTokenSource)? = { _, _ in nil }
    /// The MTA-STS policy of a domain, in A-labels.
    package var mtaSTS: @Sendable (_ domain: String) async -> MTASTSAnswer = { _ in .none("it is not asked for") }
    /// Counts sessions for reports of TLS.
    package var tlsResults: @Sendable (TLSSessionResult) -> Void = { _ in }
    package var timeouts = DeliveryTimeouts()
    /// Where this server itself takes mail, for finding loops.
    package var own = OwnEndpoints()
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
    /// A fixed target for a destination, before any route; reached in clear and without a login. For the self-test's
    /// sink on loopback.
    package var pinned: @Sendable (_ destination: String) -> RouteTarget? = { _ in nil }

    package init(rules: PolicyRules) {
        self.rules = rules
    }

    /// Nobody has said how passwords are read.
    package struct NoSecret: Error, Sendable {
        package var source: SecretSource
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
