// What is written about checks and can't have an effect.
extension CrossCheck {
    mutating func authentication() {
        let settings = manifest.authentication
        let modes = settings.modes
        if !settings.sealers.isEmpty, modes.arc == .off, settings.domains.allSatisfy({ ($0.arc ?? .off) == .off }) {
            report(
                "authentication.trusted_sealers", "authentication.arc",
                message: "`authentication.trusted_sealers` is set, but `authentication.arc` is `off`",
                remedy: "write `arc: observe`, or remove the list")
        }
        if case .domain(let domain) = settings.sealing, modes.areOff, settings.domains.allSatisfy(\.checksNothing) {
            report(
                "authentication.seal",
                message: "`authentication.seal` is `\(domain)`, but all checks are off: there is nothing to tell of",
                remedy: "write `observe` for `spf`, `dkim`, `arc` and `dmarc`, or remove the line")
        }
        for rule in settings.domains where rule.changesNothing {
            report(
                "authentication.domains",
                message: "`authentication.domains` has a rule for `\(rule.pattern)` that says nothing",
                remedy: "add what holds for it, such as `dmarc: observe`, or remove it")
        }
        let isEnforced =
            [modes.spf, modes.reverse, modes.dmarc].contains(.enforce)
            || settings.domains.contains { [$0.spf, $0.reverse, $0.dmarc].contains(.enforce) }
        if settings.temporaryErrors == .defer, !isEnforced {
            report(
                "authentication.temporary_errors",
                message: "`authentication.temporary_errors` is `defer`, but no check is enforced",
                remedy: "write `enforce` for `spf`, `iprev` or `dmarc`, or remove the line")
        }
    }
}

extension Manifest.Authentication.DomainRule {
    fileprivate var checksNothing: Bool { [spf, dkim, arc, reverse, dmarc].allSatisfy { ($0 ?? .off) == .off } }

    fileprivate var changesNothing: Bool {
        [spf, dkim, arc, reverse, dmarc].allSatisfy { $0 == nil } && rejection == nil
    }
}
