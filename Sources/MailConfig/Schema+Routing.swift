import MailSyntax

// MARK: - Which way mail goes

extension Schema {
    static let routing: [Setting] = [
        Setting(
            "routing.routes", \.routing.routes,
            .sections(
                of: .route, named: "list of routes",
                example: "name: isp, kind: smarthost, hosts: [\"[mail.isp.example]:587\"]"),
            .live,
            "Named ways out. Each has a `name` and a `kind`: `direct` (to the MX of each domain), `smarthost`, `lmtp`, `hold` "
                + "(kept until released), `discard`, or `fail` (with a `text`). `hosts` are tried in their order, or one by "
                + "chance with `choose: weight`: `[host]:port` (its MX is not looked up), `domain`, `unix:/path` for LMTP. "
                + "`tls` is a section with `level` (`none`, `may`, `encrypt`, `verify`, `secure`, `fingerprint`), `match`, "
                + "`fingerprints`, `ca_file`, `certificate` and `server_name`; `implicit_tls` is true for port 465. `login` "
                + "is a section with `username`, `password_file` or `password_env` or `oauth2` (`{provider: google}`, "
                + "`microsoft` or `custom`, `client_id` and more: see oauth2.md), `mechanisms` and "
                + "`allow_cleartext`; `sender_logins` are such sections with a `sender`. `source_addresses`, `helo_name`, "
                + "`fallback: {route: NAME, after: 3}` and `pace` say the rest. `direct` is there without being written."
        ),
        Setting(
            "routing.rules", \.routing.rules,
            .sections(of: .rule, named: "list of rules", example: "sender: \"@example.org\", route: isp"), .live,
            "Which mail takes which route; the first rule that matches holds, and without one it is `direct`. A rule has a "
                + "`route` and may have `sender`, `recipient` (address patterns), `login` (accounts and devices) and "
                + "`larger_than`, each of which has to match, and `except` with the same keys, none of which may."
        ),
        Setting(
            "routing.transport", \.routing.transport, .tables, .live,
            "Tables asked before the rules: recipient → `transport:nexthop`, as Postfix's transport(5) has them, or "
                + "`route:NAME`."
        ),
        Setting(
            "routing.sender_relay", \.routing.senderRelay, .tables, .live,
            "Tables asked after `transport`: sender → next hop, as Postfix's sender_dependent_relayhost_maps, or "
                + "`route:NAME`. `DUNNO` goes on with the rules."
        ),
        Setting(
            "routing.credentials", \.routing.credentials, .tables, .live, secret: true,
            "Tables of logins for next hops of the two tables, and for routes that have none: sender or next hop → "
                + "`user:password`, as Postfix's sasl_passwd."
        ),
        Setting(
            "routing.tls_policy", \.routing.tlsPolicy, .tables, .live,
            "Tables of TLS levels: next hop or recipient's domain → `level [match=… …]`, as Postfix's "
                + "smtp_tls_policy_maps."
        ),
    ]
}

// MARK: - Routes

extension ValueType where Value == Manifest.Route {
    static var route: ValueType {
        .section(
            named: "route", example: "name: isp, kind: smarthost, hosts: [\"[mail.isp.example]:587\"]",
            start: .init(name: "", kind: .direct), origin: \Value.origin,
            fields: [
                .init("name", \.name, .objectName, required: true), .init("kind", \.kind, .word, required: true),
                .init("hosts", \.hosts, .routeHosts), .init("choose", \.choice, .word),
                .init("tls", \.tls, ValueType<TLSRequirement>.tlsRequirement.optional),
                .init("implicit_tls", \.implicitTLS, ValueType<Bool>.bool.optional),
                .init("login", \.login, ValueType<RouteLogin>.routeLogin.optional),
                .init(
                    "sender_logins", \.senderLogins,
                    .sections(of: .senderLogin, named: "list of logins", example: "sender: a@example.org, username: a")),
                .init(
                    "source_addresses", \.sourceAddresses,
                    .list(of: .ipAddress, named: "list of addresses", example: "192.0.2.1")),
                .init("helo_name", \.heloName, ValueType<String>.hostname.optional),
                .init("text", \.text, ValueType<String>.line.optional),
                .init("fallback", \.fallback, ValueType<Manifest.Route.Fallback>.fallback.optional),
                .init("pace", \.pace, .pace),
            ])
    }
}

