import MailMessage
import MailSyntax

/// What is wrong with an account's mail.
package struct MailCheck: Sendable {
    package enum Finding: Sendable, Hashable {
        /// A mailbox whose row says other numbers than there are messages; nil for the account's own.
        case wrongCounts(path: String?)
        /// A mailbox that would give a UID or a change number that it has given; nil for the account.
        case wrongNumbers(path: String?)
        /// Keywords of messages that are not there, or that their mailbox does not know.
        case wrongKeywords(path: String)
        /// A mailbox whose parent is gone, so that nobody sees it.
        case lostMailbox(name: String, messages: Int)
        /// A message whose rows say something else than its file, which is whole.
        case wrongRows(Place, what: [Part])
        /// A message whose file is not there.
        case missing(Place, Message)
        /// A message whose file holds other octets than were kept.
        case corrupt(Place, Message)
        /// Messages that no mailbox has and nobody can bring back, which take room.
        case unused(count: Int)
        /// Messages that the text index does not know, though it had the time: searches read them.
        case unindexed(count: Int)
    }

    /// Where a message stands.
    package struct Place: Sendable, Hashable {
        package let path: String
        package let uid: UID
    }

    /// What is still known of a message whose file is lost.
    package struct Message: Sendable, Hashable {
        package let email: EmailID
        package let from: String?
        package let subject: String?
        /// Without brackets.
        package let messageID: String?
    }

    /// A part of a message's rows.
    package enum Part: String, Sendable, Hashable {
        case size
        /// Header, envelope and structure.
        case header
        case conversation
        /// What SORT and searches compare.
        case sortKeys = "sort keys"
        /// What FETCH sends as it stands.
        case answers
        /// That its file is in use.
        case reference = "file reference"
    }

    /// What is done about findings.
    package struct Repairs: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }
        /// What can be made anew from what is there.
        package static let mend = Repairs(rawValue: 1)
        /// Messages whose files are missing or damaged are taken out of their mailboxes; they can be brought back.
        package static let removeDamaged = Repairs(rawValue: 2)
    }

    package var findings: [Finding] = []
    /// Messages whose files were read.
    package var messages = 0
    /// The email to go on after; nil at the end.
    package var next: EmailID?
}

extension MailCheck.Message {
    init(_ email: EmailID, _ index: MessageIndex?) {
        self.email = email
        from = index?.envelope.from.first.map { address in
            [address.mailbox, address.host].compactMap(\.self).map { String(decoding: $0, as: UTF8.self) }
                .joined(separator: "@")
        }
        subject = index?.envelope.subject.map { EncodedWord.decode($0) }
        messageID = index?.messageID
    }
}
