import Logging
import MailSyntax
import SQLEngine
import Synchronization
import Telemetry

/// Tells an operator once what keeps the mail of a route waiting, not once a message: again when the reason changes, and
/// every hour; and when it is over.
final class RouteAlarms: Sendable {
    private struct Alarm {
        var reason: String
        var told: Timestamp
    }

    private static let repeated = Duration.seconds(3600)
    /// More routes than anybody writes; next hops of tables are names of operators too.
    private static let most = 1000

    private let alarms = Mutex<[String: Alarm]>([:])
    private let clock: any WallClock
    private let logger: Logger

    init(clock: any WallClock, logger: Logger) {
        self.clock = clock
        self.logger = logger
    }

    /// - Parameters:
    ///   - message: what happened, the same words for the same kind of trouble.
    ///   - host: where it happened; empty when no host was reached.
    func raise(_ message: Logger.Message, route: String, host: String, reason: String) {
        let now = clock.now()
        let isNew = alarms.withLock { alarms in
            if let known = alarms[route], known.reason == reason, known.told <= now,
                now < known.told.adding(Self.repeated)
            {
                return false
            }
            if alarms.count >= Self.most { alarms = [:] }
            alarms[route] = Alarm(reason: reason, told: now)
            return true
        }
        guard isNew else { return }
        var metadata: Logger.Metadata = [LogKey.route: "\(route)", LogKey.reason: "\(reason)"]
        if !host.isEmpty { metadata[LogKey.host] = "\(host)" }
        logger.error(message, metadata: metadata)
    }

    /// The route has taken a message.
    func end(route: String) {
        guard alarms.withLock({ $0.isEmpty ? nil : $0.removeValue(forKey: route) }) != nil else { return }
        logger.notice("the route takes mail again", metadata: [LogKey.route: "\(route)"])
    }
}
