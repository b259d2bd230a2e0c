/// One complete command of a client, parsed.
package struct IMAPCommand: Hashable, Sendable {
    /// 1 … 128 octets of ASCII, as the client wrote it.
    package let tag: String
    package let body: Body

    package init(tag: String, body: Body) {
        self.tag = tag
        self.body = body
    }

    /// What is asked. `DONE` is no command: see `IMAPParser.isDone`.
    package enum Body: Hashable, Sendable {
        // Any state
        case capability
        case noop
        case logout
        case id([IDField])
        // Not authenticated
        case startTLS
        case authenticate(AuthenticateCommand)
        case login(LoginCommand)
        // Authenticated
        case enable([String])
        case select(SelectCommand)
        case examine(SelectCommand)
        case create(CreateCommand)
        case delete(IMAPMailboxName)
        case rename(RenameCommand)
        case subscribe(IMAPMailboxName)
        case unsubscribe(IMAPMailboxName)
        case list(ListCommand)
        case lsub(LSubCommand)
        case namespace
        case status(StatusCommand)
        /// APPEND, REPLACE or UID REPLACE that is complete without a streamed literal: its parts are all URLs.
        case append(AppendCommand, [AppendElement])
        /// The mechanism in upper case. RFC 4978 §3
        case compress(String)
        case idle
        case multiSearch(MultiSearchCommand)
        case unauthenticate
        case notify(NotifyCommand)
        case getQuota(root: String)
        case getQuotaRoot(IMAPMailboxName)
        case setQuota(SetQuotaCommand)
        case setACL(SetACLCommand)
        case deleteACL(IdentifierCommand)
        case getACL(IMAPMailboxName)
        case listRights(IdentifierCommand)
        case myRights(IMAPMailboxName)
        case getMetadata(GetMetadataCommand)
        case setMetadata(SetMetadataCommand)
        // Selected
        case check
        case close
        case unselect
        case expunge
        case uidExpunge(UIDSet)
        case search(SearchCommand)
        case sort(SortCommand)
        case thread(ThreadCommand)
        /// Tags of the searches. RFC 5267 §4.3.5
        case cancelUpdate([String])
        case fetch(FetchCommand)
        case store(StoreCommand)
        case copy(CopyCommand)
        case move(CopyCommand)
    }
}

/// One pair of the ID command.
package struct IDField: Hashable, Sendable {
    package let name: String
    /// Nil for NIL.
    package let value: String?

    package init(name: String, value: String?) {
        self.name = name
        self.value = value
    }
}

package struct AuthenticateCommand: Hashable, Sendable {
    /// Upper case.
    package let mechanism: String
    /// The base64 text as sent (RFC 4959), not yet decoded; empty for `=`, nil when the client sent none.
    package let initialResponse: [UInt8]?

    package init(mechanism: String, initialResponse: [UInt8]?) {
        self.mechanism = mechanism
        self.initialResponse = initialResponse
    }
}

package struct LoginCommand: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// Octets; UTF-8 is tolerated, anything else is the server's to refuse.
    package let user: [UInt8]
    package let password: [UInt8]

    package init(user: [UInt8], password: [UInt8]) {
        self.user = user
        self.password = password
    }

    package var description: String { "LOGIN •••" }
    package var debugDescription: String { description }
}

/// SELECT or EXAMINE.
package struct SelectCommand: Hashable, Sendable {
    package let mailbox: IMAPMailboxName
    /// RFC 7162 §3.1.8
    package let condstore: Bool
    package let qresync: QResync?

    package init(mailbox: IMAPMailboxName, condstore: Bool = false, qresync: QResync? = nil) {
        self.mailbox = mailbox
        self.condstore = condstore
        self.qresync = qresync
    }

    /// RFC 7162 §3.2.5
    package struct QResync: Hashable, Sendable {
        package let uidValidity: UInt32
        package let modSequence: UInt64
        package let knownUIDs: UIDSet?
        package let sequenceMatch: SequenceMatch?

        package init(
            uidValidity: UInt32, modSequence: UInt64, knownUIDs: UIDSet? = nil, sequenceMatch: SequenceMatch? = nil
        ) {
            self.uidValidity = uidValidity
            self.modSequence = modSequence
            self.knownUIDs = knownUIDs
            self.sequenceMatch = sequenceMatch
        }
    }

    /// Sequence numbers and the UIDs the client has for them.
    package struct SequenceMatch: Hashable, Sendable {
        package let sequence: SequenceSet
        package let uids: UIDSet

        package init(sequence: SequenceSet, uids: UIDSet) {
            self.sequence = sequence
            self.uids = uids
        }
    }
}

