import Directory
import MailIntake
import MailMessage
import MailPolicy
import SMTPCore

// The copy of what an account sends, in its own mailbox.
extension SMTPConversation {
    /// The fields of a user's message that its recipients don't get to see; empty where no copy is kept.
    func hiddenFields(_ header: [UInt8]) -> [UInt8] {
        guard sentCopy([]) != nil else { return [] }
        let block = HeaderBlock(parsing: header)
        return block.fields.filter { $0.isNamed("Bcc") || $0.isNamed("Resent-Bcc") }.flatMap { block.bytes[$0.range] }
    }

    func sentCopy(_ hidden: [UInt8]) -> SentCopy? {
        guard context.settings.role == .submission, let login, let account = login.account,
            context.settings.rules.savesSent(of: login)
        else { return nil }
        return SentCopy(account: AccountID(rawValue: account), hiddenFields: hidden)
    }
}
