import MailConfig
import MailSyntax

// Which login is offered to a place of a route.
//
// A login belongs to a route, or to a sender on a route, or to a next hop's name: it is never chosen by what a server
// says of itself, and never taken along to a host that the recipient's DNS names.
extension RouteFinder {
    enum LoginFound {
        case asking
        case none
        case login(PlannedLogin)
        /// By the text of the next hop.
        case byText(PlannedLogin)
        case unavailable(String)
    }

    /// - Parameter route: whose logins may be used; nil for a next hop that a table named.
    mutating func login(for host: RouteHost, _ text: String, of route: Manifest.Route?) -> LoginFound {
        if let own = route?.senderLogins.first(where: { $0.sender.matches(facts.sender) }),
            let login = PlannedLogin(own.login, origin: own.origin)
        {
            note("sender-login", login, before: facts.sender.angled, at: text)
            return .login(login)
        }
        if let route, let own = route.login, let login = PlannedLogin(own, origin: route.origin) {
            note("login", login, before: route.name, at: text)
            return .login(login)
        }
        guard table.tables.contains(.credentials) else { return .none }
        return loginOfTable(host, text)
    }

    private mutating func loginOfTable(_ host: RouteHost, _ text: String) -> LoginFound {
        if facts.sender.address != nil {
            let bySender = context.find(
                facts.sender, in: .credentials, delimiters: table.delimiters, isLocalDomain: false)
            switch bySender {
            case .asking: return .asking
            case .unavailable(let reason): return .unavailable(reason)
            case .found(let answer, _):
                let login = PlannedLogin(answer)
                note("table", login, before: facts.sender.angled, at: text)
                return .login(login)
            case .notFound: break
            }
        }
        var keys: [String] = []
        if case .host(let name) = host.place { keys.append(name) }
        if !keys.contains(text) { keys.append(text) }
        for key in keys {
            switch context.find(key: key, in: .credentials) {
            case .asking: return .asking
            case .unavailable(let reason): return .unavailable(reason)
            case .notFound: continue
            case .found(let answer, _):
                let login = PlannedLogin(answer)
                note("table", login, before: key, at: text)
                return key == text ? .byText(login) : .login(login)
            }
        }
        context.step(TraceStage.credentials, "table", before: text, note: "no login")
        return .none
    }

    private mutating func note(_ rule: String, _ login: PlannedLogin, before: String, at text: String) {
        context.step(
            TraceStage.credentials, rule, origin: login.origin, before: before, after: login.username,
            note: "offered to \(text) only")
    }
}

extension PlannedLogin {
    /// `user:password`, parted at the first colon; without one the password is empty.
    init(_ answer: TableAnswer) {
        let parts = answer.value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        self.init(
            username: String(parts.first ?? ""), proof: .text(parts.count > 1 ? String(parts[1]) : ""),
            origin: answer.origin)
    }
}

extension Policy {
    /// The login that the table `credentials` has for a host that was found by the MX records of a route's domain; nil
    /// where it has none. For places that `asksLoginByHost`.
    package static func login(
        at hostName: String, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<Result<PlannedLogin?, LookupFailure>> {
        var context = EvaluationContext(answers)
        guard rules.routing.tables.contains(.credentials) else { return context.decided(.success(nil)) }
        switch context.find(key: hostName, in: .credentials) {
        case .asking: return context.asking()
        case .unavailable(let reason):
            context.step(TraceStage.credentials, "table", before: hostName, note: "deferred: \(reason)")
            return context.decided(.failure(LookupFailure(reason: reason)))
        case .notFound:
            context.step(TraceStage.credentials, "table", before: hostName, note: "no login")
            return context.decided(.success(nil))
        case .found(let answer, _):
            let login = PlannedLogin(answer)
            context.step(
                TraceStage.credentials, "table", origin: login.origin, before: hostName, after: login.username)
            return context.decided(.success(login))
        }
    }
}

/// A table didn't answer.
package struct LookupFailure: Error, Sendable, Hashable {
    package var reason: String
}
