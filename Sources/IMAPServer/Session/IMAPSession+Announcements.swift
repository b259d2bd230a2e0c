import IMAPCore
import MailStore

/// Telling the client what other sessions, and deliveries, have done to the selected mailbox.
extension IMAPSession {
    /// Takes in the store's changes and announces what the command in hand allows.
    /// - Throws: ``SessionEnd/bye(_:_:_:)`` when the mailbox is gone.
    func announce(_ what: Completion.Announcement) async throws {
        guard what != .nothing else { return }
        try await refreshRights()
        // RFC 5465 §3.1: what is not asked for of the selected mailbox is not told, but by the command that does it
        let wish = notification.map { $0.wishes.selected } ?? NotifyWishes.Selected()
        guard wish != nil || isChangingMessages else { return }
        guard let mailbox = selection?.mailbox, let view = selection?.view else { return }
        let since = ModSequence(rawValue: view.appliedModSeq)
        let known = view.lastUID ?? 0
        let news = try await service.store.news(mailbox, since: since, above: known)
        guard news.exists else {
            // RFC 3501 §7.1.5, RFC 2180 §3.2: a mailbox deleted under a session ends the session
            throw SessionEnd.bye(nil, "Selected mailbox was deleted.", "mailbox-deleted")
        }
        let arrivals = try await takeIn(news, of: mailbox, since: since)
        if what == .everything {
            tellContextsOfExpunges()
            try await announceExpunges()
        }
        if let arrivals { announce(arrivals: arrivals) }
        let tellsFlags = wish?.tellsFlags == true
        if tellsFlags || selection?.contexts.isEmpty == false, news.highestModSeq > since {
            try await announceFlags(
                mailbox, since: since, through: news.highestModSeq, upTo: known, tellsFlags: tellsFlags)
        }
        if let wish, !wish.items.isEmpty, let arrivals, !isChangingMessages {
            try await fetch(wish.items, of: arrivals)
        }
        tellWhatWaits()
    }

    /// What NOTIFY asked to be told of each new message. RFC 5465 §5.2
    private func fetch(_ items: [FetchItem], of arrivals: ClosedRange<UInt32>) async throws {
        let range = UIDSet.Element(
            .number(IMAPUID(rawValue: arrivals.lowerBound)), .number(IMAPUID(rawValue: arrivals.upperBound)))
        do {
            _ = try await fetch(FetchCommand(messages: .uid(UIDSet(elements: [range])), items: items))
        } catch let refusal as CommandRefusal {
            untagged(.no, refusal.status.code, refusal.status.text)
        }
    }

    private func takeIn(
        _ news: MailboxNews, of mailbox: MailboxID, since: ModSequence
    ) async throws -> ClosedRange<UInt32>? {
        if news.expunged.purgedThrough > since {
            // Tombstones that old are gone: only the whole list says what else went.
            let whole = try await service.store.uidView(mailbox)  // arrivals among it come as changes
            selection?.view.reconcile(present: whole.uids)
        }
        return selection?.view.absorb(
            arrivals: news.arrivals, expunged: news.expunged.uids, through: news.highestModSeq.rawValue)
    }

    /// Flags that others changed, in pages: memory does not grow with how much they did.
    private func announceFlags(
        _ mailbox: MailboxID, since: ModSequence, through: ModSequence, upTo known: UInt32, tellsFlags: Bool
    ) async throws {
        // What a search that is followed must be asked of again: arrivals, and what changed, by this session too.
        let isFollowed = selection?.contexts.isEmpty == false
        var changed = isFollowed ? selection.map { Array($0.view.uids[$0.view.upperBound(known)...]) } ?? [] : []
        var position: ChangePosition? = ChangePosition(after: since)
        while let from = position {
            let page = try await service.store.changedRows(
                mailbox, from: from, through: through, upTo: known, limit: service.settings.rowPage)
            if isFollowed { changed += page.rows.map(\.uid.rawValue) }
            for row in page.rows
            where tellsFlags && selection?.view.isNews(row.uid.rawValue, modSeq: row.modSeq.rawValue) == true {
                announce(flagsOf: row)
                try await flushIfLarge()
            }
            position = page.next
        }
        selection?.view.forgetOwnChanges()
        if isFollowed { try await tellContexts(of: Set(changed).sorted()) }
    }

    private func announceExpunges() async throws {
        // RFC 9586 §3.4, §3.6: neither does a client that speaks of UIDs alone hear of EXPUNGE
        guard !enabled.isDisjoint(with: [.qresync, .uidOnly]) else {
            for number in selection?.view.takeExpunges() ?? [] {
                encoder.expunge(number)
                try await flushIfLarge()
            }
            return
        }
        // RFC 7162 §3.2.10: VANISHED in place of EXPUNGE in every mailbox once QRESYNC is enabled
        let gone = selection?.view.takeVanished() ?? []
        guard !gone.isEmpty, let modSeq = selection?.view.appliedModSeq else { return }
        try await vanished(NumberRanges.collapsing(gone), earlier: false)
        guard enabled.contains(.qresync) else { return }
        // VANISHED has no mod-sequence: this is how the client comes to one that covers it. RFC 7162 §6
        untagged(.ok, .highestModSequence(modSeq), "Highest")
    }

