import Directory
import IMAPCore
import MailStore
import SQLEngine

// RFC 7377 §2
extension IMAPSession {
    /// Mailboxes searched by one command. RFC 7377 §2.4
    private static let maximumSearched = 1000

    func multiSearch(_ command: MultiSearchCommand, tag: String) async throws -> Completion {
        let search = command.search
        let returns = search.returns ?? []
        if command.sources == [.selected] || command.sources.contains(.selected) {
            // RFC 7377 §2.2
            guard selection != nil else { throw CommandRefusal.noMailbox }
        }
        if returns.contains(.save), command.sources != [.selected] {
            // RFC 7377 §2.2
            throw CommandRefusal.bad(.clientBug, "SAVE is for the selected mailbox alone.")
        }
        if returns.contains(.update), selection == nil { throw CommandRefusal.noMailbox }
        try checkContextTag(search, tag: tag)
        return try await savingNothingOnFailure(search) {
            try self.checkCharset(ofSearch: search.charset)
            let targets = try await self.searched(command.sources)
            guard targets.count <= Self.maximumSearched else {
                throw CommandRefusal.no(.limit, "Too many mailboxes.")
            }
            for target in targets {
                try await self.search(target, search, tag: tag)
                try await self.flushIfLarge()
            }
            return .ok("Search completed.", announce: search.announcement)
        }
    }

    private func search(_ target: SearchedMailbox, _ command: SearchCommand, tag: String) async throws {
        let result: FoundMessages
        let validity: UInt32
        if let selected = selection, selected.mailbox == target.mailbox {
            let found = try await find(command)
            result = FoundMessages(inOrder: found, ascending: found)
            validity = selected.uidValidity
            save(result, command)
            follow(result, command, tag: tag)
        } else {
            guard let whole = try await uidView(target.mailbox) else { return }
            let view = SelectedMailbox(uids: whole.uids, appliedModSeq: whole.highestModSeq.rawValue)
            let translation = SearchTranslation(
                view: view, charset: command.charset ?? "UTF-8", now: service.clock.now())
            let query = try translation.query(command.key)
            let found = try await service.store.search(target.mailbox, query) { done, total in
                try await self.tellProgress(done, of: total)
            }.map(\.rawValue)
            result = FoundMessages(inOrder: found, ascending: found)
            validity = whole.uidValidity.rawValue
        }
        // RFC 7377 §2.1: a mailbox without hits is not told of
        guard !result.inOrder.isEmpty, command.returns?.isTold != false else { return }
        var answer = IMAPSearchResult(tag: tag, numbering: .uid)
        answer.origin = .init(mailbox: target.name, uidValidity: validity)
        result.fill(&answer, command) { $0 }
        encoder.esearch(answer)
    }

    /// Nil for a mailbox that went away meanwhile.
    private func uidView(_ mailbox: MailboxID) async throws -> UIDView? {
        do {
            return try await service.store.uidView(mailbox)
        } catch MailStoreError.noSuchMailbox {
            return nil
        } catch MailStoreError.notSelectable {
            return nil
        }
    }

    private struct SearchedMailbox {
        let name: IMAPMailboxName
        let mailbox: MailboxID
    }

    /// The mailboxes meant, each once, in the order of the sources. Those the client may not read are passed over in
    /// silence. RFC 7377 §2.2
    private func searched(_ sources: [MultiSearchCommand.Source]) async throws -> [SearchedMailbox] {
        let account = try login().id
        var found: [SearchedMailbox] = []
        var known: Set<MailboxID> = []
        func add(_ name: IMAPMailboxName, _ mailbox: MailboxID) {
            if known.insert(mailbox).inserted { found.append(SearchedMailbox(name: name, mailbox: mailbox)) }
        }
        let own = try await service.store.mailboxes(account).filter(\.selectable)
        func addOwn(where isMeant: (MailboxInfo) -> Bool) {
            for info in own where isMeant(info) { add(IMAPMailboxName(path: info.path), info.id) }
        }
        for source in sources {
            switch source {
            case .selected:
                guard let selected = selection else { throw CommandRefusal.noMailbox }
                add(IMAPMailboxName(path: selected.path), selected.mailbox)
            // RFC 5465 §6.3: where deliveries may go
            case .inboxes: addOwn { $0.path == "INBOX" }
            case .personal: addOwn { _ in true }
            case .subscribed: addOwn { $0.subscribed }
            case .subtree(let names):
                for name in names {
                    try await addNamed(name, add)
                    let below = "\(name.path)/"
                    addOwn { $0.path.hasPrefix(below) }
                }
            case .subtreeOne(let names):
                for name in names {
                    try await addNamed(name, add)
                    let below = "\(name.path)/"
                    addOwn { $0.path.hasPrefix(below) && !$0.path.dropFirst(below.count).contains("/") }
                }
            case .mailboxes(let names):
                for name in names { try await addNamed(name, add) }
            }
        }
        return found
    }

    private func addNamed(_ name: IMAPMailboxName, _ add: (IMAPMailboxName, MailboxID) -> Void) async throws {
        do {
            let target = try await resolve(name, needing: .read)
            if target.info.selectable { add(name, target.mailbox) }
        } catch is CommandRefusal {
            // RFC 7377 §5: no telling what is not there from what may not be read
        }
    }
}
