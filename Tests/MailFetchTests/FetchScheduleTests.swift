import MailSyntax
import Testing

@testable import MailFetch

@Suite struct FetchScheduleTests {
    private let now = Timestamp(seconds: 1_000_000)

    private func wait(_ interval: Int, _ failures: Int) -> Int64 {
        FetchSchedule.next(after: now, interval: .seconds(interval), failures: failures, jitter: 0).since(now)
            .components.seconds
    }

    @Test func `a success waits for the interval`() {
        #expect(wait(300, 0) == 300)
        #expect(wait(86_400, 0) == 86_400)
    }

    @Test func `failures wait longer each time, up to an hour`() {
        #expect((1...12).map { wait(60, $0) } == [60, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600, 3600])
        #expect(wait(60, 1_000_000) == 3600)
    }

    @Test func `a rare job is tried again within the hour`() {
        #expect(wait(86_400, 1) == 3600)
        #expect(wait(86_400, 9) <= 86_400)
    }
}
