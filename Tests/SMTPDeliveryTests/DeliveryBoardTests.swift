import Blobs
import MailSyntax
import Synchronization
import Testing

@testable import OutboundQueue
@testable import SMTPDelivery

@Suite("The board of jobs")
struct DeliveryBoardTests {
    private static let now = Timestamp(seconds: 1_800_000_000)

    private static func jobs(_ destinations: String...) -> [DeliveryJob] {
        destinations.enumerated().map { index, destination in
            let message = QueuedMessage(
                id: MailID(rawValue: Int64(index + 1)),
                reversePath: .null,
                blob: BlobID(key: BlobKey(rawValue: 1), random: 1),
                size: 1,
                createdAt: now,
                expiresAt: now,
                bodyType: .sevenBit,
                smtpUTF8: false,
                isBounce: false
            )
            return DeliveryJob(message: message, destination: destination, recipients: [])
        }
    }

    private static func place(_ board: DeliveryBoard, _ jobs: [DeliveryJob]) -> DeliveryBoard.Placement {
        board.add(jobs.map { RoutedJob(job: $0, key: $0.destination) }, now: now)
    }

    @Test("Workers are bounded for a route and in all, and routes take turns")
    func bounds() {
        let board = DeliveryBoard(concurrency: 3, perRoute: 2)
        let placement = Self.place(board, Self.jobs("a", "a", "a", "a", "b", "c"))
        #expect(placement.start.count == 3)
        #expect(Set(placement.start).count == 3, "nobody gets a second worker before others have one")
        #expect(board.waitingJobs == 6)
        #expect(Self.place(board, Self.jobs("d")).start.isEmpty)
        // A worker that finds nothing more leaves its place to another route.
        #expect(board.nextOrLeave("b").job?.job.destination == "b")
        let left = board.nextOrLeave("b")
        #expect(left.job == nil && left.start.count == 1)
    }

    @Test("A suspended route is let go when its time is over, on demand, and when the clock was set back")
    func suspensions() {
        let reply = DeliveryReply(status: EnhancedStatusCode(4, 4, 1), text: "down")
        let board = DeliveryBoard(concurrency: 3, perRoute: 2)
        func suspended(at now: Timestamp) -> Int {
            let placement = board.add(Self.jobs("a").map { RoutedJob(job: $0, key: "a") }, now: now)
            _ = board.nextOrLeave("a")
            _ = board.nextOrLeave("a")
            return placement.suspended.count
        }
        for (now, count) in [(Self.now, 1), (Self.now.adding(.seconds(60)), 0), (Self.now.adding(.seconds(-3600)), 0)] {
            _ = board.suspend("a", .init(until: Self.now.adding(.seconds(60)), reply: reply))
            #expect(suspended(at: now) == count)
        }
        _ = board.suspend("a", .init(until: Self.now.adding(.seconds(60)), reply: reply))
        board.endSuspensions()
        #expect(suspended(at: Self.now) == 0)
    }

    @Test("An idle connection is woken before a worker is started, and nobody lingers where places are short")
    func idle() throws {
        let board = DeliveryBoard(concurrency: 1, perRoute: 1)
        #expect(Self.place(board, Self.jobs("a")).start == ["a"])
        #expect(board.nextOrLeave("a").job != nil)
        let woken = Mutex(0)
        let token = try #require(board.becomeIdle("a") { woken.withLock { $0 += 1 } })
        let placement = Self.place(board, Self.jobs("a"))
        #expect(placement.start.isEmpty && placement.wake.count == 1)
        for wake in placement.wake { wake() }
        #expect(woken.withLock { $0 } == 1)
        board.endIdle("a", token)
        #expect(board.next("a") != nil)
        #expect(Self.place(board, Self.jobs("b")).start.isEmpty)
        #expect(board.becomeIdle("a") {} == nil, "b waits for the place")
    }

    @Test("A suspended route gives its jobs back, until the time is over")
    func suspension() {
        let board = DeliveryBoard(concurrency: 10, perRoute: 1)
        _ = Self.place(board, Self.jobs("a", "a", "a"))
        _ = board.nextOrLeave("a")
        let reply = DeliveryReply(status: EnhancedStatusCode(4, 4, 1), text: "down")
        let until = Self.now.adding(.seconds(60))
        #expect(board.suspend("a", .init(until: until, reply: reply)).count == 2)
        let placement = Self.place(board, Self.jobs("a", "b"))
        #expect(placement.suspended.map(\.job.job.destination) == ["a"] && placement.start == ["b"])
        let later = board.add(Self.jobs("a").map { RoutedJob(job: $0, key: "a") }, now: until)
        #expect(later.suspended.isEmpty)
    }

    @Test("What a route has no room for, and what comes after the end, is given back")
    func overflow() {
        let board = DeliveryBoard(concurrency: 1, perRoute: 1)
        let many = (0..<101).flatMap { _ in Self.jobs("a") }
        #expect(Self.place(board, many).overflow.count == 1)
        _ = board.close()
        #expect(board.nextOrLeave("a").job == nil && board.next("a") == nil)
        #expect(Self.place(board, Self.jobs("b")).overflow.count == 1)
    }
}
