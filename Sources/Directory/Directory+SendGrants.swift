package import MailSyntax
import SQLEngine

/// Who may send as an alias.
package struct AliasSenders: Sendable, Hashable, CustomStringConvertible {
    /// Those who get its mail.
    package var members: Bool
    package var accounts: [EmailAddress]

    package init(members: Bool, accounts: [EmailAddress]) {
        self.members = members
        self.accounts = accounts
    }

    /// `members`, and the accounts.
    package var names: [String] { (members ? ["members"] : []) + accounts.map(\.description) }
    package var description: String { names.isEmpty ? "nobody" : names.joined(separator: ",") }
}

extension Directory {
    /// Says who may send as an alias, or as any address of a domain, in place of what was said before.
    ///
    /// A domain's addresses need not be hosted here; of an address that is no alias only accounts can be granted.
    package func setSenders(of sender: GrantedSender, _ senders: AliasSenders, author: String) async throws {
        try await change(author: author) { directory in
            let accounts = try directory.requireAccounts(senders.accounts)
            var alias: Alias?
            if case .address(let address) = sender { alias = directory.alias(address) }
            guard alias != nil || !senders.members else {
                throw DirectoryError.invalid("\(sender) is no alias and has no members: name the accounts")
            }
            return DirectoryChange("alias send-as \(sender) \(senders)") { [alias] writer, now in
                if let alias { try writer.execute(DirectoryStatements.setMembersSend, alias.id, senders.members) }
                try Self.setGrants(writer, of: sender, to: accounts, now: now)
            }
        }
    }

    /// Lets an account send as more than its own addresses, whether these exist here or not.
    package func allowSenders(_ address: EmailAddress, _ senders: [GrantedSender], author: String) async throws {
        try await change(author: author) { directory in
            let account = try directory.requireAccount(address)
            let list = senders.map(\.description).joined(separator: " ")
            return DirectoryChange("account allow-sender \(address) \(list)") { writer, now in
                for sender in senders { try Self.insertGrant(writer, account.id, sender, now: now) }
            }
        }
    }

    /// Takes back what `allowSenders` or `setSenders` gave an account.
    package func denySenders(_ address: EmailAddress, _ senders: [GrantedSender], author: String) async throws {
        try await change(author: author) { directory in
            let account = try directory.requireAccount(address)
            for sender in senders where !directory.grants.has(sender, account.id) {
                throw DirectoryError.notFound("the grant of \(sender) to \(account.address)")
            }
            let list = senders.map(\.description).joined(separator: " ")
            return DirectoryChange("account deny-sender \(address) \(list)") { writer, _ in
                for sender in senders {
                    try writer.execute(DirectoryStatements.deleteSendGrant, account.id, sender.folded)
                }
            }
        }
    }

    static func setGrants(
        _ writer: any SQLWriter, of sender: GrantedSender, to accounts: [AccountID], now: Timestamp
    ) throws {
        try writer.execute(DirectoryStatements.deleteGrantsOfSender, sender.folded)
        for account in accounts { try insertGrant(writer, account, sender, now: now) }
    }

    private static func insertGrant(
        _ writer: any SQLWriter, _ account: AccountID, _ sender: GrantedSender, now: Timestamp
    ) throws {
        try writer.execute(
            DirectoryStatements.insertSendGrant, account, sender.folded, sender.description, now)
    }
}

extension DirectorySnapshot {
    func requireAccounts(_ addresses: [EmailAddress]) throws -> [AccountID] {
        try addresses.map { try requireAccount($0).id }
    }

    /// Who may send as a sender by a grant: the members, where it is such an alias, and accounts.
    package func senders(of sender: GrantedSender) -> AliasSenders {
        var members = false
        if case .address(let address) = sender { members = alias(address)?.membersSend ?? false }
        let accounts = grants.all.filter { $0.sender.folded == sender.folded }
        return AliasSenders(members: members, accounts: accounts.compactMap { account(id: $0.account)?.address })
    }
}
