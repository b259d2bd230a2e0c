import Directory
import IMAPCore
import MailStore

/// What a session that gave NOTIFY keeps: its wishes, and what it has told of mailboxes that are not selected.
///
/// News are found by comparing: a wake-up says only that something of a kind happened, and what is told is the difference
/// to what was told before. So nothing is lost, however much happens before the client reads.
struct NotifyState {
    /// A mailbox as the client was told of it.
    struct Known: Equatable {
        let path: String
        let isOwn: Bool
        let isSelectable: Bool
        let uidValidity: UInt32
        let uidNext: UInt32
        let messages: Int
        let unseen: Int
        let modSeq: ModSequence

        init(_ target: MailboxTarget, login: AccountID) {
            path = target.path
            isOwn = target.account == login
            isSelectable = target.info.selectable
            uidValidity = target.info.uidValidity.rawValue
            uidNext = target.info.uidNext.rawValue
            messages = target.info.messages
            unseen = target.info.unseen
            modSeq = target.info.highestModSeq
        }
    }

    let wishes: NotifyWishes
    var known: [MailboxID: Known] = [:]
    var subscribed: Set<String> = []
    /// Names this session has changed itself, of which it is not told. RFC 5465 §5
    var own: Set<String> = []
    var listener: ChangeListener?
    /// The mailbox the listener was made for.
    var listensTo: MailboxID?
    /// Whose mailboxes are known.
    var accounts: Set<AccountID> = []

    init(_ wishes: NotifyWishes) {
        self.wishes = wishes
    }

    /// What of a mailbox is wanted, subscriptions as they are now.
    func events(of known: Known) -> NotifyWishes.Events {
        wishes.events(of: known.path, isOwn: known.isOwn, isSubscribed: subscribed.contains(known.path))
    }
}
