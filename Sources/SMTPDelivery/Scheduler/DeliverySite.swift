import MailConfig
import MailPolicy
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
}

/// A job, or the part of one that takes the same way out.
struct SitedJob: Sendable {
    var job: DeliveryJob
    var site: DeliverySite
}
