import MailSyntax
import OutboundQueue
import Telemetry

extension Operations {
    func queueList() async throws -> [QueueSummary] {
        var list: [QueueSummary] = []
        var last: MailID?
        while true {
            let page = try await stores.queue.list(after: last)
            list.append(contentsOf: page.map(Self.summary))
            guard let next = page.last?.id else { return list }
            last = next
        }
    }

    func queueShow(_ text: String) async throws -> QueueDetail {
        let id = try parseQueueID(text)
        guard let entry = try await stores.queue.show(id) else { throw Self.notQueued(id) }
        return QueueDetail(
            summary: Self.summary(entry),
            expires: Self.time(entry.message.expiresAt),
            envelopeID: entry.message.envelopeID,
            // A queued message is shown without its header where that can't be read.
            header: try? stores.header(of: entry.message)
        )
    }

    func queueChange(
        _ texts: [String],
        _ result: String,
        _ change: (MailID) async throws -> Bool
    ) async throws -> AdminResponse {
        let ids = try texts.map { try parseQueueID($0) }
        var lines: [String] = []
        for id in ids {
            guard try await change(id) else {
                var error = Self.notQueued(id)
                if !lines.isEmpty { error.message += "; before that: \(lines.joined(separator: ", "))" }
                throw error
            }
            lines.append("\(id) \(result)")
        }
        return .done(lines: lines)
    }

    func queueRetry(_ texts: [String]) async throws -> AdminResponse {
        let ids = try texts.map { try parseQueueID($0) }
        var lines: [String] = []
        for id in ids {
            if try await stores.queue.retry(id) {
                lines.append("\(id) is due now")
            } else if try await stores.queue.show(id) != nil {
                lines.append("\(id) is being delivered at this moment")
            } else {
                throw Self.notQueued(id)
            }
        }
        return .done(lines: lines)
    }

    func queueFlush() async throws -> AdminResponse {
        let count = try await stores.queue.flush()
        return .done(lines: [count == 1 ? "1 recipient is due now" : "\(count) recipients are due now"])
    }

    private func parseQueueID(_ text: String) throws -> MailID {
        guard let id = MailID(text.uppercased()) else {
            throw AdminError(.data, "\"\(text)\" is not a queue id", remedy: "see: martlet queue list")
        }
        return id
    }

    private static func notQueued(_ id: MailID) -> AdminError {
        AdminError(.noInput, "\(id) is not in the queue", remedy: "see: martlet queue list")
    }

    private static func summary(_ entry: QueueEntry) -> QueueSummary {
        QueueSummary(
            id: entry.id.description,
            from: entry.message.reversePath.description,
            size: entry.message.size,
            arrived: time(entry.message.createdAt),
            held: !entry.recipients.isEmpty && entry.recipients.allSatisfy(\.held),
            recipients: entry.recipients.map { recipient in
                QueueRecipientSummary(
                    address: recipient.address.description,
                    state: recipient.isLeased ? "active" : recipient.held ? "held" : "waiting",
                    attempts: recipient.attempts,
                    nextAttempt: recipient.held || recipient.isLeased ? nil : time(recipient.nextAttemptAt),
                    lastReply: recipient.lastReply.map { reply in
                        [reply.host, reply.code.map { "\($0)" }, reply.text].compactMap(\.self).joined(separator: " ")
                    }
                )
            }
        )
    }

    static func time(_ timestamp: Timestamp) -> String { EventTime(microseconds: timestamp.microseconds).text }
}
