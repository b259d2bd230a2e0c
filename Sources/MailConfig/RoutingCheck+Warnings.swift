import MailSyntax

extension RoutingCheck {
    /// What is written and can never matter.
    func warnings() -> [ConfigDiagnostic] {
        unreachedRules() + emptyRules() + unusedRoutes() + unusedLogins() + shadowedLogins() + oddPorts() + loops()
            + unusedCredentials()
    }

    // MARK: Rules

    private func unreachedRules() -> [ConfigDiagnostic] {
        routing.rules.enumerated().compactMap { index, rule in
            guard let earlier = routing.rules.prefix(index).first(where: { $0.covers(rule) }) else { return nil }
            let place = earlier.origin.split(separator: ":").last.map { " (line \($0))" } ?? ""
            let what = earlier.isDefault ? "takes everything" : "takes all that it would take"
            return diagnostic(
                rule.origin,
                "this rule for the route `\(rule.route)` is never reached: an earlier one\(place), for `\(earlier.route)`, \(what)",
                "put it before the other, or remove it")
        }
    }

    /// Rules that no message can match.
    private func emptyRules() -> [ConfigDiagnostic] {
        let devices = Set(loaded.manifest.devices.map(\.name))
        return routing.rules.flatMap { rule -> [ConfigDiagnostic] in
            let what = "this rule for the route `\(rule.route)` takes no mail: "
            var found: [ConfigDiagnostic] = []
            if rule.exceptsAll {
                found.append(
                    diagnostic(rule.origin, what + "`except` takes out all that it matches", "remove one of them"))
            }
            if let size = rule.when.largerThan, let most = loaded.manifest.limits.messageSize, size >= most {
                found.append(
                    diagnostic(
                        rule.origin, what + "`larger_than` is not below `limits.message_size`",
                        "write a size below \(SizeText.render(most))"))
            }
            for login in rule.when.logins
            where !login.contains("@") && !login.hasPrefix("uid=") && !devices.contains(login) {
                let near = Suggestion.nearest(to: login, among: devices.sorted()).map { "did you mean `\($0)`? " } ?? ""
                found.append(
                    diagnostic(
                        rule.origin,
                        "no device has the name `\(login)`, which a rule for the route `\(rule.route)` asks for",
                        near + "write an account's whole address, or a device's `name`"))
            }
            return found
        }
    }

    private func unusedRoutes() -> [ConfigDiagnostic] {
        guard !hasOpaqueTables else { return [] }
        let used = Set(routing.rules.map(\.route) + routes.values.compactMap(\.fallback?.route))
        return routing.routes.filter { route in
            route.name != Manifest.Route.direct.name && !used.contains(route.name) && !isNamed(route.name)
        }.map { route in
            diagnostic(
                route.origin, "no rule and no fallback leads to the route `\(route.name)`: no mail takes it",
                "write a rule: `- {route: \(route.name), sender: \"@example.org\"}` below `routing.rules`")
        }
    }

    /// A login for a sender whom no rule brings to its route.
    private func unusedLogins() -> [ConfigDiagnostic] {
        guard !hasOpaqueTables else { return [] }
        let fallbacks = Set(routes.values.compactMap(\.fallback?.route))
        return routing.routes.flatMap { route -> [ConfigDiagnostic] in
            guard !fallbacks.contains(route.name), !isNamed(route.name) else { return [] }
            let rules = routing.rules.filter { $0.route == route.name }
            guard !rules.isEmpty else { return [] }
            return route.senderLogins.filter { login in
                !rules.contains { $0.mayTake(login.sender) }
            }.map { login in
                diagnostic(
                    login.origin.isEmpty ? route.origin : login.origin,
                    "the login for `\(login.sender)` on the route `\(route.name)` is never used: no rule brings that sender there",
                    "add the sender to a rule for `\(route.name)`, or remove the login")
            }
        }
    }

    /// A login for a sender whose mail an earlier one takes: the first that matches is used.
    private func shadowedLogins() -> [ConfigDiagnostic] {
        routing.routes.flatMap { route in
            route.senderLogins.enumerated().compactMap { index, login -> ConfigDiagnostic? in
                let earlier = route.senderLogins.prefix(index).first { $0.sender.covers(login.sender) }
                guard let earlier else { return nil }
                return diagnostic(
                    login.origin.isEmpty ? route.origin : login.origin,
                    "the login for `\(login.sender)` on the route `\(route.name)` is never used: the one for `\(earlier.sender)` before it is",
                    "put the narrower one first, or remove one")
            }
        }
    }

    private func oddPorts() -> [ConfigDiagnostic] {
        routing.routes.filter { route in
            route.implicitTLS == false && route.hosts.contains { $0.port == 465 }
        }.map { route in
            diagnostic(
                route.origin, "the route `\(route.name)` goes to port 465 with `implicit_tls: false`",
                "port 465 is TLS from the first octet (RFC 8314 §3.3): remove `implicit_tls`, or write port 587")
        }
            + routing.routes.filter { route in
                route.implicitTLS == true && route.hosts.contains { [25, 587].contains($0.port) }
            }.map { route in
                diagnostic(
                    route.origin, "the route `\(route.name)` goes to port 25 or 587 with `implicit_tls: true`",
                    "TLS begins with STARTTLS there: remove `implicit_tls`, or write port 465")
            }
    }

    /// Routes to a port of this server, by its name: what is sent there would come back.
    private func loops() -> [ConfigDiagnostic] {
        let ports = Set(loaded.manifest.listeners.map(\.port))
        return routing.routes.filter { route in
            route.hosts.contains { host in
                guard case .host(let name) = host.place else { return false }
                return DomainName(name)?.ascii == DomainName(loaded.manifest.server.hostname)?.ascii
                    && ports.contains(host.port ?? 25)
            }
        }.map { route in
            diagnostic(
                route.origin, "the route `\(route.name)` leads to this very server: its mail waits",
                "name another host; mail for domains that are hosted here needs no route")
        }
    }