    /// Tells UIDs that are gone, in lines of bearable length.
    func vanished(_ ranges: [ClosedRange<UInt32>], earlier: Bool) async throws {
        var rest = ranges[...]
        while !rest.isEmpty {
            encoder.vanished(Array(rest.prefix(Self.rangesInVanished)), earlier: earlier)
            rest = rest.dropFirst(Self.rangesInVanished)
            try await flushIfLarge()
        }
    }

    /// Ranges in one VANISHED line: some ten kilobytes at most.
    private static let rangesInVanished = 500

    /// A client that keeps the highest MODSEQ it hears must not come above what could not be told yet.
    private func tellWhatWaits() {
        guard enabled.contains(.qresync), let view = selection?.view, view.hasPendingExpunges else { return }
        // RFC 7162 §3.2, §6: lower than the mod-sequence of the VANISHED that is held back
        untagged(.ok, .highestModSequence(view.tellableModSeq), "Highest")
    }

    private func announce(arrivals: ClosedRange<UInt32>) {
        markRecent(arrivals, stored: 0)
        encoder.exists(selection?.view.count ?? 0)
        // RFC 9051 §E (12): no RECENT
        if !enabled.contains(.imap4rev2) { encoder.recent(selection?.view.recentCount ?? 0) }
    }

    /// Tells the flags of one message, unasked.
    func announce(flagsOf row: EntryRow) {
        guard let number = selection?.view.sequenceNumber(of: row.uid.rawValue) else { return }
        announce(keywordsOf: row)
        encoder.beginFetch(number, IMAPUID(rawValue: row.uid.rawValue))
        if !enabled.contains(.uidOnly) { encoder.fetchUID(IMAPUID(rawValue: row.uid.rawValue)) }
        encoder.fetchFlags(flags(of: row))
        // RFC 7162 §3.1.4.2: MODSEQ in every unsolicited FETCH once the client has shown that it knows of them
        if enabled.contains(.condstore) { encoder.fetchModSequence(row.modSeq.rawValue) }
        encoder.endFetch()
    }

    /// The flags as this session sees them, \Recent included.
    func flags(of row: EntryRow) -> [IMAPFlag] {
        var flags = row.flags.imapFlags + row.keywords.map { .keyword($0) }
        if !enabled.contains(.imap4rev2), selection?.view.isRecent(row.uid.rawValue) == true { flags.append(.recent) }
        return flags
    }

    /// Announces keywords the client has not been told of, before a FETCH shows them. RFC 3501 §7.2.6
    func announce(keywordsOf row: EntryRow) {
        announce(keywords: row.keywords)
    }

    func announce(keywords: [String]) {
        guard !keywords.isEmpty, selection != nil else { return }
        var isNew = false
        for keyword in keywords where selection?.announcedKeywords.insert(keyword.lowercased()).inserted == true {
            selection?.keywords.append(keyword)
            isNew = true
        }
        if isNew { announceFlags() }
    }

    /// FLAGS and PERMANENTFLAGS as they are now.
    func announceFlags() {
        guard let selection else { return }
        let flags = IMAPFlag.system + selection.keywords.map { .keyword($0) }
        encoder.flags(flags)
        switch selection.access {
        case .readWrite:
            // RFC 4314 §5.1.1: the flags that one's rights allow
            let allowed = selection.rights.flags
            let mayWrite = selection.rights.contains(.write)
            let permanent = flags.filter { flag in
                flag.bit.map(allowed.contains) ?? mayWrite
            }
            untagged(.ok, .permanentFlags(permanent, newKeywords: mayWrite), "Flags permitted.")
        case .readOnly:
            untagged(.ok, .permanentFlags([], newKeywords: false), "Read-only mailbox.")
        }
    }

    /// A command has shown that the client knows mod-sequences. RFC 7162 §3.1
    func enableCondstore() {
        guard !enabled.contains(.condstore) else { return }
        enabled.insert(.condstore)
        tellHighestModSequence()
    }

    func tellHighestModSequence() {
        // RFC 7162 §3.1: the first such command with a mailbox selected is answered with the mailbox's value
        if let modSeq = selection?.view.appliedModSeq {
            untagged(.ok, .highestModSequence(modSeq), "Highest")
        }
    }
}

extension IMAPFlag {
    /// The flags every mailbox has, in the order they are listed.
    static let system: [IMAPFlag] = [.answered, .flagged, .deleted, .seen, .draft]

    /// The stored bit of a system flag; nil for a keyword.
    var bit: MessageFlags? {
        switch self {
        case .seen: .seen
        case .answered: .answered
        case .flagged: .flagged
        case .deleted: .deleted
        case .draft: .draft
        case .recent, .keyword, .unknownSystem: nil
        }
    }
}

extension MessageFlags {
    var imapFlags: [IMAPFlag] {
        var flags: [IMAPFlag] = []
        if contains(.answered) { flags.append(.answered) }
        if contains(.flagged) { flags.append(.flagged) }
        if contains(.deleted) { flags.append(.deleted) }
        if contains(.seen) { flags.append(.seen) }
        if contains(.draft) { flags.append(.draft) }
        return flags
    }
}
