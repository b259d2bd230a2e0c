import MailSyntax

// MARK: - Mail of strangers

extension Schema {
    static let authentication: [Setting] = [
        Setting(
            "authentication.spf", \.authentication.modes.spf, .word, .live,
            "Whether the client may send for the domain of MAIL FROM (RFC 7208). `enforce`: a `fail` is refused, unless DMARC "
                + "passes."
        ),
        Setting(
            "authentication.dkim", \.authentication.modes.dkim, .word, .live,
            "The signatures of the message (RFC 6376). `enforce`: a message whose signatures are all broken is junk; one "
                + "without a signature is not."
        ),
        Setting(
            "authentication.arc", \.authentication.modes.arc, .word, .live,
            "What others have sealed on the way (RFC 8617). `enforce`: a broken chain is junk."
        ),
        Setting(
            "authentication.iprev", \.authentication.modes.reverse, .word, .live,
            "Whether the client's address has a name that has this address (RFC 8601). `enforce`: others are refused."
        ),
        Setting(
            "authentication.dmarc", \.authentication.modes.dmarc, .word, .live,
            "Whether the domain in From stands behind the message (RFC 9989), by SPF or DKIM. `enforce`: what its policy asks "
                + "for is done: `quarantine` is junk, `reject` is refused."
        ),
        Setting(
            "authentication.dmarc_reject", \.authentication.modes.rejection, .word, .live,
            "What is done where a domain's policy is `reject`. Mail of mailing lists that changes on its way is junk in any "
                + "case."
        ),
        Setting(
            "authentication.temporary_errors", \.authentication.temporaryErrors, .word, .live,
            "What becomes of a message that an enforced check can't be finished for, because the DNS doesn't answer: `accept` "
                + "takes it, `defer` answers 451."
        ),
        Setting(
            "authentication.timeout", \.authentication.timeout,
            .duration(.milliseconds(100)...(.seconds(120)), example: "5s"), .live,
            "How long a message may wait for the DNS once it has come in. What is missing then is a temporary error."
        ),
        Setting(
            "authentication.exempt_networks", \.authentication.exempt, .networks, .live,
            "Clients whose mail is not checked, beside logins, `relay.networks` and devices: this host, and whoever hands on "
                + "mail that it has fetched or filtered."
        ),
        Setting(
            "authentication.known_forwarders", \.authentication.forwarders,
            .list(of: .forwarder, named: "list of networks and host names", example: "192.0.2.0/24"), .live,
            "Servers that forward mail of others to here: networks, names of hosts (confirmed by the DNS), or `.example.org` for "
                + "the hosts below it. Failures of SPF and DMARC are told of and not acted upon."
        ),
        Setting(
            "authentication.trusted_sealers", \.authentication.sealers,
            .list(of: .domain, named: "list of domains", example: "lists.example.org"), .live,
            "Domains whose ARC seals are believed: where one of them sealed last, and had found DMARC to pass, a failure of "
                + "DMARC is not acted upon."
        ),
        Setting(
            "authentication.seal", \.authentication.sealing, .sealing, .live,
            "Who seals (ARC) mail of strangers that goes on: an alias leads elsewhere, a rule redirects or copies it. "
                + "`recipient`: the domain that the message was for, with its RSA key for DKIM; a domain: that one, for all; "
                + "`off`: nobody."
        ),
        Setting(
            "authentication.domains", \.authentication.domains,
            .sections(of: .authenticationRule, named: "list of rules", example: "match: example.org, dmarc: observe"),
            .live,
            "Exceptions for mail that names some domains in From, the first that matches holds: `match` (`example.org`, or "
                + "`.example.org` for the domains below it), and any of `spf`, `dkim`, `arc`, `iprev`, `dmarc`, `dmarc_reject`."
        ),
    ]
}

extension ValueType where Value == Manifest.Forwarder {
    static var forwarder: ValueType {
        .scalar("network or host name", example: "192.0.2.0/24") { text throws(ValueProblem) in
            guard let forwarder = Manifest.Forwarder(text) else {
                throw ValueProblem(
                    message: "is `\(text)`, neither a network nor a host name",
                    remedy: "write one such as `192.0.2.0/24`, `mail.example.net` or `.example.net`")
            }
            return forwarder
        } render: {
            $0.description
        }
    }
}

extension ValueType where Value == Manifest.Authentication.Sealing {
    static var sealing: ValueType {
        .scalar("`recipient`, `off` or domain", example: "example.org") { text throws(ValueProblem) in
            switch text.lowercased() {
            case "recipient": return .recipient
            case "off": return .off
            default:
                guard let domain = DomainName(text), domain.labels.count > 1 else {
                    throw ValueProblem(
                        message: "is `\(text)`, not a domain",
                        remedy: "write `recipient`, `off` or a domain of this server")
                }
                return .domain(domain)
            }
        } render: {
            switch $0 {
            case .recipient: "recipient"
            case .off: "off"
            case .domain(let domain): domain.ascii
            }
        }
    }
}

extension ValueType where Value == Manifest.Authentication.DomainRule {
    static var authenticationRule: ValueType {
        let mode = ValueType<Manifest.Authentication.Mode>.word.optional
        return .section(
            named: "rule", example: "match: example.org, dmarc: observe", start: .init(pattern: .any),
            origin: \Value.origin,
            fields: [
                .init("match", \.pattern, .domainPattern, required: true),
                .init("spf", \.spf, mode), .init("dkim", \.dkim, mode), .init("arc", \.arc, mode),
                .init("iprev", \.reverse, mode), .init("dmarc", \.dmarc, mode),
                .init("dmarc_reject", \.rejection, ValueType<Manifest.Authentication.Rejection>.word.optional),
            ])
    }
}
