package import Blobs
package import Directory
package import IMAPCore
package import Logging
package import MailStore
package import MailSyntax
package import NIOPosix
package import NetTransport
package import SQLEngine
package import Telemetry

/// What IMAP sessions work with; shared by all of them.
package struct IMAPServerDependencies: Sendable {
    let store: MailStore
    let blobs: BlobStore
    let authenticator: Authenticator
    var settings: IMAPServerSettings
    let events: any MailEventSink
    let logger: Logger
    let clock: any WallClock
    let recent = RecentRegistry()

    /// - Parameters:
    ///   - blobs: where large APPEND messages wait before they are stored.
    ///   - events: hears of logins and ends of sessions.
    ///   - clock: the internal date of messages whose APPEND names none.
    package init(
        store: MailStore,
        blobs: BlobStore,
        authenticator: Authenticator,
        settings: IMAPServerSettings = IMAPServerSettings(),
        events: any MailEventSink,
        logger: Logger,
        clock: any WallClock
    ) {
        self.store = store
        self.blobs = blobs
        self.authenticator = authenticator
        self.settings = settings
        self.events = events
        self.logger = logger
        self.clock = clock
    }
}

/// The IMAP service: makes listeners whose sessions share one set of dependencies.
package struct IMAPService: Sendable {
    private let dependencies: IMAPServerDependencies
    private let settings: @Sendable () -> IMAPServerSettings

    /// - Parameter settings: asked once a session, so that they can change while the server runs; without it they stay
    ///   those of the dependencies.
    package init(
        _ dependencies: IMAPServerDependencies,
        settings: (@Sendable () -> IMAPServerSettings)? = nil
    ) {
        self.dependencies = dependencies
        let fixed = dependencies.settings
        self.settings = settings ?? { fixed }
    }

    /// One listener; bind and run it in a service group.
    /// - Parameters:
    ///   - configuration: `.startTLS` for port 143, `.implicit` for port 993.
    ///   - allowsPlaintextLogin: whether passwords may cross this listener without TLS, whatever the settings say.
    package func listener(
        _ configuration: ListenerConfiguration,
        group: MultiThreadedEventLoopGroup,
        allowsPlaintextLogin: Bool = false,
        makeID: @escaping @Sendable () -> MailID
    ) -> ListenerService<IMAPFramer> {
        let dependencies = dependencies
        let settings = settings
        let canStartTLS =
            switch configuration.tls {
            case .startTLS: true
            case .none, .implicit: false
            }
        return ListenerService(
            configuration: configuration,
            group: group,
            logger: dependencies.logger,
            makeID: makeID,
            makeFramer: { IMAPFramer(limits: settings().limits) },
            session: { connection in
                var service = dependencies
                service.settings = settings()
                if allowsPlaintextLogin { service.settings.allowsPlaintextLogin = true }
                await IMAPSession(service: service, connection: connection, canStartTLS: canStartTLS).run()
            }
        )
    }
}
