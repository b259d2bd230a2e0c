import IMAPCore
import MailStore

/// The mailbox a session has selected.
struct Selection {
    enum Access {
        case readOnly
        case readWrite
    }

    let mailbox: MailboxID
    /// As it was called when it was selected.
    let path: String
    let access: Access
    let uidValidity: UInt32
    var view: SelectedMailbox
    /// Whether messages were \Recent here first, which the store has yet to note.
    var claimsRecent = false
    /// Keywords as FLAGS lists them.
    var keywords: [String]
    /// The same, folded to small letters.
    var announcedKeywords: Set<String>
}
