import Directory
import IMAPCore
import Logging
import MailStore
import Telemetry

// RFC 3501 §6.3.1, §6.3.2
extension IMAPSession {
    func select(_ command: SelectCommand, access: Selection.Access) async throws -> Completion {
        // RFC 7162 §3.2.5
        if command.qresync != nil, !enabled.contains(.qresync) { throw CommandRefusal.qresyncNotEnabled }
        // RFC 3501 §6.3.1: whatever comes of it, the mailbox selected before is no longer selected
        if selection != nil {
            await deselect()
            // RFC 7162 §3.2.11
            untagged(.ok, .closed, "Previous mailbox closed.")
        }
        let accessRevision = service.store.accessRevision
        let target = try await resolveSelectable(command.mailbox, needing: .read)
        let info = target.info
        // RFC 4314 §5.2
        let access = target.rights.isDisjoint(with: .changing) ? .readOnly : access
        let whole = try await service.store.uidView(info.id)
        let keywords = try await service.store.keywords(info.id)
        if command.condstore { enabled.insert(.condstore) }
        selection = Selection(
            account: target.account, mailbox: info.id, rights: target.rights, accessRevision: accessRevision,
            path: target.path, access: access, uidValidity: whole.uidValidity.rawValue,
            uidNext: whole.uidNext.rawValue,
            view: SelectedMailbox(uids: whole.uids, appliedModSeq: whole.highestModSeq.rawValue),
            keywords: keywords, announcedKeywords: Set(keywords.map { $0.lowercased() })
        )
        if let first = whole.uids.first, let last = whole.uids.last {
            markRecent(first...last, stored: whole.recentFrom.rawValue)
        }
        describe(whole, as: target)
        if let known = command.qresync { try await resynchronize(known) }
        switch access {
        case .readWrite: return .ok(.readWrite, "Select completed.", announce: .nothing)
        case .readOnly: return .ok(.readOnly, "Examine completed.", announce: .nothing)
        }
    }

    private func describe(_ whole: UIDView, as target: MailboxTarget) {
        announceFlags()
        encoder.exists(whole.uids.count)
        if enabled.contains(.imap4rev2) {
            // RFC 9051 §6.3.2: LIST in place of RECENT and UNSEEN, which it does not have
            encoder.list(listing(of: target))
        } else {
            encoder.recent(selection?.view.recentCount ?? 0)
        }
        // RFC 9586 §3: UNSEEN is a message number
        if enabled.isDisjoint(with: [.imap4rev2, .uidOnly]), let unseen = whole.firstUnseen,
            let number = selection?.view.sequenceNumber(of: unseen.rawValue)
        {
            untagged(.ok, .unseen(number), "First unseen.")
        }
        untagged(.ok, .uidValidity(whole.uidValidity.rawValue), "UIDs valid")
        untagged(.ok, .uidNext(IMAPUID(rawValue: whole.uidNext.rawValue)), "Predicted next UID")
        // RFC 8474 §4.2
        untagged(.ok, .mailboxID(target.info.objectID), "Mailbox")
        // RFC 7162 §3.1.2.1
        untagged(.ok, .highestModSequence(whole.highestModSeq.rawValue), "Highest")
    }

    /// Marks what this session is the first to hear of. EXAMINE looks without taking. RFC 3501 §6.3.2
    /// - Parameter stored: the store's mark, or 0 when these UIDs have only now arrived.
    func markRecent(_ uids: ClosedRange<UInt32>, stored: UInt32) {
        guard let mailbox = selection?.mailbox, let access = selection?.access else { return }
        let first =
            switch access {
            case .readWrite: service.recent.claim(mailbox, stored: stored, through: uids.upperBound)
            case .readOnly: service.recent.look(mailbox, stored: stored)
            }
        let lower = max(first, uids.lowerBound)
        guard lower <= uids.upperBound else { return }
        selection?.view.markRecent(lower...uids.upperBound)
        if access == .readWrite { selection?.claimsRecent = true }
    }

    /// Leaves the selected mailbox.
    func deselect() async {
        guard let selected = selection else { return }
        selection = nil
        guard selected.claimsRecent else { return }
        do {
            try await service.store.claimRecent(selected.mailbox)
        } catch {
            // The messages are \Recent once more next time; nothing else is lost.
            logger.debug("recent mark not written", metadata: [LogKey.error: "\(error)"])
        }
    }
}

extension CommandRefusal {
    static func noSuchMailbox(_ name: IMAPMailboxName) -> CommandRefusal {
        .no(.nonExistent, "Mailbox doesn't exist: \(name.path)")
    }
}
