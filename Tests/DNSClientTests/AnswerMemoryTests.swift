import DNSCore
import MailSyntax
import Testing

@testable import DNSClient

@Suite("What the resolver remembers")
struct AnswerMemoryTests {
    private let start = ContinuousClock.now
    private let question: DNSQuestion
    private let answer = Result<DNSAnswer, DNSFailure>.success(DNSAnswer(records: [.text(Array("v=spf1 -all".utf8))]))

    init() throws {
        question = try #require(DNSQuestion("Sender.Example.", .txt))
    }

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

    @Test("The same question is the same in any case, with and without its final dot")
    func questions() throws {
        #expect(DNSQuestion("sender.example", .txt) == question)
        #expect(DNSQuestion("sender.example", .a) != question)
        #expect(DNSQuestion("other.example", .txt) != question)
    }

    @Test(
        "Names of one owner are neighbours",
        arguments: [
            ("example", "example"), ("sender.example", "sender.example"), ("a.b.sender.example", "sender.example"),
            ("1.2.0.192.in-addr.arpa", "0.192.in-addr.arpa"),
        ])
    func neighbours(_ name: String, _ neighbourhood: String) throws {
        #expect(try #require(DNSQuestion(name, .a)).neighbourhood == neighbourhood)
    }

    @Test("An answer is known until its time is over, an hour at most")
    func answers() {
        var memory = AnswerMemory()
        #expect(memory.recall(question, now: start) == nil)
        memory.keep(answer, of: question, for: .seconds(60), now: start)
        #expect(memory.recall(question, now: at(59)) == answer)
        #expect(memory.recall(question, now: at(60)) == nil)
        memory.keep(answer, of: question, for: .seconds(1_000_000), now: start)
        #expect(memory.recall(question, now: at(3599)) == answer)
        #expect(memory.recall(question, now: at(3600)) == nil)
    }

    @Test("What may not be kept takes the place of what was")
    func refreshed() {
        var memory = AnswerMemory()
        memory.keep(answer, of: question, for: .seconds(60), now: start)
        memory.keep(answer, of: question, for: .zero, now: at(1))
        #expect(memory.recall(question, now: at(1)) == nil)
        memory.keep(answer, of: question, for: .seconds(60), now: start)
        memory.keep(.failure(.serverFailure(rcode: 2)), of: question, for: .seconds(60), now: at(1))
        #expect(memory.recall(question, now: at(1)) == nil)
    }

    @Test("An absence is known for five minutes at most")
    func absences() {
        var memory = AnswerMemory()
        for absence in [DNSFailure.nonexistentName(secure: true), .noData(secure: false)] {
            memory.keep(.failure(absence), of: question, for: .seconds(86400), now: start)
            #expect(memory.recall(question, now: at(299)) == .failure(absence))
            #expect(memory.recall(question, now: at(300)) == nil)
        }
    }

    @Test("What nobody answers is known for a while; an answer that comes after all ends that")
    func silence() {
        var memory = AnswerMemory()
        memory.keepSilence(about: question, for: .seconds(30), now: start)
        #expect(memory.recall(question, now: at(29)) == .failure(.timeout))
        #expect(memory.recall(question, now: at(30)) == nil)
        memory.keepSilence(about: question, for: .seconds(30), now: at(40))
        memory.keep(answer, of: question, for: .seconds(60), now: at(41))
        #expect(memory.recall(question, now: at(42)) == answer)
        memory.keepSilence(about: question, for: .seconds(300), now: at(43))
        #expect(memory.recall(question, now: at(44)) == answer)
    }

    @Test("Memory is bounded; what is used stays, and what is too large is never kept")
    func bounded() throws {
        var limits = AnswerMemory.Limits()
        limits.octets = 64 << 10
        var memory = AnswerMemory(limits)
        memory.keep(answer, of: question, for: .seconds(60), now: start)
        var known = 0
        let others = (0..<1000).compactMap { DNSQuestion("n\($0).example", .txt) }
        for other in others {
            memory.keep(answer, of: other, for: .seconds(60), now: start)
            #expect(memory.recall(question, now: start) == answer)
        }
        for other in others where memory.recall(other, now: start) != nil { known += 1 }
        #expect((50..<200).contains(known), "\(known)")
        let large = Result<DNSAnswer, DNSFailure>.success(
            DNSAnswer(records: [.text(Array(repeating: 1, count: 60000))]))
        memory.keep(large, of: question, for: .seconds(60), now: start)
        #expect(memory.recall(question, now: start) == nil)
    }
}
