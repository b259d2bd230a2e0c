package import Directory
import MailSyntax
import SQLEngine
import Synchronization

/// What accounts may do with mailboxes that are not theirs. RFC 4314
extension MailStore {
    /// A mailbox and what somebody may do with it.
    package struct Access: Sendable {
        /// Nil where there is no such mailbox; `rights` are then those of the nearest mailbox above.
        package let mailbox: MailboxInfo?
        package let rights: MailboxRights
    }

    /// Counts changes of rights: a session that keeps what it found asks again when this has moved.
    package var accessRevision: Int { accessChanges.withLock { $0 } }

    /// A mailbox of one account as another may use it. Its owner may do everything.
    /// - Parameter path: in the owner's account.
    package func access(
        _ owner: AccountID, path: String, by account: AccountID
    ) async throws -> Access {
        let path = MailboxName.canonical(path)
        return try await database.read { reader in
            let found = try Self.find(reader, owner, path)
            guard owner != account else { return Access(mailbox: found?.info, rights: .all) }
            guard let nearest = found?.nearest else { return Access(mailbox: nil, rights: []) }
            return Access(mailbox: found?.info, rights: try Self.rights(reader, nearest, of: account))
        }
    }

    /// What an account may do with a mailbox; nothing where the mailbox is gone.
    package func rights(_ mailbox: MailboxID, of account: AccountID) async throws -> MailboxRights {
        try await database.read { reader in
            let owner = try reader.first(MailStoreStatements.mailbox, mailbox) { AccountID(rawValue: $0.int64(0)) }
            guard let owner else { return [] }
            return owner == account ? .all : try Self.rights(reader, mailbox, of: account)
        }
    }

    // RFC 4314 §2: rights given to the account and to anyone together, less those taken from either
    static func rights(_ reader: any SQLReader, _ mailbox: MailboxID, of account: AccountID) throws -> MailboxRights {
        var given: MailboxRights = []
        var taken: MailboxRights = []
        try reader.forEach(MailStoreStatements.rightsOf, binds: [mailbox, account]) { row in
            let rights = MailboxRights(rawValue: row.int(1)).intersection(.all)
            if row.bool(0) { taken.formUnion(rights) } else { given.formUnion(rights) }
        }
        return given.subtracting(taken)
    }

    /// The account whose mailboxes a name of the shared namespace means; costs no database.
    package func account(named address: String) -> Account? { directory.snapshot.account(login: address) }
}
