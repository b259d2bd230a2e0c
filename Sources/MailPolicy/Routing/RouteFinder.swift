import MailConfig
import MailSyntax

extension Policy {
    /// Finds the way out for a recipient that left expansion: hosted domains stay here; then the table `transport`, the
    /// table `sender_relay`, the rules in their order, and what there is without one.
    package static func route(
        _ facts: RouteFacts, rules: PolicyRules, _ answers: Answers
    ) -> Evaluation<RouteDecision> {
        var finder = RouteFinder(facts: facts, table: rules.routing, context: EvaluationContext(answers))
        guard let decision = finder.decide() else { return finder.context.asking() }
        return finder.context.decided(decision)
    }
}

/// One search for a way out.
struct RouteFinder {
    /// What one of the places where ways are written had.
    enum Found {
        /// The questions are noted in the context.
        case asking
        case nothing
        case route(Manifest.Route)
        case nextHop(NextHop)
        case decided(RouteDecision)
    }

    /// A next hop that a table names.
    struct NextHop {
        var name: String
        var kind = Manifest.Route.Kind.smarthost
        /// Each with its text.
        var hosts: [(host: RouteHost, text: String)]
        /// The route that is taken but for its hosts.
        var base: Manifest.Route?
        var origin: String
    }

    let facts: RouteFacts
    let table: RoutingTable
    var context: EvaluationContext

    var recipient: String { facts.recipient.description }

    /// nil: questions have to be answered first.
    mutating func decide() -> RouteDecision? {
        if !facts.leavesMailbox || facts.pinned.flatMap({ table.routes[$0] }) == nil {
            switch isLocal() {
            case nil: return nil
            case .local: return .local
            case .unavailable(let decision): return decision
            case .remote: break
            }
        }
        var found = findPinned()
        if case .nothing = found { found = findTransport() }
        if case .nothing = found { found = findSenderRelay() }
        if case .nothing = found { found = findRule() }
        switch found {
        case .asking: return nil
        case .decided(let decision): return decision
        case .route(let route): return take(route)
        case .nextHop(let hop): return plan(hop)
        case .nothing: return takeStandard()
        }
    }

    private enum Locality {
        case local
        case remote
        case unavailable(RouteDecision)
    }

    private mutating func isLocal() -> Locality? {
        guard let domain = facts.recipient.domain else { return .remote }
        switch context.ask(.hosted(domain)) {
        case nil: return nil
        case .flag(true):
            context.step(TraceStage.routing, "local", origin: "directory", before: recipient, after: "local")
            return .local
        case .unavailable(let reason):
            return .unavailable(deferred("local", reason))
        default: return .remote
        }
    }

    // MARK: Where ways are written

    private mutating func findPinned() -> Found {
        guard let name = facts.pinned else { return .nothing }
        guard let route = table.routes[name] else {
            context.step(
                TraceStage.routing, "pinned", before: recipient, after: name,
                note: "passed over: there is no such route")
            return .nothing
        }
        context.step(TraceStage.routing, "pinned", origin: "operator", before: recipient, after: name)
        return .route(route)
    }

    private mutating func findRule() -> Found {
        guard let index = table.rules.firstIndex(where: { $0.matches(facts) && !isReleased(from: $0.route) }) else {
            return .nothing
        }
        let rule = table.rules[index]
        guard let route = table.routes[rule.route] else {
            return .decided(misconfigured("rule", rule.origin, "there is no route `\(rule.route)`"))
        }
        context.step(
            TraceStage.routing, "rule \(index + 1)", origin: rule.origin,
            before: "\(facts.sender.angled) to \(facts.recipient)", after: route.name)
        return .route(route)
    }

    /// What an operator has released from a route of kind `hold` takes the way that it would take without that route.
    func isReleased(from name: String) -> Bool {
        facts.releasedFrom == name && table.routes[name]?.kind == .hold
    }

    private mutating func takeStandard() -> RouteDecision? {
        if table.standard.name != Manifest.Route.direct.name {
            let hosts = table.standard.hosts.map(\.description).joined(separator: ", ")
            context.step(
                TraceStage.routing, table.standard.name, origin: table.standard.origin, before: recipient, after: hosts)
        }
        return take(table.standard)
    }

    // MARK: A route of the manifest

    /// A route, or after its attempts the one that follows it.
    private mutating func take(_ first: Manifest.Route) -> RouteDecision? {
        var route = first
        var attempts = facts.failedAttempts
        var seen: Set<String> = [first.name]
        while let fallback = route.fallback, attempts >= fallback.after, let next = table.routes[fallback.route],
            !isReleased(from: next.name), seen.insert(next.name).inserted
        {
            attempts -= fallback.after
            context.step(
                TraceStage.routing, "fallback", origin: route.origin, before: route.name, after: next.name,
                note: "after \(facts.failedAttempts) failed attempts")
            route = next
        }
        switch route.kind {
        case .direct: return planDirect(route)
        case .smarthost, .lmtp: return plan(route)
        case .hold:
            context.step(TraceStage.routing, "hold", origin: route.origin, before: recipient, note: "kept in the queue")
            return .hold(route: route.name)
        case .discard:
            context.step(TraceStage.routing, "discard", origin: route.origin, before: recipient, note: "thrown away")
            return .discard(route: route.name)
        case .fail:
            return fail(route.text ?? "", standard: EnhancedStatusCode(5, 7, 1), route.name, route.origin)
        }
    }

    // MARK: Ends

    /// - Parameter text: maybe with an enhanced status code in front.
    mutating func fail(
        _ text: String, standard: EnhancedStatusCode, _ route: String, _ origin: String
    ) -> RouteDecision {
        let parts = text.split(separator: " ", maxSplits: 1)
        var status = standard
        var words = text
        if let first = parts.first, let written = EnhancedStatusCode(parsing: String(first)), written.isFailure {
            status = written
            words = parts.count > 1 ? String(parts[1]) : ""
        }
        let printable = String(words.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
        let said = printable.isEmpty ? "Mail for this address is not accepted" : printable
        let code = status.isTemporaryFailure ? 450 : 550
        context.step(
            TraceStage.routing, "fail", origin: origin, before: recipient, note: "refused: \(code) \(status) \(said)")
        return .fail(PolicyReply(code, status, "<\(recipient)>: \(said)"), route: route)
    }

    /// The source of an answer is away: later it may be there.
    mutating func deferred(_ rule: String, _ reason: String) -> RouteDecision {
        context.step(TraceStage.routing, rule, before: recipient, note: "deferred: \(reason)")
        return .fail(.unavailable, route: rule)
    }

    /// What is written makes no way out: mail waits for the operator.
    mutating func misconfigured(_ rule: String, _ origin: String, _ reason: String) -> RouteDecision {
        context.step(TraceStage.routing, rule, origin: origin, before: recipient, note: "deferred: \(reason)")
        let reply = PolicyReply(451, EnhancedStatusCode(4, 3, 5), "<\(recipient)>: Server configuration error")
        return .fail(reply, route: rule)
    }
}

extension EnhancedStatusCode {
    fileprivate var isFailure: Bool { isTemporaryFailure || classDigit == 5 }
}
