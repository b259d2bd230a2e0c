import Blobs
import MailConfig
import MailSyntax
import Synchronization
import Testing

@testable import OutboundQueue
@testable import SMTPDelivery

@Suite("The board of jobs")
struct DeliveryBoardTests {
    static let now = Timestamp(seconds: 1_800_000_000)
    static let down = DeliveryReply(status: EnhancedStatusCode(4, 4, 1), text: "down")

    static let address = DomainName("example.org").map { EmailAddress(localPart: "a", domain: $0) }

    static func job(_ destination: String, _ number: Int = 1, lane: QueueLane = .interactive) -> DeliveryJob {
        guard let address else { preconditionFailure("example.org is a domain") }
        let message = QueuedMessage(
            id: MailID(rawValue: Int64(number)),
            reversePath: .null,
            blob: BlobID(key: BlobKey(rawValue: 1), random: 1),
            size: 1,
            createdAt: now,
            expiresAt: now,
            bodyType: .sevenBit,
            smtpUTF8: false,
            isBounce: false
        )
        let recipient = QueuedRecipient(
            id: RecipientID(rawValue: Int64(number)), message: message.id,
            address: address, notify: .standard,
            destination: destination, nextAttemptAt: now, attempts: 0, held: false, isLeased: true, lane: lane)
        return DeliveryJob(message: message, destination: destination, recipients: [recipient])
    }

    static func jobs(_ destinations: String...) -> [DeliveryJob] {
        destinations.enumerated().map { job($1, $0 + 1) }
    }

    static func board(_ concurrency: Int, perSite: Int, initial: Int = 5) -> DeliveryBoard {
        DeliveryBoard(.init(concurrency: concurrency, perSite: perSite, initial: initial))
    }

    static func place(
        _ board: DeliveryBoard, _ jobs: [DeliveryJob], pace: RoutePace = RoutePace(), at time: Timestamp = now
    ) -> DeliveryBoard.Placement {
        board.add(
            jobs.map { SitedJob(job: $0, site: DeliverySite(name: $0.destination, route: "direct", pace: pace)) },
            now: time)
    }

    private static func site(_ name: String) -> DeliverySite { DeliverySite(name: name, route: "direct") }

    @Test("Workers are bounded for a site and in all, and sites take turns")
    func bounds() {
        let board = Self.board(3, perSite: 2)
        let placement = Self.place(board, Self.jobs("a", "a", "a", "a", "b", "c"))
        #expect(placement.start.count == 3)
        #expect(Set(placement.start).count == 3, "nobody gets a second worker before others have one")
        #expect(board.waitingJobs == 6)
        #expect(Self.place(board, Self.jobs("d")).start.isEmpty)
        // A worker that finds nothing more leaves its place to another site.
        #expect(board.nextOrLeave("b", now: Self.now).job?.job.destination == "b")
        let left = board.nextOrLeave("b", now: Self.now)
        #expect(left.job == nil && left.start.count == 1)
    }

