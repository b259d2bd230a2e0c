import MailConfig
import MailPolicy
import MailSyntax
import OutboundQueue

/// Where jobs wait together, share connections, and fail together: a destination of direct mail, or the hosts of a route.
struct DeliverySite: Sendable, Hashable {
    /// Equal for what may share a connection; the same after a restart, since queue rows wait for it by this name.
    var name: String
    /// The route's name, for the record of each attempt and for the warm-up's count.
    var route: String
    var pace: RoutePace
    /// How mail gets there; nil for a fixed target, which no route leads to.
    var plan: RoutePlan?

    init(name: String, route: String, pace: RoutePace = RoutePace(), plan: RoutePlan? = nil) {
        self.name = name
        self.route = route
        self.pace = pace
        self.plan = plan
    }

    init(_ plan: RoutePlan) {
        self.init(name: plan.siteName, route: plan.name, pace: plan.pace, plan: plan)
    }

    /// Where a message waits by what it asks of TLS: what the domain's policy keeps others from must not keep from it mail
    /// that tells of just that.
    // RFC 8460 §3
    init(_ plan: RoutePlan, _ demand: TLSDemand) {
        self.init(plan)
        if plan.kind == .direct, demand == .optional { name += " (TLS-Required: No)" }
    }
}

/// A job, or the part of one that takes the same way out.
struct SitedJob: Sendable {
    var job: DeliveryJob
    var site: DeliverySite
}
