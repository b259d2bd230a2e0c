import Blobs
import MailSyntax
import MartletTesting
import OutboundQueue
import SQLEngine
import Synchronization
import Testing

extension QueueFixture {
    static let references = SQLStatement("SELECT COALESCE(SUM(reference_count), 0) FROM blob")

    func references() async throws -> Int {
        try await database.read { try $0.first(Self.references, map: { $0.int(0) }) ?? -1 }
    }
}

@Suite("Outbound queue")
struct OutboundQueueTests {
    static let reply = DeliveryReply(
        code: 450, status: EnhancedStatusCode(4, 2, 0), text: "greylisted", host: "mx.example.net[192.0.2.1]")

    @Test("The scheduler can be woken as often as there are messages")
    func wakes() throws {
        let room = try QueueFixture()
        let count = Mutex(0)
        room.queue.onWake { _ in count.withLock { $0 += 1 } }
        for _ in 0..<200_000 { room.queue.wake() }
        #expect(count.withLock { $0 } == 200_000)
    }

    @Test("A clock that was ahead and is set back delays nothing for longer than the schedule")
    func clockSetBack() async throws {
        let room = try QueueFixture()
        try await room.enqueue(["a@example.net"])
        // The clock runs a day ahead; an attempt is put off by an hour.
        room.clock.advance(by: .seconds(86_400))
        let job = try #require(try await room.queue.lease(limit: 10, perDestination: 10).first)
        let recipient = try #require(job.recipients.first)
        let later = room.clock.now().adding(.seconds(3600))
        try await room.queue.record([recipient.id: .deferred(until: later, Self.reply)], of: job.message.id)
        room.clock.advance(by: .seconds(-86_400))
        #expect(try await room.queue.pullForward(longestWait: .seconds(86_400 * 2)) == 0)
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).isEmpty)
        #expect(try await room.queue.pullForward(longestWait: .seconds(4000)) == 1)
        #expect(try await room.queue.nextDue() == room.clock.now())
        // What is queued now is due now, and ids go on rising.
        let before = room.ids.next()
        let id = try await room.enqueue(["b@example.net"])
        #expect(id.rawValue > before.rawValue && before.rawValue > job.message.id.rawValue)
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).count == 2)
    }

    @Test("What was queued is leased once, grouped by message and destination, as it was given")
    func leases() async throws {
        let room = try QueueFixture()
        let id = try await room.enqueue(["a@one.example", "b@two.example", "c@ONE.example"]) { entry in
            entry.bodyType = .eightBitMIME
            entry.smtpUTF8 = true
            entry.envelopeID = "QQ"
            entry.dsnReturn = .headers
            entry.signFor = EmailAddress("alice@example.org")
        }
        let jobs = try await room.queue.lease(limit: 10, perDestination: 10)
        #expect(jobs.map(\.destination).sorted() == ["one.example", "two.example"])
        #expect(jobs.map(\.recipients.count).reduce(0, +) == 3)
        let message = try #require(jobs.first?.message)
        #expect(message.id == id)
        #expect(message.reversePath.description == "sender@example.org")
        #expect(message.bodyType == .eightBitMIME)
        #expect(message.smtpUTF8)
        #expect(message.envelopeID == "QQ")
        #expect(message.dsnReturn == .headers)
        #expect(message.signFor == EmailAddress("alice@example.org"))
        #expect(message.expiresAt == message.createdAt.adding(.seconds(5 * 86400)))
        #expect(try room.blobs.open(message.blob, size: message.size).read(0..<4) == Array("From".utf8))
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).isEmpty)
        #expect(try await room.queue.nextDue() == nil)
    }

    @Test("A message leaves with its last recipient, and its blob with it")
    func delivers() async throws {
        let room = try QueueFixture()
        let id = try await room.enqueue(["a@one.example", "b@two.example"])
        #expect(try await room.references() == 1)
        let recipients = try await room.queue.lease(limit: 10, perDestination: 10).flatMap(\.recipients)
        try await room.queue.record([recipients[0].id: .delivered], of: id)
        #expect(try await room.queue.show(id)?.recipients.count == 1)
        #expect(try await room.references() == 1)
        try await room.queue.record([recipients[1].id: .failed], of: id)
        #expect(try await room.queue.show(id) == nil)
        #expect(try await room.references() == 0)
        try await room.queue.record([recipients[1].id: .failed], of: id)
        #expect(try await room.references() == 0)
    }

    @Test("What is deferred comes back at its time, with the reply and one attempt more")
    func defers() async throws {
        let room = try QueueFixture()
        let id = try await room.enqueue(["a@one.example"])
        let recipient = try #require(try await room.queue.lease(limit: 1, perDestination: 1).first?.recipients.first)
        let until = room.clock.now().adding(.seconds(300))
        try await room.queue.record([recipient.id: .deferred(until: until, Self.reply)], of: id)
        #expect(try await room.queue.nextDue() == until)
        #expect(try await room.queue.lease(limit: 1, perDestination: 1).isEmpty)
        room.clock.advance(by: .seconds(300))
        let again = try #require(try await room.queue.lease(limit: 1, perDestination: 1).first?.recipients.first)
        #expect(again.attempts == 1)
        #expect(again.lastReply == Self.reply)
        try await room.queue.record([again.id: .postponed(until: until, nil)], of: id)
        let postponed = try #require(try await room.queue.lease(limit: 1, perDestination: 1).first?.recipients.first)
        #expect(postponed.attempts == 1)
        #expect(postponed.lastReply == Self.reply)
    }

    @Test("Leases end with the node's restart, or with their time")
    func takesBack() async throws {
        let room = try QueueFixture()
        try await room.enqueue(["a@one.example"])
        #expect(try await room.queue.lease(limit: 1, perDestination: 1).count == 1)
        let other = OutboundQueue(database: room.database, node: 2, clock: room.clock)
        try await other.takeBackLeases()
        #expect(try await room.queue.lease(limit: 1, perDestination: 1).isEmpty)
        try await room.queue.takeBackLeases()
        #expect(try await other.lease(limit: 1, perDestination: 1, for: .seconds(60)).count == 1)
        room.clock.advance(by: .seconds(60))
        try await room.queue.takeBackExpiredLeases()
        #expect(try await room.queue.lease(limit: 1, perDestination: 1).isEmpty)
        room.clock.advance(by: .seconds(1))
        try await room.queue.takeBackExpiredLeases()
        #expect(try await room.queue.lease(limit: 1, perDestination: 1).count == 1)
    }

    @Test("A large destination does not crowd out a small one")
    func fairness() async throws {
        let room = try QueueFixture()
        for _ in 0..<20 { try await room.enqueue(["a@large.example"]) }
        try await room.enqueue(["b@small.example"])
        let jobs = try await room.queue.lease(limit: 10, perDestination: 5)
        #expect(jobs.filter { $0.destination == "large.example" }.count == 5)
        #expect(jobs.filter { $0.destination == "small.example" }.count == 1)
        #expect(try await room.queue.lease(limit: 3, perDestination: 5).count == 3)
    }

    @Test("Hold, release, retry, flush and remove do what they say")
    func operations() async throws {
        let room = try QueueFixture()
        let wakes = Mutex(0)
        room.queue.onWake { wake in wakes.withLock { $0 += wake == .demand ? 1 : 0 } }
        let id = try await room.enqueue(["a@one.example"])
        #expect(try await room.queue.hold(id))
        #expect(try await room.queue.lease(limit: 1, perDestination: 1).isEmpty)
        #expect(try await room.queue.counts().heldRecipients == 1)
        #expect(try await room.queue.release(id))
        let recipient = try #require(try await room.queue.lease(limit: 1, perDestination: 1).first?.recipients.first)
        let later = room.clock.now().adding(.seconds(300))
        try await room.queue.record([recipient.id: .deferred(until: later, Self.reply)], of: id)
        #expect(try await room.queue.retry(id))
        let again = try #require(try await room.queue.lease(limit: 1, perDestination: 1).first?.recipients.first)
        try await room.queue.record([again.id: .deferred(until: later, Self.reply)], of: id)
        #expect(try await room.queue.flush() == 1)
        #expect(wakes.withLock { $0 } == 3)
        #expect(try await room.queue.remove(id))
        #expect(try await room.references() == 0)
        let nobody = MailID(rawValue: 1)
        #expect(try await !room.queue.remove(nobody))
        #expect(try await !room.queue.hold(nobody))
        #expect(try await !room.queue.retry(nobody))
        #expect(try await room.queue.show(nobody) == nil)
    }

    @Test("Listings come in pages, oldest first")
    func lists() async throws {
        let room = try QueueFixture()
        var ids: [MailID] = []
        for number in 0..<5 { ids.append(try await room.enqueue(["a\(number)@one.example"])) }
        let first = try await room.queue.list(limit: 3)
        #expect(first.map(\.id) == Array(ids.prefix(3)))
        #expect(try await room.queue.list(after: first.last?.id, limit: 3).map(\.id) == Array(ids.suffix(2)))
    }

    @Test("A message without a recipient, or without its blob, is refused whole")
    func refuses() async throws {
        let room = try QueueFixture()
        await #expect(throws: DatabaseError.self) { try await room.enqueue([]) }
        await #expect(throws: DatabaseError.self) {
            try await room.enqueue(["a@one.example"]) { $0.blob = BlobID(key: BlobKey(rawValue: 5), random: 0) }
        }
        #expect(try await room.queue.counts().messages == 0)
        #expect(try await room.references() == 0)
    }

    @Test("A bounce has its own, shorter life, and a null reverse-path stays null")
    func bounceLifetime() async throws {
        let room = try QueueFixture()
        let id = try await room.enqueue(["a@one.example"], from: "") { $0.isBounce = true }
        let entry = try #require(try await room.queue.show(id))
        #expect(entry.message.reversePath == .null)
        #expect(entry.message.expiresAt == entry.message.createdAt.adding(.seconds(86400)))
    }

    @Test("A lease that ran out is taken back, but not from a delivery that is still under way here")
    func expiredLeases() async throws {
        let room = try QueueFixture()
        let id = try await room.enqueue(["a@one.example"])
        let recipient = try #require(try await room.queue.lease(limit: 1, perDestination: 1).first?.recipients.first)
        room.clock.advance(by: .seconds(10_000))
        try await room.queue.takeBackExpiredLeases()
        #expect(try await room.queue.lease(limit: 1, perDestination: 1).isEmpty, "the clock jumped, nobody was lost")
        let other = OutboundQueue(database: room.database, node: 2, clock: room.clock)
        try await other.takeBackExpiredLeases()
        #expect(try await room.queue.lease(limit: 1, perDestination: 1).count == 1, "another node knows only the lease")
        try await room.queue.record([recipient.id: .delivered], of: id)
        #expect(try await room.queue.counts().messages == 0)
    }

    @Test("A message from the future comes now and is given up after its lifetime")
    func future() async throws {
        let room = try QueueFixture()
        let old = try await room.enqueue(["a@one.example"])
        room.clock.advance(by: .seconds(31_536_000))
        let new = try await room.enqueue(["b@one.example"])
        room.clock.advance(by: .seconds(-31_535_000))
        #expect(try await room.queue.pullForward(longestWait: .seconds(4000)) == 1)
        let message = try #require(try await room.queue.show(new)).message
        #expect(message.createdAt == room.clock.now())
        #expect(message.expiresAt == room.clock.now().adding(.seconds(5 * 86400)))
        #expect(try #require(try await room.queue.show(old)).message.createdAt < room.clock.now())
    }

    @Test("The report of delay is taken once, for those who failed")
    func delayReport() async throws {
        let room = try QueueFixture()
        let id = try await room.enqueue(["a@one.example", "b@two.example"]) { $0.wantsDelayReport = true }
        let job = try #require(
            try await room.queue.lease(limit: 9, perDestination: 9).first { $0.destination == "one.example" })
        #expect(job.message.wantsDelayReport)
        let later = room.clock.now().adding(.seconds(300))
        let outcomes = Dictionary(
            uniqueKeysWithValues: job.recipients.map { ($0.id, RecipientOutcome.deferred(until: later, Self.reply)) })
        try await room.queue.record(outcomes, of: id)
        #expect(try await room.queue.claimDelayReport(id).map(\.destination) == ["one.example"])
        #expect(try await room.queue.claimDelayReport(id).isEmpty)
        #expect(try await room.queue.show(id)?.message.wantsDelayReport == false)
    }
}
