package import MailConfig
import MailSyntax

/// The ways out of one manifest, made once for it.
package struct RoutingTable: Sendable {
    /// By name; those that are there without being written among them.
    package let routes: [String: Manifest.Route]
    package let rules: [Manifest.RoutingRule]
    /// What no rule takes.
    package let standard: Manifest.Route
    /// Purposes of routing that have tables: others aren't asked for.
    let tables: Set<TablePurpose>
    /// Whether two recipients of one domain may go different ways.
    package let asksForRecipient: Bool
    let sourceAddresses: [IPAddress]
    let heloName: String
    /// The port of hosts found by MX.
    let port: Int
    /// TLS towards hosts found by MX, and towards next hops of tables.
    let tls: TLSRequirement
    let tlsOrigin: String
    let delimiters: String

    init(_ manifest: Manifest, origins: [String: String]) {
        let smarthostOrigin = origins["outbound.smarthost.host"] ?? TraceStep.builtIn
        let all = manifest.effectiveRoutes(smarthostOrigin: smarthostOrigin)
        routes = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
        rules = manifest.routing.rules
        standard =
            manifest.smarthostRoute(origin: smarthostOrigin) ?? routes[Manifest.Route.direct.name] ?? .direct
        var tables: Set<TablePurpose> = []
        if !manifest.routing.transport.isEmpty { tables.insert(.transport) }
        if !manifest.routing.senderRelay.isEmpty { tables.insert(.senderRelay) }
        if !manifest.routing.credentials.isEmpty { tables.insert(.credentials) }
        if !manifest.routing.tlsPolicy.isEmpty { tables.insert(.tlsPolicy) }
        self.tables = tables
        asksForRecipient =
            tables.contains(.transport)
            || rules.contains { !$0.when.recipients.isEmpty || !$0.except.recipients.isEmpty }
        sourceAddresses = manifest.outbound.bind.compactMap { IPAddress($0) }
        heloName = manifest.heloName
        port = manifest.outbound.port
        let level: TLSLevel =
            switch manifest.outbound.tls {
            case .opportunistic: .may
            case .required: .encrypt
            case .none: .none
            }
        var tls = TLSRequirement(level: level)
        if level != .none {
            if manifest.outbound.dane == .auto, manifest.server.dns.validates { tls.discovery.insert(.dane) }
            if manifest.outbound.mtaSTS == .auto { tls.discovery.insert(.mtaSTS) }
        }
        self.tls = tls
        tlsOrigin = origins["outbound.tls"] ?? TraceStep.builtIn
        delimiters = manifest.mail.recipientDelimiter
    }
}

extension Manifest.RoutingRule {
    func matches(_ facts: RouteFacts) -> Bool {
        when.matchesAll(facts) && !except.matchesAny(facts)
    }
}

extension Manifest.RoutingRule.Conditions {
    /// Each kind that is written; all of nothing is everything.
    fileprivate func matchesAll(_ facts: RouteFacts) -> Bool {
        (senders.isEmpty || senders.contains { $0.matches(facts.sender) })
            && (recipients.isEmpty || recipients.contains { $0.matches(facts.recipient) })
            && (logins.isEmpty || hasLogin(of: facts))
            && largerThan.map { facts.size > $0 } ?? true
    }

    /// Any one of those written; of nothing, none.
    fileprivate func matchesAny(_ facts: RouteFacts) -> Bool {
        senders.contains { $0.matches(facts.sender) }
            || recipients.contains { $0.matches(facts.recipient) }
            || hasLogin(of: facts)
            || largerThan.map { facts.size > $0 } ?? false
    }

    private func hasLogin(of facts: RouteFacts) -> Bool {
        guard let login = facts.login.map(EmailAddress.fold) else { return false }
        return logins.contains { EmailAddress.fold($0) == login }
    }
}
