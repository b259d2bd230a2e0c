import MailConfig
import MailSyntax

// What the tables that people bring say of the way out.
extension RouteFinder {
    mutating func findTransport() -> Found {
        guard table.tables.contains(.transport) else { return .nothing }
        switch context.findTransport(facts.recipient, delimiters: table.delimiters) {
        case .asking: return .asking
        case .notFound: return .nothing
        case .unavailable(let reason): return .decided(deferred("transport", reason))
        case .found(let answer, _): return transport(answer)
        }
    }

    /// The name that mail held by a table's `hold:` has for its route.
    static let heldByTable = "transport:hold"

    /// `transport:nexthop`; either may be left out.
    private mutating func transport(_ answer: TableAnswer) -> Found {
        let parts = answer.value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts.first ?? "").filter { $0 != " " }
        let rest = parts.count > 1 ? String(parts[1]).trimmingBlanks : ""
        switch name {
        case "" where rest.isEmpty:
            context.step(
                TraceStage.routing, "transport", origin: answer.origin, before: recipient, note: "`:`: as without it")
            return .nothing
        case "", "smtp", "relay":
            guard !rest.isEmpty else { return direct("transport", answer) }
            return nextHop("transport", rest, answer)
        case "lmtp":
            return nextHop("transport", rest.isEmpty ? facts.recipient.hostText : rest, answer, kind: .lmtp)
        case "error", "fail":
            return .decided(fail(rest, standard: EnhancedStatusCode(5, 0, 0), "transport", answer.origin))
        case "retry":
            return .decided(fail(rest, standard: EnhancedStatusCode(4, 0, 0), "transport", answer.origin))
        case "discard":
            context.step(
                TraceStage.routing, "transport", origin: answer.origin, before: recipient, note: "thrown away")
            return .decided(.discard(route: "transport"))
        case "hold" where facts.releasedFrom == Self.heldByTable:
            context.step(
                TraceStage.routing, "transport", origin: answer.origin, before: recipient,
                note: "released: as without it")
            return .nothing
        case "hold":
            context.step(
                TraceStage.routing, "transport", origin: answer.origin, before: recipient, note: "kept in the queue")
            return .decided(.hold(route: Self.heldByTable))
        case "route":
            return named(rest, "transport", answer)
        default:
            guard let route = table.routes[name] else {
                let reason = "there is neither a transport nor a route `\(name)`"
                return .decided(misconfigured("transport", answer.origin, reason))
            }
            guard !rest.isEmpty else { return named(name, "transport", answer) }
            return nextHop("transport", rest, answer, kind: route.kind == .lmtp ? .lmtp : .smarthost, base: route)
        }
    }

    mutating func findSenderRelay() -> Found {
        guard table.tables.contains(.senderRelay) else { return .nothing }
        let found = context.find(
            facts.sender, in: .senderRelay, delimiters: table.delimiters, isLocalDomain: false)
        switch found {
        case .asking: return .asking
        case .notFound: return .nothing
        case .unavailable(let reason): return .decided(deferred("sender-relay", reason))
        case .found(let answer, _): return senderRelay(answer)
        }
    }

    private mutating func senderRelay(_ answer: TableAnswer) -> Found {
        let value = answer.value.trimmingBlanks
        guard !value.isEmpty, value.lowercased() != "dunno" else {
            context.step(
                TraceStage.routing, "sender-relay", origin: answer.origin, before: facts.sender.angled,
                note: "\(value.isEmpty ? "empty" : value): as without it")
            return .nothing
        }
        if value.hasPrefix("route:") { return named(String(value.dropFirst(6)), "sender-relay", answer) }
        return nextHop("sender-relay", value, answer)
    }

    // MARK: Results

    private mutating func named(_ name: String, _ rule: String, _ answer: TableAnswer) -> Found {
        guard let route = table.routes[name] else {
            return .decided(misconfigured(rule, answer.origin, "there is no route `\(name)`"))
        }
        guard !isReleased(from: name) else { return .nothing }
        context.step(TraceStage.routing, rule, origin: answer.origin, before: key(of: rule), after: name)
        return .route(route)
    }

    private mutating func direct(_ rule: String, _ answer: TableAnswer) -> Found {
        context.step(TraceStage.routing, rule, origin: answer.origin, before: key(of: rule), after: answer.value)
        return .route(table.routes[Manifest.Route.direct.name] ?? .direct)
    }

    private mutating func nextHop(
        _ rule: String, _ text: String, _ answer: TableAnswer, kind: Manifest.Route.Kind = .smarthost,
        base: Manifest.Route? = nil
    ) -> Found {
        var hosts: [(host: RouteHost, text: String)] = []
        for part in text.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) {
            do throws(RouteHostError) {
                let host = try RouteHost.parse(part)
                if case .socket = host.place, kind != .lmtp {
                    return .decided(misconfigured(rule, answer.origin, "only LMTP goes to a socket: `lmtp:\(part)`"))
                }
                hosts.append((host, String(part)))
            } catch {
                return .decided(misconfigured(rule, answer.origin, error.description))
            }
        }
        guard !hosts.isEmpty else { return .decided(misconfigured(rule, answer.origin, "a host is missing")) }
        context.step(TraceStage.routing, rule, origin: answer.origin, before: key(of: rule), after: answer.value)
        let prefix = base.map { "\($0.name):" } ?? (kind == .lmtp ? "lmtp:" : "")
        let name = prefix + hosts.map(\.text).joined(separator: ",")
        return .nextHop(NextHop(name: name, kind: kind, hosts: hosts, base: base, origin: answer.origin))
    }

    private func key(of rule: String) -> String { rule == "transport" ? recipient : facts.sender.angled }
}

extension String {
    var trimmingBlanks: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
