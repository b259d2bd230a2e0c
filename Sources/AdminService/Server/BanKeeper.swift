import Directory
import Logging
import MailConfig
import MailSyntax
import NetTransport
import SQLEngine
import ServiceLifecycle
import Telemetry

/// Keeps the bans of a running server over its restarts. They are written a few seconds late, many at a time: a flood of
/// clients that get banned must not become a flood of writes.
struct BanKeeper: Service {
    let table: BanTable
    let store: BanStore
    let logger: Logger

    private static let interval = Duration.seconds(5)

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval)
                await write()
            }
        }
        await write()
    }

    /// Writes what has changed since the last time; what can't be written is tried again.
    func write() async {
        let changes = table.takeChanges()
        guard !changes.isEmpty else { return }
        do {
            try await store.write(changes.changed.map(StoredBan.init), removing: changes.removed)
        } catch {
            table.giveBack(changes)
            logger.error("bans could not be written", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// The table of a server, with the bans of its last run; each new one is an event.
    static func table(
        _ manifest: Manifest, _ stored: [StoredBan], events: any MailEventSink, clock: any WallClock = SystemClock()
    ) -> BanTable {
        let table = BanTable(rules: BanRules(manifest), bans: stored.map(Ban.init)) { clock.now() }
        table.onBan { ban in
            let seconds = ban.until.map { Int($0.since(ban.since).components.seconds) }
            events.record(
                .banned(
                    .init(
                        client: ban.network.description, reason: ban.reason, duration: seconds, count: ban.count,
                        isManual: ban.isManual)))
        }
        return table
    }
}

extension BanRules {
    /// The rules of a manifest. Trusted networks, proxies and those that speak for others are never banned.
    init(_ manifest: Manifest) {
        self.init()
        let bans = manifest.bans
        isEnabled = bans.enabled
        failures = bans.failures
        window = bans.window
        duration = bans.duration
        longest = bans.longest
        networkAfter = bans.networkAfter
        exempt =
            bans.ignore + manifest.relay.networks + manifest.listeners.flatMap { $0.proxies + $0.xclients }
    }
}

extension StoredBan {
    init(_ ban: Ban) {
        self.init(
            network: ban.network, begunAt: ban.since, endsAt: ban.until, reason: ban.reason, count: ban.count,
            isManual: ban.isManual)
    }
}

extension Ban {
    init(_ stored: StoredBan) {
        self.init(
            network: stored.network, since: stored.begunAt, until: stored.endsAt, reason: stored.reason,
            count: stored.count, isManual: stored.isManual)
    }
}
