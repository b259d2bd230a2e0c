import DNSClient
import Directory
import IMAPServer
import Logging
import MTASTSClient
import MailConfig
import MailIntake
import MailPolicy
import MailReports
import MailStore
import MailSyntax
import MailTables
import NIOCore
import NIOPosix
import NetTransport
import OAuthClient
import OutboundQueue
import POP3Server
import SMTPDelivery
import SMTPServer
import SQLEngine
import Sendmail
import ServiceLifecycle
import Telemetry
import UnixSignals

/// Everything that runs, put together in the order in which it depends on each other.
final class ServerAssembly: Sendable {
    let stores: Stores
    let manifest: Manifest
    let live: LiveManifest
    let backend: LogBackend
    let logger: Logger
    let events: LogEventSink
    let tls: TLSStore?
    let state: ServerState
    let operations: Operations
    let notifier = ServiceNotifier(environment: ManifestFile.environment)
    let group: MultiThreadedEventLoopGroup
    let limiter: ConnectionLimiter
    let authenticator: Authenticator
    let bans: BanTable
    let devicePasswords: DevicePasswords
    let resolver: UnboundResolver
    let tokens: RouteTokens
    let policies: PolicyKeeper
    let tlsResults = TLSResultCounter()
    let verdicts = VerdictCounter()
    private let clock = SystemClock()
    private let bound = BoundServices()

    init(
        configFile: String,
        loaded: LoadedManifest,
        backend: LogBackend,
        eventFile: LogWriter?,
        stores: Stores,
        tls: TLSStore?,
        devicePasswords: DevicePasswords,
        storedBans: [StoredBan]
    ) throws {
        self.stores = stores
        self.devicePasswords = devicePasswords
        self.backend = backend
        self.tls = tls
        manifest = loaded.manifest
        live = LiveManifest(loaded)
        logger = backend.logger("server")
        events = LogEventSink(backend: backend, file: eventFile)
        let bans = BanKeeper.table(loaded.manifest, storedBans, events: events)
        self.bans = bans
        live.onChange { bans.setRules(BanRules($0)) }
        state = ServerState(
            configFile: configFile,
            live: live,
            backend: backend,
            events: eventFile,
            stores: stores,
            tls: tls,
            devicePasswords: devicePasswords,
            bans: bans
        )
        operations = Operations(stores: stores, server: state, author: "operator")
        group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        limiter = ConnectionLimiter(
            total: manifest.limits.sessions ?? .max,
            perPeer: manifest.limits.sessionsPerAddress ?? .max
        )
        var logins = AuthenticatorOptions()
        logins.onVerdict = { client, isRight in
            if isRight { bans.loggedIn(client) } else { bans.report(.login, by: client) }
        }
        do {
            resolver = try UnboundResolver(ServerSettings.resolver(manifest.server.dns))
        } catch let error as ResolverSettingsError {
            throw AdminError(.config, "\(error)", remedy: "correct server.dns")
        }
        logins.addsMissingVerifiers = live.follow(\.logins.scram)
        let tokenLogins = TokenLogins(
            poster: HTTPFormPoster(group: group, resolver: resolver, patience: .seconds(10)),
            logger: backend.logger("oauth"), settings: live.follow(\.logins.oauth2))
        logins.tokens = { await tokenLogins.judge($0) }
        authenticator = Authenticator(source: stores.directory, options: logins)
        tokens = RouteTokens(
            database: stores.database, group: group, resolver: resolver, logger: backend.logger("oauth"))
        state.setTokens(tokens)
        policies = ServerSettings.policyKeeper(
            stores.database, group: group, resolver: resolver, manifest: live.follow { $0 },
            logger: backend.logger("mta-sts"))
        state.setPolicies(policies)
    }

    // MARK: Binding

