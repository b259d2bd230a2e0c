package import Logging
import MailConfig
import MailSyntax
package import NIOPosix
package import NetTransport
package import SMTPCore
package import Telemetry

extension SMTPServerFramer: ConnectionFramer {}

/// Makes the service of one SMTP listener.
package enum SMTPListener {
    /// What a client is told that is kept out.
    package static let banRefusal = "421 4.7.0 Too much abuse from your address, try later\r\n"
    /// What a peer over its limit of connections is told.
    package static let refusal = "421 4.7.0 Too many connections\r\n"

    /// - Parameters:
    ///   - configuration: addresses, TLS and limits; its `greetingDeadline` and `refusal` are set here.
    ///   - settings: asked once a session, so that they can change while the server runs; `offersTLS` is taken from
    ///     `configuration.tls`.
    package static func makeService(
        configuration: ListenerConfiguration,
        settings: @escaping @Sendable () -> SMTPServerSettings,
        backend: any SMTPBackend,
        events: any MailEventSink,
        group: MultiThreadedEventLoopGroup,
        logger: Logger
    ) -> ListenerService<SMTPServerFramer> {
        var configuration = configuration
        configuration.greetingDeadline = settings().timeouts.greeting
        configuration.refusal = refusal
        // A session computes for microseconds between two waits: on its own loop it needs no hop to another thread for
        // each line. What takes longer (hashing, large bodies, the database) leaves the loop where it is done.
        configuration.executor = .eventLoop
        let offersTLS = if case .none = configuration.tls { false } else { true }
        return ListenerService(
            configuration: configuration,
            group: group,
            logger: logger,
            makeID: { backend.nextID() },
            makeFramer: { SMTPServerFramer(limits: settings().limits) },
            session: { connection in
                var settings = settings()
                settings.offersTLS = offersTLS
                let context = SMTPContext(settings: settings, backend: backend, events: events, logger: logger)
                await context.serve(connection)
            }
        )
    }
}

/// What a session works with.
struct SMTPContext: Sendable {
    let settings: SMTPServerSettings
    let backend: any SMTPBackend
    let events: any MailEventSink
    let logger: Logger

    /// Runs one connection, with the reverse lookup beside it so that nothing waits for it.
    func serve(_ connection: Connection<SMTPServerFramer>) async {
        let name = PendingName()
        let address = connection.info.remote
        if let known = backend.knownReverseName(address) {
            name.resolve(known)
            await converse(connection, name)
            return
        }
        await withDiscardingTaskGroup { group in
            group.addTask {
                name.resolve(await backend.reverseName(address))
            }
            group.addTask {
                // Cancelled when the session is over, or when time is up.
                try? await Task.sleep(for: settings.reverseLookupPatience)
                name.resolve(nil)
            }
            await converse(connection, name)
            group.cancelAll()
        }
    }

    private func converse(_ connection: Connection<SMTPServerFramer>, _ name: PendingName) async {
        var conversation = SMTPConversation(context: self, connection: connection, reverseName: name)
        await conversation.run()
    }
}
