import MailSyntax
import MartletTesting
import OutboundQueue
import SQLEngine
import Synchronization
import Testing

/// A scheduler that only remembers what it was told.
private final class Listener: Sendable {
    private let heard = Mutex<[OutboundQueue.Wake]>([])

    var wakes: [OutboundQueue.Wake] { heard.withLock { $0 } }

    var jobs: [DeliveryJob] {
        wakes.flatMap { if case .jobs(let jobs) = $0 { jobs } else { [DeliveryJob]() } }
    }

    init(_ queue: OutboundQueue, takesOver: Bool = true) {
        queue.onWake(takesOver: { takesOver }) { wake in self.heard.withLock { $0.append(wake) } }
    }
}

@Suite struct HandOverTests {
    private static let recipients = ["a@one.example", "b@two.example", "c@one.example"]

    @Test func `a message is leased as it comes, just as it would be found`() async throws {
        let room = try QueueFixture()
        let listener = Listener(room.queue)
        try await room.enqueue(Self.recipients, handsOver: true) { entry in
            entry.envelopeID = "one"
            entry.lane = .bulk
            entry.login = "anna@example.org"
        }
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).isEmpty)
        try await room.queue.takeBackLeases()
        let found = try await room.queue.lease(limit: 10, perDestination: 10)
        #expect(listener.jobs.count == 2)
        #expect(listener.jobs == found)
    }

    @Test func `nothing is leased for a scheduler without room, for one that is not there, or beyond a hundred`()
        async throws
    {
        let room = try QueueFixture()
        try await room.enqueue(Self.recipients, handsOver: true)
        let full = Listener(room.queue, takesOver: false)
        try await room.enqueue(Self.recipients, handsOver: true)
        #expect(full.wakes == [.news])
        let eager = Listener(room.queue)
        try await room.enqueue((0..<101).map { "a\($0)@one.example" }, handsOver: true)
        #expect(eager.wakes == [.news])
        #expect(try await room.queue.lease(limit: 200, perDestination: 200).flatMap(\.recipients).count == 107)
    }

    @Test func `what is held, or wanted later, is not leased`() async throws {
        let room = try QueueFixture()
        let listener = Listener(room.queue)
        let later = room.clock.now().adding(.seconds(60))
        try await room.enqueue(["a@one.example"], handsOver: true) { $0.held = true }
        try await room.enqueue(["b@one.example"], handsOver: true) { $0.notBefore = later }
        try await room.enqueue(["c@one.example", "d@one.example"], handsOver: true) { $0.recipients[0].held = true }
        #expect(listener.jobs.flatMap(\.recipients).map(\.address.description) == ["d@one.example"])
        #expect(try await room.queue.nextDue() == later)
    }

    @Test func `the scheduler hears when something that was put off is due`() async throws {
        let room = try QueueFixture()
        let listener = Listener(room.queue)
        try await room.enqueue(["a@one.example", "b@one.example", "c@one.example"], handsOver: true)
        let job = try #require(listener.jobs.first)
        let ids = job.recipients.map(\.id)
        let times = [60, 30].map { room.clock.now().adding(.seconds($0)) }
        let reply = OutboundQueueTests.reply
        try await room.queue.record(
            [ids[0]: .deferred(until: times[0], reply), ids[1]: .postponed(until: times[1], nil), ids[2]: .delivered],
            of: job.message.id)
        #expect(listener.wakes.last == .due(times[1]))
        #expect(try await room.queue.nextDue() == times[1])
    }
}
