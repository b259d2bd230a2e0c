import IMAPCore
import MailStore

/// What this client has been told of the mailbox it has selected: the sequence number ↔ UID view.
///
/// Invariants:
/// - `uids` is strictly ascending; the message with sequence number n is `uids[n - 1]`.
/// - A message leaves `uids` only in ``takeExpunges()`` or ``takeVanished()``, so a number never changes its meaning unless the client was
///   told. RFC 3501 §7.4.1
/// - Arrivals may be taken in at any time (they only lengthen the view); the client learns of them by EXISTS before
///   the tagged reply of the command in hand. RFC 3501 §5.2
/// - Memory: eight octets for each run of messages whose UIDs are neighbours, plus whatever expunge waits to be announced.
struct SelectedMailbox: Sendable {
    private(set) var uids: UIDList
    /// The greatest that was ever among `uids`; 0 when there was none.
    private(set) var greatestUID: UInt32
    /// Changes of the store up to and including this mod-sequence have been taken in.
    private(set) var appliedModSeq: UInt64
    /// Gone from the store, still counted by the client; ascending, all members of `uids`.
    private(set) var pendingExpunges: [UInt32] = []
    /// What had been taken in before the first expunge that waits.
    private var modSeqBeforeExpunges: UInt64 = 0
    /// UIDs that this session was the first to hear of. RFC 3501 §2.3.2
    private(set) var recent: [ClosedRange<UInt32>] = []
    /// UIDs of the search result that `$` means; those that are gone since match nothing. RFC 5182 §2.1
    var savedResult = UIDRanges.none
    /// Messages of this session's own doing, whose news the client already has: UID → mod-sequence it was told of.
    private var ownChanges: [UInt32: UInt64] = [:]

    /// - Parameters:
    ///   - appliedModSeq: the mod-sequence the list of UIDs was read at.
    init(uids: UIDList, appliedModSeq: UInt64) {
        self.uids = uids
        greatestUID = uids.last ?? 0
        self.appliedModSeq = appliedModSeq
    }

    /// The number the last EXISTS said, or the next one will say.
    var count: Int { uids.count }

    var lastUID: UInt32? { uids.last }

    /// Whether an EXPUNGE waits for a command that may carry it.
    var hasPendingExpunges: Bool { !pendingExpunges.isEmpty }

    /// Everything up to this mod-sequence can have been told: below what waits to be expunged. RFC 7162 §3.2
    var tellableModSeq: UInt64 { pendingExpunges.isEmpty ? appliedModSeq : modSeqBeforeExpunges }

    func uid(at number: SequenceNumber) -> UInt32? {
        let offset = Int(number.rawValue) - 1
        return uids.indices.contains(offset) ? uids[offset] : nil
    }

    /// The sequence number of a message the client knows; O(log runs).
    func sequenceNumber(of uid: UInt32) -> SequenceNumber? {
        let offset = lowerBound(uid)
        guard offset < uids.count, uids[offset] == uid else { return nil }
        return SequenceNumber(rawValue: UInt32(truncatingIfNeeded: offset + 1))
    }

    /// Offset of the first UID that is not below the given one.
    func lowerBound(_ uid: UInt32) -> Int { uids.place(of: uid) }

    /// Offset of the first UID that is above the given one.
    func upperBound(_ uid: UInt32) -> Int {
        uid == .max ? uids.count : lowerBound(uid + 1)
    }

    // MARK: Changes

    /// Takes in what the store reports since ``appliedModSeq``.
    /// - Parameters:
    ///   - arrivals: ascending; those not above the last UID are ignored.
    ///   - expunged: UIDs that are gone, in any order; unknown ones are ignored (arrived and left unseen).
    ///   - through: the store's mod-sequence these cover.
    /// - Returns: the UIDs that are new to the view.
    mutating func absorb(arrivals: [UInt32], expunged: [UInt32], through: UInt64) -> ClosedRange<UInt32>? {
        queue(expunged)
        var new: ClosedRange<UInt32>?
        for uid in arrivals where uid > (uids.last ?? 0) {
            uids.append(uid)
            greatestUID = uid
            new = (new?.lowerBound ?? uid)...uid
        }
        appliedModSeq = max(appliedModSeq, through)
        return new
    }

    /// Whether the client should hear of the flags of a message that changed with this number: it knows the message,
    /// and not the change.
    func isNews(_ uid: UInt32, modSeq: UInt64) -> Bool {
        ownChanges[uid] != modSeq && sequenceNumber(of: uid) != nil
    }

    /// Forgets which changes were its own, once everything up to ``appliedModSeq`` was told.
    mutating func forgetOwnChanges() {
        ownChanges.removeAll()
    }

    private mutating func queue(_ expunged: [UInt32]) {
        let known = expunged.filter { sequenceNumber(of: $0) != nil }
        guard !known.isEmpty else { return }
        if pendingExpunges.isEmpty { modSeqBeforeExpunges = appliedModSeq }
        pendingExpunges = Set(pendingExpunges).union(known).sorted()
    }

    /// Takes in the whole list of UIDs anew, for when the store no longer remembers what was expunged.
    mutating func reconcile(present: UIDList) {
        let gone = uids.filter { uid in
            let place = present.place(of: uid)
            return place == present.count || present[place] != uid
        }
        queue(gone)
    }

    /// Removes what waits to be expunged and says the sequence numbers to announce, in the order to announce them:
    /// descending, so that each number is right at the moment the client reads it. RFC 3501 §7.4.1
    mutating func takeExpunges() -> [SequenceNumber] {
        guard !pendingExpunges.isEmpty else { return [] }
        var numbers: [SequenceNumber] = []
        numbers.reserveCapacity(pendingExpunges.count)
        for uid in pendingExpunges.reversed() {
            if let number = sequenceNumber(of: uid) { numbers.append(number) }
        }
        removePending()
        return numbers
    }

    /// The same for who is told by UID.
    /// - Returns: ascending.
    mutating func takeVanished() -> [UInt32] {
        let gone = pendingExpunges
        if !gone.isEmpty { removePending() }
        return gone
    }

    private mutating func removePending() {
        uids.remove(pendingExpunges)
        pendingExpunges = []
    }

    /// Notes a change the client has been told of (or asked not to be told of), so that the feed does not repeat it.
    mutating func noteOwnChange(uid: UInt32, modSeq: UInt64) {
        ownChanges[uid] = modSeq
    }

    // MARK: \Recent

    /// Marks a range of UIDs as recent in this session; ranges come in ascending order.
    mutating func markRecent(_ range: ClosedRange<UInt32>) {
        // Nothing of the view between the two: one range says the same.
        if let last = recent.last, last.upperBound < range.lowerBound,
            lowerBound(last.upperBound + 1) == lowerBound(range.lowerBound)
        {
            recent[recent.count - 1] = last.lowerBound...range.upperBound
        } else {
            recent.append(range)
        }
    }

    func isRecent(_ uid: UInt32) -> Bool {
        recent.contains { $0.contains(uid) }
    }

    /// How many messages of the view are recent.
    var recentCount: Int {
        recent.reduce(0) { $0 + upperBound($1.upperBound) - lowerBound($1.lowerBound) }
    }
}
