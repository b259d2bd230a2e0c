import IMAPCore
import MailStore
import Testing

@testable import IMAPServer

@Suite("Sets of messages")
struct UIDRangesTests {
    private typealias Bound<Number: MessageNumber> = NumberSet<Number>.Bound

    private func sequence(_ pairs: [(UInt32?, UInt32?)]) -> MessageSelection {
        .sequence(set(pairs))
    }

    private func uid(_ pairs: [(UInt32?, UInt32?)]) -> MessageSelection {
        .uid(set(pairs))
    }

    private func set<Number: MessageNumber>(_ pairs: [(UInt32?, UInt32?)]) -> NumberSet<Number> {
        func bound(_ value: UInt32?) -> Bound<Number> { value.map { .number(Number(rawValue: $0)) } ?? .last }
        return NumberSet(elements: pairs.map { .init(bound($0.0), bound($0.1)) })
    }

    private let view = SelectedMailbox(uids: [3, 7, 9, 20, 21], appliedModSeq: 1)
    private let empty = SelectedMailbox(uids: [], appliedModSeq: 1)

    @Test("sequence numbers become ranges of UIDs")
    func sequences() throws {
        #expect(try view.resolve(sequence([(1, 1)])).ranges == [3...3])
        #expect(try view.resolve(sequence([(2, 4)])).ranges == [7...20])
        #expect(try view.resolve(sequence([(4, 2), (nil, nil)])).ranges == [7...21])
        #expect(try view.resolve(sequence([(1, nil)])).ranges == [3...21])
        #expect(try view.members(of: view.resolve(sequence([(1, nil)]))) == Array(view.uids))
    }

    @Test("a sequence number above the count is an error, N and N + 1")
    func tooHigh() throws {
        #expect(try view.resolve(sequence([(5, 5)])).ranges == [21...21])
        #expect(throws: SequenceNumberOutOfRange.self) { try view.resolve(sequence([(6, 6)])) }
        #expect(throws: SequenceNumberOutOfRange.self) { try view.resolve(sequence([(1, 6)])) }
        #expect(throws: SequenceNumberOutOfRange.self) { try empty.resolve(sequence([(1, nil)])) }
        #expect(throws: SequenceNumberOutOfRange.self) { try empty.resolve(sequence([(nil, nil)])) }
    }

    @Test("clipping leaves out what is not there")
    func clipping() {
        #expect(view.clipped(set([(4, 99)])).ranges == [20...21])
        #expect(view.clipped(set([(6, 99)])).isEmpty)
        #expect(empty.clipped(set([(1, nil)])).isEmpty)
    }

    @Test("UIDs are cut to what is known, and N:* includes the last")
    func uids() throws {
        #expect(try view.resolve(uid([(1, 8)])).ranges == [1...8])
        #expect(try view.resolve(uid([(100, nil)])).ranges == [21...21])
        #expect(try view.resolve(uid([(100, 200)])).isEmpty)
        #expect(try view.resolve(uid([(8, .max)])).ranges == [8...21])
        #expect(try empty.resolve(uid([(1, nil)])).isEmpty)
    }

    @Test("members and their number agree")
    func members() {
        let ranges = UIDRanges([1...8, 20...20])
        #expect(view.members(of: ranges) == [3, 7, 20])
        #expect(view.members(of: ranges, limit: 2) == [3, 7])
        #expect(view.memberCount(of: ranges) == 3)
        #expect(view.memberCount(of: UIDRanges([1 ... .max])) == 5)
    }

    @Test("ranges are sorted and merged, also at the top of the numbers")
    func merging() {
        #expect(UIDRanges([5...6, 1...2, 3...3, 9...9]).ranges == [1...3, 5...6, 9...9])
        #expect(UIDRanges([4 ... .max, 7...9]).ranges == [4 ... .max])
        #expect(UIDRanges(uids: [3, 1, 2, 8]).ranges == [1...3, 8...8])
        #expect(UIDRanges([1...10]).above(4).ranges == [5...10])
        #expect(UIDRanges([1...3, 5...10]).above(3).ranges == [5...10])
        #expect(UIDRanges([1 ... .max]).above(.max).isEmpty)
        let ranges = UIDRanges([2...3, 7...9])
        #expect([1, 2, 3, 4, 7, 9, 10].map { ranges.contains($0) } == [false, true, true, false, true, true, false])
    }
}
