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
        _ = try await service.store.createMailbox(
            try login().id, path: command.mailbox.path, specialUse: command.specialUses.first?.stored)
        return .ok("Create completed.")
    }

    func delete(_ name: IMAPMailboxName) async throws -> Completion {
        // RFC 3501 §6.3.4
        if name.isInbox { throw CommandRefusal.no(.cannot, "INBOX can't be deleted.") }
        let account = try login().id
        // By id, since the selected mailbox may have another name by now.
        let mailbox = try await service.store.mailbox(account, path: name.path)?.id
        try await service.store.deleteMailbox(account, path: name.path)
        // One's own selected mailbox is left rather than ending one's own session.
        if let mailbox, selection?.mailbox == mailbox { await deselect() }
        return .ok("Delete completed.")
    }

    func rename(_ command: RenameCommand) async throws -> Completion {
        if command.destination.isInbox { throw CommandRefusal.no(.alreadyExists, "INBOX exists already.") }
        try await service.store.renameMailbox(
            try login().id, from: command.source.path, to: command.destination.path)
        return .ok("Rename completed.")
    }

    func subscribe(_ name: IMAPMailboxName) async throws -> Completion {
        let account = try login().id
        guard try await service.store.mailbox(account, path: name.path) != nil else {
            throw CommandRefusal.noSuchMailbox(name)
        }
        try await service.store.setSubscribed(account, path: name.path, true)
        return .ok("Subscribe completed.")
    }

    func unsubscribe(_ name: IMAPMailboxName) async throws -> Completion {
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
