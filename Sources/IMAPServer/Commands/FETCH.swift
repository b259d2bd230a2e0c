import Blobs
import IMAPCore
import Logging
import MailMessage
import MailStore
import MailSyntax
import NIOCore
import Telemetry

// RFC 3501 §6.4.5, RFC 7162 §3.1.4
//
// Rows come from the store in pages and leave in pieces, each awaited: memory does not grow with the mailbox. Only octets
// of the body open the message's file; everything else is answered from what is kept beside it.
extension IMAPSession {
    func fetch(_ command: FetchCommand) async throws -> Completion {
        guard let mailbox = selection?.mailbox else { throw CommandRefusal.noMailbox }
        // RFC 7162 §3.2.6
        if command.vanished, !enabled.contains(.qresync) { throw CommandRefusal.qresyncNotEnabled }
        guard let view = selection?.view else { throw CommandRefusal.noMailbox }
        // RFC 4314 §4 (FETCH): \Seen is not set without the right to
        let marksSeen = selection?.access == .readWrite && selection?.rights.contains(.seen) == true
        let plan = try FetchPlan(command, isReadWrite: marksSeen, enabled)
        if plan.usesModSequences { enableCondstore() }
        let ranges = view.part(command.partial, of: try resolved(command.messages, in: view))
        let expected = command.changedSince == nil ? view.memberCount(of: ranges) : nil
        var progress = FetchProgress()
        if command.vanished, case .uid(let set) = command.messages, let since = command.changedSince {
            // RFC 7162 §3.2.6: before any FETCH, else numbers and UIDs could be matched wrongly
            try await tellVanished(among: set, since: since)
        }
        if plan.isOfView {
            try await fetchUIDs(ranges, &progress)
        } else if let detail = plan.pageDetail(enabled.nameEncoding) {
            try await fetchPages(ranges, plan, detail, mailbox, &progress)
        } else if plan.needsIndex {
            try await fetchIndexed(ranges, plan, mailbox, &progress)
        } else {
            try await fetchRows(ranges, plan, mailbox, &progress)
        }
        return completion(progress, expected: expected, isUID: command.messages.isUID)
    }

    /// Answers from what this session has been told of the mailbox: also of messages that others have expunged since.
    // RFC 2180 §4.1.1
    private func fetchUIDs(_ ranges: UIDRanges, _ progress: inout FetchProgress) async throws {
        guard let view = selection?.view else { return }
        for range in ranges.ranges {
            for place in view.lowerBound(range.lowerBound)..<view.upperBound(range.upperBound) {
                let uid = IMAPUID(rawValue: view.uids[place])
                encoder.beginFetch(SequenceNumber(rawValue: UInt32(truncatingIfNeeded: place + 1)), uid)
                encoder.fetchUID(uid)
                encoder.endFetch()
                progress.answered += 1
                try await flushIfLarge()
            }
        }
    }

    private func completion(_ progress: FetchProgress, expected: Int?, isUID: Bool) -> Completion {
        let announcement: Completion.Announcement = isUID ? .everything : .withoutExpunges
        if progress.undecodable > 0, progress.unreadable == 0 {
            // RFC 3516 §4.3
            return Completion(
                .no, .unknownCTE, "\(progress.undecodable) of the parts have an encoding that is not known.",
                announce: announcement)
        }
        if progress.unreadable > 0 {
            return Completion(
                .no, .corruption, "\(progress.unreadable) of the messages could not be read.", announce: announcement)
        }
        if let expected, progress.answered < expected {
            // RFC 5530 §3
            return .ok(.expungeIssued, "Some of the messages no longer exist.", announce: announcement)
        }
        return .ok("Fetch completed.", announce: announcement)
    }

