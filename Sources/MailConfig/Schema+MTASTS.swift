import MailSyntax

extension Manifest {
    /// The MTA-STS policy of the domains that are hosted here.
    package struct MTASTS: Sendable, Equatable {
        package enum Mode: String, Sendable, CaseIterable {
            /// There is no policy.
            case off
            /// There is one that asks for nothing, so that an older one ends. // RFC 8461 §8.3
            case none
            case testing
            case enforce
        }

        package var mode = Mode.off
        package var maxAge: Duration = .seconds(7 * 86400)
        /// Empty: `server.hostname`.
        package var hosts: [String] = []
    }
}

extension Schema {
    static let ownPolicy: [Setting] = [
        Setting(
            "mta_sts.mode", \.mtaSTS.mode, .word, .live,
            "`off`: there is no policy. `testing`: others tell what would fail, `enforce`: they send only over verified TLS to "
                + "the `hosts`. `none` ends a policy that others have kept: serve it for `max_age` before `off`. A listener of "
                + "kind `https`, and a certificate for `mta-sts.` of each domain, are needed."
        ),
        Setting(
            "mta_sts.max_age", \.mtaSTS.maxAge, .duration(.seconds(3600)...(.seconds(365 * 86400)), example: "7d"),
            .live,
            "How long others keep the policy. RFC 8461 §3.2 advises weeks, once all is well."
        ),
        Setting(
            "mta_sts.hosts", \.mtaSTS.hosts,
            .list(of: .mtaSTSHost, named: "list of host names", example: "mail.example.org"), .live,
            default: "`server.hostname`",
            "The names of the hosts in the domains' MX records; `*.example.org` for one label."
        ),
    ]
}

extension ValueType where Value == String {
    fileprivate static var mtaSTSHost: ValueType {
        text("host name", example: "mail.example.org", remedy: "write a host name, or `*.example.org`") { text in
            DomainName(text.hasPrefix("*.") ? text.dropFirst(2) : text[...]) != nil
        }
    }
}
