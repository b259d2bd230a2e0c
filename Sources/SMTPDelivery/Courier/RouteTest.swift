import MailAuth
package import MailConfig
package import MailPolicy
package import MailSyntax
package import OutboundQueue

/// The test of a route: the courier's own way from a plan to sessions, one address after the other, watched.
package struct RouteTest: Sendable {
    private let courier: Courier
    private let probe: SessionProbe
    private let rewriter: OutgoingRewriter
    private let signer: @Sendable (EmailAddress) async throws -> DKIMSigner?

    /// - Parameter environment: nothing is put into its queue, and nobody gets a bounce.
    package init(settings: DeliverySettings, environment: DeliveryService.Environment) {
        signer = environment.signer
        let alarms = RouteAlarms(clock: environment.clock, logger: environment.logger)
        courier = DeliveryService.makeCourier(settings, 0, environment, DeliveryBoard(settings.bounds), alarms)
        rewriter = OutgoingRewriter(
            rules: settings.rules, lookup: settings.lookup, logger: environment.logger)
        probe = SessionProbe(contexts: environment.contexts, ids: environment.ids, group: environment.group)
    }

    /// The addresses that mail would be tried at, in order.
    ///
    /// - Parameter destination: the recipient's domain; only a direct way asks for it.
    package func targets(
        _ plan: RoutePlan, destination: String
    ) async -> Result<[RouteTarget], DeliveryFailure> {
        await courier.targets(for: DeliverySite(plan), destination)
    }

    /// The message as it leaves by a way: rewritten and signed like mail from the queue.
    ///
    /// - Throws: `RewriteUnavailable`, and what signing throws.
    package func letter(
        _ text: [UInt8], _ message: QueuedMessage, to recipient: QueuedRecipient, by plan: RoutePlan,
        signFor author: EmailAddress?
    ) async throws -> SessionProbe.Letter {
        // Mail for a program of this host keeps the addresses that are known here.
        let leaves = plan.kind != .lmtp
        var choose: MessageContent.SignerChoice?
        if let author {
            let signing = AuthorSigning(author: author, signer: signer)
            choose = { before, after in try await signing.choose(before, after) }
        }
        var content = try await MessageContent.prepare(
            text, choose: choose, clock: courier.clock, change: leaves ? rewriter.change(of: message) : nil)
        if leaves {
            let job = DeliveryJob(message: message, destination: recipient.destination, recipients: [recipient])
            try await rewriter.address(&content, of: job)
        }
        return SessionProbe.Letter(message: message, recipients: [recipient], content: content)
    }

    /// One visit; the certificate is looked at also where the route asks nothing of it.
    package func visit(
        _ target: RouteTarget, _ plan: RoutePlan, letter: SessionProbe.Letter? = nil
    ) async -> (level: TLSLevel, step: TraceStep?, report: SessionProbe.Report) {
        do {
            var session = try await courier.sessionPlan(to: target, by: plan)
            session.security.examines = true
            let level = session.security.level
            return (level, session.decision?.decision.step, await probe.run(session, letter: letter))
        } catch {
            let step: TraceStep? = if case .forbidden(_, let step) = error { step } else { nil }
            return (.none, step, SessionProbe.Report(failure: error.failure(host: "\(target)")))
        }
    }
}
