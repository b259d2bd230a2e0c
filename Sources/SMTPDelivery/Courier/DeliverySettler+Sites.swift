import Logging
import MailSyntax
import OutboundQueue
import SQLEngine
import Telemetry

// Sites that are down or have all they can take, and what waits for them.
extension DeliverySettler {
    /// Puts jobs away until their site has room or is back, with one write: there may be very many.
    ///
    /// What is past its time is given up with what the site said, and what is to be reported late is: where many wait for
    /// a site that is down, few are ever tried themselves.
    func park(_ parkings: [DeliveryBoard.Parking]) async {
        guard !parkings.isEmpty else { return }
        let now = clock.now()
        var recipients: [ParkedRecipient] = []
        for parking in parkings {
            let message = parking.job.message
            if let reply = parking.reply, message.expiresAt <= now {
                let site = DeliverySite(name: parking.site, route: parking.job.recipients.first?.route ?? "direct")
                var progress = JobProgress(job: parking.job, site: site, content: MessageContent(bytes: []))
                progress.expire(reply)
                await settle(&progress)
                continue
            }
            let overdue = overdue(parking.job, now: now)
            recipients += parking.job.recipients.map {
                ParkedRecipient(id: $0.id, site: parking.site, overdueAt: overdue, reply: parking.reply)
            }
        }
        do {
            try await queue.park(recipients)
        } catch {
            logger.error("deliveries could not be put off", metadata: [LogKey.error: "\(error)"])
        }
        for parking in parkings where parking.reply != nil && parking.job.message.expiresAt > now {
            await reportDelay(of: parking.job.message, for: parking.job.recipients)
        }
    }

    /// When a parked message is looked at even if its site is still down.
    private func overdue(_ job: DeliveryJob, now: Timestamp) -> Timestamp {
        let message = job.message
        // Not at once again, where a site has all it can take.
        let expiry = max(message.expiresAt, now.adding(.seconds(60)))
        guard message.wantsDelayReport, let delayReport else { return expiry }
        let report = Self.begin(message, job.recipients).adding(delayReport)
        return report > now ? min(report, expiry) : expiry
    }

    /// Remembers that a site is down, over a restart too.
    func suspend(_ name: String, _ suspension: DeliveryBoard.Suspension) async {
        do {
            try await queue.suspend(
                SuspendedSite(
                    name: name, failures: suspension.failures, since: suspension.since, retryAt: suspension.until,
                    reply: suspension.reply))
        } catch {
            logger.error("the queue could not be written", metadata: [LogKey.error: "\(error)"])
        }
    }

    func revive(_ name: String) async {
        do {
            try await queue.revive(name)
        } catch {
            logger.error("the queue could not be written", metadata: [LogKey.error: "\(error)"])
        }
    }
}
