import MailConfig
import MailSyntax

/// Whether an address is one that a login may send as, and why.
enum Ownership: Sendable, Hashable {
    case own
    /// Not its own, but somebody said that it may.
    case granted(String, origin: String)
    case foreign
    case asking
    case unavailable(String)
}

extension Policy {
    /// What the directory says of an account's addresses, and the manifest of a device's.
    static func ownership(
        of address: EmailAddress, _ login: LoginFacts, _ rules: PolicyRules, _ context: inout EvaluationContext
    ) -> Ownership {
        guard let account = login.account else { return owns(.address(address), login, rules) ? .own : .foreign }
        switch context.ask(.mayUse(address, login: account)) {
        case nil: return .asking
        case .sender(.own): return .own
        case .sender(.granted(let rule, let origin)): return .granted(rule, origin: origin)
        case .unavailable(let reason): return .unavailable(reason)
        default: return .foreign
        }
    }

    /// Whether a device may send as a path; false for accounts.
    static func owns(_ path: ReversePath, _ login: LoginFacts, _ rules: PolicyRules) -> Bool {
        guard let name = login.device, let device = rules.device(named: name) else { return false }
        return device.senders.contains { $0.matches(path) }
    }
}

extension LoginFacts {
    /// Where it is written what the login may send as.
    func origin(_ rules: PolicyRules) -> String {
        device.flatMap { rules.device(named: $0)?.origin } ?? TraceStep.builtIn
    }
}
