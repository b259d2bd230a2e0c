import IMAPCore
import MailStore

extension MailStoreError {
    /// How a command that met this error is answered. RFC 5530 §3
    var refusal: CommandRefusal {
        switch self {
        case .noSuchMailbox: .no(.nonExistent, "Mailbox doesn't exist.")
        case .alreadyExists: .no(.alreadyExists, "Mailbox already exists.")
        case .invalidName(let why): .no(.cannot, "Invalid mailbox name: \(why)")
        // RFC 6154 §3
        case .specialUseTaken: .no(.useAttribute, "Another mailbox has this special use.")
        case .cannotDeleteInbox: .no(.cannot, "INBOX can't be deleted.")
        // RFC 9051 §6.3.5
        case .hasChildren: .no(.hasChildren, "Mailbox has children, delete them first.")
        case .notSelectable: .no(.nonExistent, "Mailbox can't hold messages.")
        // RFC 9208 §4.3.1
        case .overQuota: .no(.overQuota, "Quota exceeded (mailbox for user is full)")
        case .uidsExhausted: .no(.limit, "No UIDs are left in this mailbox.")
        case .tooManyKeywords: .no(.limit, "Too many different keywords in this mailbox.")
        case .tooManyGrants: .no(.limit, "Too many identifiers in this access control list.")
        // RFC 5464 §4.3
        case .tooManyAnnotations: .no(.metadataTooMany, "Too many annotations.")
        case .messageUnavailable: .no(.corruption, "A message can't be read.")
        case .messagesGone: .no(.expungeIssued, "Some of the messages no longer exist.")
        }
    }
}
