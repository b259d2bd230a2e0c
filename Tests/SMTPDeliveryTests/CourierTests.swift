import MailAuth
import MailConfig
import MailSyntax
import MartletTesting
import OutboundQueue
import SMTPDelivery
import Synchronization
import Telemetry
import Testing

@Suite("Delivery to a host")
struct CourierTests {
    typealias Behaviour = ScriptedSMTPServer.Behaviour
    typealias Step = ScriptedSMTPServer.Step

    @Test("A message arrives as it was, in one transaction, and leaves the queue", arguments: [true, false])
    func delivers(_ pipelines: Bool) async throws {
        let server = try await ScriptedSMTPServer(Behaviour { if !pipelines { $0.capabilities = [] } })
        let room = try DeliveryRoom()
        let id = try await room.enqueue("a@one.example", "b@one.example") { $0.bodyType = .eightBitMIME }
        try await room.serve(room.settings(port: server.port)) {
            let events = await room.events.next(2)
            #expect(events.map(\.name) == ["delivered", "delivered"])
            #expect(events.first?.attempt?.code == 250)
            #expect(events.first?.attempt?.enhanced == "2.0.0")
            #expect(events.first?.attempt?.reason == "queued as X1")
            let kept = try await room.queue.show(id)
            #expect(kept == nil)
        }
        let message = try #require(server.messages.first)
        #expect(message.recipients == ["a@one.example", "b@one.example"])
        #expect(message.data == "From: a@example.org\n\nHello\n.dot\n")
        let expected = "MAIL FROM:<sender@example.org>" + (pipelines ? " SIZE=36 BODY=8BITMIME" : "")
        #expect(message.mail == expected)
        #expect(server.commands.first == "EHLO mail.example.org")
        let attempts = try await room.attempts(of: id)
        #expect(attempts.map(\.outcome) == [.delivered, .delivered] && attempts.map(\.number) == [1, 1])
        #expect(attempts.allSatisfy { $0.route == "direct" && $0.host == "mx.one.example[127.0.0.1]:\(server.port)" })
        await server.stop()
    }

    /// What a server does at a stage, and what becomes of the recipient.
    static let stages: [(String, Step, event: String, code: Int?)] = [
        ("greeting", .reply("421 4.3.2 busy"), "deferred", 421),
        ("greeting", .reply("554 5.7.1 go away"), "deferred", 554),
        ("greeting", .close, "deferred", nil),
        ("greeting", .reset, "deferred", nil),
        ("greeting", .reply("HTTP/1.1 400 Bad Request"), "deferred", nil),
        ("EHLO", .reply("421 4.3.2 busy"), "deferred", 421),
        ("EHLO", .reply("500 what?"), "delivered", 250),
        ("EHLO", .close, "deferred", nil),
        ("MAIL", .reply("450 4.1.8 later"), "deferred", 450),
        ("MAIL", .reply("550 5.1.8 never"), "bounced", 550),
        ("MAIL", .replyAndClose("421 4.7.0 closing"), "deferred", 421),
        ("MAIL", .close, "deferred", nil),
        ("RCPT", .reply("450 4.2.0 greylisted"), "deferred", 450),
        ("RCPT", .reply("452 4.5.3 too many"), "deferred", 452),
        ("RCPT", .reply("552 too many"), "deferred", 552),
        ("RCPT", .reply("552 5.2.2 mailbox full"), "bounced", 552),
        ("RCPT", .reply("550 5.1.1 no such user"), "bounced", 550),
        ("RCPT", .reset, "deferred", nil),
        ("DATA", .reply("451 4.3.0 later"), "deferred", 451),
        ("DATA", .reply("554 5.6.0 never"), "bounced", 554),
        ("DATA", .reply("250 what"), "deferred", 250),
        ("DATA", .close, "deferred", nil),
        (".", .reply("451 4.3.0 later"), "deferred", 451),
        (".", .reply("554 5.7.1 spam"), "bounced", 554),
        (".", .close, "deferred", nil),
        (".", .reset, "deferred", nil),
        (".", .reply("nonsense"), "deferred", nil),
        ("QUIT", .close, "delivered", 250),
    ]

