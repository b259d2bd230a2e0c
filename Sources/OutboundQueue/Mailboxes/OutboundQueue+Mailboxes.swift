package import MailSyntax
package import SQLEngine
import Synchronization

// What waits here for a mailbox, or for the time that its sender chose.
extension OutboundQueue {
    /// Whether a rule holds mail for a mailbox here, which then has to be queued.
    package func holds(_ sender: ReversePath, _ recipient: EmailAddress) -> Bool {
        holds.withLock { rules in rules.contains { $0.matches(sender, recipient, route: nil) } }
    }

    /// Without rules ``holds(_:_:)`` need not be asked.
    package var hasHoldRules: Bool { holds.withLock { !$0.isEmpty } }

    /// Takes a recipient out, inside the transaction that files its message, and keeps the attempt. False when it was
    /// taken out meanwhile: nothing is to be filed then.
    package static func filed(
        _ writer: any SQLWriter, _ recipient: RecipientID, attempt: QueueAttempt, of message: MailID
    ) throws -> Bool {
        guard try writer.execute(QueueStatements.removeRecipient, recipient) > 0 else { return false }
        try insert(writer, attempt, of: message)
        return true
    }

    /// Lets the message go with its last recipient, inside a transaction that has filed some.
    package static func endFiling(_ writer: any SQLWriter, of message: MailID, now: Timestamp) throws {
        try removeFinished(writer, message, now: now)
    }

    /// Recipients that were leased have left the queue.
    package func endLeases(_ recipients: some Sequence<RecipientID>) { release(recipients) }

    /// What waits for an account that goes away is due, whatever kept it: its senders are told, or nobody is.
    package func endWait(account: Int64) async throws {
        let now = clock.now()
        let count = try await database.write { try $0.execute(MailboxStatements.endWait, account, now) }
        if count > 0 { wake() }
    }

    /// What is counted for a waiting message at least, in octets: a block of the disk.
    package static let leastWaiting = 4096

    /// Octets of the messages that a login has waiting for their time.
    package func waitingOctets(of login: String) async throws -> Int {
        let now = clock.now()
        return try await database.read { reader in
            try reader.first(MailboxStatements.waiting, login, now, Self.leastWaiting, map: { $0.int(0) }) ?? 0
        }
    }
}
