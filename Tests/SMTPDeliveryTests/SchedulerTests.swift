import DNSCore
import MailAuth
import MailSyntax
import MartletTesting
import NetTransport
import OutboundQueue
import SMTPDelivery
import Synchronization
import Telemetry
import Testing

@Suite("The scheduler")
struct SchedulerTests {
    @Test("One destination gets so many connections at once and no more", arguments: [1, 2, 3])
    func perDestination(_ limit: Int) async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        for number in 0..<12 { try await room.enqueue("user\(number)@one.example") }
        var settings = room.settings(port: server.port)
        settings.perDestination = limit
        settings.linger = .zero
        settings.messagesPerConnection = 2
        try await room.serve(settings) {
            let events = await room.events.next(12)
            #expect(events.allSatisfy { $0.name == "delivered" })
        }
        #expect(server.peak <= limit)
        #expect(server.connections >= 6, "two messages go over a connection")
        #expect(Set(server.messages.flatMap(\.recipients)).count == 12)
        #expect(try await room.queue.list().isEmpty)
        await server.stop()
    }

    @Test("What a process had leased when it died is taken back at the next start")
    func takesBackLeases() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example")
        let lost = try await room.queue.lease(limit: 10, perDestination: 10)
        #expect(lost.count == 1)
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).isEmpty, "leased means leased")
        try await room.serve(room.settings(port: server.port)) {
            let event = await room.events.next().first
            #expect(event?.name == "delivered" && event?.attempt?.attempts == 1)
        }
        #expect(server.messages.count == 1)
        await server.stop()
    }

    @Test("A domain that takes no mail, or is not there, bounces at once without a connection")
    func nullMX() async throws {
        let room = try DeliveryRoom()
        room.resolver.mailExchanges("null.example", (0, ""))
        try await room.enqueue("a@null.example")
        try await room.enqueue("b@missing.example")
        try await room.serve(room.settings(port: 1)) {
            let events = await room.events.next(2)
            #expect(events.map(\.name) == ["bounced", "bounced"])
            #expect(events.map { $0.attempt?.enhanced } == ["5.1.10", "5.1.2"])
            #expect(events.allSatisfy { $0.attempt?.address == nil && $0.attempt?.code == nil })
        }
        #expect(room.bounces.reports.withLock { $0.count } == 2)
        #expect(try await room.queue.list().isEmpty)
    }

    @Test("A sender of ours hears once that a message takes long, nobody else does", arguments: [true, false])
    func delayReport(_ isOurs: Bool) async throws {
        let room = try DeliveryRoom()
        room.resolver.fail("slow.example", .mx, .timeout)
        try await room.enqueue("a@slow.example") { $0.wantsDelayReport = isOurs }
        var settings = room.settings(port: 1)
        settings.delayReport = .seconds(3600)
        settings.policy = FailurePolicy(
            schedule: RetrySchedule(minimum: .seconds(600), maximum: .seconds(600), spread: 0))
        try await room.serve(settings) {
            for _ in 0..<4 {
                #expect(await room.events.next().first?.name == "deferred")
                #expect(room.bounces.reports.withLock { $0.isEmpty })
                room.clock.advance(by: .seconds(900))
                room.queue.wake()
            }
            for _ in 0..<3 {
                #expect(await room.events.next().first?.name == "deferred")
                room.clock.advance(by: .seconds(4500))
                room.queue.wake()
            }
        }
        let reports = room.bounces.reports.withLock { $0 }
        #expect(reports.count == (isOurs ? 1 : 0))
        let recipients = reports.flatMap(\.failures).map(\.recipient.address.description)
        #expect(reports.allSatisfy(\.isOnlyDelay) && recipients == (isOurs ? ["a@slow.example"] : []))
    }

    @Test("What waits for a destination that is down is given up when its time is over, tried itself or not")
    func expiresUntried() async throws {
        let room = try DeliveryRoom()
        room.resolver.fail("slow.example", .mx, .timeout)
        let expiry = room.clock.now().adding(.seconds(30))
        try await room.enqueue("a@slow.example")
        try await room.serve(room.settings(port: 1)) {
            #expect(await room.events.next().first?.name == "deferred")
            room.clock.advance(by: .seconds(30))
            try await room.enqueue("b@slow.example") { $0.expiresAt = expiry }
            #expect(await room.events.next().first?.name == "expired")
        }
        #expect(room.bounces.reports.withLock { $0.map(\.failures.first?.outcome) } == [.expired])
    }

    @Test("An operator who asks for it gets an attempt, also a moment after a failure")
    func flushEndsSuspension() async throws {
        let room = try DeliveryRoom()
        room.resolver.fail("slow.example", .mx, .timeout)
        let id = try await room.enqueue("a@slow.example")
        try await room.serve(room.settings(port: 1)) {
            #expect(await room.events.next().first?.attempt?.attempts == 1)
            let flushed = try await room.queue.flush()
            #expect(flushed == 1)
            #expect(await room.events.next().first?.attempt?.attempts == 2)
            let isDue = try await room.queue.retry(id)
            #expect(isDue)
            #expect(await room.events.next().first?.attempt?.attempts == 3)
        }
    }

    @Test("What an operator removes during an attempt does not bounce")
    func removedDuringAttempt() async throws {
        let room = try DeliveryRoom()
        let id = try await room.enqueue("a@missing.example") { $0.signFor = EmailAddress("alice@example.org") }
        let queue = room.queue
        // The signer is asked in the middle of the attempt.
        let signer: @Sendable (EmailAddress) async throws -> DKIMSigner? = { _ in
            _ = try await queue.remove(id)
            return nil
        }
        try await room.serve(room.settings(port: 1), signer: signer) {
            #expect(await room.events.next().first?.name == "bounced")
        }
        #expect(room.bounces.reports.withLock { $0.isEmpty })
    }

    @Test("A bounce that has nobody to go to is told to the log")
    func goneSender() async throws {
        let room = try DeliveryRoom()
        let id = try await room.enqueue("b@missing.example", from: "gone@example.org")
        try await room.serve(room.settings(port: 1)) {
            #expect(await room.events.next().first?.name == "bounced")
        }
        let lines = room.log.lines.filter { $0.hasPrefix("notice a bounce has nobody to go to") }
        #expect(lines.count == 1 && lines.first?.contains("queue.id=\(id)") == true)
        #expect(try await room.queue.list().isEmpty)
    }

    @Test("The log lines of an attempt tell who, where, what was said, how long it took, and how it was protected")
    func events() async throws {
        let context = try ScriptedSMTPServer.context()
        let server = try await ScriptedSMTPServer(
            .init { behaviour in
                behaviour.tls = context
                behaviour.recipients["full@one.example"] = .reply("452 4.2.2 mailbox full")
                behaviour.recipients["gone@one.example"] = .reply("550 5.1.1 no such user")
            })
        let room = try DeliveryRoom()
        let id = try await room.enqueue("a@one.example", "full@one.example", "gone@one.example")
        room.clock.advance(by: .milliseconds(1500))
        try await room.serve(room.settings(port: server.port)) {
            let attempts = await room.events.next(3).compactMap { event in event.attempt.map { (event.name, $0) } }
            #expect(attempts.map(\.0) == ["delivered", "deferred", "bounced"])
            for (_, attempt) in attempts {
                #expect(attempt.id == id.description && attempt.from == "sender@example.org")
                #expect(attempt.destination == "mx.one.example" && attempt.address == "127.0.0.1")
                #expect(attempt.via == "mx" && attempt.tls == "TLSv1.3" && attempt.delay == 1500)
            }
            #expect(attempts.map(\.1.code) == [250, 452, 550])
            #expect(attempts.map(\.1.enhanced) == ["2.0.0", "4.2.2", "5.1.1"])
            #expect(attempts.map { ($0.1.retryIn ?? 0) > 0 } == [false, true, false])
            #expect(attempts.last?.1.reason?.hasPrefix("no such user") == true)
        }
        await server.stop()
    }
}
