import Logging
import MailConfig
import MailPolicy
import MailSyntax
import NetTransport
import OutboundQueue
import SASLCore

// From a plan to addresses, and from an address to a session.
extension Courier {
    /// The addresses to try, in order.
    func targets(for site: DeliverySite, _ destination: String) async -> Result<[RouteTarget], DeliveryFailure> {
        if let pinned = settings.pinned(destination) { return .success([pinned]) }
        guard let plan = site.plan else {
            // The self-test is over.
            let text = "no address was found for \(destination)"
            let reply = DeliveryReply(status: EnhancedStatusCode(5, 4, 4), text: text)
            return .failure(DeliveryFailure(.destination, .permanent, reply))
        }
        var found: [RouteTarget] = []
        var failure: DeliveryFailure?
        for hop in Self.order(plan) {
            switch await targets(of: hop, limit: plan.hosts.count == 1 ? settings.addressesPerAttempt : 2) {
            case .success(let targets):
                found += targets.map { target in
                    var target = target
                    target.hop = hop
                    return target
                }
            case .failure(let given): failure = failure ?? given
            }
        }
        guard found.isEmpty, let failure else { return .success(found) }
        return .failure(plan.kind == .direct ? failure : ours(failure, plan))
    }

    private func targets(of hop: PlannedHost, limit: Int) async -> Result<[RouteTarget], DeliveryFailure> {
        switch hop.place {
        case .host(let host): await router.targets(ofHost: host, port: hop.port, limit: limit)
        case .domain(let domain):
            await router.targets(
                for: domain, port: hop.port, limit: limit, using: SystemRandomNumberGenerator())
        case .socket(let path): router.target(ofSocket: path)
        }
    }

    /// A route's name is the operator's to set right: that it leads nowhere, or back here, says nothing about the
    /// recipient.
    private func ours(_ failure: DeliveryFailure, _ plan: RoutePlan) -> DeliveryFailure {
        var failure = failure
        let isLoop = failure.reply.status.detail == 6
        if failure.permanence == .permanent {
            let message =
                isLoop ? "a route leads back to this server: its mail waits" : "a route leads nowhere: its mail waits"
            alarms.raise(.init(stringLiteral: message), at: DeliverySite(plan), host: "", reason: failure.reply.text)
        }
        failure.permanence = .temporary
        failure.reply.status = EnhancedStatusCode(4, 4, isLoop ? 6 : 4)
        return failure
    }

    /// The places in the order they are tried.
    static func order(_ plan: RoutePlan) -> [PlannedHost] {
        guard plan.choice == .weight else { return plan.hosts }
        var generator = SystemRandomNumberGenerator()
        return order(plan.hosts, using: &generator)
    }

    /// One by chance, by weight, then one of the others in the same way.
    static func order(_ hosts: [PlannedHost], using generator: inout some RandomNumberGenerator) -> [PlannedHost] {
        var rest = hosts
        var ordered: [PlannedHost] = []
        while !rest.isEmpty {
            var place = Int.random(in: 0..<rest.reduce(0) { $0 + max(1, $1.weight) }, using: &generator)
            let index = rest.firstIndex { host in
                place -= max(1, host.weight)
                return place < 0
            }
            ordered.append(rest.remove(at: index ?? 0))
        }
        return ordered
    }

    // MARK: Sessions

    /// - Throws: ``SessionError/noCredentials`` when a login can't be read.
    func sessionPlan(
        to target: RouteTarget, by plan: RoutePlan?, _ demand: TLSDemand = .none
    ) async throws(SessionError) -> SessionPlan {
        let heloName = plan?.heloName ?? settings.rules.manifest.heloName
        guard let plan, var hop = target.hop else {
            return SessionPlan(
                endpoint: endpoint(target, nil), host: "\(target)", heloName: heloName, security: .clear,
                timeouts: settings.timeouts)
        }
        if hop.asksLoginByHost, let login = try await login(at: target.host, plan) { hop = hop.taking(login) }
        let decided = try await security(of: target, hop, demand)
        var made = SessionPlan(
            kind: plan.kind == .lmtp ? .lmtp : .smtp,
            endpoint: endpoint(target, plan),
            host: "\(target)",
            heloName: heloName,
            security: decided.security,
            credentials: try hop.login.map { login throws(SessionError) in try credentials(login, plan) },
            timeouts: settings.timeouts,
            recipientLimit: plan.pace.recipients
        )
        made.decision = decided.decision
        made.hostName = target.host
        made.demand = demand
        made.isFitForDemand = decided.decision?.decision.isFitForDemand ?? true
        return made
    }

    private func endpoint(_ target: RouteTarget, _ plan: RoutePlan?) -> ClientEndpoint {
        guard let address = target.address else { return .unix(path: target.host) }
        let source = plan?.sourceAddresses.first { $0.isV6 == address.isV6 }
        return .tcp(address, port: target.port, source: source)
    }

    private func login(at host: String, _ plan: RoutePlan) async throws(SessionError) -> PlannedLogin? {
        let rules = settings.rules
        let found = try? await Policy.run(
            { Policy.login(at: host, rules: rules, $0) }, answer: { await settings.lookup($0) }
        ).decision
        if case .success(let login) = found { return login }
        throw SessionError.noCredentials
    }

    private func credentials(_ login: PlannedLogin, _ plan: RoutePlan) throws(SessionError) -> ClientCredentials {
        let proof: ClientCredentials.Proof
        switch login.proof {
        case .text(let password): proof = .password(Secret(Array(password.utf8)))
        case .password(let source):
            do {
                proof = .password(Secret(try settings.secret(source)))
            } catch {
                alarms.raise(
                    "the password of a route can't be read: its mail waits", at: DeliverySite(plan), host: "",
                    reason: "\(error)")
                throw SessionError.noCredentials
            }
        case .oauth2:
            guard let tokens = settings.tokens(plan.name, login) else {
                alarms.raise(
                    "a route has no tokens: its mail waits", at: DeliverySite(plan), host: "",
                    reason: "log in with `martlet route login \(plan.name)`")
                throw SessionError.noCredentials
            }
            proof = .token(tokens)
        }
        return ClientCredentials(
            username: login.username, proof: proof, mechanisms: login.mechanisms,
            allowsClearText: login.allowsClearText)
    }
}

extension RouteHost.Place {
    /// What the operator or the recipient wrote.
    var name: String {
        switch self {
        case .host(let name), .domain(let name): name
        case .socket(let path): path
        }
    }
}
