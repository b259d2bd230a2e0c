import Blobs
import DNSCore
import Logging
import MailAuth
import MailConfig
import MailIntake
import MailPolicy
import MailSyntax
import NIOCore
import NIOPosix
import NetTransport
import OutboundQueue
import SMTPCore
import SQLEngine
import Telemetry

/// Takes jobs to hosts: finds their way, opens connections, uses them for as many jobs as wait, and reports.
struct Courier: Sendable {
    let settings: DeliverySettings
    /// Counts up with the settings: a connection that was opened under older ones gets no new work.
    let generation: Int
    let router: MXRouter
    let dane: DANEDiscovery
    let contexts: ClientTLSContexts
    let content: @Sendable (SitedJob) async throws -> MessageContent
    let settler: DeliverySettler
    let board: DeliveryBoard
    let alarms: RouteAlarms
    /// Files what is for mailboxes here; nil where nothing is.
    let intake: MailIntake?
    let ids: IDGenerator
    let clock: any WallClock
    let group: any EventLoopGroup
    let logger: Logger

    /// Works for a site, beginning with a job, until none waits. A cancelled task leaves its job leased.
    func work(first: SitedJob) async {
        var next: SitedJob? = first
        while let job = next, !Task.isCancelled {
            next = await attempt(job) ?? nextJob(at: job.site)
        }
    }

    private func nextJob(at site: DeliverySite) -> SitedJob? {
        board.next(site.name, generation: generation, now: clock.now())
    }

    /// One attempt at a job; returns a job that was begun on a reused connection which broke.
    private func attempt(_ sited: SitedJob) async -> SitedJob? {
        let job = sited.job
        guard !job.isLocal else {
            await file(sited)
            return nil
        }
        let content: MessageContent
        do {
            content = try await self.content(sited)
        } catch {
            guard !Task.isCancelled else { return nil }
            await failLocally(sited, error)
            return nil
        }
        var progress = JobProgress(job: job, site: sited.site, content: content)
        switch await targets(for: sited.site, job.destination) {
        case .failure(let failure):
            guard !Task.isCancelled else { return nil }
            await failAll(&progress, failure, hasMoreHosts: false)
            if failure.permanence == .temporary { await suspend(sited.site, failure) }
            await settler.settle(&progress)
            return nil
        case .success(let targets):
            return await visit(targets, &progress).map { SitedJob(job: $0, site: sited.site) }
        }
    }

    private func visit(_ targets: [RouteTarget], _ progress: inout JobProgress) async -> DeliveryJob? {
        let site = progress.site
        var lastHostFailure: DeliveryFailure?
        for (index, target) in targets.enumerated() where !progress.remaining.isEmpty {
            let visit = Visit(target: target, hasMoreHosts: index + 1 < targets.count, site: site)
            let end = await open(visit, progress)
            progress = end.progress
            lastHostFailure = end.hostFailure
            guard !Task.isCancelled else { break }
            if let leftover = end.leftover { return leftover }
        }
        if let lastHostFailure, !Task.isCancelled { await suspend(site, lastHostFailure) }
        await settler.settle(&progress)
        return nil
    }

    // MARK: One connection

    struct Visit: Sendable {
        var target: RouteTarget
        var hasMoreHosts: Bool
        var site: DeliverySite
        /// The user name of our login there.
        var login: String?
    }

    struct VisitEnd: Sendable {
        var progress: JobProgress
        /// Opportunistic TLS failed: the host may take the message in clear.
        var wantsClear = false
        /// What was wrong with the host as such.
        var hostFailure: DeliveryFailure?
        var leftover: DeliveryJob?
    }

    private func open(_ visit: Visit, _ progress: JobProgress) async -> VisitEnd {
        do {
            var plan = try await sessionPlan(
                to: visit.target, by: visit.site.plan, progress.job.message.tlsDemand)
            let end = try await open(plan, visit, progress)
            guard end.wantsClear else { return end }
            plan.security = plan.security.withoutTLS
            plan.decision = nil
            return try await open(plan, visit, end.progress)
        } catch let error as SessionError {
            var progress = progress
            if case .forbidden(_, let step) = error { progress.security = step }
            return await hostFailed(visit, progress, error.failure(host: "\(visit.target)"), tls: nil)
        } catch {
            let failure = SessionError.connectFailed(SessionError.describe(error)).failure(host: "\(visit.target)")
            return await hostFailed(visit, progress, failure, tls: nil)
        }
    }