    private func fetchRows(
        _ ranges: UIDRanges, _ plan: FetchPlan, _ mailbox: MailboxID, _ progress: inout FetchProgress
    ) async throws {
        var rest = ranges
        // A page that is to be marked as read is one write: keep it small.
        let limit = plan.marksSeen || plan.readsOctets ? service.settings.indexPage : service.settings.rowPage
        while !rest.isEmpty {
            let rows = try await service.store.rows(
                mailbox, uids: rest.ranges, changedSince: plan.changedSince.map { ModSequence(rawValue: $0) },
                limit: limit)
            let seen = try await markSeen(rows, plan, mailbox)
            // Where the octets are is asked for all messages of a page at once.
            let places = plan.readsOctets ? try await service.store.places(of: rows.map(\.email)) : [:]
            var ahead = ReadAhead(rows.map { places[$0.email] }, store: service.store)
            for row in rows {
                let marked = seen[row.uid.rawValue]
                let message = FetchedMessage(
                    row: marked ?? row, octets: places[row.email], isMarked: marked != nil)
                try await answer(message, plan, ahead.next(), &progress)
            }
            guard let last = rows.last, rows.count >= limit else { return }
            rest = rest.above(last.uid.rawValue)
        }
    }

    func fetchIndexed(
        _ ranges: UIDRanges, _ plan: FetchPlan, _ mailbox: MailboxID, _ progress: inout FetchProgress
    ) async throws {
        var rest = ranges
        let limit = service.settings.indexPage
        while !rest.isEmpty {
            let page = try await service.store.indexes(
                mailbox, uids: rest.ranges, changedSince: plan.changedSince.map { ModSequence(rawValue: $0) },
                limit: limit)
            let seen = try await markSeen(page.map(\.0), plan, mailbox)
            for (row, index) in page {
                let marked = seen[row.uid.rawValue]
                let message = FetchedMessage(row: marked ?? row, index: index, isMarked: marked != nil)
                try await answer(message, plan, nil, &progress)
            }
            guard let last = page.last?.0, page.count >= limit else { return }
            rest = rest.above(last.uid.rawValue)
        }
    }

