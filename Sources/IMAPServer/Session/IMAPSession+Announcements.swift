import IMAPCore
import MailStore

/// Telling the client what other sessions, and deliveries, have done to the selected mailbox.
extension IMAPSession {
    /// Takes in the store's changes and announces what the command in hand allows.
    /// - Throws: ``SessionEnd/bye(_:_:)`` when the mailbox is gone.
    func announce(_ what: Completion.Announcement) async throws {
        guard what != .nothing else { return }
        try await refreshRights()
        guard let mailbox = selection?.mailbox, let since = selection?.view.appliedModSeq else {
            return
        }
        let changes = try await service.store.changes(mailbox, since: ModSequence(rawValue: since))
        guard changes.exists else {
            // RFC 3501 §7.1.5, RFC 2180 §3.2: a mailbox deleted under a session ends the session
            throw SessionEnd.bye(nil, "Selected mailbox was deleted.", "mailbox-deleted")
        }
        guard let absorbed = try await takeIn(changes, of: mailbox) else { return }
        if what == .everything { try await announceExpunges() }
        if let arrivals = absorbed.arrivals { announce(arrivals: arrivals) }
        for offset in absorbed.flagChanges where changes.changed.indices.contains(offset) {
            announce(flagsOf: changes.changed[offset])
            try await flushIfLarge()
        }
    }

    private func takeIn(_ changes: MailboxChanges, of mailbox: MailboxID) async throws -> SelectedMailbox.Absorbed? {
        if let applied = selection?.view.appliedModSeq, changes.purgedThrough.rawValue > applied {
            // Tombstones that old are gone: only the whole list says what else went.
            let whole = try await service.store.uidView(mailbox)  // arrivals among it come as changes
            selection?.view.reconcile(present: whole.uids)
        }
        return selection?.view.absorb(
            changes.changed.map { SelectedMailbox.Change(uid: $0.uid.rawValue, modSeq: $0.modSeq.rawValue) },
            expunged: changes.expunged.map(\.rawValue),
            through: changes.highestModSeq.rawValue
        )
    }

    private func announceExpunges() async throws {
        for number in selection?.view.takeExpunges() ?? [] {
            encoder.expunge(number)
            try await flushIfLarge()
        }
    }

    private func announce(arrivals: ClosedRange<UInt32>) {
        markRecent(arrivals, stored: 0)
        encoder.exists(selection?.view.count ?? 0)
        encoder.recent(selection?.view.recentCount ?? 0)
    }

    /// Tells the flags of one message, unasked.
    func announce(flagsOf row: EntryRow) {
        guard let number = selection?.view.sequenceNumber(of: row.uid.rawValue) else { return }
        announce(keywordsOf: row)
        encoder.beginFetch(number)
        encoder.fetchUID(IMAPUID(rawValue: row.uid.rawValue))
        encoder.fetchFlags(flags(of: row))
        // RFC 7162 §3.1.4.2: MODSEQ in every unsolicited FETCH once the client has shown that it knows of them
        if enabled.contains(.condstore) { encoder.fetchModSequence(row.modSeq.rawValue) }
        encoder.endFetch()
    }

    /// The flags as this session sees them, \Recent included.
    func flags(of row: EntryRow) -> [IMAPFlag] {
        var flags = row.flags.imapFlags + row.keywords.map { .keyword($0) }
        if selection?.view.isRecent(row.uid.rawValue) == true { flags.append(.recent) }
        return flags
    }

    /// Announces keywords the client has not been told of, before a FETCH shows them. RFC 3501 §7.2.6
    func announce(keywordsOf row: EntryRow) {
        guard !row.keywords.isEmpty, selection != nil else { return }
        var isNew = false
        for keyword in row.keywords where selection?.announcedKeywords.insert(keyword.lowercased()).inserted == true {
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
