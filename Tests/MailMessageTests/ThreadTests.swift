import MartletTesting
import Testing

@testable import MailMessage

@Suite struct ThreadTests {
    private func message(
        _ id: Int64?, at time: Int64, _ references: [Int64] = [], subject: Int64 = 0, reply: Bool = false
    ) -> ThreadedMessage {
        ThreadedMessage(
            sentAt: time, subject: subject, isReplyOrForward: reply, messageID: id, references: references)
    }

    /// As IMAP writes it, messages counted from 1.
    private func text(_ forest: ThreadForest) -> String {
        func list(_ node: Int) -> String {
            var members: [String] = []
            var node = node
            while true {
                if forest.isMessage(node) { members.append("\(node + 1)") }
                let children = forest.children(of: node)
                guard children.count == 1 else {
                    if !children.isEmpty { members.append(children.map(list).joined()) }
                    return "(" + members.joined(separator: " ") + ")"
                }
                node = children[0]
            }
        }
        return forest.roots.map(list).joined()
    }

    @Test func `the steps of the RFC`() {
        // A parent that comes later, an unknown one with one child and with several
        #expect(
            text(ThreadForest(references: [message(2, at: 2, [1]), message(1, at: 1), message(3, at: 3, [9])]))
                == "(2 1)(3)")
        #expect(text(ThreadForest(references: [message(1, at: 2, [9]), message(2, at: 1, [9])])) == "((2)(1))")
        // Loops, oneself, doubles
        #expect(text(ThreadForest(references: [message(1, at: 1, [2]), message(2, at: 2, [1])])) == "(2 1)")
        #expect(text(ThreadForest(references: [message(1, at: 1, [1])])) == "(1)")
        #expect(
            text(ThreadForest(references: [message(1, at: 1), message(1, at: 2), message(2, at: 3, [1])])) == "(1 3)(2)"
        )
        // Subjects: a reply below what it answers, two that answer nothing below a dummy, replies with each other
        #expect(
            text(ThreadForest(references: [message(1, at: 2, subject: 5), message(2, at: 1, subject: 5, reply: true)]))
                == "(1 2)")
        #expect(
            text(ThreadForest(references: [message(1, at: 2, subject: 5), message(2, at: 1, subject: 5)])) == "((2)(1))"
        )
        #expect(
            text(
                ThreadForest(references: [
                    message(1, at: 1, subject: 5), message(2, at: 2, subject: 5),
                    message(3, at: 3, subject: 5, reply: true),
                ])) == "((1)(2)(3))")
        #expect(text(ThreadForest(references: [message(1, at: 1), message(2, at: 2)])) == "(1)(2)")
    }

    @Test func `whatever messages refer to, each stands once`() {
        var random = SeededGenerator(seed: 7)
        for round in 0..<300 {
            let count = Int.random(in: 0..<40, using: &random)
            let messages = (0..<count).map { _ in
                message(
                    Bool.random(using: &random) ? Int64.random(in: 1...30, using: &random) : nil,
                    at: .random(in: 0...20, using: &random),
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in .random(in: 1...30, using: &random) },
                    subject: .random(in: 0...6, using: &random), reply: .random(using: &random))
            }
            for forest in [ThreadForest(references: messages), ThreadForest(orderedSubject: messages)] {
                var seen: [Int] = []
                var stack = forest.roots
                while let node = stack.popLast() {
                    if forest.isMessage(node) { seen.append(node) }
                    stack += forest.children(of: node)
                    if seen.count > count { break }
                }
                #expect(seen.sorted() == Array(0..<count), "round \(round)")
            }
        }
    }

    @Test func `a thread of a hundred thousand`() {
        var chain: [ThreadedMessage] = []
        var pairs: [ThreadedMessage] = []
        for number in Int64(0)..<100_000 {
            let cited: [Int64] = number == 0 ? [] : [number - 1]
            chain.append(message(number, at: number, cited))
            pairs.append(message(number, at: number, subject: number % 50_000 + 1))
        }
        #expect(ThreadForest(references: chain).roots == [0])
        #expect(ThreadForest(references: chain.reversed()).roots == [99_999])
        #expect(ThreadForest(references: pairs).roots.count == 50_000)
    }
}
