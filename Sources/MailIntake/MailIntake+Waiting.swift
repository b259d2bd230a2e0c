import Directory
import MailSyntax
import OutboundQueue

// What is for a mailbox here and has to wait goes into the queue as what leaves does.
extension MailIntake {
    /// Octets of the messages that a login has waiting for the time it chose.
    package func waitingOctets(of login: String) async throws -> Int { try await queue.waitingOctets(of: login) }

    /// Moves the deliveries that have to wait to the recipients of the queue.
    func putOff(_ acceptance: inout Acceptance) {
        guard !acceptance.local.isEmpty else { return }
        let waiting = waiting(acceptance.local, of: acceptance)
        guard !waiting.isEmpty else { return }
        acceptance.local.removeAll(where: waiting.contains)
        var seen: Set<Int64> = []
        acceptance.remote += Self.queued(waiting).filter { seen.insert($0.mailbox?.account ?? 0).inserted }
    }

    /// The same for each share.
    func putOff(_ shares: [RecipientShare], of acceptance: Acceptance) -> [RecipientShare] {
        guard acceptance.held || acceptance.notBefore != nil || queue.hasHoldRules else { return shares }
        return shares.map { share in
            let waiting = waiting(share.local, of: acceptance)
            guard !waiting.isEmpty else { return share }
            return RecipientShare(
                local: share.local.filter { !waiting.contains($0) }, remote: share.remote + Self.queued(waiting),
                notices: share.notices)
        }
    }

    private func waiting(_ local: [LocalDelivery], of acceptance: Acceptance) -> [LocalDelivery] {
        if acceptance.held || acceptance.notBefore != nil { return local }
        guard queue.hasHoldRules else { return [] }
        return local.filter { queue.holds(acceptance.reversePath, $0.recipient) }
    }

    private static func queued(_ deliveries: [LocalDelivery]) -> [NewQueueRecipient] {
        deliveries.map { delivery in
            NewQueueRecipient(
                address: delivery.recipient, originalRecipient: delivery.originalRecipient, notify: delivery.notify,
                mailbox: QueuedMailbox(account: delivery.account.rawValue, tag: delivery.tag))
        }
    }
}
