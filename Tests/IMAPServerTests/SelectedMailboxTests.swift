import IMAPCore
import MailStore
import MartletTesting
import Testing

@testable import IMAPServer

@Suite("The view of the selected mailbox")
struct SelectedMailboxTests {
    private func numbers(_ values: [SequenceNumber]) -> [UInt32] { values.map(\.rawValue) }

    @Test("numbers and UIDs map both ways")
    func mapping() {
        let view = SelectedMailbox(uids: [3, 7, 9, 20], appliedModSeq: 1)
        #expect(view.count == 4)
        #expect(view.uid(at: SequenceNumber(rawValue: 1)) == 3)
        #expect(view.uid(at: SequenceNumber(rawValue: 4)) == 20)
        #expect(view.uid(at: SequenceNumber(rawValue: 5)) == nil)
        #expect(view.uid(at: SequenceNumber(rawValue: 0)) == nil)
        #expect(view.sequenceNumber(of: 9)?.rawValue == 3)
        #expect(view.sequenceNumber(of: 8) == nil)
        #expect(view.sequenceNumber(of: 21) == nil)
    }

    @Test("the greatest UID is remembered when its message is gone: * of VANISHED reaches it")
    func greatest() {
        var view = SelectedMailbox(uids: [1, 2], appliedModSeq: 1)
        _ = view.absorb(arrivals: [3], expunged: [], through: 2)
        _ = view.absorb(arrivals: [], expunged: [1, 2, 3], through: 3)
        _ = view.takeExpunges()
        #expect(view.lastUID == nil)
        #expect(view.greatestUID == 3)
    }

    @Test("an expunge waits until it is taken, and numbers stay as they are")
    func expungeWaits() {
        var view = SelectedMailbox(uids: [1, 2, 3, 4, 5], appliedModSeq: 1)
        #expect(view.absorb(arrivals: [], expunged: [4, 2, 99], through: 5) == nil)
        #expect(view.count == 5)
        #expect(view.sequenceNumber(of: 3)?.rawValue == 3)
        #expect(view.hasPendingExpunges)
        #expect(numbers(view.takeExpunges()) == [4, 2])
        #expect(view.uids == [1, 3, 5])
        #expect(!view.hasPendingExpunges)
        #expect(view.takeExpunges().isEmpty)
        #expect(view.appliedModSeq == 5)
    }

    @Test("arrivals lengthen the view, those that are known already don't")
    func arrivals() {
        var view = SelectedMailbox(uids: [1, 2], appliedModSeq: 1)
        #expect(view.absorb(arrivals: [2, 3, 4], expunged: [], through: 9) == 3...4)
        #expect(view.uids == [1, 2, 3, 4])
        #expect(view.absorb(arrivals: [], expunged: [], through: 9) == nil)
    }

    @Test("what can be told lies below the expunge that waits, however many follow it")
    func tellable() {
        var view = SelectedMailbox(uids: [1, 2, 3], appliedModSeq: 10)
        _ = view.absorb(arrivals: [], expunged: [2], through: 12)
        #expect(view.tellableModSeq == 10)
        _ = view.absorb(arrivals: [4], expunged: [3], through: 20)
        #expect(view.tellableModSeq == 10)
        #expect(view.takeVanished() == [2, 3])
        #expect(view.uids == [1, 4])
        #expect(view.tellableModSeq == 20)
        #expect(view.takeVanished().isEmpty)
    }

    @Test("a message that came and went in between is never heard of")
    func transient() {
        var view = SelectedMailbox(uids: [1], appliedModSeq: 1)
        _ = view.absorb(arrivals: [], expunged: [2], through: 4)
        #expect(!view.hasPendingExpunges)
        #expect(view.count == 1)
    }

    @Test("a message that arrived while an expunge waits is numbered behind it")
    func arrivalBehindPendingExpunge() {
        var view = SelectedMailbox(uids: [1, 2], appliedModSeq: 1)
        _ = view.absorb(arrivals: [3], expunged: [1], through: 4)
        #expect(view.count == 3)
        #expect(view.sequenceNumber(of: 3)?.rawValue == 3)
        #expect(numbers(view.takeExpunges()) == [1])
        #expect(view.sequenceNumber(of: 3)?.rawValue == 2)
    }

    @Test("one's own change is not repeated, a later one by somebody else is")
    func ownChanges() {
        var view = SelectedMailbox(uids: [1, 2], appliedModSeq: 1)
        view.noteOwnChange(uid: 1, modSeq: 5)
        view.noteOwnChange(uid: 2, modSeq: 5)
        #expect(!view.isNews(1, modSeq: 5))
        #expect(view.isNews(2, modSeq: 6))
        #expect(!view.isNews(3, modSeq: 6))
        view.forgetOwnChanges()
        #expect(view.isNews(1, modSeq: 5))
    }

    @Test("a whole list of UIDs finds what was missed")
    func reconcile() {
        var view = SelectedMailbox(uids: [1, 2, 3, 4], appliedModSeq: 1)
        view.reconcile(present: [2, 4, 5])
        #expect(numbers(view.takeExpunges()) == [3, 1])
        #expect(view.uids == [2, 4])
    }

    @Test("recent messages are counted as the view changes")
    func recent() {
        var view = SelectedMailbox(uids: [1, 2, 5, 6], appliedModSeq: 1)
        view.markRecent(5...6)
        #expect(view.recentCount == 2)
        #expect(view.isRecent(5))
        #expect(!view.isRecent(2))
        _ = view.absorb(arrivals: [9], expunged: [5], through: 2)
        view.markRecent(7...9)
        #expect(view.recent == [5...9])
        #expect(view.recentCount == 3)
        _ = view.takeExpunges()
        #expect(view.recentCount == 2)
        #expect(SelectedMailbox(uids: [], appliedModSeq: 0).recentCount == 0)
    }

    @Test("whatever happens in whatever order, a client that follows the announcements has the same list")
    func agreesWithNaiveModel() {
        var generator = SeededGenerator(seed: 0x5EED)
        for round in 0..<200 {
            var stored: [UInt32] = (1...8).map { UInt32($0) }
            var next: UInt32 = 9
            var modSeq: UInt64 = 1
            var view = SelectedMailbox(uids: UIDList(stored), appliedModSeq: modSeq)
            var client = stored
            for _ in 0..<30 {
                var arrived: [UInt32] = []
                var gone: [UInt32] = []
                for _ in 0..<Int.random(in: 0...3, using: &generator) {
                    modSeq += 1
                    if Bool.random(using: &generator) {
                        stored.append(next)
                        arrived.append(next)
                        next += 1
                    } else if let uid = stored.randomElement(using: &generator) {
                        stored.removeAll { $0 == uid }
                        arrived.removeAll { $0 == uid }
                        gone.append(uid)
                    }
                }
                if let arrivals = view.absorb(arrivals: arrived, expunged: gone, through: modSeq) {
                    client += view.uids.filter(arrivals.contains)
                }
                if Bool.random(using: &generator) {
                    for number in view.takeExpunges() { client.remove(at: Int(number.rawValue) - 1) }
                    #expect(client == stored, "seed 0x5EED, round \(round)")
                }
                #expect(client == Array(view.uids), "seed 0x5EED, round \(round)")
            }
        }
    }
}
