import IMAPCore
import MailStore

/// Sorted, merged, non-empty ranges of UIDs: what a sequence set of a command comes to.
struct UIDRanges: Sendable, Equatable {
    private(set) var ranges: [ClosedRange<UInt32>]

    static let none = UIDRanges([])

    /// Sorts and merges.
    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, last.upperBound == .max || range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    /// From single UIDs in any order.
    init(uids: some Sequence<UInt32>) {
        self.init(uids.map { $0...$0 })
    }

    var isEmpty: Bool { ranges.isEmpty }

    func contains(_ uid: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = low + (high - low) / 2
            if ranges[middle].upperBound < uid {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < ranges.count && ranges[low].contains(uid)
    }

    /// What is left above a UID; for the next page of a walk.
    func above(_ uid: UInt32) -> UIDRanges {
        guard uid < .max else { return .none }
        var rest: [ClosedRange<UInt32>] = []
        for range in ranges where range.upperBound > uid {
            rest.append(max(range.lowerBound, uid + 1)...range.upperBound)
        }
        return UIDRanges(sorted: rest)
    }

    private init(sorted: [ClosedRange<UInt32>]) {
        ranges = sorted
    }
}

/// A message number that the mailbox does not have.
struct SequenceNumberOutOfRange: Error, Equatable {
}

extension SelectedMailbox {
    /// UIDs meant by the messages of a command.
    /// - Throws: ``SequenceNumberOutOfRange`` for a sequence number above the count, or `*` in an empty mailbox;
    ///   unknown UIDs are no error.
    func resolve(_ messages: MessageSelection) throws(SequenceNumberOutOfRange) -> UIDRanges {
        switch messages {
        case .sequence(let set): try resolve(set)
        case .uid(let set): resolve(set)
        }
    }

    /// UIDs meant by sequence numbers. Each range of numbers is one range of UIDs, as none of the view lies between.
    func resolve(_ set: SequenceSet) throws(SequenceNumberOutOfRange) -> UIDRanges {
        // RFC 5182 §2.1: an empty result is a valid set, too
        if set.isSavedResult { return savedResult }
        // RFC 3501 §9 (seq-number): a number greater than the count is an error, and so is "*" when there is none
        let last = uids.isEmpty ? nil : SequenceNumber(rawValue: UInt32(truncatingIfNeeded: uids.count))
        if set.reaches(beyond: last) { throw SequenceNumberOutOfRange() }
        return clipped(set)
    }

    /// As ``resolve(_:)``, with numbers the mailbox does not have left out.
    func clipped(_ set: SequenceSet) -> UIDRanges {
        if set.isSavedResult { return savedResult }
        let last = uids.isEmpty ? nil : SequenceNumber(rawValue: UInt32(truncatingIfNeeded: uids.count))
        var found: [ClosedRange<UInt32>] = []
        for range in set.ranges(last: last) where range.lowerBound >= 1 && Int(range.lowerBound) <= uids.count {
            found.append(uids[Int(range.lowerBound) - 1]...uids[min(Int(range.upperBound), uids.count) - 1])
        }
        return UIDRanges(found)
    }

    /// UIDs meant by UIDs, cut to those the client can know of.
    func resolve(_ set: UIDSet) -> UIDRanges {
        if set.isSavedResult { return savedResult }
        guard let greatest = lastUID else { return .none }
        // RFC 3501 §6.4.8: "559:*" always includes the last message
        let ranges = set.ranges(last: IMAPUID(rawValue: greatest)).filter { $0.lowerBound <= greatest }
        return UIDRanges(ranges.map { $0.lowerBound...min($0.upperBound, greatest) })
    }

    /// The part of a set that PARTIAL leaves. RFC 9394 §3.3
    func part(_ range: PartialRange?, of ranges: UIDRanges) -> UIDRanges {
        guard let range else { return ranges }
        let members = members(of: ranges)
        return UIDRanges(uids: members[range.offsets(in: members.count)])
    }

    /// The UIDs of the view within ranges, ascending, `limit` at most.
    func members(of ranges: UIDRanges, limit: Int = .max) -> [UInt32] {
        var found: [UInt32] = []
        for range in ranges.ranges {
            var offset = lowerBound(range.lowerBound)
            while offset < uids.count, uids[offset] <= range.upperBound {
                if found.count >= limit { return found }
                found.append(uids[offset])
                offset += 1
            }
        }
        return found
    }

    /// How many messages of the view lie within ranges.
    func memberCount(of ranges: UIDRanges) -> Int {
        ranges.ranges.reduce(0) { sum, range in
            sum + upperBound(range.upperBound) - lowerBound(range.lowerBound)
        }
    }
}
