import Directory
import Glibc
import Logging
import MTASTSClient
import MailAuth
import MailConfig
import MailFetch
import MailPolicy
import MailTables
import NetTransport
import ReportInbox
import Synchronization
import Telemetry

/// What the running server says of itself, and its reload.
final class ServerState: RunningServer {
    let selfTests = SelfTestRegistry()
    let bans: BanTable
    let live: LiveManifest
    private let configFile: String
    private let backend: LogBackend
    private let events: LogWriter?
    private let stores: Stores
    private let tls: TLSStore?
    private let devicePasswords: DevicePasswords
    private let logger: Logger
    private let started = ContinuousClock.now
    private let listeners = Mutex<[ListenerStatus]>([])
    private let reloading = Mutex(false)
    private let routeTokens = Mutex<RouteTokens?>(nil)
    private let policyKeeper = Mutex<PolicyKeeper?>(nil)
    private let reportReceiver = Mutex<ReportReceiver?>(nil)
    private let fetchService = Mutex<FetchService?>(nil)

    init(
        configFile: String,
        live: LiveManifest,
        backend: LogBackend,
        events: LogWriter?,
        stores: Stores,
        tls: TLSStore?,
        devicePasswords: DevicePasswords,
        bans: BanTable
    ) {
        self.bans = bans
        self.devicePasswords = devicePasswords
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

    func setPolicies(_ policies: PolicyKeeper) {
        policyKeeper.withLock { $0 = policies }
    }

    var policies: PolicyKeeper? { policyKeeper.withLock { $0 } }

    func setReports(_ receiver: ReportReceiver) {
        reportReceiver.withLock { $0 = receiver }
    }

    var reports: ReportReceiver? { reportReceiver.withLock { $0 } }

    func setFetching(_ service: FetchService) {
        fetchService.withLock { $0 = service }
    }

    var fetching: FetchService? { fetchService.withLock { $0 } }

    func setTokens(_ tokens: RouteTokens) {
        routeTokens.withLock { $0 = tokens }
    }

    var tokens: RouteTokens? { routeTokens.withLock { $0 } }

    func logger(_ component: String) -> Logger { backend.logger(component) }

    var manifest: Manifest { live.current }
    var rules: PolicyRules { live.rules }

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
        let new = try ManifestFile.load(configFile)
        let next = ManifestDiff.live(from: live.current, to: new.manifest)
        try Server.requireSmarthostPassword(next)
        let passwords = try DevicePasswords.read(next)
        let tables = try LookupTables.load(next, logger: backend.logger("tables"))
        let srs = try SRSSecrets.codec(next)
        try events?.reopen()
        try await stores.directory.reload()
        try DevicePasswords.requireOwnNames(next, stores.directory.snapshot)
        try reloadCertificates(next)
        try await stores.directory.setRecipientDelimiters(next.mail.recipientDelimiter)
        // First the tables: rules that ask for new ones find them.
        stores.tables.install(tables)
        stores.srs.install(srs)
        let changes = live.apply(new)
        devicePasswords.set(passwords)
        var lines = changes.map(describe)
        backend.apply(live.current.log)
        if lines.isEmpty { lines.append("the manifest is unchanged") }
        if let tls {
            let names = tls.certificates.map { $0.names.joined(separator: ", ") }
            lines.append("certificates read: \(names.joined(separator: "; "))")
            lines += ServerCertificates.remarks(on: tls, live.current)
        }
        if !passwords.isEmpty {
            lines.append("passwords of devices read: \(passwords.keys.sorted().joined(separator: ", "))")
        }
        lines.append("directory at revision \(stores.directory.snapshot.revision)")
        for line in lines { logger.notice("reloaded", metadata: [LogKey.configSetting: "\(line)"]) }
        return lines
    }

    /// A server that was started without any certificate has no listener that could use one.
    private func describe(_ change: ManifestDiff.Change) -> String {
        let waits = tls == nil && change.path == "tls.certificates"
        return change.description + (waits ? " (takes effect at the next start)" : "")
    }

    private func reloadCertificates(_ manifest: Manifest) throws {
        guard let tls else { return }
        do {
            _ = try ServerCertificates.ensureSelfSigned(manifest)
            try tls.reload(ServerCertificates.files(manifest))
        } catch {
            throw AdminError(
                .config,
                "the certificates were not replaced: \(error)",
                remedy: "correct the file and reload again; the server goes on with those it has"
            )
        }
    }
}
