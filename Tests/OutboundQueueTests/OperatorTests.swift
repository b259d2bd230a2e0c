import MailSyntax
import MartletTesting
import SQLEngine
import Testing

@testable import OutboundQueue

@Suite("The queue's operator")
struct OperatorTests {
    private static func selection(_ set: (inout QueueSelection) -> Void) -> QueueSelection {
        var selection = QueueSelection()
        set(&selection)
        return selection
    }

    @Test("Recipients are chosen by sender, recipient, route and state")
    func selects() async throws {
        let room = try QueueFixture()
        let first = try await room.enqueue(["a@one.example", "b@two.example"])
        let second = try await room.enqueue(["c@two.example"]) { entry in
            entry.reversePath = .null
            entry.recipients[0].route = "office"
            entry.held = true
        }
        func found(_ set: (inout QueueSelection) -> Void) async throws -> [[String]] {
            try await room.queue.list(Self.selection(set)).entries.map { $0.recipients.map(\.address.description) }
        }
        #expect(try await found { _ in } == [["a@one.example", "b@two.example"], ["c@two.example"]])
        #expect(try await found { $0.to = AddressSelector("two.example") } == [["b@two.example"], ["c@two.example"]])
        #expect(try await found { $0.to = AddressSelector("B@Two.example") } == [["b@two.example"]])
        #expect(try await found { $0.from = AddressSelector("<>") } == [["c@two.example"]])
        #expect(try await found { $0.route = "office" } == [["c@two.example"]])
        #expect(try await found { $0.isHeld = true } == [["c@two.example"]])
        #expect(try await found { $0.isDeferred = true }.isEmpty)
        #expect(try await found { $0.ids = [first] }.count == 1)
        #expect(AddressSelector("not an address") == nil)
        let removed = try await room.queue.change(Self.selection { $0.to = AddressSelector("@two.example") }, .remove)
        #expect(removed == [first, second])
        #expect(try await room.queue.list().map(\.id) == [first])
    }

    @Test("A message is put off, pinned to a route and given up")
    func changes() async throws {
        let room = try QueueFixture()
        let id = try await room.enqueue(["a@one.example"])
        let selection = Self.selection { $0.ids = [id] }
        let later = room.clock.now().adding(.seconds(7200))
        #expect(try await room.queue.change(selection, .postpone(until: later)) == [id])
        #expect(try await room.queue.nextDue() == later)
        #expect(try await room.queue.flush() == 0, "a flush doesn't undo it")
        #expect(try await room.queue.pullForward(longestWait: .seconds(60)) == 0)
        #expect(try await room.queue.change(selection, .pin(route: "office")) == [id])
        let job = try #require(try await room.queue.lease(limit: 1, perDestination: 1).first)
        #expect(job.recipients.first?.pinnedRoute == "office")
        #expect(try await room.queue.change(selection, .pin(route: nil)).isEmpty, "it is being delivered")
        var told = 0
        #expect(try await room.queue.giveUp(selection) { _, _ in told += 1 }.isEmpty)
        #expect(try await room.queue.show(id)?.recipients.first?.held == false)
        try await room.queue.takeBackLeases()
        #expect(try await room.queue.giveUp(selection) { _, recipients in told += recipients.count } == [id])
        #expect(told == 1)
        #expect(try await room.queue.show(id) == nil)
    }

    @Test("A rule holds what comes after it, over a restart, until it is removed")
    func rules() async throws {
        let room = try QueueFixture()
        try await room.queue.addHoldRule(from: nil, to: "two.example", route: nil, author: "me")
        let other = OutboundQueue(database: room.database, clock: room.clock)
        try await other.loadHoldRules()
        let held = try await room.enqueue(["a@one.example", "b@two.example"])
        #expect(try await room.queue.show(held)?.recipients.map(\.held) == [false, true])
        let rule = try #require(try await other.holdRules().first)
        #expect(rule.to == "two.example" && rule.author == "me")
        #expect(try await room.queue.removeHoldRule(rule.id))
        let free = try await room.enqueue(["b@two.example"])
        #expect(try await room.queue.show(free)?.recipients.map(\.held) == [false])
        #expect(try await !room.queue.removeHoldRule(rule.id))
    }

