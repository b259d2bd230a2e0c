import Blobs
package import Directory
import MailSyntax
import SQLEngine

/// Taking in mail of elsewhere with its UIDs, flags and dates. Each message comes once, whatever interrupts the import:
/// what it is known by is written in the commit that keeps it.
///
/// Clients that have the mailbox open see messages with UIDs below those they know when they open it again: sequence
/// numbers may not change under them. // RFC 3501 §2.3.1.2
extension MailStore {
    /// Finds or makes the mailbox, and decides whether UIDs are kept: they are where it is empty, and then it takes the
    /// source's UIDVALIDITY and leaves its UIDs free for it. // RFC 3501 §2.3.1.1
    ///
    /// - Throws: `MailStoreError` for a name that can't be.
    package func beginIncoming(_ account: AccountID, _ incoming: IncomingMailbox) async throws -> IncomingTarget {
        let id = try await incomingMailbox(account, incoming.path)
        let (target, modSeq) = try await database.write { writer -> (IncomingTarget, ModSequence?) in
            let use = try Self.takeUse(writer, account, id, incoming.specialUse)
            let head = try writer.first(MovingStatements.head, id) { ($0.uint32(0), $0.uint32(1), $0.int(2)) }
            guard let (validity, next, messages) = head else { throw MailStoreError.notSelectable }
            let known = try writer.first(MovingStatements.source, id, incoming.source) { row in
                (row.uint32(0), row.bool(1), row.uint32(2))
            }
            if let (knownValidity, keeps, reserved) = known, knownValidity == validity {
                if keeps { try Self.extendReservation(writer, id, incoming, next: next, reserved: reserved) }
                return (
                    IncomingTarget(
                        mailbox: id, source: incoming.source, keepsUIDs: keeps,
                        uidValidity: UIDValidity(rawValue: validity)), use
                )
            }
            try writer.execute(MovingStatements.forgetMessages, id, incoming.source)
            guard messages == 0, let theirs = incoming.uidValidity, theirs.rawValue > 0 else {
                try writer.execute(MovingStatements.setSource, id, incoming.source, validity, false, 0)
                return (
                    IncomingTarget(
                        mailbox: id, source: incoming.source, keepsUIDs: false,
                        uidValidity: UIDValidity(rawValue: validity)), use
                )
            }
            let modSeq = try Self.bump(writer, account)
            let reserved = max(incoming.uidNext?.rawValue ?? 1, 1)
            try writer.execute(MovingStatements.reserve, id, theirs.rawValue, reserved, modSeq)
            // Tombstones are of another UIDVALIDITY.
            try writer.execute(MovingStatements.dropTombstones, id)
            // A mailbox that is made later never has it again.
            try writer.execute(MovingStatements.noteValidity, account, theirs.rawValue)
            try writer.execute(MovingStatements.setSource, id, incoming.source, theirs.rawValue, true, reserved)
            return (
                IncomingTarget(mailbox: id, source: incoming.source, keepsUIDs: true, uidValidity: theirs), modSeq
            )
        }
        if modSeq != nil { changeFeed.announce(account, mailboxes: [id], kinds: [.messages, .mailboxes]) }
        return target
    }

    /// Items of a source that are in already, ascending, in pages.
    package func incomingItems(_ target: IncomingTarget, after: Int64 = .min, limit: Int) async throws -> [Int64] {
        try await database.read { reader in
            try reader.query(MovingStatements.items, target.mailbox, target.source, after, limit) { $0.int64(0) }
        }
    }

    /// Takes in messages, all or none, behind what people wait for. Those that came before are passed over. Quota holds
    /// nothing up: whoever moves a mailbox moves all of it.
    ///
    /// - Parameter messages: at most `unitLimit`.
    /// - Throws: `MailStoreError.noSuchMailbox` where the mailbox went away or was made anew.
    package func addIncoming(
        _ account: AccountID, to target: IncomingTarget, _ messages: [IncomingMessage]
    ) async throws -> IncomingCount {
        var staged: [StagedBlob] = []
        var prepared: [PreparedMessage] = []
        for message in messages {
            let blob = try await blobs.stage(message.message.content)
            staged.append(blob)
            prepared.append(PreparedMessage(blob: blob.id.key, index: message.message.index))
        }
        let emails = messages.map { _ in EmailID(rawValue: ids.next().rawValue) }
        let now = clock.now()
        let plan = IncomingPlan(
            account: account, target: target, messages: messages, staged: staged, prepared: prepared, emails: emails)
        let added = try await database.write(.bulk, .flushed, files: staged) { try plan.run($0, now: now) }
        if !added.isEmpty { changeFeed.announce(account, mailboxes: [target.mailbox]) }
        for index in added { searchIndex?.enqueue(emails[index]) }
        return IncomingCount(added: added.count, known: messages.count - added.count)
    }

    private func incomingMailbox(_ account: AccountID, _ path: String) async throws -> MailboxID {
        if MailboxName.canonical(path) == "INBOX" { return try await inbox(account) }
        if let found = try await mailbox(account, path: path), found.selectable { return found.id }
        do {
            return try await createMailbox(account, path: path).id
        } catch MailStoreError.alreadyExists {
            guard let found = try await mailbox(account, path: path) else { throw MailStoreError.noSuchMailbox }
            return found.id
        }
    }