    /// Opens every listener and the control socket; connections wait in the kernel until `run`.
    func bind(owner: ServerUser?) async throws {
        guard let hostname = DomainName(manifest.server.hostname) else {
            throw AdminError(.config, "server.hostname \"\(manifest.server.hostname)\" is not a host name")
        }
        let servers = ProtocolServers(assembly: self, hostname: hostname)
        for listener in manifest.listeners {
            guard tls != nil || !listener.needsCertificate else {
                throw AdminError(
                    .config,
                    "the listener \"\(listener.name)\" needs a certificate, and there is none",
                    remedy: "name one in tls.certificates, or set tls.self_signed: true"
                )
            }
            let opened = try await ListenerBinding.open(listener, owner: owner) { servers.make(listener, at: $0) }
            await bound.add(opened.service, opened.status)
        }
        state.setListeners(await bound.status)
        if manifest.sendmail.enabled { await openSendmail(servers, owner: owner) }
        let operations = operations
        let control = try await ControlServer(
            path: manifest.controlSocket,
            mode: manifest.control.mode,
            owner: owner,
            group: group,
            backend: backend
        ) { await operations.perform($0) }
        await bound.setControl(control)
    }

    /// Opens the socket of `sendmail`. Where that can't be, programs leave their mail in the maildrop, which nobody takes.
    private func openSendmail(_ servers: ProtocolServers, owner: ServerUser?) async {
        let path = "\(manifest.sendmailDirectory)/smtp"
        let owner = owner.map { UnixSocketOwner(userID: $0.userID, groupID: $0.groupID) }
        let service = servers.sendmail(at: ListenAddress(.init(path: path, mode: 0o666, owner: owner)))
        do {
            try await service.bind()
            await bound.add(service, [])
        } catch {
            logger.error(
                "programs of this host can't send mail",
                metadata: [
                    LogKey.path: "\(path)", LogKey.error: "\(error)",
                    LogKey.remedy: "set sendmail.directory to a shorter path, or sendmail.enabled to false",
                ])
        }
    }

    /// What takes mail from the maildrop, over that socket.
    private func maildropPickup(_ hostname: DomainName) -> MaildropPickup {
        let settings = MaildropPickup.Settings(
            directory: manifest.sendmailDirectory,
            hostname: hostname,
            origin: live.follow { $0.rewrite.origin ?? hostname },
            messageSize: live.follow(\.limits.messageSize)
        )
        return MaildropPickup(settings: settings, ids: stores.ids, clock: clock, logger: backend.logger("sendmail"))
    }

    /// The line that says where the server is.
    private func sayReady() {
        let endpoints = state.status().listeners.map { "\($0.name)=\($0.endpoint)" }
        logger.notice(
            "READY",
            metadata: [
                LogKey.version: "\(ServerVersion.text)",
                LogKey.hostname: "\(manifest.server.hostname)",
                LogKey.listeners: "\(endpoints.joined(separator: " "))",
                LogKey.path: "\(manifest.controlSocket)",
            ]
        )
    }

    // MARK: Running