    /// Sets \Seen where reading does. RFC 3501 §6.4.5
    /// - Returns: the rows that changed, by UID; their FETCH tells the new flags.
    private func markSeen(
        _ rows: [EntryRow], _ plan: FetchPlan, _ mailbox: MailboxID
    ) async throws -> [UInt32: EntryRow] {
        guard plan.marksSeen else { return [:] }
        let unseen = rows.filter { !$0.flags.contains(.seen) }.map(\.uid)
        guard !unseen.isEmpty else { return [:] }
        let update = try await service.store.updateFlags(
            mailbox, uids: unseen, change: .add(.seen, keywords: []), unchangedSince: nil)
        for row in update.changed {
            selection?.view.noteOwnChange(uid: row.uid.rawValue, modSeq: row.modSeq.rawValue)
        }
        return Dictionary(update.changed.map { ($0.uid.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: One message

    /// - Parameter opened: the message's octets, where they were opened before.
    private func answer(
        _ message: FetchedMessage, _ plan: FetchPlan, _ opened: BlobReader?, _ progress: inout FetchProgress
    ) async throws {
        let row = message.row
        // One that arrived and was not announced yet has no number.
        guard let number = selection?.view.sequenceNumber(of: row.uid.rawValue) else { return }
        progress.answered += 1
        if plan.tellsFlags || message.isMarked { announce(keywordsOf: row) }
        encoder.beginFetch(number, IMAPUID(rawValue: row.uid.rawValue))
        // RFC 7162 §3.2.4: UID too in a FETCH that tells of a flag it has set
        let tellsChange = message.isMarked && enabled.contains(.condstore)
        if plan.addsUID || (tellsChange && !plan.items.contains(.uid) && !enabled.contains(.uidOnly)) {
            encoder.fetchUID(IMAPUID(rawValue: row.uid.rawValue))
        }
        if message.isMarked, !plan.tellsFlags { encoder.fetchFlags(flags(of: row)) }
        if tellsChange, !plan.items.contains(.modSequence) { encoder.fetchModSequence(row.modSeq.rawValue) }
        var reader = opened
        for item in plan.items {
            if let content = FetchContent(item) {
                try await answer(content, message, &reader, &progress)
            } else if case .binary(let fetch) = item {
                try await answer(fetch, message, &reader, &progress)
            } else if case .binarySize(let part) = item {
                try await answer(sizeOf: part, message, &reader, &progress)
            } else {
                answer(item, message)
            }
        }
        // RFC 9051 §9, msg-att: something has to be told, also where nothing that was asked can be
        if encoder.isFetchEmpty { encoder.fetchFlags(flags(of: row)) }
        encoder.endFetch()
        try await flushIfLarge()
    }

    private func answer(_ item: FetchItem, _ message: FetchedMessage) {
        let row = message.row
        switch item {
        case .flags: encoder.fetchFlags(flags(of: row))
        case .uid: encoder.fetchUID(IMAPUID(rawValue: row.uid.rawValue))
        case .internalDate:
            encoder.fetchInternalDate(
                IMAPDateTime(secondsSince1970: row.internalDate.seconds, zoneMinutes: row.zoneMinutes))
        case .rfc822Size: encoder.fetchSize(row.size)
        case .modSequence: encoder.fetchModSequence(row.modSeq.rawValue)
        case .envelope: if let index = message.index { encoder.fetchEnvelope(index.envelope) }
        case .body: if let index = message.index { encoder.fetchBody(index.structure) }
        case .bodyStructure: if let index = message.index { encoder.fetchBodyStructure(index.structure) }
        case .emailID: encoder.fetchEmailID(row.email.objectID)
        case .threadID: encoder.fetchThreadID(row.thread.objectID)
        case .saveDate:
            encoder.fetchSaveDate(IMAPDateTime(secondsSince1970: row.saveDate.seconds, zoneMinutes: 0))
        // RFC 8970 §3.2: it was made when the message came, so that nobody has to wait for it
        case .preview: if let index = message.index { encoder.fetchPreview(index.preview) }
        case .section, .rfc822, .rfc822Header, .rfc822Text, .binary, .binarySize: return
        }
    }

    // MARK: Octets

    private func answer(
        _ content: FetchContent, _ message: FetchedMessage, _ reader: inout BlobReader?, _ progress: inout FetchProgress
    ) async throws {
        guard let place = message.place(of: content) else { return encoder.fetchNil(content) }
        if let octets = message.octetsAtHand(place, content.partial) {
            encoder.fetch(content, octets: octets)
            return try await flushIfLarge()
        }
        do {
            let open = try await openReader(reader, of: message)
            reader = open
            switch place {
            case .filteredHeader(let range, let filter):
                let header = filter.apply(to: try open.read(FetchedMessage.bounded(range)))
                encoder.fetch(content, octets: header[(content.partial?.applied(to: header.indices)) ?? header.indices])
            case .octets(let range):
                let wanted = content.partial?.applied(to: range) ?? range
                try await stream(wanted.clamped(to: 0..<max(0, open.size)), of: open, as: content)
            }
        } catch let end as SessionEnd {
            throw end
        } catch {
            tellUnreadable(error, &progress)
            encoder.fetchNil(content)
        }
    }

    func tellUnreadable(_ error: any Error, _ progress: inout FetchProgress) {
        logger.error(
            "message can't be read",
            metadata: [LogKey.error: "\(error)", LogKey.imapMailbox: "\(selection?.path ?? "")"])
        progress.unreadable += 1
    }

    func openReader(_ known: BlobReader?, of message: FetchedMessage) async throws -> BlobReader {
        if let known { return known }
        if let place = message.octets { return try service.store.open(place) }
        return try await service.store.openMessage(message.row.email)
    }

    /// Sends a range of the file in pieces. Once the literal is announced there is no way to say that it can't be read.
    private func stream(_ range: Range<Int>, of reader: BlobReader, as content: FetchContent) async throws {
        let piece = max(1, service.settings.bodyPiece)
        // One message after the other: let the buffer grow at once.
        if encoder.buffer.readableBytes >= 2048 { encoder.makeRoom(for: service.settings.outputPiece) }
        let start = encoder.mark
        encoder.fetchLiteral(content, size: range.count)
        messagesTold += 1
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count: Int
            do {
                count = try encoder.literalOctets(upTo: min(piece, range.upperBound - offset)) { space in
                    try reader.read(at: offset, into: space)
                }
            } catch  where offset == range.lowerBound {
                // Nothing of it has been sent: the usual failure can still be told.
                encoder.goBack(to: start)
                throw error
            } catch {
                logger.error("message can't be read to its end", metadata: [LogKey.error: "\(error)"])
                throw SessionEnd.connectionLost
            }
            guard count > 0 else {
                logger.error("message ends before its time", metadata: [LogKey.count: "\(offset)"])
                throw SessionEnd.connectionLost
            }
            offset += count
            try await flushIfLarge()
        }
    }
}
