import MailSyntax
import OutboundQueue
import Testing

@Suite("Retry schedule")
struct RetryScheduleTests {
    static let plain = RetrySchedule(minimum: .seconds(300), maximum: .seconds(4000), spread: 0)

    @Test(
        "The delay is the age, between the smallest and the largest",
        arguments: [
            (-10, 300), (0, 300), (300, 300), (600, 600), (1200, 1200), (3999, 3999), (4001, 4000), (1 << 40, 4000),
        ]
    )
    func delays(_ test: (age: Int64, seconds: Int64)) {
        #expect(Self.plain.delay(age: .seconds(test.age), jitter: 0.99) == .seconds(test.seconds))
    }

    @Test(
        "Jitter lengthens by at most the spread",
        arguments: [(0.0, 300.0), (0.5, 315.0), (1.0, 330.0), (7.0, 330.0), (-1.0, 300.0)])
    func jitter(_ test: (jitter: Double, seconds: Double)) {
        let schedule = RetrySchedule(minimum: .seconds(300), maximum: .seconds(4000), spread: 0.1)
        #expect(schedule.delay(age: .zero, jitter: test.jitter) == .seconds(test.seconds))
    }

    @Test("There is a last attempt at the expiry, and none after it")
    func expiry() {
        let now = Timestamp(seconds: 1_000_000)
        let soon = now.adding(.seconds(100))
        func next(_ expiry: Timestamp) -> Timestamp? {
            Self.plain.nextAttempt(since: now, at: now, expiresAt: expiry, jitter: 0)
        }
        #expect(next(now.adding(.seconds(1000))) == now.adding(.seconds(300)))
        #expect(next(soon) == soon)
        #expect(next(now) == nil, "a lifetime of 0 is one attempt")
        #expect(next(now.adding(.seconds(-5))) == nil)
    }

    /// Seconds after arrival at which Postfix's rule tries, for five days.
    static let fiveDays: [Int64] =
        [0, 300, 600, 1200, 2400] + (0..<107).map { 4800 + $0 * 4000 } + [432_000]

    @Test("Five days: attempts at 0, 5, 10, 20, 40, 80 minutes, then every 67, the last one at the end")
    func schedule() {
        let begin = Timestamp(seconds: 1_800_000_000)
        let expiry = begin.adding(.seconds(5 * 86400))
        var attempts = [begin]
        while let last = attempts.last,
            let next = Self.plain.nextAttempt(since: begin, at: last, expiresAt: expiry, jitter: 0)
        {
            attempts.append(next)
        }
        #expect(attempts.map { $0.seconds - begin.seconds } == Self.fiveDays)
    }

    @Test("A foolish schedule is put right")
    func bounds() {
        let schedule = RetrySchedule(minimum: .zero, maximum: .zero, spread: 9)
        #expect(schedule.minimum == .seconds(1))
        #expect(schedule.maximum == .seconds(1))
        #expect(schedule.spread == 1)
    }
}

@Suite("Failure policy")
struct FailurePolicyTests {
    typealias Scope = DeliveryFailure.Scope
    typealias Permanence = DeliveryFailure.Permanence

    static let now = Timestamp(seconds: 1_000_000)
    static let later = now.adding(.seconds(300))

    static func action(
        _ scope: Scope,
        _ permanence: Permanence,
        more: Bool,
        expiresAt: Timestamp = now.adding(.seconds(86400))
    ) -> FailureAction {
        let policy = FailurePolicy(schedule: RetrySchedule(spread: 0))
        let failure = DeliveryFailure(
            scope, permanence, DeliveryReply(status: EnhancedStatusCode(4, 0, 0), text: "no"))
        return policy.action(
            for: failure, hasMoreHosts: more, since: now, now: now, expiresAt: expiresAt, jitter: 0)
    }

    static let table: [(Scope, Permanence, more: Bool, FailureAction)] = [
        (.messageAtHost, .permanent, true, .nextHost),
        (.messageAtHost, .permanent, false, .bounce),
        (.recipient, .permanent, true, .bounce),
        (.recipient, .permanent, false, .bounce),
        (.message, .permanent, true, .bounce),
        (.message, .permanent, false, .bounce),
        (.destination, .permanent, true, .bounce),
        (.destination, .permanent, false, .bounce),
        (.host, .permanent, true, .nextHost),
        (.host, .permanent, false, .retry(at: later)),
        (.host, .temporary, true, .nextHost),
        (.host, .temporary, false, .retry(at: later)),
        (.recipient, .temporary, true, .nextHost),
        (.recipient, .temporary, false, .retry(at: later)),
        (.message, .temporary, true, .nextHost),
        (.message, .temporary, false, .retry(at: later)),
        (.destination, .temporary, true, .retry(at: later)),
        (.destination, .temporary, false, .retry(at: later)),
    ]

    @Test("Scope, permanence and hosts left decide", arguments: table)
    func decides(_ test: (Scope, Permanence, more: Bool, FailureAction)) {
        #expect(Self.action(test.0, test.1, more: test.more) == test.3)
    }

    @Test("What would be tried again expires when its time is over", arguments: Scope.allCases)
    func expires(_ scope: Scope) {
        #expect(Self.action(scope, .temporary, more: false, expiresAt: Self.now) == .expire)
    }
}
