import Logging
import MailPolicy
import MailSyntax
import SQLEngine
import Synchronization
import Telemetry

/// Tells an operator once what keeps the mail of a route waiting, not once a message: again when the reason changes, and
/// every hour; and when it is over. Logins of one route are told apart: one that works says nothing about another.
final class RouteAlarms: Sendable {
    private struct Alarm {
        var reason: String
        var told: Timestamp
    }

    private static let repeated = Duration.seconds(3600)
    /// More routes than anybody writes; next hops of tables are names of operators too.
    private static let most = 1000

    /// By the name of the site.
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
    func raise(_ message: Logger.Message, at site: DeliverySite, host: String, reason: String) {
        let now = clock.now()
        let isNew = alarms.withLock { alarms in
            if let known = alarms[site.name], known.reason == reason, known.told <= now,
                now < known.told.adding(Self.repeated)
            {
                return false
            }
            if alarms.count >= Self.most { alarms = [:] }
            alarms[site.name] = Alarm(reason: reason, told: now)
            return true
        }
        guard isNew else { return }
        var metadata = Self.metadata(site)
        metadata[LogKey.reason] = "\(reason)"
        if !host.isEmpty { metadata[LogKey.host] = "\(host)" }
        logger.error(message, metadata: metadata)
    }

    /// The route has taken a message.
    func end(_ site: DeliverySite) {
        guard alarms.withLock({ $0.isEmpty ? nil : $0.removeValue(forKey: site.name) }) != nil else { return }
        logger.notice("the route takes mail again", metadata: Self.metadata(site))
    }

    private static func metadata(_ site: DeliverySite) -> Logger.Metadata {
        var metadata: Logger.Metadata = [LogKey.route: "\(site.route)"]
        if let login = site.plan?.hosts.lazy.compactMap(\.login?.username).first { metadata[LogKey.login] = "\(login)" }
        return metadata
    }
}