    // MARK: Tables

    /// Tables whose entries aren't known here may name any route or host.
    private var hasOpaqueTables: Bool {
        (routing.transport + routing.senderRelay).contains { source in
            if case .entries = source.content { return false }
            return true
        }
    }

    private var inlineResults: [String] {
        (routing.transport + routing.senderRelay).flatMap { source -> [String] in
            guard case .entries(let entries) = source.content else { return [] }
            return entries.map(\.value)
        }
    }

    private func isNamed(_ route: String) -> Bool {
        inlineResults.contains { $0 == "route:\(route)" || $0 == route || $0.hasPrefix("\(route):") }
    }

    private func unusedCredentials() -> [ConfigDiagnostic] {
        guard !routing.credentials.isEmpty else { return [] }
        let takers = routing.routes.filter { ($0.kind == .smarthost || $0.kind == .lmtp) && $0.login == nil }
        let smarthost = loaded.manifest.smarthostRoute().flatMap { $0.login == nil ? $0 : nil }
        let all = takers + (smarthost.map { [$0] } ?? [])
        if all.isEmpty, !hasOpaqueTables, inlineResults.isEmpty {
            let message =
                "nothing uses the logins of `routing.credentials`: no route without a login and no table leads to a host"
            let remedy =
                "write a route of kind `smarthost` and a rule, or `outbound.smarthost`; mail by MX gets no login"
            return [diagnostic(routing.credentials.first?.origin ?? "", message, remedy)]
        }
        guard !hasOpaqueTables else { return [] }
        let known = Set(all.flatMap(\.hosts).flatMap(\.keys) + inlineResults.flatMap(Self.keys))
        return routing.credentials.flatMap { source -> [ConfigDiagnostic] in
            guard case .entries(let entries) = source.content else { return [] }
            return entries.filter { !$0.key.contains("@") && !isKey($0.key, known) }.map { entry in
                ConfigDiagnostic(
                    file: loaded.file, line: entry.line, column: nil,
                    message:
                        "the login for `\(entry.key)` in `routing.credentials` is never used: no mail goes to that next hop",
                    remedy: known.isEmpty
                        ? "remove it"
                        : "write a next hop as it stands elsewhere, with its brackets and port: \(known.sorted().map { "`\($0)`" }.joined(separator: ", "))"
                )
            }
        }
    }

    /// MX names of a domain may be keys too.
    private func isKey(_ key: String, _ known: Set<String>) -> Bool {
        let folded = key.lowercased()
        return known.contains(folded) || known.contains { !$0.hasPrefix("[") && folded.hasSuffix(".\($0)") }
    }

    private static func keys(of result: String) -> [String] {
        let hop = result.split(separator: ":", maxSplits: 1).first.map(String.init) ?? ""
        let text = ["smtp", "relay", "lmtp"].contains(hop) ? String(result.dropFirst(hop.count + 1)) : result
        return text.split(whereSeparator: { $0 == "," || $0 == " " }).flatMap { part in
            [part.lowercased()] + (RouteHost(parsing: part)?.keys ?? [])
        }
    }
}

extension RouteHost {
    /// What a login for it may be written under.
    fileprivate var keys: [String] {
        switch place {
        case .host(let name), .domain(let name): [description.lowercased(), name]
        case .socket: [description]
        }
    }
}

// MARK: - What takes what

extension Manifest.RoutingRule {
    /// Everything that the other would take is taken by this one.
    func covers(_ other: Manifest.RoutingRule) -> Bool {
        guard except.isEmpty else { return false }
        return Self.covers(when.senders, other.when.senders) && Self.covers(when.recipients, other.when.recipients)
            && (when.logins.isEmpty || (!other.when.logins.isEmpty && Set(other.when.logins).isSubset(of: when.logins)))
            && when.largerThan.map { own in other.when.largerThan.map { $0 >= own } ?? false } ?? true
    }

    private static func covers(_ own: [AddressPattern], _ others: [AddressPattern]) -> Bool {
        own.isEmpty || (!others.isEmpty && others.allSatisfy { other in own.contains { $0.covers(other) } })
    }

    /// Whatever it matches is excepted again.
    var exceptsAll: Bool {
        let all = Set(when.logins)
        return (!except.senders.isEmpty && Self.covers(except.senders, when.senders))
            || (!except.recipients.isEmpty && Self.covers(except.recipients, when.recipients))
            || (!all.isEmpty && all.isSubset(of: except.logins))
            || except.largerThan.map { most in when.largerThan.map { $0 >= most } ?? false } ?? false
    }

    /// Whether it takes any mail of such senders.
    func mayTake(_ sender: AddressPattern) -> Bool {
        (when.senders.isEmpty || when.senders.contains { $0.overlaps(sender) })
            && !except.senders.contains { $0.covers(sender) }
    }
}

extension AddressPattern {
    /// Every address that the other matches is matched by this one.
    func covers(_ other: AddressPattern) -> Bool {
        switch (self, other) {
        case (.any, .null): false
        case (.any, _): true
        case (_, .address(let address)): matches(address)
        case (.subdomains(let own), .domain(let domain)): domain.isSubdomain(of: own)
        case (.subdomains(let own), .subdomains(let domain)): own == domain || domain.isSubdomain(of: own)
        default: self == other
        }
    }

    func overlaps(_ other: AddressPattern) -> Bool {
        if covers(other) || other.covers(self) { return true }
        return false
    }
}
