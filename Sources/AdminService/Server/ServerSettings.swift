import DNSClient
import DNSCore
import IMAPCore
import IMAPServer
import Logging
import MTASTSClient
import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import NIOPosix
import OutboundQueue
import POP3Core
import POP3Server
import SASLCore
import SMTPDelivery
import SQLEngine

/// From the manifest to the settings of each service.
enum ServerSettings {
    static func resolver(_ dns: Manifest.DNS) throws -> ResolverSettings {
        let forwarders = try dns.forwarders.map { forwarder in
            guard let address = IPAddress(forwarder.address), let port = UInt16(exactly: forwarder.port) else {
                throw AdminError(.config, "server.dns.forwarders: \"\(forwarder)\" is not an address and port")
            }
            return ResolverSettings.Forwarder(address: address, port: port)
        }
        let hosts = dns.hosts.flatMap { host in
            host.addresses.compactMap { IPAddress($0) }.map {
                ResolverSettings.StaticHost(name: host.name, address: $0)
            }
        }
        return ResolverSettings(
            forwarders: forwarders,
            hosts: hosts,
            trustAnchor: dns.trustAnchor.map { .file($0) } ?? .automatic
        )
    }

    /// The MTA-STS policy of the domains that are hosted here; nil for none.
    static func ownPolicy(_ manifest: Manifest) -> MTASTSPolicy? {
        let settings = manifest.mtaSTS
        guard let mode = MTASTSPolicy.Mode(rawValue: settings.mode.rawValue) else { return nil }
        let hosts = settings.hosts.isEmpty ? [manifest.server.hostname] : settings.hosts
        return MTASTSPolicy(
            mode: mode, maxAge: Int(settings.maxAge.components.seconds), hosts: hosts.compactMap(MTASTSPolicy.host))
    }

    /// What fetches and keeps the MTA-STS policies of others.
    static func policyKeeper(
        _ database: any Database, group: MultiThreadedEventLoopGroup, resolver: any DNSResolver,
        manifest: @escaping @Sendable () -> Manifest, logger: Logger
    ) -> PolicyKeeper {
        PolicyKeeper(
            resolver: resolver, fetcher: HTTPSPolicyFetcher(group: group, resolver: resolver),
            store: PolicyStore(database: database),
            options: {
                let outbound = manifest().outbound
                return PolicyFetchOptions(caFile: outbound.caFile, port: outbound.mtaSTSPort)
            },
            logger: logger)
    }

    /// What `unlimited` is where a number has to stand: a tebibyte, as much as a size in the manifest can be.
    private static let unlimitedSize = 1 << 40

    static func imap(_ manifest: Manifest) -> IMAPServerSettings {
        var settings = IMAPServerSettings()
        settings.loginDeadline = manifest.imap.loginTimeout
        settings.inactivityDeadline = manifest.imap.idleTimeout
        settings.idleKeepalive = manifest.imap.idleKeepalive
        settings.identification = manifest.imap.id.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return IDField(name: String(parts.first ?? ""), value: parts.last.map(String.init))
        }
        settings.maximumLoginFailures = manifest.limits.loginFailures
        settings.logins = SASLOffer(manifest.logins)
        settings.maximumBadCommands = manifest.limits.errors
        settings.headerSize = manifest.limits.headerSize
        settings.limits.command = manifest.imap.commandSize
        settings.workarounds = manifest.imap.clientWorkarounds
        settings.limits.appendSize = manifest.limits.messageSize ?? unlimitedSize
        return settings
    }

    static func pop3(_ manifest: Manifest) -> POP3ServerOptions {
        var options = POP3ServerOptions(hostname: manifest.server.hostname)
        options.loginTimeout = manifest.pop3.loginTimeout
        options.idleTimeout = manifest.pop3.idleTimeout
        options.isExclusive = manifest.pop3.exclusive
        options.loginDelay = manifest.pop3.loginDelay
        options.workarounds = manifest.pop3.clientWorkarounds
        options.limits.badCommands = manifest.limits.errors
        options.limits.failedLogins = manifest.limits.loginFailures
        options.logins = SASLOffer(manifest.logins)
        return options
    }

    static func delivery(_ rules: PolicyRules, listeners: [ListenerStatus]) -> DeliverySettings {
        let manifest = rules.manifest
        let outbound = manifest.outbound
        var settings = DeliverySettings(rules: rules)
        settings.secret = { Array(try SecretText.read($0).utf8) }
        settings.timeouts.connect = outbound.timeouts.connect
        settings.timeouts.command = outbound.timeouts.command
        settings.timeouts.final = outbound.timeouts.final
        settings.own = ownEndpoints(manifest, listeners)
        settings.policy = FailurePolicy(
            schedule: RetrySchedule(minimum: manifest.queue.minimumBackoff, maximum: manifest.queue.maximumBackoff)
        )
        settings.delayReport = manifest.queue.delayReport
        settings.concurrency = manifest.queue.concurrency
        settings.perDestination = manifest.queue.perDestination
        settings.initialPerDestination = manifest.queue.initialPerDestination
        settings.shortestSuspension = manifest.queue.deadDestinationWait
        return settings
    }

    /// Where this server itself takes mail: mail sent there would come back.
    private static func ownEndpoints(_ manifest: Manifest, _ listeners: [ListenerStatus]) -> OwnEndpoints {
        var own = OwnEndpoints(
            names: Set([manifest.server.hostname, manifest.heloName].compactMap { DomainName($0) }))
        for listener in listeners where mailKinds.contains(listener.kind) {
            guard let address = IPAddress(listener.address) else { continue }
            own.ports[listener.port, default: []].formUnion(address.isUnspecified ? HostAddresses.all() : [address])
        }
        return own
    }

    /// Listeners that take mail.
    private static let mailKinds: Set<String> = Set(
        [ListenerKind.mx, .submission, .submissions, .lmtp, .device].map(\.rawValue))
}

extension SASLOffer {
    /// What a manifest lets be offered.
    init(_ logins: Manifest.Logins) {
        self.init(scram: logins.scram, channelBinding: logins.channelBinding, tokens: logins.takesTokens)
    }
}
