import MailSyntax

extension CrossCheck {
    /// Routes and rules that can't do what they say.
    mutating func routing() {
        let check = RoutingCheck(loaded)
        for (index, route) in manifest.routing.routes.enumerated() {
            diagnostics += check.errors(in: route)
            if manifest.routing.routes.prefix(index).contains(where: { $0.name == route.name }) {
                let message = "there are two routes with the name `\(route.name)`"
                diagnostics.append(check.diagnostic(route.origin, message, "give each its own `name`"))
            }
        }
        for rule in manifest.routing.rules where check.routes[rule.route] == nil {
            diagnostics.append(
                check.diagnostic(
                    rule.origin, "a rule names the route `\(rule.route)`, which is not there",
                    check.remedy(forUnknown: rule.route)))
        }
        if manifest.outbound.smarthost != nil, let rule = manifest.routing.rules.first(where: \.isDefault) {
            diagnostics.append(
                check.diagnostic(
                    rule.origin, "a rule without conditions takes all mail, and so does `outbound.smarthost`",
                    "keep one of them: a route of kind `smarthost`, or `outbound.smarthost`"))
        }
    }
}

/// What of routes and rules is wrong, and what of them can never matter.
///
/// Whoever writes a route, a rule or a login wants it used: one that never can be is said, because mail would go another
/// way than its writer believes.
struct RoutingCheck {
    let loaded: LoadedManifest
    let routes: [String: Manifest.Route]

    init(_ loaded: LoadedManifest) {
        self.loaded = loaded
        let all = loaded.manifest.effectiveRoutes()
        routes = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
    }

    var routing: Manifest.Routing { loaded.manifest.routing }

    /// - Parameter origin: `martlet.yaml:12`.
    func diagnostic(_ origin: String, _ message: String, _ remedy: String) -> ConfigDiagnostic {
        let parts = origin.split(separator: ":")
        guard parts.count > 1, let line = parts.last.flatMap({ Int($0) }) else {
            return ConfigDiagnostic(
                file: origin.isEmpty ? loaded.file : origin, line: nil, column: nil, message: message, remedy: remedy)
        }
        let file = parts.dropLast().joined(separator: ":")
        return ConfigDiagnostic(file: file, line: line, column: nil, message: message, remedy: remedy)
    }

    func remedy(forUnknown name: String) -> String {
        if let near = Suggestion.nearest(to: name, among: routes.keys.sorted()) { return "did you mean `\(near)`?" }
        return
            "write it below `routing.routes`, or name one of \(routes.keys.sorted().map { "`\($0)`" }.joined(separator: ", "))"
    }

    // MARK: Errors

    func errors(in route: Manifest.Route) -> [ConfigDiagnostic] {
        var found: [(String, String)] = []
        let name = "the route `\(route.name)`"
        if route.name == Manifest.smarthostRouteName, loaded.manifest.outbound.smarthost != nil {
            found.append(
                ("\(name) has the name of the one that `outbound.smarthost` makes", "give it another name"))
        }
        if route.name == Manifest.Route.direct.name, route.kind != .direct {
            found.append(("\(name) is not of kind `direct`", "give it another name: `direct` is the way by MX"))
        }
        let takesHosts = route.kind == .smarthost || route.kind == .lmtp
        if takesHosts, route.hosts.isEmpty {
            found.append(("\(name) has no hosts", "write `hosts: [\"[mail.isp.example]:587\"]`"))
        }
        if !takesHosts, !route.hosts.isEmpty {
            found.append(
                ("\(name) has hosts, and its kind `\(route.kind.rawValue)` takes none", "write `kind: smarthost`"))
        }
        if route.kind == .smarthost, route.hosts.contains(where: \.isSocket) {
            found.append(("\(name) leads to a socket", "sockets are of `kind: lmtp`"))
        }
        if route.kind == .fail, route.text == nil {
            found.append(("\(name) fails without a `text`", "write what the sender is told: `text: \"5.7.1 …\"`"))
        }
        if Set(route.sourceAddresses.map(\.isV6)).count != route.sourceAddresses.count {
            found.append(
                ("\(name) has two `source_addresses` of one family", "keep one IPv4 and one IPv6 address at most"))
        }
        found += tlsErrors(in: route, name) + loginErrors(in: route, name) + fallbackErrors(of: route, name)
        return found.map { diagnostic(route.origin, $0.0, $0.1) }
    }