    private func open(_ plan: SessionPlan, _ visit: Visit, _ progress: JobProgress) async throws -> VisitEnd {
        try await ClientSession.with(plan, id: ids.next(), contexts: contexts, group: group) { session in
            await run(&session, visit, progress)
        }
    }

    private func run(_ session: inout ClientSession, _ visit: Visit, _ progress: JobProgress) async -> VisitEnd {
        var visit = visit
        visit.login = session.plan.credentials?.username
        var progress = progress
        progress.security = session.plan.decision?.decision.step ?? progress.security
        do {
            try await session.open()
            countOpened(session)
        } catch {
            if !Task.isCancelled { countFailed(session, error) }
            if case SessionError.tlsFailed = error, session.plan.security.mayFallBack, !Task.isCancelled {
                session.connection.abort()
                return VisitEnd(progress: progress, wantsClear: true)
            }
            return await sessionFailed(error, &session, visit, progress)
        }
        var end = VisitEnd(progress: progress)
        do {
            try await deliver(&end.progress, over: &session, visit)
        } catch {
            return await sessionFailed(error, &session, visit, end.progress)
        }
        await settler.settle(&end.progress)
        end.hostFailure = end.progress.routeRefusal
        end.progress.routeRefusal = nil
        if end.hostFailure == nil { await answered(visit.site) }
        if end.hostFailure == nil, end.progress.remaining.isEmpty { end.leftover = await reuse(&session, visit) }
        await session.quit()
        return end
    }

    /// Uses an open connection for the jobs that wait; returns one that must be tried anew because it broke.
    private func reuse(_ session: inout ClientSession, _ visit: Visit) async -> DeliveryJob? {
        var visit = visit
        visit.hasMoreHosts = false
        var messages = 1
        let limit = visit.site.pace.messagesPerConnection ?? settings.messagesPerConnection
        while messages < limit, let job = await nextJob(&session, visit.site) {
            messages += 1
            // What was proven for one demand says nothing about another, and another host may be fit for it.
            guard job.message.tlsDemand == session.plan.demand, session.lackOfSecurity(for: job.message) == nil else {
                return job
            }
            guard let content = try? await content(SitedJob(job: job, site: visit.site)) else { return job }
            var progress = JobProgress(job: job, site: visit.site, content: content)
            progress.security = session.plan.decision?.decision.step
            do {
                try await deliver(&progress, over: &session, visit)
            } catch {
                session.connection.abort()
                if let error = error as? SessionError, error.mayHaveDelivered, !Task.isCancelled {
                    let failure = error.failure(host: session.host)
                    await failAll(
                        &progress, failure, hasMoreHosts: false, target: visit.target, tls: session.tls,
                        login: visit.login)
                }
                // Else not the message's fault: the server may have closed an idle connection. A new one decides.
                let rest = progress.remaining
                await settler.settle(&progress)
                return rest.isEmpty || Task.isCancelled
                    ? nil : DeliveryJob(message: job.message, destination: job.destination, recipients: rest)
            }
            await settler.settle(&progress)
            if progress.routeRefusal == nil { await answered(visit.site) }
        }
        return nil
    }

    private func nextJob(_ session: inout ClientSession, _ site: DeliverySite) async -> DeliveryJob? {
        if let job = nextJob(at: site) { return job.job }
        let connection = session.connection
        guard settings.linger > .zero, let token = board.becomeIdle(site.name, wake: { connection.wake() }) else {
            return nil
        }
        // A job that came before the registration woke nobody.
        if let job = nextJob(at: site) {
            board.endIdle(site.name, token)
            return job.job
        }
        let isWoken = await session.linger(settings.linger)
        board.endIdle(site.name, token)
        return isWoken ? nextJob(at: site)?.job : nil
    }

    /// Transactions for one job, more than one when the server takes only so many recipients at a time.
    private func deliver(_ progress: inout JobProgress, over session: inout ClientSession, _ visit: Visit) async throws
    {
        let tls = session.tls
        let relaysDSN = session.relaysDSN
        try await session.deliver(
            progress.job.message, to: progress.remaining, content: progress.content
        ) { recipient, result in
            switch result {
            case .delivered(let reply):
                progress.deliver(
                    recipient, reply, target: visit.target, tls: tls, login: visit.login,
                    isReportedElsewhere: relaysDSN)
            case .failed(let failure), .again(let failure): fail(&progress, recipient, failure, visit, tls)
            }
        }
    }
}
