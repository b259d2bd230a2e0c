import Blobs
import Directory
import Foundation
import MailConfig
import MailIntake
import MailMessage
import MailPolicy
import MailStore
import MailSyntax
import MartletTesting
import NIOPosix
import NetTransport
import OutboundQueue
import SMTPDelivery
import SQLEngine
import Telemetry
import Testing

/// A bounce room whose queue is worked on.
private struct WaitingRoom {
    let rooms: BounceRoom
    let events = AwaitableEvents()

    private let sink: IntakeBounceSink

    init() async throws {
        let rooms = try await BounceRoom()
        self.rooms = rooms
        sink = IntakeBounceSink(
            intake: rooms.intake, snapshot: { rooms.directory.snapshot }, blobs: rooms.state.blobs,
            composer: BounceComposer(reportingMTA: try #require(DomainName("mail.example.org"))), ids: rooms.state.ids,
            events: events, clock: rooms.state.clock)
    }

    var queue: OutboundQueue { rooms.queue }
    var clock: ManualClock { rooms.state.clock }

    /// Accepts a message for alice, and for others elsewhere.
    @discardableResult
    func accept(
        from sender: String = "bob@example.net", remote: [String] = [], notify: DSNNotify = .standard,
        body: String = "body words", change: (inout Acceptance) -> Void
    ) async throws -> Accepted {
        let bytes = Array("From: bob@example.net\r\nSubject: later\r\n\r\n\(body)\r\n".utf8)
        var acceptance = Acceptance(
            id: rooms.state.ids.next(), reversePath: .address(try #require(EmailAddress(sender))),
            content: .bytes(bytes), index: MessageIndex(scanning: bytes),
            local: [
                LocalDelivery(
                    account: rooms.alice.id, recipient: try #require(EmailAddress("list@example.org")), tag: "x",
                    notify: notify)
            ],
            remote: try remote.map { NewQueueRecipient(address: try #require(EmailAddress($0))) },
            origin: AcceptanceOrigin(listener: "mx"))
        change(&acceptance)
        return try await rooms.intake.accept(acceptance)
    }

    /// Works on the queue until so many attempts were made and reports filed; returns their events in the order of their
    /// recipients.
    func work(_ count: Int = 1) async throws -> [MailEvent] {
        var manifest = Manifest()
        manifest.routing.routes = [Manifest.Route(name: "bin", kind: .discard)]
        var settings = DeliverySettings(rules: PolicyRules(manifest))
        settings.lookup = { lookup in
            if case .hosted = lookup { .flag(true) } else { .unavailable("there are no tables") }
        }
        settings.policy = FailurePolicy(schedule: RetrySchedule(spread: 0))
        let state = rooms.state
        let service = DeliveryService(
            settings: settings,
            environment: .init(
                queue: queue, blobs: state.blobs, intake: rooms.intake, resolver: ScriptedResolver(),
                contexts: try ClientTLSContexts(), bounces: sink, events: events, ids: state.ids,
                clock: state.clock, group: MultiThreadedEventLoopGroup.singleton, logger: LogRecorder().logger))
        return try await withThrowingTaskGroup(of: [MailEvent].self) { group in
            group.addTask {
                try await service.run()
                return []
            }
            group.addTask { await events.next(count) }
            let found = try await group.next() ?? []
            group.cancelAll()
            while try await group.next() != nil {}
            return found
        }
    }

    /// Mail for postmaster goes to somebody else, so that alice may go away.
    func replaceAlice() async throws {
        let directory = rooms.directory
        let carol = try #require(EmailAddress("carol@example.org"))
        let account = try await directory.addAccount(carol, name: nil, quota: nil, author: "test")
        try await rooms.store.prepareAccount(account.id)
        let postmaster = try #require(EmailAddress("postmaster@example.org"))
        try await directory.addAlias(postmaster, targets: [carol], author: "test")
        try await directory.setEnabled(rooms.alice.address, false, author: "test")
    }

    /// For whom reports were made; they leave the queue in their own time.
    func reports() async throws -> [String] {
        try await rooms.state.rows("SELECT recipients FROM trace WHERE reverse_path = ''", columns: 1)
    }

    func attempts(of id: MailID) async throws -> [QueueAttempt] {
        try await rooms.state.database.read { try OutboundQueue.attempts($0, of: id) }
    }

    func row(of id: MailID) async throws -> QueuedRecipient {
        try #require(try await queue.show(id)?.recipients.first)
    }
}

@Suite("Mail that waits here for a mailbox")
struct WaitingMailTests {
    @Test("A held message that is junk is filed as such once it is released")
    func junk() async throws {
        let room = try await WaitingRoom()
        let accepted = try await room.accept {
            $0.held = true
            $0.isJunk = true
        }
        #expect(try await room.queue.release(accepted.id))
        let event = try #require(try await room.work().first)
        #expect(event.attempt?.destination == "Junk")
        #expect(try await room.rooms.inbox().isEmpty)
        #expect(try await room.rooms.store.mailbox(room.rooms.alice.id, path: "Junk")?.messages == 1)
    }

    @Test("A held message is in the queue, and once released in the mailbox alone, with its own Return-Path")
    func released() async throws {
        let room = try await WaitingRoom()
        let accepted = try await room.accept(notify: [.success, .failure]) {
            $0.held = true
            $0.forwardedFrom = EmailAddress("srs0=x@example.org")
        }
        #expect(accepted.filed.isEmpty)
        #expect(accepted.queued == 1)
        #expect(try await room.rooms.inbox().isEmpty)
        let row = try await room.row(of: accepted.id)
        #expect(row.held && row.isLocal)
        #expect(row.mailbox == QueuedMailbox(account: room.rooms.alice.id.rawValue, tag: "x"))
        #expect(try await room.queue.nextDue() == nil)
        let trace = try #require(try await room.rooms.intake.traces(.id(accepted.id), limit: 1).first)
        #expect(trace.recipients == ["list@example.org"])
        #expect(trace.steps.contains("kept until it is released"))

        #expect(try await room.queue.release(accepted.id))
        let event = try #require(try await room.work().first)
        #expect(event.name == "delivered")
        #expect(event.attempt?.via == "local")
        #expect(event.attempt?.destination == "INBOX")
        let found = try await room.rooms.inbox()
        #expect(found.count == 1)
        #expect(found.first?.text.hasPrefix("Return-Path: <bob@example.net>\r\nFrom: bob") == true)
        #expect(found.first?.index.envelope.subject.map { String(decoding: $0, as: UTF8.self) } == "later")
        let attempts = try await room.attempts(of: accepted.id)
        #expect(attempts.map(\.outcome) == [.delivered])
        #expect(attempts.first?.route == "local")
        #expect(try await room.queue.show(accepted.id) == nil)
    }

    @Test("What may not be filed yet waits, and a large message comes whole")
    func laterByTime() async throws {
        let room = try await WaitingRoom()
        try await room.rooms.directory.setQuota(room.rooms.alice.address, nil, author: "test")
        let body = String(repeating: "0123456789 words and words and words\r\n", count: 12_000)
        let time = room.clock.now().adding(.seconds(3600))
        let accepted = try await room.accept(body: body) { $0.notBefore = time }
        #expect(try await room.queue.nextDue() == time)
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).isEmpty)
        #expect(try await room.queue.flush() == 0)
        // It is given up so long after its time as another after its arrival.
        #expect(try await room.queue.show(accepted.id)?.message.expiresAt == time.adding(.seconds(5 * 86400)))
        room.clock.advance(by: .seconds(3600))
        #expect(try await room.work().map(\.name) == ["delivered"])
        let text = try #require(try await room.rooms.inbox().first?.text)
        #expect(text.hasSuffix(body + "\r\n"))
    }

    @Test("An operator who names a message sends it before its time; with a filter only holds end")
    func early() async throws {
        let room = try await WaitingRoom()
        let accepted = try await room.accept { $0.notBefore = room.clock.now().adding(.seconds(3600)) }
        var all = QueueSelection()
        all.to = AddressSelector("example.org")
        _ = try await room.queue.change(all, .release)
        #expect(try await room.queue.lease(limit: 10, perDestination: 10).isEmpty)
        #expect(try await room.queue.release(accepted.id))
        #expect(try await room.work().map(\.name) == ["delivered"])
    }

    @Test("A full mailbox puts off, a disabled or missing one returns to the sender")
    func failures() async throws {
        let room = try await WaitingRoom()
        let full = try await room.accept(from: "carol@example.org", body: String(repeating: "x", count: 200)) {
            $0.held = true
        }
        _ = try await room.queue.release(full.id)
        #expect(try await room.work().map(\.name) == ["deferred"])
        let row = try await room.row(of: full.id)
        #expect(row.lastReply?.status == EnhancedStatusCode(4, 2, 2))
        #expect(row.nextAttemptAt > room.clock.now())
        #expect(try await room.rooms.inbox().isEmpty)

        try await room.replaceAlice()
        _ = try await room.queue.retry(full.id)
        let events = try await room.work(2)
        #expect(events.map(\.name) == ["delivered", "bounced"])
        #expect(events.last?.attempt?.enhanced == "5.2.1")
        #expect(try await room.reports() == ["carol@example.org"])
    }

    @Test("When its account goes, what waits for it is returned at once, or to nobody where a stranger sent it")
    func accountRemoved() async throws {
        let room = try await WaitingRoom()
        let sender = "carol@example.org"
        try await room.accept(from: sender) { $0.held = true }
        try await room.accept(from: sender, notify: .never) { $0.held = true }
        try await room.accept(from: sender) { $0.notBefore = room.clock.now().adding(.seconds(86400)) }
        let alice = room.rooms.alice
        try await room.rooms.store.removeAccountMail(alice.id)
        try await room.queue.endWait(account: alice.id.rawValue)
        try await room.replaceAlice()
        let events = try await room.work(5)
        #expect(events.map(\.name) == ["delivered", "delivered", "bounced", "bounced", "bounced"])
        #expect(try await room.reports() == [sender, sender])
        #expect(try await room.rooms.state.number("SELECT COUNT(*) FROM queue_recipient WHERE account_id > 0") == 0)
    }

    @Test("Local and remote recipients of a held message wait in one queue entry, and go their own ways")
    func mixed() async throws {
        let room = try await WaitingRoom()
        let accepted = try await room.accept(remote: ["r@one.example"]) { $0.held = true }
        let entry = try #require(try await room.queue.show(accepted.id))
        #expect(entry.recipients.map(\.isLocal) == [false, true])
        var here = QueueSelection()
        here.ids = [accepted.id]
        here.to = AddressSelector("example.org")
        _ = try await room.queue.change(here, .release)
        #expect(try await room.work().map(\.name) == ["delivered"])
        #expect(try await room.row(of: accepted.id).address.description == "r@one.example")
        #expect(try await room.rooms.state.number("SELECT COUNT(*) FROM queue_recipient") == 1)
    }

    @Test("An operator sends a message another way than into the mailbox; a route that is gone doesn't keep it")
    func otherRoute() async throws {
        let room = try await WaitingRoom()
        for (route, via) in [("bin", "discard"), ("gone", "local")] {
            let accepted = try await room.accept { $0.held = true }
            var selection = QueueSelection()
            selection.ids = [accepted.id]
            _ = try await room.queue.change(selection, .pin(route: route))
            _ = try await room.queue.release(accepted.id)
            #expect(try await room.work().map(\.attempt?.via) == [via])
            #expect(try await room.queue.show(accepted.id) == nil)
        }
        #expect(try await room.rooms.inbox().count == 1)
    }

    @Test("A rule of an operator holds what is for a mailbox here; without one nothing is queued")
    func rule() async throws {
        let room = try await WaitingRoom()
        #expect(try await room.accept { _ in }.filed.count == 1)
        try await room.queue.addHoldRule(from: nil, to: "list@example.org", route: nil, author: "test")
        let accepted = try await room.accept { _ in }
        #expect(accepted.filed.isEmpty)
        #expect(try await room.row(of: accepted.id).held)
    }

    // RFC 4865 §5.1.2
    @Test("A report names the time that was asked for, and a delay counts from it")
    func reports() async throws {
        let room = try await WaitingRoom()
        let time = room.clock.now().adding(.seconds(7 * 86_400))
        let accepted = try await room.accept(body: String(repeating: "x", count: 200)) {
            $0.notBefore = time
            $0.futureRelease = "for;604800"
            $0.origin.login = "bob"
            $0.reversePath = .address(room.rooms.alice.address)
        }
        #expect(try await room.queue.waitingOctets(of: "bob") == OutboundQueue.leastWaiting)
        room.clock.advance(by: .seconds(7 * 86_400))
        #expect(try await room.work().map(\.name) == ["deferred"])
        #expect(try await room.row(of: accepted.id).attempts == 1)
        #expect(try await room.reports() == [])
        room.clock.advance(by: .seconds(5 * 3600))
        #expect(try await room.work(2).map(\.name) == ["delivered", "deferred"])
        room.clock.advance(by: .seconds(5 * 86_400))
        #expect(try await room.work(2).map(\.name) == ["delivered", "expired"])
        let texts = try await room.rooms.inbox().map(\.text)
        #expect(texts.count == 2)
        #expect(texts.first?.contains("Action: delayed\r\n") == true)
        for text in texts {
            #expect(text.contains("\r\nFuture-Release-Request: for;604800\r\n"))
            #expect(text.contains("\r\nArrival-Date: "))
        }
    }

    @Test("Who asked hears, in the commit that files it, that the message is in the mailbox")
    func success() async throws {
        let room = try await WaitingRoom()
        let accepted = try await room.accept(from: "alice@example.org", notify: .success) { $0.held = true }
        #expect(try await room.reports() == [])
        _ = try await room.queue.release(accepted.id)
        #expect(try await room.work(2).map(\.name) == ["delivered", "delivered"])
        let texts = try await room.rooms.inbox().map(\.text)
        #expect(texts.count == 2)
        #expect(texts.contains { $0.contains("\r\nAction: delivered\r\n") })
    }

    @Test("A row that an operator removed while it was leased is not filed")
    func removedMeanwhile() async throws {
        let room = try await WaitingRoom()
        let accepted = try await room.accept { $0.notBefore = room.clock.now() }
        let job = try #require(try await room.queue.lease(limit: 1, perDestination: 1).first)
        #expect(job.isLocal)
        _ = try await room.queue.remove(accepted.id)
        let results = try await room.rooms.intake.file(job.message, for: job.recipients, attempt: attempt)
        if case .gone = results[job.recipients[0].id] {} else { Issue.record("\(results)") }
        #expect(try await room.rooms.inbox().isEmpty)
    }

    @Test("A crash before the commit leaves the row, one after it the message: never both, never neither")
    func crash() async throws {
        let room = try await WaitingRoom()
        let accepted = try await room.accept { $0.notBefore = room.clock.now() }
        let job = try #require(try await room.queue.lease(limit: 1, perDestination: 1).first)
        let files = room.rooms.state.fileSystem
        var failures = 0
        var step = 0
        while true {
            files.reset(failing: step)
            do {
                let results = try await room.rooms.intake.file(job.message, for: job.recipients, attempt: attempt)
                if case .filed = results[job.recipients[0].id] { break }
            } catch {}
            failures += 1
            files.reset()
            #expect(try await room.queue.show(accepted.id) != nil)
            #expect(try await room.rooms.inbox().isEmpty)
            step += 1
            try #require(step < 100)
        }
        files.reset()
        #expect(failures > 0)
        #expect(try await room.queue.show(accepted.id) == nil)
        #expect(try await room.rooms.inbox().count == 1)
    }

    private let attempt: @Sendable (QueuedRecipient) -> QueueAttempt = { recipient in
        QueueAttempt(
            recipientID: recipient.id, recipient: "\(recipient.address)", number: 1, at: Timestamp(seconds: 1),
            outcome: .delivered, route: "local",
            reply: DeliveryReply(status: EnhancedStatusCode(2, 1, 5), text: "delivered to the mailbox"))
    }
}
