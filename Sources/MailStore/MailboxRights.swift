/// What somebody may do with a mailbox, and with what is in it. RFC 4314 §2.1
package struct MailboxRights: OptionSet, Hashable, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// `l`: LIST shows it.
    package static let lookup = MailboxRights(rawValue: 1)
    /// `r`: SELECT and STATUS.
    package static let read = MailboxRights(rawValue: 2)
    /// `s`: \Seen may be changed.
    package static let seen = MailboxRights(rawValue: 4)
    /// `w`: flags and keywords may be changed, other than \Seen and \Deleted.
    package static let write = MailboxRights(rawValue: 8)
    /// `i`: messages may be put in.
    package static let insert = MailboxRights(rawValue: 16)
    /// `p`: mail may be sent to it; nothing here asks for it.
    package static let post = MailboxRights(rawValue: 32)
    /// `k`: mailboxes may be made below it.
    package static let create = MailboxRights(rawValue: 64)
    /// `x`: it may be deleted and renamed.
    package static let delete = MailboxRights(rawValue: 128)
    /// `t`: \Deleted may be changed.
    package static let deleteMessages = MailboxRights(rawValue: 256)
    /// `e`: EXPUNGE.
    package static let expunge = MailboxRights(rawValue: 512)
    /// `a`: rights may be read and given.
    package static let administer = MailboxRights(rawValue: 1024)

    package static let all = MailboxRights(rawValue: 2047)
    /// One of these is needed to hear of one's rights. RFC 4314 §4 (MYRIGHTS)
    package static let anyKnowing: MailboxRights = [.lookup, .read, .insert, .create, .delete, .administer]
    /// With none of these a mailbox is opened read-only. RFC 4314 §5.2
    package static let changing: MailboxRights = [.insert, .expunge, .seen, .write, .deleteMessages]

    /// The standard letters, in the order they are told. RFC 4314 §2.1
    package static let letters: [(letter: Character, right: MailboxRights)] = [
        ("l", .lookup), ("r", .read), ("s", .seen), ("w", .write), ("i", .insert), ("p", .post), ("k", .create),
        ("x", .delete), ("t", .deleteMessages), ("e", .expunge), ("a", .administer),
    ]

    /// Rights from their letters; nil when one is no right.
    // RFC 4314 §2.1.1: `c` stands for `k` and `x`, `d` for `t` and `e`
    package init?(letters text: some StringProtocol) {
        var rights: MailboxRights = []
        for letter in text {
            switch letter {
            case "c": rights.formUnion([.create, .delete])
            case "d": rights.formUnion([.deleteMessages, .expunge])
            default:
                guard let known = Self.letters.first(where: { $0.letter == letter }) else { return nil }
                rights.insert(known.right)
            }
        }
        self = rights
    }

    /// The letters, without the obsolete ones.
    package var letters: String {
        String(Self.letters.filter { contains($0.right) }.map(\.letter))
    }

    /// The letters as ACL and MYRIGHTS tell them.
    // RFC 4314 §2.1.1: with a member of "create" or "delete" the old letter is told too
    package var answer: String {
        letters + (isDisjoint(with: [.create, .delete]) ? "" : "c")
            + (isDisjoint(with: [.deleteMessages, .expunge]) ? "" : "d")
    }

    /// The system flags that these rights let somebody change. RFC 4314 §4
    package var flags: MessageFlags {
        var flags: MessageFlags = []
        if contains(.seen) { flags.insert(.seen) }
        if contains(.deleteMessages) { flags.insert(.deleted) }
        if contains(.write) { flags.formUnion([.answered, .flagged, .draft]) }
        return flags
    }
}
