import IMAPCore
import MailStore

// QRESYNC: a client that was here before is told what it missed, and no more. RFC 7162 §3.2
extension IMAPSession {
    /// What happened since the client last saw the mailbox that is now selected.
    func resynchronize(_ known: SelectCommand.QResync) async throws {
        guard let selected = selection else { return }
        // RFC 7162 §3.2.5: of another generation of UIDs nothing can be said, and SELECT has told the new one
        guard known.uidValidity == selected.uidValidity else { return }
        // RFC 7162 §3.2.5.1: without known UIDs, all there have ever been
        let among = known.knownUIDs.map { UIDRanges($0.ranges(last: nil)) } ?? selected.everyUID
        let matched = known.sequenceMatch.map { selected.view.lastMatch(of: $0) } ?? 0
        try await tellVanished(in: among.above(matched), since: known.modSequence)
        try await tellChanged(among: among, since: known.modSequence)
    }

    /// The same for UID FETCH (CHANGEDSINCE … VANISHED). RFC 7162 §3.2.6
    func tellVanished(among set: UIDSet, since: UInt64) async throws {
        guard let selected = selection else { return }
        let ranges = set.ranges(last: selected.everyUID.ranges.last.map { IMAPUID(rawValue: $0.upperBound) })
        try await tellVanished(in: UIDRanges(ranges), since: since)
    }

    private func tellVanished(in ranges: UIDRanges, since: UInt64) async throws {
        guard let selected = selection, !ranges.isEmpty else { return }
        let expunged = try await service.store.expunged(selected.mailbox, since: ModSequence(rawValue: since))
        guard since >= expunged.purgedThrough.rawValue else {
            // RFC 7162 §3.2.6: some that went since then are not remembered, so that all that are not there are told
            return try await vanished(selected.gaps(in: ranges), earlier: true)
        }
        // Those the client still counts are told by VANISHED, when their time comes.
        let gone = expunged.uids.filter { ranges.contains($0) && selected.view.sequenceNumber(of: $0) == nil }
        try await vanished(NumberRanges.collapsing(gone), earlier: true)
    }

    private func tellChanged(among ranges: UIDRanges, since: UInt64) async throws {
        guard let selected = selection, since < selected.view.appliedModSeq else { return }
        var position: ChangePosition? = ChangePosition(after: ModSequence(rawValue: since))
        while let from = position {
            let page = try await service.store.changedRows(
                selected.mailbox, from: from, through: ModSequence(rawValue: selected.view.appliedModSeq),
                limit: service.settings.rowPage)
            for row in page.rows where ranges.contains(row.uid.rawValue) {
                // RFC 7162 §3.2.5.1: with UID, FLAGS and MODSEQ
                announce(flagsOf: row)
                try await flushIfLarge()
            }
            position = page.next
        }
    }
}

extension Selection {
    /// Every UID that a client can have heard of.
    var everyUID: UIDRanges {
        let last = max(view.greatestUID, uidNext - min(uidNext, 1))
        return last > 0 ? UIDRanges([1...last]) : .none
    }

    /// What is not in the view of every UID that a client can have heard of.
    func gaps(in ranges: UIDRanges) -> [ClosedRange<UInt32>] {
        guard let last = everyUID.ranges.last?.upperBound else { return [] }
        var gaps: [ClosedRange<UInt32>] = []
        for range in ranges.ranges where range.lowerBound <= last {
            let end = min(range.upperBound, last)
            var next: UInt32? = range.lowerBound
            for present in view.uids[view.lowerBound(range.lowerBound)...].prefix(while: { $0 <= end }) {
                if let next, present > next { gaps.append(next...(present - 1)) }
                next = present < end ? present + 1 : nil
            }
            if let next { gaps.append(next...end) }
        }
        return gaps
    }
}

extension SelectedMailbox {
    /// The last UID of those a client remembers with their numbers that still has its number: nothing up to it went
    /// without the client's knowledge. RFC 7162 §3.2.5.2
    /// - Returns: 0 when none has.
    func lastMatch(of known: SelectCommand.SequenceMatch) -> UInt32 {
        var last: UInt32 = 0
        let numbers = known.sequence.ranges(last: nil).lazy.joined()
        let uids = known.uids.ranges(last: nil).lazy.joined()
        // Both ascend, and so a pair that doesn't match is followed by none that does.
        for (number, remembered) in zip(numbers, uids) {
            guard uid(at: SequenceNumber(rawValue: number)) == remembered else { break }
            last = remembered
        }
        return last
    }
}

extension CommandRefusal {
    static var qresyncNotEnabled: CommandRefusal { .bad(.clientBug, "QRESYNC is not enabled.") }
}