    @Test("A site that is down is let go when its time is over, on demand, and when the clock was set back")
    func suspensions() {
        let board = Self.board(3, perSite: 2)
        func parked(at now: Timestamp) -> Int {
            let placement = Self.place(board, Self.jobs("a"), at: now)
            _ = board.nextOrLeave("a", now: now)
            _ = board.nextOrLeave("a", now: now)
            return placement.parked.count
        }
        #expect(
            board.failed(Self.site("a"), Self.down, now: Self.now)?.suspension.until == Self.now.adding(.seconds(60)))
        #expect(board.failed(Self.site("a"), Self.down, now: Self.now) == nil, "it is known already")
        #expect(parked(at: Self.now) == 1)
        let later = Self.now.adding(.seconds(60))
        #expect(parked(at: later) == 0)
        #expect(board.failed(Self.site("a"), Self.down, now: later)?.suspension.until == later.adding(.seconds(120)))
        #expect(parked(at: later) == 1)
        #expect(parked(at: later.adding(.seconds(-3600))) == 0)
        #expect(board.failed(Self.site("a"), Self.down, now: later)?.suspension.failures == 3)
        board.endSuspensions()
        #expect(parked(at: later) == 0)
        #expect(board.succeeded("a") && !board.succeeded("a"))
        #expect(board.failed(Self.site("a"), Self.down, now: later)?.suspension.failures == 1)
    }

    @Test("A worker that keeps its connection asks for what is parked when it has little left")
    func hunger() {
        let asked = Mutex(0)
        let board = DeliveryBoard(.init(concurrency: 3, perSite: 1)) { asked.withLock { $0 += 1 } }
        let placement = Self.place(board, (1...150).map { Self.job("a", $0) })
        #expect(placement.parked.count == 50)
        for _ in 0..<74 { _ = board.next("a", generation: 0, now: Self.now) }
        #expect(asked.withLock { $0 } == 0)
        _ = board.next("a", generation: 0, now: Self.now)
        #expect(asked.withLock { $0 } == 1)
        board.emptied("a")
        for _ in 0..<25 { _ = board.next("a", generation: 0, now: Self.now) }
        #expect(asked.withLock { $0 } == 2, "once more, when few jobs are left in all")
    }

    @Test("The pause of a site that stays down doubles up to the longest")
    func backOff() {
        let board = Self.board(3, perSite: 2)
        var now = Self.now
        var pauses: [Int64] = []
        for _ in 0..<9 {
            guard let until = board.failed(Self.site("a"), Self.down, now: now)?.suspension.until else { break }
            pauses.append(until.seconds - now.seconds)
            now = until
            _ = board.refills(now: now)
        }
        #expect(pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600])
    }

    @Test("An idle connection is woken before a worker is started, and nobody lingers where places are short")
    func idle() throws {
        let board = Self.board(1, perSite: 1)
        #expect(Self.place(board, Self.jobs("a")).start.map(\.name) == ["a"])
        #expect(board.nextOrLeave("a", now: Self.now).job != nil)
        let woken = Mutex(0)
        let token = try #require(board.becomeIdle("a") { woken.withLock { $0 += 1 } })
        let placement = Self.place(board, Self.jobs("a"))
        #expect(placement.start.isEmpty && placement.wake.count == 1)
        for wake in placement.wake { wake() }
        #expect(woken.withLock { $0 } == 1)
        board.endIdle("a", token)
        #expect(board.next("a", generation: 0, now: Self.now) != nil)
        #expect(Self.place(board, Self.jobs("b")).start.isEmpty)
        #expect(board.becomeIdle("a") {} == nil, "b waits for the place")
    }

    @Test("A site that fails gives its jobs back, and gets one to see whether it is there again")
    func parking() {
        let board = Self.board(10, perSite: 1)
        _ = Self.place(board, Self.jobs("a", "a", "a"))
        _ = board.nextOrLeave("a", now: Self.now)
        #expect(board.failed(Self.site("a"), Self.down, now: Self.now)?.parked.count == 2)
        _ = board.nextOrLeave("a", now: Self.now)
        let placement = Self.place(board, Self.jobs("a", "b"))
        #expect(placement.parked.map(\.job.destination) == ["a"] && placement.start.map(\.name) == ["b"])
        #expect(board.refills(now: Self.now).isEmpty)
        let until = Self.now.adding(.seconds(60))
        #expect(board.nextTime(now: Self.now) == until)
        let refills = board.refills(now: until)
        #expect(refills.map(\.site) == ["a"] && refills.map(\.limit) == [1])
        #expect(Self.place(board, Self.jobs("a"), at: until).parked.isEmpty)
        #expect(board.refills(now: until).isEmpty, "one is enough to see")
        #expect(board.succeeded("a"))
        #expect(board.refills(now: until).map(\.limit) == [99])
        board.emptied("a")
        #expect(board.refills(now: until).isEmpty)
    }

    @Test("What a site has no room for, and what comes after the end, is parked; the other lane has room")
    func overflow() {
        let board = Self.board(1, perSite: 1)
        let many = (0..<101).map { Self.job("a", $0, lane: .bulk) }
        #expect(Self.place(board, many).parked.count == 1)
        #expect(Self.place(board, [Self.job("a", 1000)]).parked.isEmpty)
        #expect(board.next("a", generation: 0, now: Self.now)?.job.message.id.rawValue == 1000, "it goes first")
        #expect(board.next("a", generation: 1, now: Self.now) == nil, "a connection of other settings")
        _ = board.close()
        #expect(board.nextOrLeave("a", now: Self.now).job == nil)
        #expect(Self.place(board, Self.jobs("b")).parked.count == 1)
    }

    @Test("Connections to a site grow with success")
    func slowStart() {
        let board = Self.board(50, perSite: 10, initial: 2)
        let many = (0..<50).map { Self.job("a", $0) }
        #expect(Self.place(board, many).start.count == 2)
        _ = board.succeeded("a")
        _ = board.succeeded("a")
        #expect(Self.place(board, []).start.count == 1)
    }

    @Test("A pace lets a message begin only so often")
    func pace() {
        let board = Self.board(50, perSite: 10)
        var pace = RoutePace()
        pace.perMinute = 60
        #expect(Self.place(board, Self.jobs("a", "a"), pace: pace).start.count == 2)
        #expect(board.nextOrLeave("a", now: Self.now).job != nil)
        #expect(board.nextOrLeave("a", now: Self.now).job == nil)
        let next = Self.now.adding(.seconds(1))
        #expect(board.nextTime(now: Self.now) == next)
        #expect(Self.place(board, [], at: Self.now).start.isEmpty)
        #expect(Self.place(board, [], at: next).start.count == 1)
        #expect(board.nextOrLeave("a", now: next).job != nil)
    }

    @Test("A route that is warming up takes its messages of a day, and the rest tomorrow")
    func warmUp() {
        let board = Self.board(50, perSite: 10)
        var pace = RoutePace()
        pace.warmUp = .init(first: 3, began: "2027-01-15")
        #expect(RoutePace.WarmUp.day(Self.now) == RoutePace.WarmUp.day(of: "2027-01-15"))
        board.restore([:], parked: [], taken: ["direct": 1], day: RoutePace.WarmUp.day(Self.now))
        _ = Self.place(board, Self.jobs("a", "a", "b", "b"), pace: pace)
        let taken = ["a", "a", "b"].compactMap { board.nextOrLeave($0, now: Self.now).job }
        #expect(taken.count == 2, "one went before the restart")
        let placement = Self.place(board, Self.jobs("b"), pace: pace)
        #expect(placement.parked.count == 3)
        #expect(placement.parked.allSatisfy { $0.reply?.text.contains("3 messages today") == true })
        let tomorrow = RoutePace.WarmUp.tomorrow(Self.now)
        #expect(board.refills(now: tomorrow).map(\.site) == ["b"])
        #expect(Self.place(board, Self.jobs("b"), pace: pace, at: tomorrow).parked.isEmpty)
    }
}

