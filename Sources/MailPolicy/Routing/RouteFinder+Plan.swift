import MailConfig
import MailSyntax

// From a way out to a plan: hosts, TLS, login. nil means that questions have to be answered first.
extension RouteFinder {
    mutating func planDirect(_ route: Manifest.Route) -> RouteDecision? {
        let place: RouteHost.Place
        let text: String
        switch facts.recipient.host {
        case .domain(let domain):
            context.step(
                TraceStage.routing, "mx", origin: route.origin, before: recipient, after: "MX of \(domain)")
            place = .domain(domain.ascii)
            text = domain.ascii
        case .literal(let literal):
            guard let address = Self.address(ofLiteral: literal) else {
                context.step(TraceStage.routing, "literal", before: recipient, note: "refused: not an IP address")
                let reply = PolicyReply(
                    550, EnhancedStatusCode(5, 1, 2), "<\(recipient)>: Bad destination address literal")
                return .fail(reply, route: route.name)
            }
            context.step(
                TraceStage.routing, "literal", origin: route.origin, before: recipient, after: "\(address)")
            place = .host(address.description)
            text = "[\(address)]"
        }
        guard let tls = tls(for: text, of: route, kind: .direct) else { return nil }
        switch tls {
        case .failure(let failure): return failure.decision
        case .success(let requirement):
            // Whoever holds a login must not be found by the recipient's DNS: there is none on this way.
            let host = PlannedHost(place: place, text: text, port: table.port, tls: requirement)
            return .deliver(plan(route, name: route.name, kind: .direct, [host], origin: route.origin))
        }
    }

    mutating func plan(_ route: Manifest.Route) -> RouteDecision? {
        let hosts = route.hosts.map { ($0, $0.description) }
        return plan(route, NextHop(name: route.name, kind: route.kind, hosts: hosts, origin: route.origin))
    }

    mutating func plan(_ hop: NextHop) -> RouteDecision? { plan(hop.base, hop) }

    private mutating func plan(_ route: Manifest.Route?, _ hop: NextHop) -> RouteDecision? {
        var planned: [PlannedHost] = []
        var isComplete = true
        for (host, text) in hop.hosts {
            switch self.host(host, text, of: route, hop) {
            case nil: isComplete = false
            case .failure(let failure): return failure.decision
            case .success(let host): planned.append(host)
            }
        }
        guard isComplete else { return nil }
        guard !planned.isEmpty else {
            return misconfigured(hop.name, hop.origin, "the route has no hosts")
        }
        return .deliver(plan(route, name: hop.name, kind: hop.kind, planned, origin: hop.origin))
    }

    private func plan(
        _ route: Manifest.Route?, name: String, kind: Manifest.Route.Kind, _ hosts: [PlannedHost], origin: String
    ) -> RoutePlan {
        let own = route?.sourceAddresses ?? []
        return RoutePlan(
            name: name, kind: kind, hosts: hosts, choice: route?.choice ?? .order,
            sourceAddresses: own.isEmpty ? table.sourceAddresses : own,
            heloName: route?.heloName ?? table.heloName, pace: route?.pace ?? RoutePace(), origin: origin)
    }

    struct Stop: Error {
        var decision: RouteDecision
    }

    private mutating func host(
        _ host: RouteHost, _ text: String, of route: Manifest.Route?, _ hop: NextHop
    ) -> Result<PlannedHost, Stop>? {
        let found = login(for: host, text, of: hop.base == nil ? route : nil)
        guard let tls = tls(for: text, of: route, kind: hop.kind) else { return nil }
        let requirement: TLSRequirement
        switch tls {
        case .failure(let failure): return .failure(failure)
        case .success(let given): requirement = given
        }
        let port = host.port ?? (hop.kind == .lmtp ? 24 : 25)
        // RFC 8314 §3.3
        let isImplicit = route?.implicitTLS ?? (port == 465 && requirement.level != .none)
        var planned = PlannedHost(
            place: host.place, text: text, port: port, weight: host.weight, isTLSImplicit: isImplicit,
            tls: requirement)
        if isImplicit { planned.tls = requirement.encrypted() }
        switch found {
        case .asking: return nil
        case .unavailable(let reason): return .failure(Stop(decision: deferred("credentials", reason)))
        case .none, .byText:
            // A login by the name of a host of the domain goes before one by the next hop's text.
            if case .domain = host.place, table.tables.contains(.credentials), !ownsLogin(route, hop) {
                planned.asksLoginByHost = true
            }
            if case .byText(let login) = found { planned = planned.taking(login) }
        case .login(let login): planned = planned.taking(login)
        }
        if planned.tls.level != requirement.level {
            let rule = isImplicit ? "implicit" : "login"
            context.step(
                TraceStage.tls, rule, before: requirement.level.rawValue, after: planned.tls.level.rawValue,
                note: isImplicit ? "TLS from the first octet" : "a login needs it")
        }
        return .success(planned)
    }

    private func ownsLogin(_ route: Manifest.Route?, _ hop: NextHop) -> Bool {
        hop.base == nil && route?.login != nil
    }

    // RFC 5321 §4.1.3
    private static func address(ofLiteral literal: String) -> IPAddress? {
        var text = literal.drop { $0 == "[" }
        if text.last == "]" { text = text.dropLast() }
        if text.lowercased().hasPrefix("ipv6:") { text = text.dropFirst(5) }
        return IPAddress(text)
    }
}