extension ValueType where Value == Manifest.Route.Fallback {
    fileprivate static var fallback: ValueType {
        .section(
            named: "fallback", example: "route: backup, after: 3", start: .init(route: "", after: 1),
            fields: [
                .init("route", \.route, .objectName, required: true),
                .init("after", \.after, .int(1...1000, example: 3)),
            ])
    }
}

extension ValueType where Value == RoutePace {
    fileprivate static var pace: ValueType {
        func count(_ most: Int) -> ValueType<Int?> { ValueType<Int>.int(1...most, example: 10).optional }
        let delay = ValueType<Duration>.duration(.zero...(.seconds(86400)), example: "1s").optional
        return .section(
            named: "pace", example: "connections: 2, per_minute: 60", start: .init(),
            fields: [
                .init("connections", \.connections, count(1000)), .init("per_minute", \.perMinute, count(1_000_000)),
                .init("delay", \.delay, delay),
                .init("messages_per_connection", \.messagesPerConnection, count(1_000_000)),
                .init("recipients", \.recipients, count(50_000)),
                .init("warm_up", \.warmUp, ValueType<RoutePace.WarmUp>.warmUp.optional),
            ])
    }
}

extension ValueType where Value == RoutePace.WarmUp {
    fileprivate static var warmUp: ValueType {
        let date = ValueType<String>.text(
            "date", example: "2026-11-21", remedy: "write the first day as `2026-11-21`"
        ) { text in
            let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard text.utf8.count == 10, parts.count == 3, let year = parts[0], let month = parts[1], let day = parts[2]
            else { return false }
            return (2000...9999).contains(year) && (1...12).contains(month) && (1...31).contains(day)
        }
        return .section(
            named: "warm-up", example: "first: 50, growth: 150, until: 10000, began: 2026-11-21",
            start: .init(first: 50, began: ""),
            fields: [
                .init("first", \.first, .int(1...1_000_000_000, example: 50)),
                .init("growth", \.growth, .int(101...1000, example: 150)),
                .init("until", \.until, .int(1...1_000_000_000, example: 100_000)),
                .init("began", \.began, date, required: true),
            ])
    }
}

// MARK: - Hosts and TLS

/// A host written with its weight.
private struct WeighedHost: Sendable, Equatable {
    var host = RouteHost(.host(""))
    var weight = 1
}

extension ValueType where Value == RouteHost {
    static var routeHost: ValueType {
        .scalar("next hop", example: "[mail.isp.example]:587") { text throws(ValueProblem) in
            do throws(RouteHostError) {
                return try RouteHost.parse(text)
            } catch {
                throw ValueProblem(
                    message: "is `\(text)`, not a host: \(error)",
                    remedy: "write `[mail.isp.example]:587`, `isp.example` to use its MX, or `unix:/path` for LMTP")
            }
        } render: {
            $0.description
        }
    }
}

extension ValueType where Value == [RouteHost] {
    fileprivate static var routeHosts: ValueType {
        let weighed = ValueType<WeighedHost>.section(
            named: "host", example: "host: \"[mail.isp.example]:587\", weight: 2", start: .init(),
            fields: [
                .init("host", \.host, .routeHost, required: true),
                .init("weight", \.weight, .int(1...1000, example: 2)),
            ])
        return ValueType(
            name: "list of hosts", shape: .list,
            read: { node, reading in
                guard let items = listItems(node, example: "[mail.isp.example]:587", &reading) else { return nil }
                let hosts = items.compactMap { item -> RouteHost? in
                    guard case .map = item.content else { return ValueType<RouteHost>.routeHost.read(item, &reading) }
                    guard let read = weighed.read(item, &reading) else { return nil }
                    var host = read.host
                    host.weight = read.weight
                    return host
                }
                return hosts.count == items.count ? hosts : nil
            },
            render: { hosts in
                .list(
                    hosts.map { host in
                        guard host.weight != 1 else { return .scalar(host.description) }
                        return .map([
                            .init(key: "host", value: .scalar(host.description)),
                            .init(key: "weight", value: .scalar("\(host.weight)")),
                        ])
                    })
            }
        )
    }
}

