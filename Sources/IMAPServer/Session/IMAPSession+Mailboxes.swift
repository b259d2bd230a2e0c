import Directory
import IMAPCore
import MailStore

/// A mailbox that a command names, as this session may use it.
struct MailboxTarget: Sendable {
    /// Whose mailbox it is.
    let account: AccountID
    let info: MailboxInfo
    /// As the client names it.
    let name: IMAPMailboxName
    /// All of them in one's own mailboxes.
    let rights: MailboxRights

    var mailbox: MailboxID { info.id }
    /// As the client names it.
    var path: String { name.path }
}

/// Where a name leads, whether or not there is a mailbox.
enum MailboxPlace: Sendable {
    case own(path: String)
    /// The path is the owner's.
    case shared(Account, path: String)
    /// A name of the shared namespace that leads to no account.
    case nowhere
}

/// Names → mailboxes and rights. Every command that names a mailbox goes this way.
extension IMAPSession {
    /// The mailbox of a name.
    ///
    /// - Parameters:
    ///   - rights: all of these are needed; none asks for one of those that let somebody know of a mailbox.
    /// - Throws: `NO [NONEXISTENT]`, also where the client may not know that the mailbox is there (RFC 4314 §6);
    ///   `NO [NOPERM]` where it may know, but not do this.
    func resolve(_ name: IMAPMailboxName, needing rights: MailboxRights = []) async throws -> MailboxTarget {
        let login = try login().id
        switch place(of: name) {
        case .own(let path):
            guard let info = try await service.store.mailbox(login, path: path) else {
                throw CommandRefusal.noSuchMailbox(name)
            }
            return MailboxTarget(account: login, info: info, name: name, rights: .all)
        case .shared(let owner, let path):
            let access = try await service.store.access(owner.id, path: path, by: login)
            guard let info = access.mailbox, !access.rights.isDisjoint(with: .anyKnowing) else {
                throw CommandRefusal.noSuchMailbox(name)
            }
            guard access.rights.isSuperset(of: rights) else {
                throw access.rights.contains(.lookup) ? CommandRefusal.notPermitted : .noSuchMailbox(name)
            }
            return MailboxTarget(account: owner.id, info: info, name: name, rights: access.rights)
        case .nowhere:
            throw CommandRefusal.noSuchMailbox(name)
        }
    }

    /// The mailbox of a name, where messages can be.
    func resolveSelectable(_ name: IMAPMailboxName, needing rights: MailboxRights) async throws -> MailboxTarget {
        let target = try await resolve(name, needing: rights)
        guard target.info.selectable else {
            throw CommandRefusal.no(.nonExistent, "Mailbox is not selectable: \(name.path)")
        }
        return target
    }

    /// The mailbox to put messages in.
    func destination(_ name: IMAPMailboxName) async throws -> MailboxTarget {
        do {
            return try await resolveSelectable(name, needing: .insert)
        } catch let refusal as CommandRefusal where refusal.status.code == .nonExistent {
            // RFC 3501 §6.3.11, §6.4.7: the client may create it and try again
            throw CommandRefusal.no(.tryCreate, "Mailbox doesn't exist: \(name.path)")
        }
    }

    /// Whose mailbox a name means.
    func place(of name: IMAPMailboxName) -> MailboxPlace {
        guard let (owner, path) = SharedMailboxName.split(name.path) else { return .own(path: name.path) }
        guard let account = service.store.account(named: owner) else {
            // A mailbox of one's own that was called so before.
            return owner.contains("@") ? .nowhere : .own(path: name.path)
        }
        if let own = try? login().id, own == account.id { return .nowhere }
        return .shared(account, path: path)
    }

    /// Asks again what may be done in the selected mailbox of somebody else after rights were changed.
    /// - Throws: ``SessionEnd/bye(_:_:_:)`` when it may not be read any more. RFC 4314 §5.1.1
    func refreshRights() async throws {
        guard let selected = selection, let login = try? login().id, selected.account != login else { return }
        let revision = service.store.accessRevision
        guard revision != selected.accessRevision else { return }
        let rights = try await service.store.rights(selected.mailbox, of: login)
        guard rights.contains(.read) else {
            throw SessionEnd.bye(nil, "You may not read the selected mailbox any more.", "rights")
        }
        selection?.accessRevision = revision
        guard rights != selected.rights else { return }
        selection?.rights = rights
        announceFlags()
    }
}

extension CommandRefusal {
    static var notPermitted: CommandRefusal { .no(.noPermission, "You may not do this with this mailbox.") }
}