@Suite("Bounds of a site")
struct SiteBoundsTests {
    @Test("A window grows by one after as many successes as it has connections, up to its limit")
    func grows() {
        var window = ConcurrencyWindow(initial: 2, limit: 4)
        var sizes: [Int] = []
        for _ in 0..<10 {
            window.succeeded()
            sizes.append(window.size)
        }
        #expect(sizes == [2, 3, 3, 3, 4, 4, 4, 4, 4, 4])
    }

    @Test("A site that has taken mail is dead when as many deliveries in a row fail as it has connections")
    func shrinks() {
        var window = ConcurrencyWindow(initial: 3, limit: 4)
        window.succeeded()
        var deaths = [window.failed(), window.failed()]
        window.succeeded()
        for _ in 0..<3 { deaths.append(window.failed()) }
        #expect(deaths == [false, false, false, false, true])
        #expect(window.size == 2)
        let isDead = window.failed()
        #expect(isDead && window.size == 1, "it has not taken anything since")
    }

    @Test("The cap of a warm-up grows every day and ends")
    func warmUp() {
        let plan = RoutePace.WarmUp(first: 50, growth: 150, until: 400, began: "2026-11-21")
        let day = RoutePace.WarmUp.day(of: "2026-11-21") ?? 0
        #expect(day == 20_778)
        #expect((-1...6).map { plan.cap(on: day + $0) } == [50, 50, 75, 112, 168, 252, 378, nil])
        #expect(RoutePace.WarmUp(first: 1, growth: 110, until: 5, began: "1970-01-01").cap(on: 2) == 3)
        #expect(RoutePace.WarmUp(first: 7, growth: 100, until: 8, began: "1970-01-01").cap(on: 90_000) == 7)
        #expect(RoutePace.WarmUp(first: .max, growth: .max, until: .max, began: "1970-01-01").cap(on: 5) == nil)
        #expect(["", "x", "2026-13-01", "2026-1", "99999-01-01"].allSatisfy { RoutePace.WarmUp.day(of: $0) == nil })
        #expect(RoutePace.WarmUp.day(of: "2000-02-29") == 11_016)
    }
}