extension ValueType where Value == TLSRequirement {
    static var tlsRequirement: ValueType {
        let names = ValueType<[String]>.list(of: .hostPattern, named: "list of names", example: "mail.isp.example")
        let prints = ValueType<[String]>.list(of: .fingerprint, named: "list of fingerprints", example: "ab:cd:…")
        let pair = ValueType<Manifest.Certificate>.section(
            named: "certificate", example: "chain: client.pem, key: client.key", start: .init(chain: "", key: ""),
            fields: [.init("chain", \.chain, .path, required: true), .init("key", \.key, .path, required: true)])
        let section = ValueType.section(
            named: "TLS level or section", example: "level: verify", start: .init(level: .encrypt),
            fields: [
                .init("level", \.level, .word, required: true), .init("match", \.match, names),
                .init("fingerprints", \.fingerprints, prints),
                .init("ca_file", \.caFile, ValueType<String>.path.optional),
                .init("certificate", \.certificate, pair.optional),
                .init("server_name", \.serverName, ValueType<String>.host.optional),
            ])
        var type = section
        // `tls: verify` is all that most write.
        type.read = { node, reading in
            guard case .scalar = node.content else { return section.read(node, &reading) }
            return ValueType<TLSLevel>.word.read(node, &reading).map { TLSRequirement(level: $0) }
        }
        return type
    }
}

extension ValueType where Value == String {
    /// A host name, or one that begins with a dot for all below it.
    fileprivate static var hostPattern: ValueType {
        text("host name", example: "mail.isp.example", remedy: "write a host name, or `.isp.example`") { text in
            DomainName(text.hasPrefix(".") ? text.dropFirst() : text[...]) != nil
        }
    }

    fileprivate static var fingerprint: ValueType {
        .scalar("SHA-256 fingerprint", example: "ab:cd:…") { text throws(ValueProblem) in
            let digits = text.lowercased().filter { $0 != ":" }
            guard digits.utf8.count == 64, digits.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
            else {
                throw ValueProblem(
                    message: "is `\(text)`, not a SHA-256 fingerprint",
                    remedy: "write the 64 digits that `openssl x509 -noout -fingerprint -sha256` prints")
            }
            return digits
        } render: {
            $0
        }
    }
}

// MARK: - Rules

extension ValueType where Value == Manifest.RoutingRule {
    static var rule: ValueType {
        .section(
            named: "rule", example: "sender: \"@example.org\", route: isp", start: .init(route: ""),
            origin: \Value.origin,
            fields: [.init("route", \.route, .objectName, required: true)] + conditions(\.when) + [
                .init("except", \.except, .conditions)
            ])
    }

    private static func conditions(
        _ place: any WritableKeyPath<Value, Value.Conditions> & Sendable
    ) -> [SectionField<Value>] {
        ValueType<Value.Conditions>.fields.map { $0.moved(to: place) }
    }
}

extension ValueType where Value == Manifest.RoutingRule.Conditions {
    fileprivate static var fields: [SectionField<Value>] {
        let logins = ValueType<[String]>.list(of: .credential, named: "list of logins", example: "user@example.org")
        let size = ValueType<Int>.size(1...(1 << 40), example: "10MB").optional
        return [
            .init("sender", \.senders, .addressPatterns), .init("recipient", \.recipients, .addressPatterns),
            .init("login", \.logins, logins), .init("larger_than", \.largerThan, size),
        ]
    }

    fileprivate static var conditions: ValueType {
        .section(named: "conditions", example: "sender: \"@example.org\"", start: .init(), fields: fields)
    }
}
