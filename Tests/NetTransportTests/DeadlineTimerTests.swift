import NIOCore
import Testing

@testable import NetTransport

@Suite struct DeadlineTimerTests {
    private static func at(_ seconds: UInt64) -> NIODeadline { .uptimeNanoseconds(seconds * 1_000_000_000) }

    @Test func `it is due when its time has passed since the last sign of life, and not before`() {
        var timer = DeadlineTimer(kind: .idle)
        #expect(!timer.isDue(now: Self.at(1_000_000)), "without a duration there is no deadline")
        timer.duration = .seconds(10)
        timer.touch(Self.at(100))
        #expect(!timer.isDue(now: Self.at(109)) && timer.isDue(now: Self.at(110)))
        timer.touch(Self.at(109))
        #expect(!timer.isDue(now: Self.at(118)) && timer.isDue(now: Self.at(119)))
        timer.duration = .seconds(1)
        #expect(timer.isDue(now: Self.at(110)))
        timer.duration = nil
        #expect(!timer.isDue(now: Self.at(1_000_000)))
    }

    @Test func `it asks to be looked at when it is due, at once when that is past, and never without a duration`() {
        var timer = DeadlineTimer(kind: .total)
        #expect(timer.needsSchedule(now: Self.at(100)) == nil)
        timer.duration = .seconds(10)
        timer.touch(Self.at(100))
        #expect(timer.needsSchedule(now: Self.at(104)) == .seconds(6))
        #expect(timer.needsSchedule(now: Self.at(110)) == .zero)
        #expect(timer.needsSchedule(now: Self.at(500)) == .zero)
        timer.cancel()
        #expect(timer.needsSchedule(now: Self.at(500)) == nil)
    }
}
