import Directory
import IMAPCore
import MailStore
import MailSyntax

// LIST, LSUB, STATUS. RFC 3501 §6.3.8 to §6.3.10, RFC 5258, RFC 5819
extension IMAPSession {
    func list(_ command: ListCommand) async throws -> Completion {
        let known = try await listable()
        for entry in known.listing.list(command) {
            encoder.list(entry.response)
            // RFC 8440 §4: not for a name that is only here for what is below it
            if let target = known.targets[entry.path], entry.meetsCriteria {
                try await answer(command, entry, target)
            }
            try await flushIfLarge()
        }
        if command.statusItems?.contains(.highestModSequence) == true { enableCondstore() }
        return .ok("List completed.")
    }

    /// What was asked for beside the name.
    private func answer(_ command: ListCommand, _ entry: ListEntry, _ target: MailboxTarget) async throws {
        // RFC 8440 §3
        if command.returns.contains(.myRights) { encoder.myRights(target.name, target.rights.answer) }
        // RFC 5819 §2: STATUS right behind its LIST, only for what can be selected
        if let items = command.statusItems, entry.isSelectable, target.rights.contains(.read) {
            try await answer(status: items, of: target.info, as: target.name)
        }
        // RFC 9590 §3
        guard !command.metadata.isEmpty, !target.rights.isDisjoint(with: [.read, .seen, .write, .insert, .post]) else {
            return
        }
        for pair in try await annotations(of: target, command.metadata, depth: .entry) {
            encoder.metadata(target.name, [pair])
            try await flushIfLarge()
        }
    }

    func lsub(_ command: LSubCommand) async throws -> Completion {
        for entry in try await listable().listing.lsub(command) {
            encoder.lsub(entry.response)
            try await flushIfLarge()
        }
        return .ok("Lsub completed.")
    }

    /// Every mailbox that this session may see, its own and others'.
    func listable() async throws -> (listing: MailboxListing, targets: [String: MailboxTarget]) {
        let login = try login().id
        let own = try await service.store.mailboxes(login)
        let subscribed = try await service.store.subscriptions(login)
        var listed: [ListedMailbox] = []
        var targets: [String: MailboxTarget] = [:]
        for info in own {
            listed.append(ListedMailbox(info))
            targets[info.path] = MailboxTarget(
                account: login, info: info, name: IMAPMailboxName(path: info.path), rights: .all)
        }
        for shared in try await service.store.sharedMailboxes(login) {
            let path = SharedMailboxName.path(owner: shared.owner.address, shared.mailbox.path)
            listed.append(ListedMailbox(path: path, isSelectable: shared.mailbox.selectable))
            targets[path] = MailboxTarget(
                account: shared.owner.id, info: shared.mailbox, name: IMAPMailboxName(path: path),
                rights: shared.rights)
        }
        return (MailboxListing(mailboxes: listed.withShared(), subscribed: subscribed), targets)
    }

    func status(_ command: StatusCommand) async throws -> Completion {
        let info = try await resolveSelectable(command.mailbox, needing: .read).info
        // RFC 7162 §3.1: asking for it shows that the client knows mod-sequences
        if command.items.contains(.highestModSequence) { enableCondstore() }
        try await answer(status: command.items, of: info, as: command.mailbox)
        return .ok("Status completed.")
    }

    func answer(status items: [StatusItem], of info: MailboxInfo, as name: IMAPMailboxName) async throws {
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
                // RFC 9208 §4.1.4
                case .deletedStorage: info.deleted == 0 ? 0 : try await service.store.deletedSize(info.id)
                case .mailboxID: 0
                case .appendLimit: Int64(service.settings.limits.toldAppendSize)
                }
            values.append((item, UInt64(clamping: value)))
        }
        encoder.status(name, values, mailboxID: info.objectID)
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

extension [ListedMailbox] {
    /// With the levels above others' mailboxes, which hold nothing, and with what stands below each of them.
    // RFC 4314 §4 (LIST): a mailbox that may not be seen is as one that isn't there
    func withShared() -> [ListedMailbox] {
        let shared = filter { SharedMailboxName.contains($0.path) }
        guard !shared.isEmpty else { return self }
        let above = Set(shared.flatMap { MailboxListing.ancestors(of: $0.path) })
        let known = Set(shared.map(\.path))
        var all = map { mailbox in
            guard above.contains(mailbox.path), !mailbox.hasChildren else { return mailbox }
            return ListedMailbox(
                path: mailbox.path, isSelectable: mailbox.isSelectable, hasChildren: true,
                specialUse: mailbox.specialUse)
        }
        all += above.subtracting(known).map { ListedMailbox(path: $0, isSelectable: false, hasChildren: true) }
        return all
    }
}
