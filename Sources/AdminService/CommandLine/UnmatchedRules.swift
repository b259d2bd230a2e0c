import Directory
import MailConfig
import MailSyntax

/// What rules of the manifest ask for and the directory doesn't have: they take no mail, in silence.
enum UnmatchedRules {
    /// Diagnostics at the lines of the rules.
    ///
    /// - Parameter accounts: addresses of the accounts.
    static func warnings(
        _ loaded: LoadedManifest, accounts: [String], domains: [DomainSummary]
    ) -> [ConfigDiagnostic] {
        let known = Set(accounts.compactMap { EmailAddress($0)?.folded })
        let devices = Set(loaded.manifest.devices.flatMap { [$0.name, $0.username].compactMap(\.self) })
        let here = Set(domains.filter { $0.kind == .hosted }.compactMap { DomainName($0.name) })
        return loaded.manifest.routing.rules.flatMap { rule -> [ConfigDiagnostic] in
            rule.when.logins.compactMap { login in
                guard let address = EmailAddress(login), !known.contains(address.folded), !devices.contains(login)
                else { return nil }
                return diagnostic(
                    rule, "no account has the address `\(login)`, which a rule for the route `\(rule.route)` asks for",
                    "see `martlet account list`; aliases don't log in", loaded)
            }
                + rule.when.recipients.filter { staysHere($0, here) }.map { pattern in
                    diagnostic(
                        rule, "mail for `\(pattern)` stays here: no rule sends it to the route `\(rule.route)`",
                        "a domain whose mailboxes are elsewhere is of the kind send-only: see `martlet domain`", loaded)
                }
        }
    }

    private static func staysHere(_ pattern: AddressPattern, _ here: Set<DomainName>) -> Bool {
        switch pattern {
        case .domain(let domain): here.contains(domain)
        // What an alias or a table means for it elsewhere is looked up before any rule.
        case .address(let address): address.domain.map(here.contains) ?? false
        case .any, .null, .subdomains: false
        }
    }

    private static func diagnostic(
        _ rule: Manifest.RoutingRule, _ message: String, _ remedy: String, _ loaded: LoadedManifest
    ) -> ConfigDiagnostic {
        let line = rule.origin.split(separator: ":").last.flatMap { Int($0) }
        return ConfigDiagnostic(file: loaded.file, line: line, column: nil, message: message, remedy: remedy)
    }
}
