import Logging
import MailConfig
import MailPolicy
import MailSyntax
import OutboundQueue
import SQLEngine
import Telemetry

// Which way jobs take. The rules are asked for each attempt, so that mail in the queue follows a manifest that changes.
extension Courier {
    /// The ways that a job takes, each with the recipients who take it; what takes none is settled at once.
    func sited(_ job: DeliveryJob) async -> [SitedJob] {
        if job.isLocal { return [SitedJob(job: job, site: .mailboxes)] }
        guard settings.pinned(job.destination) == nil else {
            return [SitedJob(job: job, site: DeliverySite(name: job.destination, route: Manifest.Route.direct.name))]
        }
        var sited: [SitedJob] = []
        for (decision, recipients) in await decisions(for: job) {
            let part = DeliveryJob(message: job.message, destination: job.destination, recipients: recipients)
            if case .deliver(let plan) = decision {
                sited.append(SitedJob(job: part, site: DeliverySite(plan, job.message.tlsDemand)))
            } else if decision == .local, let job = Self.unpinned(part) {
                sited.append(SitedJob(job: job, site: .mailboxes))
            } else {
                await settle(part, decision)
            }
        }
        return sited
    }

    /// The job for mailboxes here, where an operator wanted a route that is not there any more; nil where it is for none.
    private static func unpinned(_ job: DeliveryJob) -> DeliveryJob? {
        guard job.recipients.allSatisfy({ $0.mailbox != nil }) else { return nil }
        var job = job
        for index in job.recipients.indices { job.recipients[index].pinnedRoute = nil }
        return job
    }

    private func decisions(for job: DeliveryJob) async -> [(RouteDecision, [QueuedRecipient])] {
        var found: [(RouteDecision, [QueuedRecipient])] = []
        var known: [RouteFacts: RouteDecision] = [:]
        for recipient in job.recipients {
            var facts = RouteFacts(
                sender: job.message.reversePath, recipient: recipient.address, login: job.message.login,
                size: job.message.size, failedAttempts: recipient.attempts, pinned: recipient.pinnedRoute,
                releasedFrom: recipient.route)
            facts.leavesMailbox = recipient.mailbox != nil
            let asked = facts
            // Recipients of a job have one domain: where the rules ask for no more, they need not be asked for each.
            if !settings.rules.routing.asksForRecipient, let first = job.recipients.first {
                facts.recipient = first.address
            }
            let decision: RouteDecision
            if let same = known[facts], case .deliver = same {
                decision = same
            } else {
                decision = await self.decision(asked)
                known[facts] = decision
            }
            if let index = found.firstIndex(where: { $0.0 == decision }) {
                found[index].1.append(recipient)
            } else {
                found.append((decision, [recipient]))
            }
        }
        return found
    }

    private func decision(_ facts: RouteFacts) async -> RouteDecision {
        do {
            let rules = settings.rules
            return try await Policy.run(
                { Policy.route(facts, rules: rules, $0) }, answer: { await settings.lookup($0) }
            ).decision
        } catch {
            logger.error("no way out could be found", metadata: [LogKey.error: "\(error)"])
            let reply = PolicyReply(451, EnhancedStatusCode(4, 3, 0), "Temporary lookup failure")
            return .fail(reply, route: "none")
        }
    }

    /// Ends an attempt that needs no connection.
    private func settle(_ job: DeliveryJob, _ decision: RouteDecision) async {
        let site = DeliverySite(name: decision.routeName, route: decision.routeName)
        var progress = JobProgress(job: job, site: site, content: MessageContent(bytes: []))
        switch decision {
        case .deliver: return
        case .local:
            // The domain came here after the message. Nothing is lost and nothing loops: an operator sees it.
            let text = "the domain \(job.destination) is hosted here now: send the message to it again"
            let reply = DeliveryReply(status: EnhancedStatusCode(4, 3, 5), text: text)
            await failAll(&progress, DeliveryFailure(.destination, .temporary, reply), hasMoreHosts: false)
        case .hold:
            progress.hold(DeliveryReply(status: EnhancedStatusCode(4, 7, 0), text: "held by route \(site.route)"))
        case .discard:
            progress.discard(
                DeliveryReply(status: EnhancedStatusCode(2, 0, 0), text: "discarded by route \(site.route)"))
        case .fail(let refusal, _):
            let reply = DeliveryReply(code: refusal.code, status: refusal.enhanced, text: refusal.text)
            let permanence: DeliveryFailure.Permanence = refusal.enhanced.isTemporaryFailure ? .temporary : .permanent
            await failAll(&progress, DeliveryFailure(.destination, permanence, reply), hasMoreHosts: false)
        }
        await settler.settle(&progress)
    }
}
