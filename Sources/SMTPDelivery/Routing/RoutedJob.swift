import MailPolicy
import OutboundQueue

/// A job with the way that it takes.
struct RoutedJob: Sendable {
    var job: DeliveryJob
    /// Which jobs share connections, bounds, and the rest after a failure: those to one site by one route, with one login.
    var key: String
    /// nil for a fixed target, which no route leads to.
    var plan: RoutePlan?
}