    /// Runs everything until a signal; stops in reverse order.
    func run() async throws {
        let configuration = ServiceGroupConfiguration(
            services: try await services().map { .init(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Self.quiet(backend.logger("services"))
        )
        var bounded = configuration
        bounded.maximumGracefulShutdownDuration = .seconds(30)
        bounded.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: bounded).run()
        resolver.stop()
        try? await group.shutdownGracefully()
    }

    private func services() async throws -> [any Service] {
        guard let hostname = DomainName(manifest.server.hostname) else { return [] }
        var services: [any Service] = [
            HousekeepingService(
                stores: stores,
                operations: operations,
                keepsTraces: live.follow(\.trace.keep),
                logger: backend.logger("housekeeping"),
                clock: clock
            ),
            BanKeeper(table: bans, store: BanStore(database: stores.database), logger: logger),
            KeyRotationService(
                directory: stores.directory, manifest: live.follow { $0 }, logger: backend.logger("dkim")),
            ReloadService(state: state, notifier: notifier, logger: logger),
            TokenRenewalService(tokens: tokens, manifest: live.follow { $0 }, clock: clock),
            TransportPolicyService(
                policies: policies, results: tlsResults, database: stores.database,
                isAsking: live.follow { $0.outbound.mtaSTS == .auto }, logger: logger, clock: clock),
            reportInbox(),
            try fetchService(hostname),
            try deliveryService(hostname),
            reportService(hostname),
        ]
        if let index = stores.search { services.append(SearchService(index: index, logger: backend.logger("search"))) }
        if let control = await bound.control { services.append(control) }
        services.append(ListenerGroup(listeners: await bound.listeners))
        if manifest.sendmail.enabled { services.append(maildropPickup(hostname)) }
        services.append(ReadinessService(notifier: notifier, sayReady: { self.sayReady() }))
        return services
    }

    private func deliveryService(_ hostname: DomainName) throws -> DeliveryService {
        let logger = backend.logger("delivery")
        let directory = stores.directory
        let answers = stores.answers
        let tables = stores.tables
        let signers = DirectorySigner(
            snapshot: { directory.snapshot }, tables: { tables.signing },
            form: live.followRules { DirectorySigner.Form($0) })
        let listeners = state.status().listeners
        let selfTests = state.selfTests
        let live = live
        let tokens = tokens
        let policies = policies
        let tlsResults = tlsResults
        let settings = { @Sendable in
            var settings = ServerSettings.delivery(live.rules, listeners: listeners)
            settings.lookup = answers.answer
            settings.tokens = { route, login in
                guard case .oauth2(let oauth2) = login.proof else { return nil }
                return tokens.source(route: route, login: login.username, oauth2)
            }
            settings.mtaSTS = { await policies.answer(for: $0) }
            settings.tlsResults = { tlsResults.record($0) }
            settings.pinned = { Self.sink($0, of: selfTests) }
            return settings
        }
        let bounces = IntakeBounceSink(
            intake: stores.intake,
            snapshot: { directory.snapshot },
            blobs: stores.blobs,
            composer: BounceComposer(
                reportingMTA: hostname,
                wholeMessageLimit: live.follow(\.queue.bounceMessageSize)
            ),
            ids: stores.ids,
            events: events,
            srs: stores.srs,
            judge: { [answers, live] address in
                let rules = live.rules
                return try await Policy.run(
                    { Policy.admitExtra(address, rules: rules, $0) }, answer: answers.answer
                ).decision
            },
            signing: { [answers, live] facts in
                let rules = live.rules
                return try await Policy.run(
                    { Policy.chooseSigning(facts, rules: rules, $0) }, answer: answers.answer
                ).decision
            }
        )
        Self.reportSuccesses(of: stores.intake, by: bounces, logger: logger)
        let service = DeliveryService(
            settings: settings(),
            environment: DeliveryService.Environment(
                queue: stores.queue,
                blobs: stores.blobs,
                intake: stores.intake,
                resolver: resolver,
                contexts: try ClientTLSContexts(),
                signer: { try signers.signer(for: $0) },
                bounces: bounces,
                events: events,
                ids: stores.ids,
                group: group,
                logger: logger
            )
        )
        let queue = stores.queue
        let intake = stores.intake
        let mail = stores.mail
        live.onChange { manifest in
            mail.settings = MailStoreSettings(manifest)
            queue.setLifetimes(message: manifest.queue.lifetime, bounce: manifest.queue.bounceLifetime)
            intake.setLanes(LanePolicy(manifest))
            service.update(settings())
        }
        return service
    }

    /// Where mail of a self-test goes.
    private static func sink(_ destination: String, of selfTests: SelfTestRegistry) -> RouteTarget? {
        guard let domain = DomainName(destination), let port = selfTests.sinkPort(for: domain),
            let loopback = IPAddress("127.0.0.1")
        else { return nil }
        var target = RouteTarget(host: "sink.martlet.invalid", address: loopback, port: port)
        target.isPinned = true
        return target
    }

    /// The library's messages about services coming and going are of interest to its authors.
    private static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = .warning
        return logger
    }
}

/// What was bound and waits to be run.
private actor BoundServices {
    private(set) var listeners: [any BoundListener] = []
    private(set) var status: [ListenerStatus] = []
    private(set) var control: ControlServer?

    func add(_ listener: any BoundListener, _ status: [ListenerStatus]) {
        listeners.append(listener)
        self.status += status
    }

    func setControl(_ control: ControlServer) { self.control = control }
}