    /// New messages of the source since: their UIDs are free as long as nothing else has taken one.
    private static func extendReservation(
        _ writer: any SQLWriter, _ id: MailboxID, _ incoming: IncomingMailbox, next: UInt32, reserved: UInt32
    ) throws {
        guard let theirs = incoming.uidNext?.rawValue, theirs > reserved, next == reserved,
            let validity = incoming.uidValidity
        else { return }
        try writer.execute(MovingStatements.raiseNext, id, theirs)
        try writer.execute(MovingStatements.setSource, id, incoming.source, validity.rawValue, true, theirs)
    }

    /// The mailbox becomes the one for a purpose, unless another holds it that was ever used. RFC 6154 §2
    private static func takeUse(
        _ writer: any SQLWriter, _ account: AccountID, _ id: MailboxID, _ use: SpecialUse?
    ) throws -> ModSequence? {
        guard let use else { return nil }
        let own = try writer.first(MovingStatements.head, id) { $0.optionalString(3) }
        guard case .some(.none) = own else { return nil }
        let holder = try writer.first(MovingStatements.holderOfUse, account, use.rawValue) { row in
            (MailboxID(rawValue: row.int64(0)), row.int(1), row.uint32(2))
        }
        if let (holder, messages, next) = holder {
            guard messages == 0, next == 1 else { return nil }
            let modSeq = try bump(writer, account)
            try writer.execute(MovingStatements.setUse, holder, String?.none, modSeq)
        }
        let modSeq = try bump(writer, account)
        try writer.execute(MovingStatements.setUse, id, use.rawValue, modSeq)
        return modSeq
    }
}

/// Incoming messages that are ready to be written.
private struct IncomingPlan: Sendable {
    let account: AccountID
    let target: IncomingTarget
    let messages: [IncomingMessage]
    let staged: [StagedBlob]
    let prepared: [PreparedMessage]
    let emails: [EmailID]

    /// Returns the offsets of what was added.
    func run(_ writer: any SQLWriter, now: Timestamp) throws -> [Int] {
        let source = try writer.first(MovingStatements.source, target.mailbox, target.source) { row in
            (row.uint32(0), row.bool(1), row.uint32(2))
        }
        let validity = try writer.first(MovingStatements.head, target.mailbox) { $0.uint32(0) }
        guard let (noted, keeps, reserved) = source, noted == validity, noted == target.uidValidity.rawValue else {
            throw MailStoreError.noSuchMailbox
        }
        let fresh = try self.fresh(writer)
        guard !fresh.isEmpty else { return [] }
        let octets = fresh.reduce(Int64(0)) { $0 + Int64(prepared[$1].size) }
        let modSeq = try MailStore.bump(writer, account, octets: octets, messages: fresh.count)
        for index in fresh {
            let wanted = keeps ? messages[index].uid.flatMap { $0.rawValue < reserved ? $0 : nil } : nil
            try add(writer, index, uid: try uid(writer, wanted), modSeq: modSeq, now: now)
        }
        let flags = fresh.map { messages[$0].message.flags }
        try writer.execute(
            MailStoreStatements.adjustMailbox, target.mailbox, fresh.count, flags.count { !$0.contains(.seen) },
            flags.count { $0.contains(.deleted) }, octets, modSeq)
        return fresh
    }

    private func fresh(_ writer: any SQLWriter) throws -> [Int] {
        var seen: Set<Int64> = []
        return try messages.indices.filter { index in
            let item = messages[index].item
            guard seen.insert(item).inserted else { return false }
            return try writer.first(MovingStatements.isKnown, target.mailbox, target.source, item) { _ in true } == nil
        }
    }

    private func uid(_ writer: any SQLWriter, _ wanted: UID?) throws -> UID {
        if let wanted, wanted.rawValue > 0,
            try writer.first(MovingStatements.isTaken, target.mailbox, wanted, map: { _ in true }) == nil
        {
            return wanted
        }
        guard let next = try writer.first(MovingStatements.takeUID, target.mailbox, map: { $0.int64(0) }) else {
            throw MailStoreError.noSuchMailbox
        }
        // RFC 3501 §2.3.1.1: UIDs are 32 bits and never used again.
        guard next <= Int64(UInt32.max) else { throw MailStoreError.uidsExhausted }
        return UID(rawValue: UInt32(clamping: next - 1))
    }

    private func add(
        _ writer: any SQLWriter, _ index: Int, uid: UID, modSeq: ModSequence, now: Timestamp
    ) throws {
        let message = messages[index].message
        let ready = prepared[index]
        try BlobRows.insert(writer, staged[index], references: 1, now: now)
        let thread = try MailStore.insertEmail(writer, ready, email: emails[index], account: account)
        let entry = MailStore.NewEntry(
            email: emails[index], thread: thread, flags: message.flags.intersection(.all), keywords: message.keywords,
            internalDate: message.internalDate, zoneMinutes: message.zoneMinutes, size: ready.size)
        try MailStore.note(writer, target.mailbox, keywords: message.keywords)
        try MailStore.write(writer, entry, uid: uid, into: target.mailbox, modSeq: modSeq, now: now)
        if let uidl = message.pop3UIDL {
            try writer.execute(MailStoreStatements.setPOP3UIDL, target.mailbox, uid, uidl.text)
        }
        try writer.execute(MovingStatements.note, target.mailbox, target.source, messages[index].item, uid)
    }
}
