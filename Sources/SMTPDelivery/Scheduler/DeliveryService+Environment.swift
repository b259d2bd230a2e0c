package import Blobs
package import DNSCore
package import Logging
package import MailAuth
import MailConfig
package import MailIntake
import MailPolicy
package import MailSyntax
package import NIOCore
package import NetTransport
package import OutboundQueue
package import SQLEngine
package import Telemetry

extension DeliveryService {
    /// What the service needs from the rest of the house.
    package struct Environment: Sendable {
        package var queue: OutboundQueue
        package var blobs: BlobStore
        /// Files what waited here for mailboxes of ours; nil where nothing does.
        package var intake: MailIntake?
        package var resolver: any DNSResolver
        package var contexts: ClientTLSContexts
        /// The keys of an author; nil where none sign. A throw puts the delivery off.
        package var signer: @Sendable (EmailAddress) async throws -> DKIMSigner?
        package var bounces: any BounceSink
        package var events: any MailEventSink
        package var ids: IDGenerator
        package var clock: any WallClock
        package var group: any EventLoopGroup
        package var logger: Logger

        package init(
            queue: OutboundQueue,
            blobs: BlobStore,
            intake: MailIntake? = nil,
            resolver: any DNSResolver,
            contexts: ClientTLSContexts,
            signer: @escaping @Sendable (EmailAddress) async throws -> DKIMSigner? = { _ in nil },
            bounces: any BounceSink,
            events: any MailEventSink,
            ids: IDGenerator,
            clock: any WallClock = SystemClock(),
            group: any EventLoopGroup,
            logger: Logger
        ) {
            self.queue = queue
            self.blobs = blobs
            self.intake = intake
            self.resolver = resolver
            self.contexts = contexts
            self.signer = signer
            self.bounces = bounces
            self.events = events
            self.ids = ids
            self.clock = clock
            self.group = group
            self.logger = logger
        }
    }

    static func makeCourier(
        _ settings: DeliverySettings,
        _ generation: Int,
        _ environment: Environment,
        _ board: DeliveryBoard,
        _ alarms: RouteAlarms
    ) -> Courier {
        let settler = DeliverySettler(
            queue: environment.queue,
            bounces: environment.bounces,
            events: environment.events,
            delayReport: settings.delayReport,
            clock: environment.clock,
            logger: environment.logger
        )
        let rewriter = OutgoingRewriter(
            rules: settings.rules, lookup: settings.lookup, logger: environment.logger)
        return Courier(
            settings: settings,
            generation: generation,
            router: MXRouter(resolver: environment.resolver, own: settings.own),
            dane: DANEDiscovery(resolver: environment.resolver),
            contexts: environment.contexts,
            content: { sited in
                let message = sited.job.message
                let seal = try await environment.seal(of: message)
                let reader = try environment.blobs.open(message.blob, size: message.size)
                // Mail for a program of this host keeps the addresses that are known here.
                let leaves = sited.site.plan?.kind != .lmtp
                var content = try await MessageContent.prepare(
                    message, reader: reader, choose: signing(message, settings.rules, environment), seal: seal,
                    clock: environment.clock,
                    spool: { try environment.blobs.makeSpool() }, change: leaves ? rewriter.change(of: message) : nil)
                if let domain = message.seal?.domain, seal == nil {
                    content.steps.append(.sealing(domain, selector: nil))
                    environment.warn(of: domain, withoutSeal: message, settings.rules)
                }
                if leaves { try await rewriter.address(&content, of: sited.job) }
                return content
            },
            settler: settler,
            board: board,
            alarms: alarms,
            intake: environment.intake,
            ids: environment.ids,
            clock: environment.clock,
            group: environment.group,
            logger: environment.logger
        )
    }

    /// Who signs a message; nil for nobody.
    private static func signing(
        _ message: QueuedMessage, _ rules: PolicyRules, _ environment: Environment
    ) -> MessageContent.SignerChoice? {
        guard let author = message.signFor else { return nil }
        // Then many are nobody's to sign, before and after.
        let isRewritten = rules.rewriting.hasGeneric || rules.rewriting.hasSendingHeaderChecks
        let signing = AuthorSigning(author: author, signer: environment.signer)
        return { before, after in
            let (signer, steps) = try await signing.choose(before, after)
            if signer == nil, !isRewritten {
                environment.logger.warning(
                    "a message leaves unsigned: nothing signs for its author any more",
                    metadata: [
                        LogKey.queueID: "\(message.id)",
                        LogKey.remedy: "make a key: martlet dkim add \(author.hostText)",
                    ]
                )
            }
            return (signer, steps)
        }
    }
}

extension DeliveryService.Environment {
    /// What a message is sealed with; nil where it isn't, or its domain has no key for that: it leaves without.
    fileprivate func seal(of message: QueuedMessage) async throws -> MessageSeal? {
        guard let seal = message.seal,
            let signer = try await signer(EmailAddress(localPart: "postmaster", domain: seal.domain)),
            let sealer = ARCSealer(signer)
        else {
            return nil
        }
        return MessageSeal(
            sealer: sealer, results: seal.results, chain: seal.chain.flatMap { ARCChain.Status(rawValue: $0) })
    }

    /// Somebody has said that this domain is to seal.
    fileprivate func warn(of domain: DomainName, withoutSeal message: QueuedMessage, _ rules: PolicyRules) {
        guard rules.authentication.settings.sealing == .domain(domain) else { return }
        logger.warning(
            "a message leaves without a seal: the domain of authentication.seal has no RSA key",
            metadata: [
                LogKey.queueID: "\(message.id)",
                LogKey.remedy: "make one: martlet dkim add \(domain) --algorithm rsa",
            ])
    }
}
