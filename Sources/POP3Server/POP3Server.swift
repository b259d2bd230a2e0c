package import Directory
package import Logging
package import MailStore
package import MailSyntax
package import NIOPosix
package import NetTransport
package import POP3Core
package import Telemetry

/// Serves INBOXes over POP3: RFC 1939 with CAPA, STLS, AUTH, TOP, UIDL and pipelining.
///
/// A session sees its INBOX as it was at login. Messages are removed after QUIT only; a connection that is lost removes nothing.
package final class POP3Server: Sendable {
    let store: MailStore
    let authenticator: Authenticator
    let events: any MailEventSink
    let logger: Logger
    let options: @Sendable () -> POP3ServerOptions
    let maildrops = MaildropRegistry()
    let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameters:
    ///   - options: asked once a session, so that settings can change while the server runs.
    ///   - now: what the delay between logins is counted by.
    package init(
        store: MailStore,
        authenticator: Authenticator,
        events: any MailEventSink,
        logger: Logger,
        options: @escaping @Sendable () -> POP3ServerOptions,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.now = now
        self.store = store
        self.authenticator = authenticator
        self.events = events
        self.logger = logger
        self.options = options
    }

    /// A listener for port 110 (`startTLS`) or 995 (`implicit`).
    package func listener(
        _ configuration: ListenerConfiguration,
        group: MultiThreadedEventLoopGroup,
        makeID: @escaping @Sendable () -> MailID
    ) -> ListenerService<POP3Framer> {
        let offer: POP3Security =
            switch configuration.tls {
            case .none: .plaintextOnly
            case .startTLS, .implicit: .plaintext
            }
        return ListenerService(
            configuration: configuration,
            group: group,
            logger: logger,
            makeID: makeID,
            makeFramer: { [options] in POP3Framer(limits: options().limits) },
            session: { connection in
                var session = POP3Session(self, connection, offer)
                await session.run()
            }
        )
    }
}
