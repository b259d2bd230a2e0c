import MailPolicy
import MailSyntax
import OutboundQueue
import SQLEngine
import Telemetry

extension Operations {
    func queueList(_ filter: QueueFilter) async throws -> [QueueSummary] {
        let selection = try selection(filter)
        var list: [QueueSummary] = []
        var last: MailID?
        repeat {
            let page = try await stores.queue.list(selection, after: last)
            list.append(contentsOf: page.entries.map(Self.summary))
            last = page.last
        } while last != nil
        return list
    }

    func queueShow(_ text: String) async throws -> QueueDetail {
        let id = try parseQueueID(text)
        guard let entry = try await stores.queue.show(id) else { throw Self.notQueued(id) }
        return QueueDetail(
            summary: Self.summary(entry),
            expires: Self.time(entry.message.expiresAt),
            envelopeID: entry.message.envelopeID,
            tlsDemand: Policy.step(of: entry.message.tlsDemand)?.before,
            // A queued message is shown without its header where that can't be read.
            header: try? stores.header(of: entry.message)
        )
    }

    func queueFlush() async throws -> AdminResponse {
        let count = try await stores.queue.flush()
        return .done(lines: [count == 1 ? "1 recipient is due now" : "\(count) recipients are due now"])
    }

    func parseQueueID(_ text: String) throws -> MailID {
        guard let id = MailID(text.uppercased()) else {
            throw AdminError(.data, "\"\(text)\" is not a queue id", remedy: "see: martlet queue list")
        }
        return id
    }

    static func notQueued(_ id: MailID) -> AdminError {
        AdminError(.noInput, "\(id) is not in the queue", remedy: "see: martlet queue list")
    }

    private static func summary(_ entry: QueueEntry) -> QueueSummary {
        QueueSummary(
            id: entry.id.description,
            from: entry.message.reversePath.description,
            size: entry.message.size,
            arrived: time(entry.message.createdAt),
            held: !entry.recipients.isEmpty && entry.recipients.allSatisfy(\.held),
            recipients: entry.recipients.map(summary)
        )
    }

    static func summary(_ recipient: QueuedRecipient) -> QueueRecipientSummary {
        let isWaiting = !recipient.held && !recipient.isLeased && recipient.parkedOn == nil
        let isLater = recipient.notBefore.map { $0 > SystemClock().now() } ?? false
        return QueueRecipientSummary(
            address: recipient.address.description,
            state: recipient.isLeased ? "active" : recipient.held ? "held" : "waiting",
            attempts: recipient.attempts,
            nextAttempt: isWaiting ? time(recipient.nextAttemptAt) : nil,
            lastReply: recipient.lastReply.map(shown),
            route: recipient.pinnedRoute ?? recipient.route,
            waitsFor: recipient.parkedOn,
            waitsUntil: isLater && !recipient.isLeased ? recipient.notBefore.map(time) : nil,
            mailbox: recipient.isLocal
        )
    }

    /// Such as `mx.example.org[192.0.2.1] 550 5.1.1 no such user`.
    static func shown(_ reply: DeliveryReply) -> String {
        [reply.host, reply.code.map { "\($0)" }, "\(reply.status)", reply.text].compactMap(\.self)
            .joined(separator: " ")
    }

    static func time(_ timestamp: Timestamp) -> String { EventTime(microseconds: timestamp.microseconds).text }
}
