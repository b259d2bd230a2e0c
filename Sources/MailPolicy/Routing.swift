package import MailConfig
package import MailSyntax

/// What is known of the way out, with the place each rule was written.
package struct RoutingRules: Sendable, Hashable {
    package var smarthost: Smarthost?
    /// `martlet.yaml:30`.
    package var smarthostOrigin: String

    package init(smarthost: Smarthost?, smarthostOrigin: String = TraceStep.builtIn) {
        self.smarthost = smarthost
        self.smarthostOrigin = smarthostOrigin
    }

    package init(_ loaded: LoadedManifest) {
        let origin = loaded.origin("outbound.smarthost.host").description
        self.init(smarthost: loaded.manifest.outbound.smarthost, smarthostOrigin: origin)
    }
}

/// Where mail for one address goes.
package enum Route: Sendable, Hashable {
    /// The domain is hosted here.
    case local
    case smarthost(Smarthost)
    /// The MX of the domain, or its addresses.
    case mx(DomainName)
    /// `user@[192.0.2.1]`.
    case address(IPAddress)
    /// Nowhere: it is returned.
    case refuse(PolicyReply)
}

extension Policy {
    /// Finds the route for an address that left expansion.
    package static func route(
        _ recipient: EmailAddress, rules: RoutingRules, _ answers: Answers
    ) -> Evaluation<Route> {
        var context = EvaluationContext(answers)
        if let domain = recipient.domain {
            switch context.ask(.hosted(domain)) {
            case nil:
                return context.asking()
            case .flag(true):
                context.step(TraceStage.routing, "local", origin: "directory", before: "\(recipient)", after: "local")
                return context.decided(.local)
            case .unavailable(let reason):
                context.step(TraceStage.routing, "local", before: "\(recipient)", note: "deferred: \(reason)")
                return context.decided(.refuse(.unavailable))
            default:
                break
            }
        }
        if let smarthost = rules.smarthost {
            context.step(
                TraceStage.routing, "smarthost", origin: rules.smarthostOrigin, before: "\(recipient)",
                after: "\(smarthost.host):\(smarthost.port)"
            )
            return context.decided(.smarthost(smarthost))
        }
        switch recipient.host {
        case .domain(let domain):
            context.step(TraceStage.routing, "mx", before: "\(recipient)", after: "MX of \(domain)")
            return context.decided(.mx(domain))
        case .literal(let literal):
            return routeToLiteral(literal, recipient, &context)
        }
    }

    // RFC 5321 §4.1.3
    private static func routeToLiteral(
        _ literal: String, _ recipient: EmailAddress, _ context: inout EvaluationContext
    ) -> Evaluation<Route> {
        var text = literal.drop { $0 == "[" }
        if text.last == "]" { text = text.dropLast() }
        if text.lowercased().hasPrefix("ipv6:") { text = text.dropFirst(5) }
        guard let address = IPAddress(text) else {
            context.step(TraceStage.routing, "literal", before: "\(recipient)", note: "refused: not an IP address")
            let reply = PolicyReply(550, EnhancedStatusCode(5, 1, 2), "<\(recipient)>: Bad destination address literal")
            return context.decided(.refuse(reply))
        }
        context.step(TraceStage.routing, "literal", before: "\(recipient)", after: "\(address)")
        return context.decided(.address(address))
    }
}
