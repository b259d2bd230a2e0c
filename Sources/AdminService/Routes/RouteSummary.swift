import MailConfig
import MailSyntax
import OutboundQueue

/// A way out, as `martlet route list` shows it.
package struct RouteSummary: Codable, Sendable, Equatable {
    package struct Suspension: Codable, Sendable, Equatable {
        /// Where mail waits: the route, with the login that is used.
        var site: String
        var retryAt: Timestamp
        var failures: Int
        var reason: String
    }

    var name: String
    var kind: String
    /// Where it was written.
    var origin: String
    var hosts: [String]
    /// `encrypt`; `secure (implicit)`.
    var tls: String
    /// The user name; nil for a route without a login of its own.
    var login: String?
    /// User names by sender.
    var senderLogins: [String: String]
    /// The state of the token of each login with OAuth 2: `valid until …`.
    var tokens: [String: String] = [:]
    /// Who takes it, in words: rules, fallbacks, everything else.
    var usedBy: [String]
    /// What keeps its mail waiting; empty when nothing does.
    var suspended: [Suspension]
}

extension Operations {
    func routeList() async throws -> [RouteSummary] {
        let manifest = manifest
        let sites = try await stores.queue.suspendedSites()
        let tokens = try await tokenStates()
        return manifest.effectiveRoutes().map { route in
            var summary = RouteSummary(
                name: route.name, kind: route.kind.rawValue, origin: route.origin,
                hosts: route.hosts.map(\.description), tls: manifest.tlsText(of: route), login: route.login?.username,
                senderLogins: [:], usedBy: manifest.users(of: route), suspended: [])
            for login in route.senderLogins { summary.senderLogins["\(login.sender)"] = login.login.username }
            for token in tokens where token.route == route.name { summary.tokens[token.login] = token.state }
            summary.suspended = sites.filter { $0.name == route.name || $0.name.hasPrefix("\(route.name) ") }.map {
                .init(site: $0.name, retryAt: $0.retryAt, failures: $0.failures, reason: $0.reply.text)
            }
            return summary
        }
    }
}

extension RouteSummary {
    /// A few lines for people.
    var text: String {
        var lines = ["\(name): \(kind)\(hosts.isEmpty ? "" : " \(hosts.joined(separator: ", "))")  [\(origin)]"]
        if ["direct", "smarthost", "lmtp"].contains(kind) { lines.append("    TLS: \(tls)") }
        if let login { lines.append("    login: \(login)") }
        for (sender, username) in senderLogins.sorted(by: { $0.key < $1.key }) {
            lines.append("    login of \(sender): \(username)")
        }
        for (login, state) in tokens.sorted(by: { $0.key < $1.key }) { lines.append("    token of \(login): \(state)") }
        lines.append("    used by: \(usedBy.isEmpty ? "nothing" : usedBy.joined(separator: "; "))")
        for suspension in suspended {
            lines.append("    waiting (\(suspension.site)), \(suspension.failures) failures: \(suspension.reason)")
        }
        return lines.map { "\($0)\n" }.joined()
    }
}

extension Manifest {
    fileprivate func tlsText(of route: Route) -> String {
        let level: TLSLevel
        switch (route.tls, route.kind) {
        case (let tls?, _): level = tls.level
        case (nil, .lmtp): level = .none
        case (nil, .smarthost): level = .encrypt
        case (nil, _):
            level =
                switch outbound.tls {
                case .opportunistic: .may
                case .required: .encrypt
                case .none: .none
                }
        }
        let isImplicit = route.implicitTLS ?? (level != .none && route.hosts.contains { $0.port == 465 })
        return "\(level.rawValue)\(isImplicit ? " (from the first octet)" : "")"
    }

    /// Rules, fallbacks and tables that lead to a route, in words.
    fileprivate func users(of route: Route) -> [String] {
        var users: [String] = []
        for (index, rule) in routing.rules.enumerated() where rule.route == route.name {
            users.append("rule \(index + 1) (\(rule.conditionText)) [\(rule.origin)]")
        }
        for other in routing.routes {
            guard let fallback = other.fallback, fallback.route == route.name else { continue }
            users.append("\(other.name), after \(fallback.after) failed attempts")
        }
        if !routing.rules.contains(where: \.isDefault), route.name == standardRoute { users.append("everything else") }
        if !routing.transport.isEmpty || !routing.senderRelay.isEmpty { users.append("what tables send there") }
        return users
    }

    private var standardRoute: String { outbound.smarthost == nil ? Route.direct.name : Self.smarthostRouteName }
}

extension Manifest.RoutingRule {
    /// `sender @a.example, @b.example; not recipient boss@c.example`
    fileprivate var conditionText: String {
        let parts = [when.text, except.text.map { "not \($0)" }].compactMap(\.self)
        return parts.isEmpty ? "everything" : parts.joined(separator: "; ")
    }
}

extension Manifest.RoutingRule.Conditions {
    fileprivate var text: String? {
        var parts: [String] = []
        if !senders.isEmpty { parts.append("sender \(senders.map(\.description).joined(separator: ", "))") }
        if !recipients.isEmpty { parts.append("recipient \(recipients.map(\.description).joined(separator: ", "))") }
        if !logins.isEmpty { parts.append("login \(logins.joined(separator: ", "))") }
        if let largerThan { parts.append("larger than \(largerThan) octets") }
        return parts.isEmpty ? nil : parts.joined(separator: " and ")
    }
}
