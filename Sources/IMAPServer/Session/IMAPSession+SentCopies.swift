import IMAPCore
import MailMessage
import MailStore

extension IMAPSession {
    /// The answer to an APPEND of a message that this server itself has just put there as a copy of what was sent: the UID
    /// of that copy, which takes on the client's flags. nil where the message is to be added.
    func sentCopy(
        of message: MessageIndex, in mailbox: MailboxID, flags: MessageFlags, keywords: [String]
    ) async throws -> Completion? {
        guard let messageID = message.messageID,
            let copy = try await service.store.sentCopy(messageID: messageID, in: mailbox)
        else { return nil }
        if !flags.isEmpty || !keywords.isEmpty {
            _ = try await service.store.updateFlags(mailbox, uids: copy.uids, change: .add(flags, keywords: keywords))
        }
        return .ok(
            .appendUID(validity: copy.uidValidity.rawValue, uids: NumberRanges.collapsing(copy.uids.map(\.rawValue))),
            "Append completed: the message is there already."
        )
    }
}
