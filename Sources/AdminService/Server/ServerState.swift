import Directory
import Glibc
import Logging
import MailConfig
import NetTransport
import Synchronization
import Telemetry

/// What the running server says of itself, and its reload.
final class ServerState: RunningServer {
    let selfTests = SelfTestRegistry()
    let live: LiveManifest
    private let configFile: String
    private let backend: LogBackend
    private let events: LogWriter?
    private let stores: Stores
    private let tls: TLSStore?
    private let logger: Logger
    private let started = ContinuousClock.now
    private let listeners = Mutex<[ListenerStatus]>([])
    private let reloading = Mutex(false)

    init(
        configFile: String,
        live: LiveManifest,
        backend: LogBackend,
        events: LogWriter?,
        stores: Stores,
        tls: TLSStore?
    ) {
        self.configFile = configFile
        self.live = live
        self.backend = backend
        self.events = events
        self.stores = stores
        self.tls = tls
        logger = backend.logger("server")
    }

    func setListeners(_ status: [ListenerStatus]) {
        listeners.withLock { $0 = status }
    }

    var manifest: Manifest { live.current }

    func status() -> ServerStatus {
        ServerStatus(
            version: ServerVersion.text,
            hostname: live.current.server.hostname,
            processID: Int(getpid()),
            uptimeSeconds: Int(started.duration(to: .now).components.seconds),
            listeners: listeners.withLock { $0 }
        )
    }

    /// Reads everything again. What is wrong leaves all as it was.
    func reload() async throws -> [String] {
        guard
            reloading.withLock({ isBusy in
                defer { isBusy = true }
                return !isBusy
            })
        else { throw AdminError(.temporary, "a reload is under way already") }
        defer { reloading.withLock { $0 = false } }
        let new = try ManifestFile.load(configFile).manifest
        try reloadCertificates()
        try events?.reopen()
        try await stores.directory.reload()
        var lines = live.apply(new).map(Self.describe)
        backend.apply(live.current.log)
        if lines.isEmpty { lines.append("the manifest is unchanged") }
        if let tls {
            let names = tls.certificates.map { $0.names.joined(separator: ", ") }
            lines.append("certificates read: \(names.joined(separator: "; "))")
        }
        lines.append("directory at revision \(stores.directory.snapshot.revision)")
        for line in lines { logger.notice("reloaded", metadata: [LogKey.configSetting: "\(line)"]) }
        return lines
    }

    /// Settings that a running server takes over; sessions and couriers keep the others until the next start.
    private static let taken = ["log.level", "log.format", "pop3.", "dkim.rsa_", "dkim.ed25519_"]

    private static func describe(_ change: ManifestDiff.Change) -> String {
        let isTaken = change.apply == .restart || taken.contains { change.path.hasPrefix($0) }
        return change.description + (isTaken ? "" : " (takes effect at the next start)")
    }

    private func reloadCertificates() throws {
        do {
            try tls?.reload()
        } catch {
            throw AdminError(
                .config,
                "the certificates were not replaced: \(error)",
                remedy: "correct the file and reload again; the server goes on with those it has"
            )
        }
    }
}
