import Logging
import MailIntake
import MailSyntax
import OutboundQueue
import SQLEngine
import Telemetry

// Messages that waited here for mailboxes of ours.
extension DeliverySite {
    /// Where they wait while all workers are busy. No route is called so, for its name has a space.
    static let mailboxes = DeliverySite(name: "mailboxes here", route: "local")

    var isHere: Bool { name == Self.mailboxes.name }
}

extension Courier {
    /// Files a job in the mailboxes that it is for.
    func file(_ sited: SitedJob) async {
        let job = sited.job
        var progress = JobProgress(job: job, site: sited.site, content: MessageContent(bytes: []))
        do {
            guard let intake else { throw NoMailboxes() }
            let settler = settler
            let results = try await intake.file(
                job.message, for: job.recipients,
                attempt: { settler.attempt(Self.filed($0), at: sited.site, isBounced: false) },
                report: { await settler.successReport([Self.filed($0)], of: job.message, isKept: true) })
            for recipient in job.recipients { settle(&progress, recipient, results[recipient.id]) }
        } catch {
            logger.error(
                "a queued message could not be filed",
                metadata: [LogKey.queueID: "\(job.message.id)", LogKey.error: "\(error)"])
            let reply = DeliveryReply(
                status: EnhancedStatusCode(4, 3, 0), text: "local error: the message could not be filed")
            await failAll(&progress, DeliveryFailure(.message, .temporary, reply), hasMoreHosts: false)
        }
        await settler.settle(&progress)
        await answered(sited.site)
    }

    private static let filedReply = DeliveryReply(
        status: EnhancedStatusCode(2, 1, 5), text: "delivered to the mailbox")

    private static func filed(_ recipient: QueuedRecipient) -> JobProgress.Decided {
        JobProgress.Decided(recipient: recipient, decision: .delivered(filedReply))
    }

    private func settle(_ progress: inout JobProgress, _ recipient: QueuedRecipient, _ result: FilingResult?) {
        switch result {
        case .filed: progress.file(recipient, Self.filedReply)
        case .failed(let failure):
            progress.fail(
                recipient, failure, hasMoreHosts: false, policy: settings.policy, now: clock.now())
        case .gone, nil: break
        }
    }
}

/// There is no mail store to file into (the test of a route).
private struct NoMailboxes: Error {}
