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
    /// What a peer over its limit of connections is told.
    package static let refusal = "421 4.7.0 Too many connections\r\n"

    /// - Parameters:
    ///   - configuration: addresses, TLS and limits; its `greetingDeadline` and `refusal` are set here.
    ///   - settings: `offersTLS` is taken from `configuration.tls`.
    package static func makeService(
        configuration: ListenerConfiguration,
        settings: SMTPServerSettings,
        backend: any SMTPBackend,
        events: any MailEventSink,
        group: MultiThreadedEventLoopGroup,
        logger: Logger
    ) -> ListenerService<SMTPServerFramer> {
        var configuration = configuration
        configuration.greetingDeadline = settings.timeouts.greeting
        configuration.refusal = refusal
        var settings = settings
        if case .none = configuration.tls { settings.offersTLS = false } else { settings.offersTLS = true }
        let context = SMTPContext(settings: settings, backend: backend, events: events, logger: logger)
        let limits = settings.limits
        return ListenerService(
            configuration: configuration,
            group: group,
            logger: logger,
            makeID: { backend.nextID() },
            makeFramer: { SMTPServerFramer(limits: limits) },
            session: { await context.serve($0) }
        )
    }
}

/// What the sessions of one listener share.
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
