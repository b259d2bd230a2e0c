import Directory
import IMAPServer
import MailAuth
import MailConfig
import MailReports
import MailSyntax
import NetTransport
import POP3Server
import SMTPCore
import SMTPServer
import SQLEngine
import Sendmail
import WebServer

/// Makes the service of each listener; services of one protocol share their dependencies.
struct ProtocolServers {
    private let assembly: ServerAssembly
    private let imap: IMAPService
    private let pop3: POP3Server
    private let smtp: MailServerBackend
    private let web: PolicyWebServer
    private let hostname: DomainName
    private let handshakeDeadline: @Sendable () -> Duration

    init(assembly: ServerAssembly, hostname: DomainName) {
        self.assembly = assembly
        self.hostname = hostname
        let stores = assembly.stores
        let live = assembly.live
        handshakeDeadline = live.follow(\.tls.handshakeTimeout)
        imap = IMAPService(
            IMAPServerDependencies(
                store: stores.mail,
                blobs: stores.blobs,
                authenticator: assembly.authenticator,
                events: assembly.events,
                logger: assembly.backend.logger("imap"),
                clock: SystemClock()
            ),
            settings: live.follow(ServerSettings.imap)
        )
        smtp = MailServerBackend(
            directory: stores.directory,
            store: stores.mail,
            intake: stores.intake,
            authenticator: assembly.authenticator,
            resolver: assembly.resolver,
            tables: stores.tables,
            srs: stores.srs,
            bans: assembly.bans,
            ids: stores.ids,
            devicePasswords: { [passwords = assembly.devicePasswords] in passwords.current },
            observing: live.follow { [verdicts = assembly.verdicts] manifest in
                manifest.reports.dmarc ? { @Sendable in verdicts.record($0) } : nil
            }
        )
        web = PolicyWebServer(
            logger: assembly.backend.logger("https"), now: { SystemClock().now() }
        ) { [directory = stores.directory] domain in
            directory.snapshot.isHosted(domain) ? ServerSettings.ownPolicy(live.current)?.text : nil
        }
        pop3 = POP3Server(
            store: stores.mail,
            authenticator: assembly.authenticator,
            events: assembly.events,
            logger: assembly.backend.logger("pop3"),
            options: live.follow(ServerSettings.pop3)
        )
    }

    func make(_ listener: Listener, at address: ListenAddress) -> any BoundListener {
        let ids = assembly.stores.ids
        let group = assembly.group
        switch listener.kind {
        case .imap, .imaps:
            return imap.listener(
                configuration(
                    listener, address, refusal: "* BYE Too many connections\r\n",
                    banRefusal: "* BYE Too much abuse from your address\r\n"),
                group: group,
                allowsPlaintextLogin: listener.allowsClearTextAuth,
                makeID: { ids.next() }
            )
        case .pop3, .pop3s:
            return pop3.listener(
                configuration(
                    listener, address, refusal: "-ERR [SYS/TEMP] too many connections\r\n",
                    banRefusal: "-ERR [SYS/TEMP] too much abuse from your address\r\n"),
                group: group,
                makeID: { ids.next() }
            )
        case .https:
            return web.listener(
                configuration(listener, address, refusal: "", banRefusal: ""), group: group, makeID: { ids.next() })
        case .mx, .submission, .submissions, .lmtp, .device:
            return SMTPListener.makeService(
                configuration: configuration(
                    listener, address, refusal: SMTPListener.refusal, banRefusal: SMTPListener.banRefusal),
                settings: assembly.live.followRules { [hostname, hasCertificate = assembly.tls != nil] rules in
                    SMTPServerSettings(rules, listener: listener, hostname: hostname, hasCertificate: hasCertificate)
                },
                backend: smtp,
                events: assembly.events,
                group: group,
                logger: assembly.backend.logger("smtp")
            )
        }
    }

    /// The socket of `sendmail`: whoever runs programs here may connect, and the kernel says who that is.
    func sendmail(at address: ListenAddress) -> any BoundListener {
        let listener = Listener(name: "sendmail", kind: .mx)
        // One user who opens all of them keeps out other users, not the rest of the world.
        let limiter = ConnectionLimiter(total: 100, perPeer: 100)
        return SMTPListener.makeService(
            configuration: ListenerConfiguration(
                name: listener.name, addresses: [address], tls: .none, limiter: limiter, refusal: SMTPListener.refusal),
            settings: assembly.live.followRules { [hostname] rules in
                var settings = SMTPServerSettings(rules, listener: listener, hostname: hostname, hasCertificate: false)
                settings.role = .sendmail
                // The command brings a message at once, however many it is for and whoever of them is unknown.
                settings.limits.recipients = SendmailLimits.recipients
                settings.limits.errors = SendmailLimits.recipients + 10
                return settings
            },
            backend: smtp,
            events: assembly.events,
            group: assembly.group,
            logger: assembly.backend.logger("smtp")
        )
    }

    private func configuration(
        _ listener: Listener,
        _ address: ListenAddress,
        refusal: String,
        banRefusal: String
    ) -> ListenerConfiguration {
        let tls: ListenerTLS =
            switch (assembly.tls, listener.kind.isImplicitTLS) {
            case (nil, _): .none
            case (let store?, true): .implicit(store)
            case (let store?, false): .startTLS(store)
            }
        var configuration = ListenerConfiguration(
            name: listener.name,
            addresses: [address],
            tls: tls,
            limiter: assembly.limiter,
            refusal: refusal
        )
        configuration.handshakeDeadline = handshakeDeadline
        configuration.proxies = listener.proxies
        configuration.uncounted = listener.xclients
        configuration.bans = assembly.bans
        configuration.banRefusal = banRefusal
        return configuration
    }
}
