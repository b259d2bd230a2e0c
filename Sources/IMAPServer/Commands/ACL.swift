import Directory
import IMAPCore
import MailStore
import MailSyntax

// SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS. RFC 4314 §3
extension IMAPSession {
    func setACL(_ command: SetACLCommand) async throws -> Completion {
        let target = try await resolve(command.mailbox, needing: .administer)
        guard let rights = MailboxRights(letters: command.letters) else {
            // RFC 4314 §3.1: an unknown right is never passed over
            throw CommandRefusal.bad(.clientBug, "There is no such right.")
        }
        let identifier = try identifier(command.identifier)
        guard identifier.grantee != .account(target.account) else {
            // RFC 4314 §2: rights may be forced for an identifier; LISTRIGHTS says so
            throw CommandRefusal.no(.cannot, "The owner of a mailbox always has all rights.")
        }
        let change: MailStore.RightsChange =
            switch command.action {
            case .replace: .replace(rights)
            case .add: .add(rights)
            case .remove: .remove(rights)
            }
        try await service.store.setRights(
            target.mailbox, of: identifier.grantee, isNegative: identifier.isNegative, change)
        return .ok("Setacl completed.")
    }

    func deleteACL(_ command: IdentifierCommand) async throws -> Completion {
        let target = try await resolve(command.mailbox, needing: .administer)
        let identifier = try identifier(command.identifier)
        guard identifier.grantee != .account(target.account) else {
            throw CommandRefusal.no(.cannot, "The owner of a mailbox always has all rights.")
        }
        try await service.store.setRights(
            target.mailbox, of: identifier.grantee, isNegative: identifier.isNegative, .replace([]))
        return .ok("Deleteacl completed.")
    }

    func getACL(_ name: IMAPMailboxName) async throws -> Completion {
        let target = try await resolve(name, needing: .administer)
        var entries: [(identifier: String, rights: String)] = []
        if let owner = service.store.account(target.account) {
            entries.append((owner.address.description, MailboxRights.all.answer))
        }
        for grant in try await service.store.grants(target.mailbox) {
            let identifier: String
            switch grant.grantee {
            case .anyone: identifier = "anyone"
            case .account(let id):
                guard let account = service.store.account(id) else { continue }
                identifier = account.address.description
            }
            entries.append(((grant.isNegative ? "-" : "") + identifier, grant.rights.answer))
        }
        encoder.acl(name, entries)
        return .ok("Getacl completed.")
    }

    func listRights(_ command: IdentifierCommand) async throws -> Completion {
        let target = try await resolve(command.mailbox, needing: .administer)
        let identifier = try identifier(command.identifier)
        if identifier.grantee == .account(target.account), !identifier.isNegative {
            // RFC 4314 §3.7: no right is listed twice
            encoder.listRights(
                command.mailbox, identifier: command.identifier, required: MailboxRights.all.answer, optional: [])
        } else {
            // RFC 4314 §2.1.1: "c" and "d" by themselves, since their members aren't tied
            let optional = MailboxRights.letters.map { String($0.letter) } + ["c", "d"]
            encoder.listRights(
                command.mailbox, identifier: command.identifier, required: "",
                optional: identifier.grantee == .account(target.account) ? [] : optional)
        }
        return .ok("Listrights completed.")
    }

    func myRights(_ name: IMAPMailboxName) async throws -> Completion {
        let target = try await resolve(name)
        encoder.myRights(name, target.rights.answer)
        return .ok("Myrights completed.")
    }

    /// Whom an identifier means. RFC 4314 §2
    /// - Throws: `NO` where there is no such account.
    private func identifier(_ text: String) throws(CommandRefusal) -> (grantee: MailStore.Grantee, isNegative: Bool) {
        let isNegative = text.hasPrefix("-")
        let name = isNegative ? String(text.dropFirst()) : text
        if name.lowercased() == "anyone" { return (.anyone, isNegative) }
        guard let account = service.store.account(named: name) else {
            throw .no(.cannot, "There is no such account here.")
        }
        return (.account(account.id), isNegative)
    }
}
