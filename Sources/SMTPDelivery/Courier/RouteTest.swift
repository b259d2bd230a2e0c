package import MailConfig
package import MailPolicy
package import OutboundQueue

/// The test of a route: the courier's own way from a plan to sessions, one address after the other, watched.
package struct RouteTest: Sendable {
    private let courier: Courier
    private let probe: SessionProbe

    /// - Parameter environment: nothing is put into its queue, and nobody gets a bounce.
    package init(settings: DeliverySettings, environment: DeliveryService.Environment) {
        let alarms = RouteAlarms(clock: environment.clock, logger: environment.logger)
        courier = DeliveryService.makeCourier(settings, 0, environment, DeliveryBoard(settings.bounds), alarms)
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

    /// One visit; the certificate is looked at also where the route asks nothing of it.
    package func visit(
        _ target: RouteTarget, _ plan: RoutePlan, letter: SessionProbe.Letter? = nil
    ) async -> (level: TLSLevel, report: SessionProbe.Report) {
        do {
            var session = try await courier.sessionPlan(to: target, by: plan)
            session.security.examines = true
            return (session.security.level, await probe.run(session, letter: letter))
        } catch {
            return (.none, SessionProbe.Report(failure: error.failure(host: "\(target)")))
        }
    }
}
