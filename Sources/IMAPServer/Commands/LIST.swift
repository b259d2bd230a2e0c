import Directory
import IMAPCore
import MailStore

// LIST, LSUB, STATUS. RFC 3501 §6.3.8 to §6.3.10, RFC 5258, RFC 5819
extension IMAPSession {
    func list(_ command: ListCommand) async throws -> Completion {
        let account = try login().id
        let mailboxes = try await service.store.mailboxes(account)
        let subscribed = try await service.store.subscriptions(account)
        let listing = MailboxListing(mailboxes: mailboxes.map(ListedMailbox.init), subscribed: subscribed)
        let byPath = Dictionary(mailboxes.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        for entry in listing.list(command) {
            encoder.list(entry.response)
            // RFC 5819 §2: STATUS right behind its LIST, only for what can be selected
            if let items = command.statusItems, entry.isSelectable, let info = byPath[entry.path] {
                try await answer(status: items, of: info, as: entry.response.mailbox)
            }
            try await flushIfLarge()
        }
        if command.statusItems?.contains(.highestModSequence) == true { enableCondstore() }
        return .ok("List completed.")
    }

    func lsub(_ command: LSubCommand) async throws -> Completion {
        let account = try login().id
        let mailboxes = try await service.store.mailboxes(account)
        let subscribed = try await service.store.subscriptions(account)
        let listing = MailboxListing(mailboxes: mailboxes.map(ListedMailbox.init), subscribed: subscribed)
        for entry in listing.lsub(command) {
            encoder.lsub(entry.response)
            try await flushIfLarge()
        }
        return .ok("Lsub completed.")
    }

    func status(_ command: StatusCommand) async throws -> Completion {
        let info = try await resolveSelectable(command.mailbox, needing: .read).info
        // RFC 7162 §3.1: asking for it shows that the client knows mod-sequences
        if command.items.contains(.highestModSequence) { enableCondstore() }
        try await answer(status: command.items, of: info, as: command.mailbox)
        return .ok("Status completed.")
    }

    private func answer(status items: [StatusItem], of info: MailboxInfo, as name: IMAPMailboxName) async throws {
        var values: [(item: StatusItem, value: UInt64)] = []
        for item in items {
            let value: Int64 =
                switch item {
                case .messages: Int64(info.messages)
                case .recent:
                    service.recent.isAllTold(info.id, before: info.uidNext.rawValue) ? 0 : Int64(info.recent)
                case .uidNext: Int64(info.uidNext.rawValue)
                case .uidValidity: Int64(info.uidValidity.rawValue)
                case .unseen: Int64(info.unseen)
                case .size: info.size
                case .highestModSequence: Int64(clamping: info.highestModSeq.rawValue)
                case .deleted: Int64(info.deleted)
                }
            values.append((item, UInt64(clamping: value)))
        }
        encoder.status(name, values)
    }
}

extension ListedMailbox {
    init(_ info: MailboxInfo) {
        self.init(
            path: info.path, isSelectable: info.selectable, hasChildren: info.hasChildren,
            specialUse: info.specialUse.map { IMAPSpecialUse($0) }
        )
    }
}
