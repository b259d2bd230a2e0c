import Directory
import IMAPCore
import MailStore

/// The mailbox a session has selected.
struct Selection {
    enum Access {
        case readOnly
        case readWrite
    }

    /// Whose mailbox it is.
    let account: AccountID
    let mailbox: MailboxID
    /// What this session may do here.
    var rights: MailboxRights
    /// `MailStore.accessRevision` that `rights` were read at.
    var accessRevision: Int
    /// As it was called when it was selected.
    let path: String
    let access: Access
    let uidValidity: UInt32
    /// When it was selected: no message that the client has heard of before is at or above it.
    let uidNext: UInt32
    var view: SelectedMailbox
    /// Whether messages were \Recent here first, which the store has yet to note.
    var claimsRecent = false
    /// Searches that are followed. RFC 5267 §4.3
    var contexts: [SearchContext] = []
    /// Keywords as FLAGS lists them.
    var keywords: [String]
    /// The same, folded to small letters.
    var announcedKeywords: Set<String>
}
