import IMAPCore
import MailStore

// RFC 3501 §6.4.6, RFC 7162 §3.1.3
extension IMAPSession {
    func store(_ command: StoreCommand) async throws -> Completion {
        let mailbox = try writableMailbox()
        // RFC 4314 §4 (STORE): what may be changed is, the rest is passed over
        guard let rights = selection?.rights, let change = try FlagChange(command).limited(to: rights) else {
            throw CommandRefusal.notPermitted
        }
        if command.unchangedSince != nil { enableCondstore() }
        guard let view = selection?.view else { throw CommandRefusal.noMailbox }
        var rest = try resolved(command.messages, in: view)
        let total = view.memberCount(of: rest)
        var done = 0
        var conflicted: [UInt32] = []
        var missing = 0
        // Pages, so that a change of a hundred thousand messages neither holds the writer nor fills memory.
        while true {
            let page = selection?.view.members(of: rest, limit: service.settings.rowPage) ?? []
            guard let last = page.last else { break }
            let update = try await service.store.updateFlags(
                mailbox, uids: page.map { UID(rawValue: $0) }, change: change,
                unchangedSince: command.unchangedSince.map { ModSequence(rawValue: $0) })
            conflicted += update.conflicted.map(\.rawValue)
            missing += max(0, page.count - update.changed.count - update.conflicted.count)
            try await answer(update, to: command)
            // RFC 7162 §3.1.3: flags others have set are told at once, so that a conflict explains itself
            try await announce(.withoutExpunges)
            rest = rest.above(last)
            done += page.count
            try await tellProgress(done, of: total)
        }
        return stored(command, conflicted: conflicted, missing: missing, of: done)
    }

    private func answer(_ update: FlagUpdate, to command: StoreCommand) async throws {
        for row in update.changed {
            guard let number = selection?.view.sequenceNumber(of: row.uid.rawValue) else { continue }
            selection?.view.noteOwnChange(uid: row.uid.rawValue, modSeq: row.modSeq.rawValue)
            // RFC 7162 §3.1.3, RFC 7162 §3.1.4.2: MODSEQ is told even where .SILENT was asked for, else the client's cache
            // holds an old one
            guard command.answer == .newFlags || enabled.contains(.condstore) else { continue }
            if command.answer == .newFlags { announce(keywordsOf: row) }
            encoder.beginFetch(number, IMAPUID(rawValue: row.uid.rawValue))
            // RFC 7162 §3.2.4: UID too, once mod-sequences are told
            if !enabled.contains(.uidOnly), command.messages.isUID || enabled.contains(.condstore) {
                encoder.fetchUID(IMAPUID(rawValue: row.uid.rawValue))
            }
            if command.answer == .newFlags { encoder.fetchFlags(flags(of: row)) }
            if enabled.contains(.condstore) { encoder.fetchModSequence(row.modSeq.rawValue) }
            encoder.endFetch()
            try await flushIfLarge()
        }
    }

    private func stored(_ command: StoreCommand, conflicted: [UInt32], missing: Int, of total: Int) -> Completion {
        let announcement: Completion.Announcement = command.messages.isUID ? .everything : .withoutExpunges
        if !conflicted.isEmpty {
            let numbers =
                command.messages.isUID
                ? conflicted : conflicted.compactMap { selection?.view.sequenceNumber(of: $0)?.rawValue }
            // RFC 7162 §3.1.3
            return .ok(
                .modified(UIDRanges(uids: numbers).ranges), "Conditional store failed.", announce: announcement)
        }
        if missing > 0, missing >= total, !command.messages.isUID {
            // RFC 2180 §4.2.2
            return Completion(
                .no, .expungeIssued, "The messages no longer exist.", announce: announcement)
        }
        if missing > 0 {
            // RFC 5530 §3
            return .ok(.expungeIssued, "Some of the messages no longer exist.", announce: announcement)
        }
        return .ok("Store completed.", announce: announcement)
    }
}

extension FlagChange {
    /// - Throws: for a flag that clients cannot set.
    init(_ command: StoreCommand) throws(CommandRefusal) {
        let (flags, keywords) = try command.flags.storable()
        switch command.action {
        case .replace: self = .replace(flags, keywords: keywords)
        case .add: self = .add(flags, keywords: keywords)
        case .remove: self = .remove(flags, keywords: keywords)
        }
    }
}

extension [IMAPFlag] {
    /// Bits and keywords to store.
    func storable() throws(CommandRefusal) -> (MessageFlags, [String]) {
        var flags: MessageFlags = []
        var keywords: [String] = []
        for flag in self {
            switch flag {
            case .seen: flags.insert(.seen)
            case .answered: flags.insert(.answered)
            case .flagged: flags.insert(.flagged)
            case .deleted: flags.insert(.deleted)
            case .draft: flags.insert(.draft)
            // RFC 3501 §2.3.2: a client can't alter \Recent
            case .recent: throw .bad(.clientBug, "\\Recent can't be stored.")
            case .unknownSystem(let name): throw .bad(nil, "Invalid system flag \\\(name)")
            case .keyword(let word):
                if !keywords.contains(where: { $0.lowercased() == word.lowercased() }) { keywords.append(word) }
            }
        }
        return (flags, keywords)
    }
}