    @Test("Each misbehaviour at each stage becomes the right outcome", arguments: stages, [true, false])
    func misbehaviour(_ test: (String, Step, event: String, code: Int?), _ pipelines: Bool) async throws {
        let behaviour = Behaviour { behaviour in
            if !pipelines { behaviour.capabilities = [] }
            if test.0 == "greeting" { behaviour.greeting = test.1 } else { behaviour.steps[test.0] = test.1 }
        }
        let server = try await ScriptedSMTPServer(behaviour)
        let room = try DeliveryRoom()
        let id = try await room.enqueue("a@one.example")
        try await room.serve(room.settings(port: server.port)) {
            let event = await room.events.next().first
            #expect(event?.name == test.event)
            #expect(event?.attempt?.code == test.code)
            let entry = try await room.queue.show(id)
            #expect((entry != nil) == (test.event == "deferred"))
            if let recipient = entry?.recipients.first {
                #expect(recipient.attempts == 1)
                #expect(recipient.nextAttemptAt == room.clock.now().adding(.seconds(300)))
                #expect(recipient.lastReply?.code == test.code)
                #expect(!recipient.isLeased)
            }
        }
        let reports = room.bounces.reports.withLock { $0 }
        #expect(reports.count == (test.event == "bounced" ? 1 : 0))
        await server.stop()
    }

    @Test("A host that hangs is given up after its time", arguments: ["greeting", "EHLO", "MAIL", "DATA", "."])
    func hangs(_ stage: String) async throws {
        let behaviour = Behaviour { behaviour in
            if stage == "greeting" { behaviour.greeting = .hang } else { behaviour.steps[stage] = .hang }
        }
        let server = try await ScriptedSMTPServer(behaviour)
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example")
        var settings = room.settings(port: server.port)
        settings.timeouts.command = .milliseconds(300)
        settings.timeouts.final = .milliseconds(300)
        try await room.serve(settings) {
            let event = await room.events.next().first
            #expect(event?.name == "deferred")
            #expect(event?.attempt?.enhanced == "4.4.2")
            #expect(event?.attempt?.reason?.contains("timed out") == true)
        }
        await server.stop()
    }

    @Test("Recipients fare each for itself, and one bounce tells of those that failed")
    func mixedRecipients() async throws {
        let server = try await ScriptedSMTPServer(
            Behaviour { behaviour in
                behaviour.recipients["b@one.example"] = .reply("550-5.1.1 no\r\n550 5.1.1 such user")
                behaviour.recipients["c@one.example"] = .reply("450 4.2.0 later")
            })
        let room = try DeliveryRoom()
        let id = try await room.enqueue("a@one.example", "b@one.example", "c@one.example")
        try await room.serve(room.settings(port: server.port)) {
            let events = await room.events.next(3)
            #expect(events.map(\.name) == ["delivered", "bounced", "deferred"])
            let kept = try await room.queue.show(id)
            #expect(kept?.recipients.map(\.address.description) == ["c@one.example"])
        }
        let report = try #require(room.bounces.reports.withLock { $0.first })
        #expect(report.sender.description == "sender@example.org")
        #expect(report.failures.map(\.recipient.address.description) == ["b@one.example"])
        #expect(report.failures.first?.reply.text == "no such user (in reply to RCPT TO)")
        await server.stop()
    }

