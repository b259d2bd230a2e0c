package import Blobs
package import Directory
package import IMAPCore
package import Logging
package import MailStore
package import MailSyntax
package import NIOPosix
package import NetTransport
package import SQLEngine
import Synchronization
package import Telemetry

/// What IMAP sessions work with; shared by all that have the same settings.
package final class IMAPServerDependencies: Sendable {
    let store: MailStore
    let blobs: BlobStore
    let authenticator: Authenticator
    let settings: IMAPServerSettings
    let events: any MailEventSink
    let logger: Logger
    let clock: any WallClock
    let recent: RecentRegistry
    /// Nil where idle clients hear nothing.
    let keepalives: IdleKeepalives?

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
        recent = RecentRegistry()
        keepalives = settings.idleKeepalive.map { IdleKeepalives(every: $0) }
    }

    /// The same with other settings.
    init(_ other: IMAPServerDependencies, settings: IMAPServerSettings) {
        store = other.store
        blobs = other.blobs
        authenticator = other.authenticator
        events = other.events
        logger = other.logger
        clock = other.clock
        recent = other.recent
        self.settings = settings
        let isSame = settings.idleKeepalive == other.settings.idleKeepalive
        keepalives = isSame ? other.keepalives : settings.idleKeepalive.map { IdleKeepalives(every: $0) }
    }
}

/// The dependencies that the newest session of a listener got, for the next ones: settings seldom change.
private final class NewestDependencies: Sendable {
    private let newest: Mutex<IMAPServerDependencies>

    init(_ first: IMAPServerDependencies) {
        newest = Mutex(first)
    }

    func with(_ settings: IMAPServerSettings) -> IMAPServerDependencies {
        newest.withLock { newest in
            if newest.settings != settings { newest = IMAPServerDependencies(newest, settings: settings) }
            return newest
        }
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
        let dependencies = NewestDependencies(dependencies)
        let logger = self.dependencies.logger
        let settings = settings
        let canStartTLS =
            switch configuration.tls {
            case .startTLS: true
            case .none, .implicit: false
            }
        return ListenerService(
            configuration: configuration,
            group: group,
            logger: logger,
            makeID: makeID,
            makeFramer: { IMAPFramer(limits: settings().limits) },
            session: { connection in
                await Self.session {
                    IMAPSession(
                        service: dependencies.with(settings().allowing(plaintextLogin: allowsPlaintextLogin)),
                        connection: connection, canStartTLS: canStartTLS)
                }.run()
            }
        )
    }

    /// Apart, so that what it takes to make a session is not kept as long as it lives.
    @inline(never)
    private static func session(_ make: () -> IMAPSession) -> IMAPSession { make() }
}
