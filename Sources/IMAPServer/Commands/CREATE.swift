import Directory
import IMAPCore
import MailStore

// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. RFC 3501 §6.3.3 to §6.3.7
extension IMAPSession {
    func create(_ command: CreateCommand) async throws -> Completion {
        if command.mailbox.isInbox { throw CommandRefusal.no(.alreadyExists, "INBOX exists already.") }
        guard command.unknownSpecialUses.isEmpty, command.specialUses.count <= 1 else {
            // RFC 6154 §3
            throw CommandRefusal.no(.useAttribute, "A mailbox takes one special use of those listed by this server.")
        }
        let (account, path) = try await creatable(command.mailbox)
        noteOwn(command.mailbox)
        let made = try await service.store.createMailbox(
            account, path: path, specialUse: command.specialUses.first?.stored)
        // RFC 8474 §4.1
        return .ok(.mailboxID(made.objectID), "Create completed.")
    }

    /// Where a new mailbox may be made.
    private func creatable(_ name: IMAPMailboxName) async throws -> (AccountID, path: String) {
        let login = try login().id
        if case .shared(let owner, let path) = place(of: name) {
            let access = try await service.store.access(owner.id, path: path, by: login)
            // RFC 4314 §4 (CREATE): "k" on the nearest mailbox above
            if access.mailbox == nil, access.rights.contains(.create) { return (owner.id, path) }
            if access.mailbox != nil, access.rights.contains([.create, .lookup]) { return (owner.id, path) }
            throw CommandRefusal.no(.noPermission, "You may not create mailboxes there.")
        }
        guard !SharedMailboxName.contains(name.path) else {
            throw CommandRefusal.no(.cannot, "Names under \(SharedMailboxName.root) are those of others' mailboxes.")
        }
        return (login, name.path)
    }

    func delete(_ name: IMAPMailboxName) async throws -> Completion {
        // RFC 3501 §6.3.4
        if name.isInbox { throw CommandRefusal.no(.cannot, "INBOX can't be deleted.") }
        let target = try await resolve(name, needing: .delete)
        noteOwn(name)
        try await service.store.deleteMailbox(target.account, path: target.info.path)
        // One's own selected mailbox is left rather than ending one's own session. By id, since it may have another name
        // by now.
        if selection?.mailbox == target.mailbox { await deselect() }
        return .ok("Delete completed.")
    }

    func rename(_ command: RenameCommand) async throws -> Completion {
        if command.destination.isInbox { throw CommandRefusal.no(.alreadyExists, "INBOX exists already.") }
        let source = try await resolve(command.source, needing: .delete)
        let (account, path) = try await creatable(command.destination)
        guard account == source.account else {
            throw CommandRefusal.no(.cannot, "A mailbox can't be renamed into another account.")
        }
        if account != (try login().id), source.info.path == "INBOX" {
            throw CommandRefusal.no(.cannot, "INBOX of somebody else can't be renamed.")
        }
        noteOwn(command.source, command.destination)
        try await service.store.renameMailbox(account, from: source.info.path, to: path)
        if enabled.contains(.imap4rev2), let renamed = try? await resolve(command.destination, needing: .lookup) {
            // RFC 9051 §6.3.9.7
            encoder.list(listing(of: renamed, oldName: command.source))
        }
        return .ok("Rename completed.")
    }

    func subscribe(_ name: IMAPMailboxName) async throws -> Completion {
        _ = try await resolve(name, needing: .lookup)
        noteOwn(name)
        try await service.store.setSubscribed(try login().id, path: name.path, true)
        return .ok("Subscribe completed.")
    }

    func unsubscribe(_ name: IMAPMailboxName) async throws -> Completion {
        noteOwn(name)
        try await service.store.setSubscribed(try login().id, path: name.path, false)
        return .ok("Unsubscribe completed.")
    }
}

extension IMAPSpecialUse {
    var stored: SpecialUse {
        switch self {
        case .all: .all
        case .archive: .archive
        case .drafts: .drafts
        case .flagged: .flagged
        case .junk: .junk
        case .sent: .sent
        case .trash: .trash
        }
    }

    init(_ stored: SpecialUse) {
        self =
            switch stored {
            case .all: .all
            case .archive: .archive
            case .drafts: .drafts
            case .flagged: .flagged
            case .junk: .junk
            case .sent: .sent
            case .trash: .trash
            }
    }
}
