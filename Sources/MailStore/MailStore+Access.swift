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

    /// Somebody of an access control list. RFC 4314 §2
    package enum Grantee: Hashable, Sendable {
        case anyone
        case account(AccountID)

        var id: Int64 {
            switch self {
            case .anyone: 0
            case .account(let account): account.rawValue
            }
        }
    }

    /// One line of an access control list.
    package struct Grant: Hashable, Sendable {
        package let grantee: Grantee
        /// Whether the rights are taken away instead of given.
        package let isNegative: Bool
        package let rights: MailboxRights
    }

    /// How SETACL changes the rights of a line. RFC 4314 §3.1
    package enum RightsChange: Sendable {
        case replace(MailboxRights)
        case add(MailboxRights)
        case remove(MailboxRights)
    }

    /// Lines of one mailbox at most.
    package static let grantLimit = 1000

    /// The lines of a mailbox, at most ``grantLimit``; the owner has none.
    package func grants(_ mailbox: MailboxID) async throws -> [Grant] {
        try await database.read { reader in
            try reader.query(MailStoreStatements.acl, mailbox) { row in
                let id = row.int64(0)
                return Grant(
                    grantee: id == 0 ? .anyone : .account(AccountID(rawValue: id)), isNegative: row.bool(1),
                    rights: MailboxRights(rawValue: row.int(2)).intersection(.all))
            }
        }
    }

    /// Changes one line; a line without rights is removed.
    /// - Throws: `.noSuchMailbox`, `.tooManyGrants`.
    package func setRights(
        _ mailbox: MailboxID, of grantee: Grantee, isNegative: Bool = false, _ change: RightsChange
    ) async throws {
        let account = try await account(of: mailbox)
        try await database.write { writer in
            _ = try Self.bump(writer, account)
            let lines = try writer.query(MailStoreStatements.acl, mailbox) { ($0.int64(0), $0.bool(1), $0.int(2)) }
            let old = lines.first { $0.0 == grantee.id && $0.1 == isNegative }
            let present = MailboxRights(rawValue: old?.2 ?? 0)
            let rights: MailboxRights =
                switch change {
                case .replace(let new): new
                case .add(let new): present.union(new)
                case .remove(let gone): present.subtracting(gone)
                }
            if rights.isEmpty {
                try writer.execute(MailStoreStatements.removeAccess, mailbox, grantee.id, isNegative ? 1 : 0)
            } else {
                guard old != nil || lines.count < Self.grantLimit else { throw MailStoreError.tooManyGrants }
                try writer.execute(
                    MailStoreStatements.setAccess, mailbox, grantee.id, isNegative ? 1 : 0, rights.rawValue)
            }
        }
        accessChanges.withLock { $0 += 1 }
        changeFeed.announce(account, mailboxes: [mailbox], kinds: [.messages, .mailboxes])
        // Who was given a mailbox knows nothing of its owner yet.
        changeFeed.announce(AccountID(rawValue: grantee.id), kinds: .mailboxes)
    }

    /// A mailbox of another account that somebody may see.
    package struct SharedMailbox: Sendable {
        package let owner: Account
        /// The path is the owner's.
        package let mailbox: MailboxInfo
        package let rights: MailboxRights
    }

    /// Mailboxes of others that LIST shows to an account, by owner and path. Nothing shared costs one look-up.
    package func sharedMailboxes(_ account: AccountID) async throws -> [SharedMailbox] {
        let snapshot = directory.snapshot
        return try await database.read { reader in
            var rights: [AccountID: [MailboxID: (given: MailboxRights, taken: MailboxRights)]] = [:]
            try reader.forEach(MailStoreStatements.sharedWith, binds: [account]) { row in
                let owner = AccountID(rawValue: row.int64(3))
                let mailbox = MailboxID(rawValue: row.int64(0))
                let letters = MailboxRights(rawValue: row.int(2)).intersection(.all)
                if row.bool(1) {
                    rights[owner, default: [:]][mailbox, default: ([], [])].taken.formUnion(letters)
                } else {
                    rights[owner, default: [:]][mailbox, default: ([], [])].given.formUnion(letters)
                }
            }
            var found: [SharedMailbox] = []
            for owner in rights.keys.compactMap({ snapshot.account(id: $0) }) {
                guard let allowed = rights[owner.id] else { continue }
                for info in try MailboxTree.read(reader, owner.id).infos(owner.id, subscribed: []) {
                    guard let pair = allowed[info.id] else { continue }
                    let rights = pair.given.subtracting(pair.taken)
                    guard rights.contains(.lookup) else { continue }
                    found.append(SharedMailbox(owner: owner, mailbox: info, rights: rights))
                }
            }
            return found.sorted {
                ($0.owner.address.folded, $0.mailbox.path) < ($1.owner.address.folded, $1.mailbox.path)
            }
        }
    }

    /// The account whose mailboxes a name of the shared namespace means; costs no database.
    package func account(named address: String) -> Account? { directory.snapshot.account(login: address) }
}
