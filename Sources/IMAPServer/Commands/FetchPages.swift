import IMAPCore
import MailStore
import MailSyntax
import NIOCore

// FETCH of what stands in rows: flags, dates, sizes, envelopes, structures. The answer is written where the rows are read,
// into one piece at a time, so that a mailbox of a hundred thousand messages costs neither memory nor a copy a message.

extension FetchPlan {
    /// What a walk has to see; nil where the answer needs more than rows and texts.
    /// - Parameter names: kept envelopes are those for clients without UTF-8.
    func pageDetail(_ names: IMAPNameEncoding) -> EntryDetail? {
        guard !marksSeen else { return nil }
        var (row, envelope, structure) = (false, false, false)
        for item in items {
            switch item {
            case .flags, .uid, .modSequence: continue
            case .internalDate, .rfc822Size: row = true
            case .envelope where names == .utf8: return nil
            case .envelope: envelope = true
            case .bodyStructure: structure = true
            default: return nil
            }
        }
        if structure { return row || envelope ? .texts : .structure }
        if envelope { return .envelope }
        return row ? .row : .flags
    }
}

/// A piece of a FETCH answer while it is written.
private struct FetchPage: Sendable {
    var encoder: IMAPResponseEncoder
    let view: SelectedMailbox
    let plan: FetchPlan
    /// Keywords the client knows, folded.
    let announced: Set<String>
    /// RFC 9051 Appendix E: there is no \Recent in IMAP4rev2
    let tellsRecent: Bool
    let limit: Int
    var answered = 0
    /// Keywords that the client must hear of first.
    var unannounced: [String] = []
    /// The message that ended the piece untold, because its text is not for clients that know UTF-8.
    var needsIndex: UInt32?

    mutating func knows(_ keywords: [UID: [String]]) -> Bool {
        guard plan.tellsFlags else { return true }
        for words in keywords.values {
            for word in words where !announced.contains(word.lowercased()) { unannounced.append(word) }
        }
        return unannounced.isEmpty
    }

    /// - Returns: false once the piece is large enough, or ends before this message.
    mutating func tell(_ message: EntrySight, _ keywords: [String]) -> Bool {
        if encoder.nameEncoding == .utf8, plan.items.contains(.bodyStructure),
            FetchText.differsInUTF8(structure: message.structure)
        {
            needsIndex = message.uid
            return false
        }
        // One that arrived and was not announced yet has no number.
        guard let number = view.sequenceNumber(of: message.uid) else { return true }
        answered += 1
        encoder.beginFetch(number, IMAPUID(rawValue: message.uid))
        if plan.addsUID { encoder.fetchUID(IMAPUID(rawValue: message.uid)) }
        for item in plan.items { tell(item, message, keywords) }
        encoder.endFetch()
        return encoder.buffer.readableBytes < limit
    }

    private mutating func tell(_ item: FetchItem, _ message: EntrySight, _ keywords: [String]) {
        switch item {
        case .flags:
            encoder.fetchFlags(
                bits: message.flags.rawValue, keywords: keywords,
                isRecent: tellsRecent && view.isRecent(message.uid))
        case .uid: encoder.fetchUID(IMAPUID(rawValue: message.uid))
        case .modSequence: encoder.fetchModSequence(message.modSeq.rawValue)
        case .internalDate:
            encoder.fetchInternalDate(
                IMAPDateTime(secondsSince1970: message.internalDate.seconds, zoneMinutes: message.zoneMinutes))
        case .rfc822Size: encoder.fetchSize(message.size)
        case .envelope: encoder.fetchEnvelope(text: message.envelope)
        case .bodyStructure: encoder.fetchBodyStructure(text: message.structure)
        default: return
        }
    }
}

extension IMAPSession {
    /// Answers a FETCH by walks over pages of rows.
    func fetchPages(
        _ ranges: UIDRanges, _ plan: FetchPlan, _ detail: EntryDetail, _ mailbox: MailboxID,
        _ progress: inout FetchProgress
    ) async throws {
        var rest = ranges
        while let view = selection?.view {
            let part = view.part(of: rest, limit: service.settings.rowPage)
            guard let last = part.last?.upperBound else { return }
            let page = FetchPage(
                encoder: IMAPResponseEncoder(
                    nameEncoding: encoder.nameEncoding, messageNaming: encoder.messageNaming),
                view: view, plan: plan,
                announced: selection?.announcedKeywords ?? [],
                tellsRecent: !enabled.contains(.imap4rev2) && !view.recent.isEmpty, limit: service.settings.fetchPiece)
            let walk = try await service.store.walk(
                mailbox, uids: part, changedSince: plan.changedSince.map { ModSequence(rawValue: $0) },
                detail: detail, state: page, prepare: { $0.knows($1) }, body: { $0.tell($1, $2) })
            if !walk.state.unannounced.isEmpty {
                announce(keywords: walk.state.unannounced)
                continue
            }
            progress.answered += walk.state.answered
            try await flush()
            try await send(walk.state.encoder)
            switch walk.end {
            case .done: rest = rest.above(last)
            case .stopped(let uid) where walk.state.needsIndex != uid: rest = rest.above(uid)
            case .stopped(let uid), .withoutTexts(let uid):
                // Told from its index, or it is there no more.
                try await fetchIndexed(UIDRanges([uid...uid]), plan, mailbox, &progress)
                rest = rest.above(uid)
            }
        }
    }
}

extension SelectedMailbox {
    /// The first of the messages within ranges, as ranges whose ends are messages; `limit` of them at most.
    func part(of ranges: UIDRanges, limit: Int) -> [ClosedRange<UInt32>] {
        var part: [ClosedRange<UInt32>] = []
        var room = limit
        for range in ranges.ranges where room > 0 {
            let start = lowerBound(range.lowerBound)
            let end = min(upperBound(range.upperBound), start + room)
            guard start < end else { continue }
            part.append(uids[start]...uids[end - 1])
            room -= end - start
        }
        return part
    }
}