    private func tlsErrors(in route: Manifest.Route, _ name: String) -> [(String, String)] {
        guard let tls = route.tls else { return [] }
        var found: [(String, String)] = []
        if tls.level == .fingerprint, tls.fingerprints.isEmpty {
            found.append(("\(name) asks for fingerprints and has none", "write `fingerprints` below `tls`"))
        }
        if tls.level == .daneOnly, !loaded.manifest.server.dns.validates {
            found.append(
                (
                    "\(name) asks for `dane-only`, and `server.dns` validates nothing",
                    "write `server.dns.trust_anchor`, or leave out `forwarders`"
                ))
        }
        if tls.level == .none, route.implicitTLS == true {
            found.append(("\(name) has `implicit_tls: true` and the TLS level `none`", "remove one of them"))
        }
        return found
    }

    private func loginErrors(in route: Manifest.Route, _ name: String) -> [(String, String)] {
        let logins = route.logins
        guard !logins.isEmpty else { return [] }
        guard route.kind == .smarthost || route.kind == .lmtp else {
            return [
                (
                    "\(name) has a login, and its kind `\(route.kind.rawValue)` can't use one",
                    "a login belongs to the hosts of a route: write `kind: smarthost` and `hosts`, or remove it"
                )
            ]
        }
        var found: [(String, String)] = []
        for login in logins where login.password == nil && login.oauth2 == nil {
            found.append(
                (
                    "\(name): the login `\(login.username)` has no password",
                    "write `password_file`, `password_env` or `oauth2`"
                ))
        }
        let isClear = route.tls?.level == TLSLevel.none && route.implicitTLS != true
        if isClear, let login = logins.first(where: { !$0.allowsClearText }) {
            found.append(
                (
                    "\(name) has the TLS level `none`, and the password of `\(login.username)` would be sent in the clear",
                    "write another level, or `allow_cleartext: true` beside the login where the way there is safe"
                ))
        }
        return found
    }

    private func fallbackErrors(of route: Manifest.Route, _ name: String) -> [(String, String)] {
        guard let fallback = route.fallback else { return [] }
        guard [.direct, .smarthost, .lmtp].contains(route.kind) else {
            return [("\(name) has a fallback, and makes no attempts that could fail", "remove `fallback`")]
        }
        guard routes[fallback.route] != nil else {
            return [("the fallback of \(name), `\(fallback.route)`, is not there", remedy(forUnknown: fallback.route))]
        }
        var seen = [route.name]
        var next = routes[fallback.route]
        while let current = next {
            if current.name == route.name {
                let way = (seen + [route.name]).joined(separator: " → ")
                return [("the fallbacks go in a circle: \(way)", "end it: remove one `fallback`")]
            }
            // A circle that this route only leads to is said at its own routes.
            if seen.contains(current.name) { return [] }
            seen.append(current.name)
            next = current.fallback.flatMap { routes[$0.route] }
        }
        return []
    }
}

extension RouteHost {
    fileprivate var isSocket: Bool {
        if case .socket = place { return true }
        return false
    }
}

extension Manifest.Route {
    /// The login of the route and those of senders on it.
    package var logins: [RouteLogin] { senderLogins.map(\.login) + (login.map { [$0] } ?? []) }
}

extension Manifest.RoutingRule {
    /// It takes everything.
    package var isDefault: Bool { when.isEmpty && except.isEmpty }
}
