import MartletTesting
import Testing

@testable import MailStore

@Suite struct UIDListTests {
    @Test func `places and UIDs map both ways`() {
        let list: UIDList = [3, 4, 5, 9, 20, 21, .max]
        #expect(Array(list) == [3, 4, 5, 9, 20, 21, .max])
        #expect(list.count == 7 && list.first == 3 && list.last == .max)
        #expect([0, 3, 4, 6, 9, 10, 20, 22, .max].map { list.place(of: $0) } == [0, 0, 1, 3, 3, 4, 4, 6, 6])
        #expect(Array(list[2..<5]) == [5, 9, 20])
        #expect(UIDList().place(of: 7) == 0 && UIDList().isEmpty && UIDList().last == nil)
    }

    @Test func `what is not above the last is left out`() {
        var list: UIDList = [5]
        for uid: UInt32 in [5, 4, 6, 6, .max, .max] { list.append(uid) }
        #expect(Array(list) == [5, 6, .max])
    }

    @Test func `neighbours are one run, however they came together`() {
        var list: UIDList = [1, 2, 3, 5, 6]
        list.remove([0, 2, 4, 6, 7])
        #expect(list == [1, 3, 5])
        list.append(6)
        #expect(list == [1, 3, 5, 6])
        list.remove([1, 3, 5, 6])
        #expect(list == [])
    }

    @Test func `it says the same as an array, whatever is done to it`() {
        var generator = SeededGenerator(seed: 0x11D5)
        for round in 0..<300 {
            var list = UIDList()
            var array: [UInt32] = []
            var next: UInt32 = round.isMultiple(of: 3) ? .max - 400 : 1
            for _ in 0..<20 {
                for _ in 0..<Int.random(in: 0...8, using: &generator) where next < .max - 8 {
                    next += UInt32.random(in: 1...3, using: &generator)
                    list.append(next)
                    array.append(next)
                }
                let gone = Set((0..<4).map { _ in UInt32.random(in: max(next, 60) - 60...next, using: &generator) })
                list.remove(gone.sorted())
                array.removeAll(where: gone.contains)
                #expect(Array(list) == array && list == UIDList(array), "round \(round)")
                #expect(list.count == array.count && list.last == array.last)
                for uid in (max(next, 70) - 70)...next {
                    #expect(list.place(of: uid) == array.count { $0 < uid })
                }
            }
        }
    }
}
