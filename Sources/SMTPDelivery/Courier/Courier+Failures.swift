import Logging
import MailConfig
import MailPolicy
import MailSyntax
import NetTransport
import OutboundQueue
import SQLEngine
import Telemetry

// What becomes of a failure: for a recipient, for a session, for a host, for the route.
extension Courier {
    func fail(
        _ progress: inout JobProgress,
        _ recipient: QueuedRecipient,
        _ failure: DeliveryFailure,
        _ visit: Visit,
        _ tls: TLSInfo?
    ) {
        let refusal = refusesRoute(failure, visit)
        if let refusal { progress.routeRefusal = refusal }
        progress.fail(
            recipient,
            refusal ?? failure,
            hasMoreHosts: visit.hasMoreHosts,
            policy: settings.policy,
            now: clock.now(),
            target: visit.target,
            tls: tls,
            login: visit.login
        )
    }

    /// What the hosts of a route ask of us before any message, a login or TLS, is ours to set right and says nothing
    /// about this one.
    private func refusesRoute(_ failure: DeliveryFailure, _ visit: Visit) -> DeliveryFailure? {
        // RFC 4954 §6
        guard let plan = visit.site.plan, plan.kind != .direct, let code = failure.reply.code,
            [530, 534, 535, 538].contains(code)
        else { return nil }
        alarms.raise(
            "a route takes no mail like this: its mail waits", at: visit.site, host: "\(visit.target)",
            reason: failure.reply.text)
        let status = EnhancedStatusCode(4, failure.reply.status.subject, failure.reply.status.detail)
        let reply = DeliveryReply(code: code, status: status, text: failure.reply.text, host: failure.reply.host)
        return DeliveryFailure(.host, .temporary, reply)
    }

    func sessionFailed(
        _ error: any Error,
        _ session: inout ClientSession,
        _ visit: Visit,
        _ progress: JobProgress
    ) async -> VisitEnd {
        guard !Task.isCancelled else {
            session.connection.abort()
            return VisitEnd(progress: progress)
        }
        var visit = visit
        let failure: DeliveryFailure
        if let error = error as? SessionError {
            // The next host would get it a second time; the first one may yet say that it has it.
            if error.mayHaveDelivered { visit.hasMoreHosts = false }
            failure = error.failure(host: session.host)
            if error.concernsLogin {
                alarms.raise(
                    "a route takes no login: its mail waits", at: visit.site, host: "\(visit.target)",
                    reason: failure.reply.text)
            }
            if case .refused = error { await session.quit() } else { session.connection.abort() }
        } else {
            session.connection.abort()
            failure = SessionError.tlsFailed(SessionError.describe(error)).failure(host: session.host)
        }
        return await hostFailed(visit, progress, failure, tls: session.tls)
    }

    func hostFailed(
        _ visit: Visit,
        _ progress: JobProgress,
        _ failure: DeliveryFailure,
        tls: TLSInfo?
    ) async -> VisitEnd {
        guard !Task.isCancelled else { return VisitEnd(progress: progress) }
        logger.info(
            "host failed",
            metadata: [LogKey.host: "\(visit.target)", LogKey.reason: "\(failure.reply.text)"]
        )
        var end = VisitEnd(progress: progress, hostFailure: failure)
        await failAll(
            &end.progress, failure, hasMoreHosts: visit.hasMoreHosts, target: visit.target, tls: tls,
            login: visit.login)
        return end
    }

    func failAll(
        _ progress: inout JobProgress,
        _ failure: DeliveryFailure,
        hasMoreHosts: Bool,
        target: RouteTarget? = nil,
        tls: TLSInfo? = nil,
        login: String? = nil
    ) async {
        for recipient in progress.remaining {
            progress.fail(
                recipient,
                failure,
                hasMoreHosts: hasMoreHosts,
                policy: settings.policy,
                now: clock.now(),
                target: target,
                tls: tls,
                login: login
            )
        }
    }

    /// The message can't be read or signed: somebody has to look at this server.
    func failLocally(_ sited: SitedJob, _ error: any Error) async {
        let job = sited.job
        logger.error(
            "a queued message could not be prepared",
            metadata: [LogKey.queueID: "\(job.message.id)", LogKey.error: "\(error)"]
        )
        let reply = DeliveryReply(
            status: EnhancedStatusCode(4, 3, 0), text: "local error: the message could not be read or signed")
        var progress = JobProgress(job: job, site: sited.site, content: MessageContent(bytes: []))
        let failure = DeliveryFailure(.message, .temporary, reply)
        await failAll(&progress, failure, hasMoreHosts: false)
        await settler.settle(&progress)
    }

    /// Spares what waits for the same site the same failure.
    func suspend(_ site: DeliverySite, _ failure: DeliveryFailure) async {
        guard let (suspension, parked) = board.failed(site, failure.reply, now: clock.now()) else { return }
        logger.info(
            "a destination is left alone for a while",
            metadata: [
                LogKey.destination: "\(site.name)", LogKey.reason: "\(failure.reply.text)",
                LogKey.count: "\(suspension.failures)",
            ]
        )
        await settler.suspend(site.name, suspension)
        await settler.park(parked)
    }

    /// The site was there, whatever it said of the message.
    func answered(_ site: DeliverySite) async {
        alarms.end(site)
        if board.succeeded(site.name) { await settler.revive(site.name) }
    }
}