    @Test("Recipients beyond the server's limit follow at once in another transaction")
    func recipientLimit() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.recipientLimit = 2 })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example", "b@one.example", "c@one.example", "d@one.example", "e@one.example")
        try await room.serve(room.settings(port: server.port)) {
            let events = await room.events.next(5)
            #expect(Set(events.map(\.name)) == ["delivered"])
        }
        #expect(server.messages.map(\.recipients.count) == [2, 2, 1])
        #expect(server.connections == 1)
        await server.stop()
    }

    @Test("Messages for one destination share a connection")
    func reuse() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.recipients["x@one.example"] = .reply("550 5.1.1 no") })
        let room = try DeliveryRoom()
        for name in ["a", "x", "b", "c"] { try await room.enqueue("\(name)@one.example") }
        var settings = room.settings(port: server.port)
        settings.perDestination = 1
        settings.linger = .seconds(30)
        try await room.serve(settings) {
            #expect(await room.events.next(4).map(\.name) == ["delivered", "delivered", "delivered", "bounced"])
            // An idle connection is woken for what comes later.
            try await room.enqueue("d@one.example")
            #expect(await room.events.next().first?.name == "delivered")
        }
        #expect(server.connections == 1)
        #expect(server.commands.contains("RSET"))
        await server.stop()
    }

    @Test("A message is tried anew when a reused connection breaks")
    func brokenReuse() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.recipients["x@one.example"] = .close })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example")
        try await room.enqueue("x@one.example")
        var settings = room.settings(port: server.port)
        settings.perDestination = 1
        try await room.serve(settings) {
            #expect(await room.events.next(2).map(\.name) == ["delivered", "deferred"])
        }
        #expect(server.connections == 2)
        await server.stop()
    }

    @Test("A message that may have arrived over a reused connection is not sent again at once")
    func unansweredReuse() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.closesAfterMessages = 1 })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example")
        try await room.enqueue("b@one.example")
        var settings = room.settings(port: server.port)
        settings.perDestination = 1
        try await room.serve(settings) {
            #expect(await room.events.next(2).map(\.name) == ["delivered", "deferred"])
        }
        #expect(server.connections == 1)
        await server.stop()
    }

    @Test(
        "The next host is tried when the first fails, for a host or for now",
        arguments: [Step.close, .reply("451 4.3.0 later")])
    func nextHost(_ step: Step) async throws {
        let first = try await ScriptedSMTPServer(Behaviour { $0.steps["MAIL"] = step })
        let second = try await ScriptedSMTPServer(Behaviour(), address: "127.0.0.2", port: first.port)
        let room = try DeliveryRoom()
        room.resolver.mailExchanges("one.example", (20, "mx2.one.example"), (10, "mx.one.example"))
        room.resolver.addresses("mx2.one.example", "127.0.0.2")
        try await room.enqueue("a@one.example")
        try await room.serve(room.settings(port: first.port)) {
            let event = await room.events.next().first
            #expect(event?.name == "delivered")
            #expect(event?.attempt?.destination == "mx2.one.example")
        }
        #expect(first.connections == 1)
        await first.stop()
        await second.stop()
    }

    @Test("A refused connection is the host's failure")
    func refusedConnection() async throws {
        let server = try await ScriptedSMTPServer()
        await server.stop()
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example")
        try await room.serve(room.settings(port: server.port)) {
            let event = await room.events.next().first
            #expect(event?.name == "deferred")
            #expect(event?.attempt?.enhanced == "4.4.1")
        }
    }

    @Test("What a server can't take is bounced before it is sent")
    func unfit() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.capabilities = ["SIZE 100"] })
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example", text: "From: a@b.example\r\n\r\n" + String(repeating: "a", count: 100))
        try await room.enqueue("jörg@one.example")
        try await room.serve(room.settings(port: server.port)) {
            let events = await room.events.next(2)
            #expect(events.map(\.name) == ["bounced", "bounced"])
            #expect(events.map { $0.attempt?.enhanced } == ["5.3.4", "5.6.7"])
        }
        #expect(!server.commands.contains { $0.hasPrefix("MAIL") })
        await server.stop()
    }

    @Test("SMTPUTF8 is asked for where it is needed and offered")
    func smtpUTF8() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.capabilities = ["SMTPUTF8"] })
        let room = try DeliveryRoom()
        try await room.enqueue("jörg@one.example") { $0.smtpUTF8 = true }
        try await room.serve(room.settings(port: server.port)) {
            #expect(await room.events.next().first?.name == "delivered")
        }
        #expect(server.messages.first?.mail == "MAIL FROM:<sender@example.org> SMTPUTF8")
        await server.stop()
    }

    @Test("A large message without a last line end arrives whole, and lone line ends can smuggle nothing")
    func largeMessage() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        let lines = String(repeating: "..line of text that is long enough\r\n", count: 20_000)
        try await room.enqueue("a@one.example", text: "From: a@b.example\r\n\r\n\(lines)x\n.\nMAIL FROM:<evil>\rend")
        var settings = room.settings(port: server.port)
        settings.linger = .zero
        try await room.serve(settings) {
            #expect(await room.events.next().first?.name == "delivered")
        }
        let data = try #require(server.messages.first?.data)
        #expect(data.hasSuffix("long enough\nx\n.\nMAIL FROM:<evil>\nend\n"))
        #expect(
            data.utf8.count == "From: a@b.example\n\n".utf8.count + 20_000 * 35
                + "x\n.\nMAIL FROM:<evil>\nend\n".utf8.count)
        #expect(!server.commands.contains { $0.contains("evil") })
        await server.stop()
    }

    @Test("A null reverse-path never gets a bounce")
    func noBounceForBounces() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.steps["RCPT"] = .reply("550 5.1.1 no") })
        let room = try DeliveryRoom()
        let id = try await room.enqueue("a@one.example", from: "")
        try await room.serve(room.settings(port: server.port)) {
            #expect(await room.events.next().first?.name == "bounced")
            let kept = try await room.queue.show(id)
            #expect(kept == nil)
        }
        #expect(server.commands.contains { $0.hasPrefix("MAIL FROM:<> ") })
        #expect(room.bounces.reports.withLock { $0.isEmpty })
        await server.stop()
    }

    @Test("A bounce that can't be kept leaves its recipient in the queue")
    func failedBounce() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.steps["RCPT"] = .reply("550 5.1.1 no") })
        let room = try DeliveryRoom(refusesBounces: true)
        let id = try await room.enqueue("a@one.example")
        try await room.serve(room.settings(port: server.port)) {
            #expect(await room.events.next().first?.name == "deferred")
            let kept = try await room.queue.show(id)
            #expect(kept?.recipients.count == 1)
        }
        await server.stop()
    }

    @Test("What is deferred is tried again, and expires when its time is over")
    func retries() async throws {
        let server = try await ScriptedSMTPServer(Behaviour { $0.steps["RCPT"] = .reply("450 4.2.0 later") })
        let room = try DeliveryRoom()
        let expiry = room.clock.now().adding(.seconds(400))
        try await room.enqueue("a@one.example") { $0.expiresAt = expiry }
        try await room.serve(room.settings(port: server.port)) {
            for (attempt, expected) in ["deferred", "deferred", "expired"].enumerated() {
                let event = await room.events.next().first
                #expect(event?.name == expected)
                #expect(event?.attempt?.attempts == attempt + 1)
                room.clock.advance(by: .seconds(300))
                room.queue.wake()
            }
        }
        #expect(room.bounces.reports.withLock { $0.first?.failures.first?.outcome } == .expired)
        await server.stop()
    }

    @Test("The signature stands on top and verifies")
    func signs() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        let domain = try #require(DomainName("example.org"))
        let key = try DKIMSigningKey.generate(.ed25519SHA256)
        try await room.enqueue("a@one.example") { $0.signFor = EmailAddress(localPart: "alice", domain: domain) }
        let signer = DKIMSigner(domain: domain, keys: [.init(selector: "ed1", key: key)])
        try await room.serve(room.settings(port: server.port), signer: { $0.domain == domain ? signer : nil }) {
            #expect(await room.events.next().first?.name == "delivered")
        }
        let data = try #require(server.messages.first?.data)
        #expect(data.hasPrefix("DKIM-Signature: v=1; a=ed25519-sha256;"))
        let whole = data.replacing("\n", with: "\r\n")
        let parts = whole.split(separator: "\r\n\r\n", maxSplits: 1)
        var verifier = DKIMVerifier(header: Array(try #require(parts.first).utf8))
        verifier.update(Array(try #require(parts.last).utf8))
        verifier.finishBody()
        let answers = ["ed1._domainkey.example.org": DKIMKeyLookup.records([Array(key.publicRecord.utf8)])]
        #expect(verifier.results(answers: answers, now: room.clock.now()).map(\.result) == [.pass])
        await server.stop()
    }

    @Test("A key that can't be had puts the delivery off and says so")
    func missingKey() async throws {
        let room = try DeliveryRoom()
        try await room.enqueue("a@one.example") { $0.signFor = EmailAddress("alice@example.org") }
        try await room.serve(room.settings(port: 1), signer: { _ in throw DKIMKeyError.notPEM }) {
            let event = await room.events.next().first
            #expect(event?.name == "deferred")
            #expect(event?.attempt?.enhanced == "4.3.0")
        }
    }
}