    @Test("Reasons are grouped by destination and reply")
    func deferrals() async throws {
        let room = try QueueFixture()
        for _ in 0..<3 { try await room.enqueue(["a@one.example"]) }
        try await room.enqueue(["b@two.example"])
        let jobs = try await room.queue.lease(limit: 10, perDestination: 10)
        let until = room.clock.now().adding(.seconds(300))
        for job in jobs where job.destination == "one.example" {
            let outcomes = job.recipients.map {
                ($0.id, RecipientOutcome.deferred(until: until, OutboundQueueTests.reply))
            }
            try await room.queue.record(Dictionary(uniqueKeysWithValues: outcomes), of: job.message.id)
        }
        let groups = try await room.queue.deferrals()
        #expect(groups.map(\.destination) == ["one.example", "two.example"])
        #expect(groups.map(\.recipients) == [3, 1])
        #expect(groups.first?.reply == OutboundQueueTests.reply && groups.first?.next == until)
    }
}

@Suite("What waits for a site")
struct ParkingTests {
    @Test("Parked recipients are neither due nor leased, and come back by lane and age")
    func parks() async throws {
        let room = try QueueFixture()
        let bulk = try await room.enqueue(["a@one.example"]) { $0.lane = .bulk }
        let early = try await room.enqueue(["b@one.example"])
        let late = try await room.enqueue(["c@one.example"])
        let jobs = try await room.queue.lease(limit: 10, perDestination: 10)
        #expect(jobs.map(\.message.id) == [early, late, bulk])
        let expiry = room.clock.now().adding(.seconds(86400))
        try await room.queue.park(
            jobs.flatMap(\.recipients).map { ParkedRecipient(id: $0.id, site: "one.example", overdueAt: expiry) })
        #expect(try await room.queue.nextDue() == nil)
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).isEmpty)
        #expect(try await room.queue.parkedSites() == ["one.example"])
        #expect(try await room.queue.nextOverdue() == expiry)
        #expect(try await room.queue.leaseOverdue(limit: 10).isEmpty)
        let first = try await room.queue.leaseParked(on: "one.example", limit: 2)
        #expect(first.map(\.message.id) == [early, late])
        room.clock.advance(by: .seconds(86400))
        #expect(try await room.queue.leaseOverdue(limit: 10).map(\.message.id) == [bulk])
        try await room.queue.takeBackLeases()
        #expect(try await room.queue.unparkAll() == 3)
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).count == 3)
    }

    @Test("A site that is down is remembered over a restart, until it is forgotten")
    func sites() async throws {
        let room = try QueueFixture()
        let now = room.clock.now()
        let site = SuspendedSite(
            name: "one.example", failures: 2, since: now, retryAt: now.adding(.seconds(120)),
            reply: OutboundQueueTests.reply)
        try await room.queue.suspend(site)
        try await room.queue.suspend(site)
        #expect(try await room.queue.suspendedSites() == [site])
        try await room.queue.forgetSites(today: 0)
        #expect(try await room.queue.suspendedSites() == [site])
        room.clock.advance(by: .seconds(2 * 86400))
        try await room.queue.forgetSites(today: 0)
        #expect(try await room.queue.suspendedSites().isEmpty)
    }

    @Test("A wake-up reads no more rows where 1 waits than where 100,000 do")
    func plans() async throws {
        let room = try QueueFixture()
        func plan(_ statement: SQLStatement, _ binds: [SQLValue]) async throws -> [String] {
            try await room.database.read { reader in
                var lines: [String] = []
                try reader.forEach(SQLStatement(text: "EXPLAIN QUERY PLAN " + statement.sql), binds: binds) {
                    lines.append($0.string(3))
                }
                return lines
            }
        }
        let due = try await plan(QueueStatements.nextDue, [.integer(0)])
        #expect(due.contains { $0.contains("queue_recipient_ready") })
        let lease = try await plan(
            QueueStatements.lease, [.integer(0), .integer(1), .integer(1), .integer(1), .integer(1), .integer(0)])
        #expect(lease.contains { $0.contains("queue_recipient_ready (lane=? AND next_attempt_at<?)") })
        let parked = try await plan(SiteStatements.lease, [.text("a"), .integer(1), .integer(1), .integer(1)])
        #expect(parked.contains { $0.contains("queue_recipient_parked (parked_on=?)") })
        #expect(!(lease + parked + due).contains { $0 == "SCAN queue_recipient" })
        let overdue = try await plan(SiteStatements.nextOverdue, [])
        #expect(overdue.contains { $0.contains("queue_recipient_overdue") })
        let next = try await plan(SiteStatements.nextParked, [.text("a")])
        #expect(next.contains { $0.contains("queue_recipient_parked (parked_on>?)") })
    }
}