package struct CreateCommand: Hashable, Sendable {
    package let mailbox: IMAPMailboxName
    /// Whether the name ended in the separator: only children are meant to go in. `mailbox` is without it.
    package let onlyForChildren: Bool
    /// RFC 6154 §3; empty when none was asked.
    package let specialUses: [IMAPSpecialUse]
    /// Names in `USE (…)` that are no use known here: answer NO [USEATTR].
    package let unknownSpecialUses: [String]

    package init(
        mailbox: IMAPMailboxName, onlyForChildren: Bool = false, specialUses: [IMAPSpecialUse] = [],
        unknownSpecialUses: [String] = []
    ) {
        self.mailbox = mailbox
        self.onlyForChildren = onlyForChildren
        self.specialUses = specialUses
        self.unknownSpecialUses = unknownSpecialUses
    }
}

package struct RenameCommand: Hashable, Sendable {
    package let source: IMAPMailboxName
    package let destination: IMAPMailboxName

    package init(source: IMAPMailboxName, destination: IMAPMailboxName) {
        self.source = source
        self.destination = destination
    }
}

package struct StatusCommand: Hashable, Sendable {
    package let mailbox: IMAPMailboxName
    /// Not empty, each once, in the order asked.
    package let items: [StatusItem]

    package init(mailbox: IMAPMailboxName, items: [StatusItem]) {
        self.mailbox = mailbox
        self.items = items
    }
}

package enum StatusItem: String, Hashable, Sendable, CaseIterable {
    case messages = "MESSAGES"
    case recent = "RECENT"
    case uidNext = "UIDNEXT"
    case uidValidity = "UIDVALIDITY"
    case unseen = "UNSEEN"
    // RFC 8438 §3
    case size = "SIZE"
    // RFC 7162 §3.1.7
    case highestModSequence = "HIGHESTMODSEQ"
    // RFC 9051 §6.3.11
    case deleted = "DELETED"
    // RFC 9208 §4.1.4
    case deletedStorage = "DELETED-STORAGE"
    // RFC 8474 §4.3
    case mailboxID = "MAILBOXID"
    // RFC 7889 §3.1
    case appendLimit = "APPENDLIMIT"
}

package struct SetQuotaCommand: Hashable, Sendable {
    package let root: String
    package let limits: [Limit]

    package init(root: String, limits: [Limit]) {
        self.root = root
        self.limits = limits
    }

    package struct Limit: Hashable, Sendable {
        /// Upper case: `STORAGE` (units of 1024 octets), `MESSAGE`.
        package let resource: String
        package let value: UInt64

        package init(resource: String, value: UInt64) {
            self.resource = resource
            self.value = value
        }
    }
}

/// COPY, MOVE and their UID forms.
package struct CopyCommand: Hashable, Sendable {
    package let messages: MessageSelection
    package let destination: IMAPMailboxName

    package init(messages: MessageSelection, destination: IMAPMailboxName) {
        self.messages = messages
        self.destination = destination
    }
}

/// STORE and UID STORE.
package struct StoreCommand: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        case replace
        case add
        case remove
    }

    package enum Answer: Hashable, Sendable {
        case newFlags
        /// `.SILENT`
        case silent
    }

    package let messages: MessageSelection
    package let action: Action
    package let answer: Answer
    package let flags: [IMAPFlag]
    /// RFC 7162 §3.1.3; 0 means "only if the metadata item never existed", so every message conflicts.
    package let unchangedSince: UInt64?

    package init(
        messages: MessageSelection, action: Action, answer: Answer, flags: [IMAPFlag], unchangedSince: UInt64? = nil
    ) {
        self.messages = messages
        self.action = action
        self.answer = answer
        self.flags = flags
        self.unchangedSince = unchangedSince
    }
}
