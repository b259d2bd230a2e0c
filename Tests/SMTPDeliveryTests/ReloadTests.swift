import MailConfig
import MartletTesting
import NIOPosix
import NetTransport
import OutboundQueue
import SMTPDelivery
import Telemetry
import Testing

@Suite("Settings that change while mail leaves")
struct ReloadTests {
    @Test("The next attempt follows the new settings, also where a connection of the old ones is still open")
    func newSmarthost() async throws {
        let exchange = try await ScriptedSMTPServer()
        let smarthost = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        var settings = room.settings(port: exchange.port)
        settings.linger = .seconds(60)
        let service = try room.service(settings)
        let task = Task { try await service.run() }
        try await room.enqueue("a@one.example")
        #expect(await room.events.next().first?.attempt?.via == "mx")
        settings.configure { manifest in
            manifest.outbound.smarthostSettings = Manifest.SmarthostSettings(
                host: "127.0.0.1", port: smarthost.port, tls: .none)
            manifest.outbound.heloName = "other.example.org"
        }
        service.update(settings)
        try await room.enqueue("b@one.example")
        #expect(await room.events.next().first?.attempt?.via == "smarthost")
        settings.configure { $0.outbound.smarthostSettings.host = nil }
        service.update(settings)
        try await room.enqueue("c@one.example")
        #expect(await room.events.next().first?.attempt?.via == "mx")
        task.cancel()
        try? await task.value
        #expect(exchange.messages.map(\.recipients) == [["a@one.example"], ["c@one.example"]])
        #expect(smarthost.messages.map(\.recipients) == [["b@one.example"]])
        let greetings = exchange.commands.filter { $0.hasPrefix("EHLO") }
        #expect(greetings == ["EHLO mail.example.org", "EHLO other.example.org"])
        await exchange.stop()
        await smarthost.stop()
    }

    @Test("More deliveries at once are begun, and what waited is placed anew")
    func moreAtOnce() async throws {
        let server = try await ScriptedSMTPServer()
        let room = try DeliveryRoom()
        var settings = room.settings(port: server.port)
        settings.concurrency = 1
        settings.perDestination = 1
        let service = try room.service(settings)
        let task = Task { try await service.run() }
        for number in 0..<20 { try await room.enqueue("user\(number)@one.example") }
        settings.concurrency = 4
        settings.perDestination = 4
        service.update(settings)
        let events = await room.events.next(20)
        #expect(events.allSatisfy { $0.name == "delivered" })
        task.cancel()
        try? await task.value
        // None lost, none twice.
        #expect(Set(server.messages.flatMap(\.recipients)).count == 20 && server.messages.count == 20)
        #expect(server.peak <= 5)
        #expect(try await room.queue.list().isEmpty)
        await server.stop()
    }
}

extension DeliveryRoom {
    /// A service that the test runs itself.
    fileprivate func service(_ settings: DeliverySettings) throws -> DeliveryService {
        DeliveryService(
            settings: settings,
            environment: .init(
                queue: queue,
                blobs: blobs,
                resolver: resolver,
                contexts: try ClientTLSContexts(),
                bounces: bounces,
                events: events,
                ids: ids,
                clock: clock,
                group: MultiThreadedEventLoopGroup.singleton,
                logger: log.logger
            )
        )
    }
}
